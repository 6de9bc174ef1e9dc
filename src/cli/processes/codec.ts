import { Command } from 'commander'
import { serve } from '../../../worker/service.js'
import { tokenChecker } from '../../api/token.js'
import { type Authorize, startCodecServer } from '../../codec/server.js'
import { codecConfig } from '../../config.js'
import { isRefusal } from '../../domain/refusal.js'
import { service } from './service.js'

/** A token of a configured issuer for this audience lets decode; the audience is the operators' own. */
function bearer(tokens: {
  readonly issuers: readonly string[]
  readonly audience: string
}): Authorize {
  const check = tokenChecker(tokens)
  return async ({ token }) => {
    const subject = await check(token)
    return isRefusal(subject) ? subject : { principal: subject.subject }
  }
}

/** Every decode is a line of the log before it is answered: reading evidence is itself auditable. */
export const define = (): Command =>
  new Command('codec').action(() =>
    serve({
      name: 'codec',
      start: async (log) => {
        const { codecKeys: keys, origins, port, host, tokens } = codecConfig(process.env)
        const onDecode = (decode: object) => log.info(decode, 'decoded')
        const authorize = tokens === null ? {} : { authorize: bearer(tokens) }
        const server = await startCodecServer({ keys, origins, port, host, onDecode, ...authorize })
        return service({ ready: { url: server.url }, stop: server.close })
      },
    }),
  )
