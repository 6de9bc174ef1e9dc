/** The connector of each system that is configured. */
import type { Targets } from '../src/config.js'
import type { Connector } from '../src/connectors/connector.js'
import { createPostgresqlConnector } from '../src/connectors/postgresql.js'
import { fromBase64 } from '../src/domain/bytes/base64.js'

export const connectTargets = ({ systems }: Targets): ReadonlyMap<string, Connector> =>
  new Map(
    Object.entries(systems).map(([systemId, target]) => [
      systemId,
      createPostgresqlConnector({
        adminUrl: target.adminUrl,
        loginRoute: target.route,
        fingerprintKey: fromBase64(target.fingerprintKey) ?? new Uint8Array(),
        timeouts: { connectMs: 5000, statementMs: 15_000 },
      }),
    ]),
  )
