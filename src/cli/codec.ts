import { Command } from 'commander'
import { serve } from '../../worker/service.js'
import { startCodecServer } from '../codec/server.js'
import { codecConfig } from '../config.js'
import { service } from './service.js'

/** Every decode is a line of the log before it is answered: reading evidence is itself auditable. */
export const define = (): Command =>
  new Command('codec').action(() =>
    serve({
      name: 'codec',
      start: async (log) => {
        const { codecKeys: keys, origins, port, host } = codecConfig(process.env)
        const onDecode = (decode: object) => log.info(decode, 'decoded')
        const server = await startCodecServer({ keys, origins, port, host, onDecode })
        return service({ ready: { url: server.url }, stop: server.close })
      },
    }),
  )
