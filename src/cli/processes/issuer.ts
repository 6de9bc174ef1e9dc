import { Command } from 'commander'
import { serve } from '../../../worker/service.js'
import { issuerConfig } from '../../config.js'
import { startIssuer } from '../../issuer/issuer.js'
import { service } from './service.js'

export const define = (): Command =>
  new Command('issuer').action(() =>
    serve({
      name: 'issuer',
      start: async (log) => {
        const issuer = await startIssuer(issuerConfig(process.env), log)
        return service({ ready: { issuer: issuer.url }, stop: issuer.close })
      },
    }),
  )
