/**
 * cut: takes the access of every identity in scope by the kit alone, one target transaction each, which leaves the
 * fence's id where a grant's would be. One that cannot be reached does not hold the others up.
 */
import type { Connector } from '../connectors/connector.js'
import type { Cutting } from '../domain/rights/kit.js'
import type { Identity } from '../domain/shapes/authority.js'
import type { KitUse } from '../domain/shapes/kit.js'

type Result = KitUse['results'][number]

export async function cutAll(
  { fence, identities }: Cutting,
  connectorOf: (systemId: string) => Connector | undefined,
): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const { identity } of identities) {
    const { identityId, systemId } = identity
    const connector = connectorOf(systemId)
    results.push(
      connector === undefined
        ? { identityId, outcome: 'not-reached', observed: { system: 'not in this kit' } }
        : await cutOne({ identity, connector, grantId: fence.fenceId }).catch(
            (fault: unknown): Result => ({
              ...{ identityId, outcome: 'not-reached' },
              observed: { fault: fault instanceof Error ? fault.name : typeof fault },
            }),
          ),
    )
  }
  return results
}

async function cutOne(input: {
  readonly identity: Identity
  readonly connector: Connector
  readonly grantId: string
}): Promise<Result> {
  const { identity, connector, grantId } = input
  const { identityId, group } = identity
  const before = await connector.inspect({ group, credentials: identity.credentials }, [])
  const credentials = before.credentials
    .filter(({ login }) => login !== 'absent')
    .map(({ credential }) => credential)
  if (credentials.length === 0)
    return { identityId, outcome: 'cut', observed: { credentials: 'none on the target' } }
  const subject = { group, credentials: identity.credentials }
  const expected = await connector.state(subject)
  const { effect } = await connector.disable({ subject, credentials, grantId, expected })
  let ended = 0
  for (const credential of credentials) ended += (await connector.endSessions(credential)).ended
  const after = await connector.inspect(subject, [])
  const living = after.credentials.filter(
    ({ login, sessions }) => login === 'enabled' || sessions.length > 0,
  )
  const observed = {
    ...{ credentials: credentials.join(' '), effect, ended: String(ended) },
    living: living.map(({ credential }) => credential).join(' ') || 'none',
  }
  return { identityId, outcome: living.length === 0 ? 'cut' : 'rejected', observed }
}
