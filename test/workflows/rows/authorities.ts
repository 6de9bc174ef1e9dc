/** Rows that change the authority itself, each after the other, because each makes the next version of it. */
import { expect } from 'vitest'
import { namedBy } from '../../../src/domain/plans/authority.js'
import type { AuthorityKind } from '../../../src/domain/shapes/basic.js'
import { type PackFiles, packHash } from '../../../src/packs/load.js'
import { keepReports } from '../../../src/store/authority/ownership.js'
import { proposeAuthority } from '../../../src/store/authority/proposals.js'
import { now } from '../../../src/store/db.js'
import { succeedGone } from '../../../src/store/schedule/successions.js'
import { aKey, anAuthority, must, SPAN, type TestPerson } from '../../support/authority.js'
import { type Change, withKey, without } from '../../support/bundle-changes.js'
import { ACME, by, type Hands } from './hands.js'

const ENTERPRISE = { kind: 'enterprise', id: 'ent_bank' } as const
/** What the installed bundle says; the next one is the same but for one change. */
function authoritiesOf(hands: Hands, start: Start) {
  const { world } = hands
  let { standing, pack } = start
  let packVersion = 1
  async function ask(kind: AuthorityKind, next: Change, person: TestPerson): Promise<string> {
    const at = await now(world.db('cs_api'))
    const current = must(await world.api.authority.current(world.api.db, { at, lock: 'none' }))
    const { bundle } = anAuthority({
      ...{ keys: world.authority.keys, version: current.version + 1 },
      pack: {
        ...{ packId: 'demo', version: packVersion, effectiveFrom: SPAN.notBefore },
        hash: packHash(pack),
      },
      change: next,
    })
    const proposed = must(await proposeAuthority(world.api, { bundle, packs: [pack] }))
    const asked = {
      ...{ kind, bundleHash: proposed.to.hash, reference: 'REQ-1', ...namedBy(proposed.found) },
    }
    const of = { scope: ENTERPRISE, change: 'normal' as const }
    expect(await hands.asks(asked, { ...of, by: ACME })).toMatchObject({ refused: 'NOT_ALLOWED' })
    return hands.opens(asked, { ...of, by: by(person) })
  }
  return {
    /** Asked for, approved by these if anybody has to, and in force. */
    carryOut: async (kind: AuthorityKind, next: Change, approvers: readonly TestPerson[]) => {
      // Nobody who asks decides.
      const person = approvers.includes('per_ben') ? 'per_cleo' : 'per_ben'
      const caseId = await ask(kind, { ...standing, ...next }, person)
      if (approvers.length > 0) await hands.sign(caseId, 'approve', ...approvers)
      expect(await hands.refuses(caseId, 'activate', 'per_ana')).toContain('NOT_AN_APPROVER')
      await hands.sign(caseId, 'activate', 'per_dora')
      await hands.ends(caseId, 'completed')
      standing = { ...standing, ...next }
    },
    repack: (files: PackFiles) => {
      pack = files
      packVersion += 1
    },
  }
}

/** `then` after what stands. */
const also =
  <Body>(standing: ((body: Body) => Body) | undefined, then: (body: Body) => Body) =>
  (body: Body): Body =>
    then(standing === undefined ? body : standing(body))

type Start = { readonly standing: Change; readonly pack: PackFiles }
export type Authorities = ReturnType<typeof authoritiesIn>

/** One after the other. */
export function authoritiesIn(hands: Hands, start: Start) {
  const authority = authoritiesOf(hands, start)
  const people = also(start.standing.people, withKey('per_ana', aKey('key_ana-2')))
  const ownership = also(start.standing.ownership, toBen)
  return {
    enrolsAKey: () => authority.carryOut('change-people', { people }, ['per_dora', 'per_cleo']),
    prolongsAContract: () =>
      authority.carryOut('change-contracts', { contracts: prolonged }, ['per_dora', 'per_ana']),
    rewordsThePolicy: () => {
      const head = (start.pack['pack.yaml'] ?? '').replace('version: 1', 'version: 2')
      authority.repack({ ...start.pack, 'pack.yaml': `# Words only.\n${head}` })
      return authority.carryOut('change-policy', {}, ['per_dora', 'per_cleo'])
    },
    succeedsAnOwner: () =>
      succession(hands, () =>
        authority.carryOut('change-ownership', { ownership }, ['per_dora', 'per_ben']),
      ),
    revokesKeys: () =>
      authority.carryOut('revoke-keys', { people: also(people, without('per_zed')) }, []),
  }
}

/** Nobody asks for it, and it closes only when the authority gives each an owner who is there. */
async function succession(hands: Hands, handOver: () => Promise<void>): Promise<void> {
  const { world } = hands
  const at = new Date().toISOString()
  const reports = [{ personId: 'per_ana', status: 'gone' as const }]
  await keepReports(world.db('cs_api'), { reports, by: 'directory', at })
  const caseId = hands.scheduled(must(await succeedGone(world.keeper, new Set())))
  expect(await hands.refuses(caseId, 'succeed', 'per_cleo')).toContain('NOT_AN_APPROVER')
  await handOver()
  await hands.sign(caseId, 'succeed', 'per_dora')
  await hands.ends(caseId, 'completed')
}

const prolonged: NonNullable<Change['contracts']> = (section) => ({
  ...section,
  contracts: section.contracts.map((contract) =>
    contract.contractId === 'con_zeta'
      ? { ...contract, notAfter: '2099-06-01T00:00:00.000Z' }
      : contract,
  ),
})

const toBen: NonNullable<Change['ownership']> = (section) => ({
  ...section,
  identities: section.identities.map((item) => ({ ...item, ownerId: 'per_ben' })),
})
