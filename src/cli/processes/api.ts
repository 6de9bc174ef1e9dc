import { Command } from 'commander'
import { serve } from '../../../worker/service.js'
import { startApi } from '../../api/server.js'
import { apiConfig } from '../../config.js'
import { service } from './service.js'

export const define = (): Command =>
  new Command('api').action(() =>
    serve({
      name: 'api',
      start: async (log) => {
        const running = await startApi(apiConfig(process.env), log)
        return service({ ready: { url: running.url }, stop: running.stop })
      },
    }),
  )
