/**
 * probe: one fresh connection by the consumers' own route, as the credential, with one secret.
 *
 * Promises: `accepted` means the server asked for the secret, took it and calls the session by the
 * credential's name; `refused` means the server itself refused authentication; everything else,
 * also a full or starting server, is `unreachable` and says nothing about the secret.
 */
import pg from 'pg'
import type { Login } from './connector.js'
import { readTimeout, type Timeouts, trackSockets, within } from './postgresql-pool.js'
import { roleName } from './postgresql-sql.js'
import { codeOf } from './target-fault.js'

/** `application_name` of every probe. */
export const PROBE = 'countersign-probe'

/** How consumers reach the server. `ssl` as in the driver; without TLS a refusal can be forged on the way. */
export type LoginRoute = {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly ssl?: NonNullable<pg.ClientConfig['ssl']>
}

type Attempt = { readonly credential: string; readonly secret: string }
interface Prober {
  readonly login: (attempt: Attempt) => Promise<Login>
  /** Server process ids of the probes that are open now. */
  readonly open: () => readonly number[]
}

export function createProber(of: { route: LoginRoute; timeouts: Timeouts }): Prober {
  const open = new Map<pg.Client, number>()
  const login = async ({ credential, secret }: Attempt): Promise<Login> => {
    // A zero byte in a name would add parameters to the startup message.
    const user = roleName(credential)
    const sockets = trackSockets()
    const server: { asked: 'nothing' | 'secret' } = { asked: 'nothing' }
    const password = () => {
      server.asked = 'secret'
      return secret
    }
    const client = new pg.Client({ ...clientConfig(of), user, password, stream: sockets.open })
    // A connection that breaks later also rejects the query, which is what decides.
    client.on('error', () => open.delete(client))
    try {
      await client.connect()
      open.set(client, processId(client))
      const name = await sessionUser(client)
      if (server.asked === 'nothing') return { login: 'unreachable', code: 'SECRET_NOT_ASKED' }
      return name === user ? { login: 'accepted' } : { login: 'unreachable', code: 'OTHER_USER' }
    } catch (error) {
      return verdictOf(error)
    } finally {
      await within(of.timeouts.connectMs, client.end())
      sockets.destroyAll()
      open.delete(client)
    }
  }
  return { login, open: () => [...open.values()] }
}

const clientConfig = ({ route, timeouts }: { route: LoginRoute; timeouts: Timeouts }) => ({
  ...route,
  application_name: PROBE,
  connectionTimeoutMillis: timeouts.connectMs,
  query_timeout: readTimeout(timeouts),
})

async function sessionUser(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>('SELECT session_user::text AS name')
  return rows[0]?.name
}

const processId = (client: pg.Client): number =>
  'processID' in client && typeof client.processID === 'number' ? client.processID : 0

const REFUSALS_OF_AUTHENTICATION: readonly string[] = ['28000', '28P01']

function verdictOf(error: unknown): Login {
  const code = codeOf(error)
  const refused = error instanceof pg.DatabaseError && REFUSALS_OF_AUTHENTICATION.includes(code)
  return { login: refused ? 'refused' : 'unreachable', code }
}
