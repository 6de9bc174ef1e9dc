import { Command } from 'commander'
import { present } from '../../../worker/presence.js'
import { serve } from '../../../worker/service.js'
import { startApi } from '../../api/server.js'
import { apiConfig } from '../../config.js'
import { service } from './service.js'

export const define = (): Command =>
  new Command('api').action(() =>
    serve({
      name: 'api',
      start: (log) => {
        const config = apiConfig(process.env)
        return present({ process: 'api', config, log }, async () => {
          const running = await startApi(config, log)
          return service({ ready: { url: running.url }, stop: running.stop })
        })
      },
    }),
  )
