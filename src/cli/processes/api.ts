import { Command } from 'commander'
import { measured } from '../../../worker/measured.js'
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
        const of = { process: 'api', config, log } as const
        const start = async () => {
          const running = await startApi(config, log)
          return service({ ready: { url: running.url }, stop: running.stop })
        }
        return present(of, () => measured(of, start))
      },
    }),
  )
