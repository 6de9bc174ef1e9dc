/**
 * given(story, ...moves).when(move).gives(...): the pure core without a database. A *story* is a rotation
 * with its entries, its folded state, a clock and a real signed authority; a *move* asks the core and
 * appends what it answers. Nothing is made up but the target's state: every signature is real. A move in
 * `given` must be allowed; the one in `when` may be refused.
 */
import { expect } from 'vitest'
import type { Authority } from '../../src/domain/authority/authority.js'
import { identityScope, matterOf } from '../../src/domain/authority/matter.js'
import { digest } from '../../src/domain/bytes/digest.js'
import { attestWith } from '../../src/domain/case/attestation.js'
import type { CaseState, Recorded } from '../../src/domain/case/case.js'
import { fold } from '../../src/domain/case/evolve.js'
import { requirementsOf } from '../../src/domain/policy/requirements.js'
import { isRefusal, type Refusal, type RefusalCode, refuse } from '../../src/domain/refusal.js'
import type { Identity } from '../../src/domain/shapes/authority.js'
import type { CaseEvent, CaseOpened } from '../../src/domain/shapes/event.js'
import type { TargetState } from '../../src/domain/shapes/plan.js'
import type { Pack } from '../../src/domain/shapes/policy.js'
import type { Requirement, ResolvedRequirement } from '../../src/domain/shapes/requirement.js'
import { packHash, parsePack, readPack } from '../../src/packs/load.js'
import { AT, anAuthority, DEFAULT_PACK, ENTERPRISE, must, type TestAuthority } from './authority.js'

const { files } = readPack(DEFAULT_PACK)
export const PACK: Pack = must(parsePack(files))
export const PACK_HASH = packHash(files)
export const CAST = anAuthority()

/** Changes the terms of a step's gate, as if the pack said so. */
export type Terms = Readonly<Record<string, Partial<Requirement>>>

export interface Story {
  readonly cast: TestAuthority
  /** What is believed now; a second version of the cast's. */
  readonly authority: Authority
  /** The pack in force now. */
  readonly pack: Pack
  readonly terms: Terms
  readonly opened: CaseOpened
  readonly recorded: readonly Recorded[]
  readonly state: CaseState
  readonly target: TargetState
  readonly at: string
}

export type Move = (story: Story) => Story | Refusal

export const HOUR = 3_600_000
export const DAY = 24 * HOUR
export const CASE_ID = 'rotate:com_acme:nhi_billing:01KB0000000000000000000000'
export const shifted = (at: string, ms: number): string =>
  new Date(Date.parse(at) + ms).toISOString()

export const resolvedAs = (
  resolved: ResolvedRequirement,
  terms: Partial<Requirement> = {},
): ResolvedRequirement => {
  const requirement = { ...resolved.requirement, ...terms }
  return { ...resolved, requirement, requirementHash: digest(requirement) }
}

export interface Asked {
  readonly cast?: TestAuthority
  readonly terms?: Terms
  readonly caseId?: string
  readonly requester?: Partial<CaseOpened['requester']>
  readonly executor?: string
  readonly evidence?: CaseOpened['evidence']
}

const EVIDENCE: CaseOpened['evidence'] = [
  'new-credential-works',
  'consumer-on-new',
  'old-unused',
  'old-refused',
  'no-session-left',
]

/** The identity that is rotated, as the authority describes it. */
export const billing = ({ identities }: Authority): Identity =>
  must(identities.get('nhi_billing') ?? refuse('IDENTITY_UNKNOWN', '/'))

/** A rotation of nhi_billing, asked for and not yet planned. */
export function aRotation(asked: Asked = {}): Story {
  const { cast = CAST, terms = {}, caseId = CASE_ID } = asked
  const { authority } = cast
  const executor = asked.executor ?? 'com_acme'
  const requester = {
    ...{ kind: 'partner' as const, companyId: 'com_acme', personId: null, changeReference: null },
    ...asked.requester,
  }
  const matter = must(matterOf(authority, identityScope('nhi_billing')))
  const rotation = { kind: 'rotate' as const }
  const asking = {
    authority,
    pack: PACK,
    packHash: PACK_HASH,
    matter,
    asked: rotation,
    change: 'normal' as const,
    askedAt: AT,
  }
  const resolved = must(
    requirementsOf({
      ...asking,
      requester: { companyId: 'com_acme', personId: null },
      executorCompany: 'com_acme',
    }),
  )
  const opened: CaseOpened = {
    ...{
      type: 'CaseOpened',
      caseId,
      enterprise: ENTERPRISE,
      asked: { kind: 'rotate' },
      tier: 'tier1',
    },
    ...{ scope: matter.scope, systemId: 'sys_billing', ownerId: 'per_ana' },
    ...{
      objectiveId: 'obj_access',
      executor,
      requester,
      contract: { contractId: 'con_acme', clauseId: '4.2' },
    },
    change: 'normal',
    settings: { soakMs: HOUR, unusedForMs: HOUR, withinMs: DAY, leaseMs: HOUR, claimWithinMs: DAY },
    evidence: asked.evidence ?? EVIDENCE,
    requirements: Object.fromEntries(
      Object.entries(resolved).map(([stepId, one]) => [stepId, resolvedAs(one, terms[stepId])]),
    ),
    authority: { version: authority.version, hash: authority.hash },
  }
  const target = { 'billing_b.login': 'false', 'billing_b.roles': 'billing_app' }
  const empty: Story = {
    ...{ cast, authority, pack: PACK, terms, opened, target, recorded: [], at: AT },
    state: fold(caseId, []),
  }
  return append(empty, [opened])
}

/** What the ledger does: each event gets the next number and a hash over what came before. */
export function append(story: Story, events: readonly CaseEvent[]): Story {
  const { caseId } = story.opened
  let recorded = story.recorded
  for (const event of events) {
    const prev = recorded.at(-1)?.hash ?? null
    const seq = recorded.length + 1
    const hash = digest({ stream: caseId, seq, prev, at: story.at, body: event })
    recorded = [...recorded, { seq, hash, at: story.at, event }]
  }
  return { ...story, recorded, state: fold(caseId, recorded) }
}

export const attestOf = ({ cast, opened }: Story) => {
  const { keyId, signer } = cast.keys.connector
  return attestWith(opened.caseId, { keyId, sign: signer.sign })
}

/** A move that asks the core. */
export const asking =
  (core: (story: Story) => readonly CaseEvent[] | CaseEvent | Refusal): Move =>
  (story) => {
    const answer = core(story)
    if (isRefusal(answer)) return answer
    return append(story, Array.isArray(answer) ? answer : [answer])
  }

/** The story after these moves; throws when one is refused. */
export const told = (story: Story, ...moves: readonly Move[]): Story =>
  moves.reduce((told, move) => must(move(told)), story)

export interface Refused {
  readonly code: RefusalCode
  readonly where: string | undefined
}
export const refusal = (code: RefusalCode, where?: string): Refused => ({ code, where })

export interface Outcome {
  readonly story: Story
  /** Either the types of the new events, in order, or one refusal. Returns the story afterwards. */
  readonly gives: (...expected: readonly (CaseEvent['type'] | Refused)[]) => Story
}

export const given = (story: Story, ...moves: readonly Move[]) => ({
  when: (move: Move): Outcome => {
    const before = told(story, ...moves)
    const answer = move(before)
    const after = isRefusal(answer) ? before : answer
    return { story: after, gives: (...expected) => check({ before, answer, expected }) }
  },
})

function check(input: {
  readonly before: Story
  readonly answer: Story | Refusal
  readonly expected: readonly (CaseEvent['type'] | Refused)[]
}): Story {
  const { before, answer, expected } = input
  const [first] = expected
  if (typeof first === 'object') {
    expect(isRefusal(answer) ? answer.refused : newTypes(before, answer)).toEqual(first.code)
    if (first.where !== undefined && isRefusal(answer)) expect(answer.where).toBe(first.where)
    return before
  }
  const after = must(answer)
  expect(newTypes(before, after)).toEqual(expected)
  return after
}

const newTypes = (before: Story, after: Story): string[] =>
  after.recorded.slice(before.recorded.length).map(({ event }) => event.type)
