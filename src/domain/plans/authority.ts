/**
 * A change of the authority: one section of the signed bundle, of the next version, whose signers the root
 * delegated to. The policy's quorum approves exactly that bundle; then it is activated. What it gives to a person
 * that person never decides, and whoever answers for something from then on accepts it. A *revocation* gives
 * nothing to anybody: keys and persons stop counting, which one step and few signatures have to suffice for.
 */
import type { Authority } from '../authority/authority.js'
import { type Comparing, type Difference, differences } from '../authority/authority-difference.js'
import { livePerson } from '../authority/matter.js'
import { type Refusal, refuse } from '../refusal.js'
import type { AuthorityTerms } from '../shapes/asked.js'
import type { SectionName } from '../shapes/authority.js'
import type { AuthorityKind } from '../shapes/basic.js'
import type { Plan, Step } from '../shapes/plan.js'
import { type AskedOf, lookStep, type RecordsPlanning, recordsPlanBase } from './planning.js'

/** The names under which a gate's pre-state holds the authority that the proposal is compared with. */
const AUTHORITY_ATTRIBUTES = ['authority.version', 'authority.hash'] as const

const SECTION_OF: Readonly<Record<AuthorityKind, SectionName>> = {
  'change-policy': 'policy',
  'change-contracts': 'contracts',
  'change-ownership': 'ownership',
  'change-people': 'people',
  'revoke-keys': 'people',
}

const MAX_CHANGES = 64

/** Refuses AUTHORITY_ROLLBACK, AUTHORITY_INVALID, NOT_REDUCING, NOT_ALLOWED, NO_OWNER or TOO_LARGE. */
export function planAuthorityChange(
  input: RecordsPlanning & Comparing,
  asked: AskedOf<AuthorityKind>,
): Plan | Refusal {
  const { from, to } = input
  const found = differences(input)
  const wrong = unfit({ from, to, found, asked })
  if (wrong !== null) return wrong
  const { kind, bundleHash: _, ...terms } = asked
  const changes = found.map(({ words }) => words.slice(0, 300))
  const next = { version: to.version, hash: to.hash }
  const base = recordsPlanBase(input, `${kind}: authority ${from.version} -> ${to.version}`)
  const steps = [activate(next)]
  return {
    ...base,
    ...{ attributes: [...AUTHORITY_ATTRIBUTES], warnings: warnings({ from, to }) },
    about: { kind, ...terms, from: { version: from.version, hash: from.hash }, to: next, changes },
    steps: kind === 'revoke-keys' ? steps : [approve(asked), ...steps],
  }
}

/** Who accepts the differences and who is kept from deciding on them, sorted. */
export const namedBy = (
  found: readonly Difference[],
): Pick<AuthorityTerms, 'accepting' | 'affected'> => ({
  accepting: [...new Set(found.flatMap(({ accepting }) => accepting))].sort(),
  affected: [...new Set(found.flatMap(({ affected }) => affected))].sort(),
})

interface Judging {
  readonly from: Authority
  readonly to: Authority
  readonly found: readonly Difference[]
  readonly asked: AskedOf<AuthorityKind>
}

function unfit({ from, to, found, asked }: Judging): Refusal | null {
  const section = SECTION_OF[asked.kind]
  if (to.hash !== asked.bundleHash) return refuse('AUTHORITY_INVALID', '/bundleHash')
  if (to.version !== from.version + 1)
    return refuse('AUTHORITY_ROLLBACK', '/version', `${to.version} does not follow ${from.version}`)
  const stray = found.find((difference) => difference.section !== section)
  if (stray !== undefined)
    return refuse('AUTHORITY_INVALID', `/${stray.section}`, `not of this case: ${stray.words}`)
  if (found.length === 0 && from.expiresAt === to.expiresAt)
    return refuse('AUTHORITY_INVALID', '/sections', 'it changes nothing')
  if (found.length > MAX_CHANGES)
    return refuse('TOO_LARGE', '/sections', `${found.length} changes are more than one plan shows`)
  const more = found.find(({ effect }) => effect !== 'withdraws')
  if (asked.kind === 'revoke-keys' && more !== undefined)
    return refuse('NOT_REDUCING', '/people', more.words)
  const { accepting, affected } = namedBy(found)
  if (accepting.join() !== asked.accepting.join() || affected.join() !== asked.affected.join())
    return refuse('NOT_ALLOWED', '/asked', 'it names others than those whom the bundle concerns')
  return unowned(to, accepting)
}

/** Nothing is handed to nobody, and somebody is left who may change the authority again. */
function unowned(to: Authority, accepting: readonly string[]): Refusal | null {
  const gone = accepting.find((personId) => livePerson(to, personId) === null)
  if (gone !== undefined) return refuse('NO_OWNER', '/ownership', `${gone} owns nothing any more`)
  const officers = [...to.persons.values()].filter(({ duties }) => duties.includes('officer'))
  return officers.some(({ personId }) => livePerson(to, personId) !== null)
    ? null
    : refuse('NO_OWNER', '/people', 'no officer would be left')
}

/** What follows from the change without being in it. */
function warnings({ from, to }: Pick<Judging, 'from' | 'to'>): string[] {
  const orphans = [...to.identities.values()].filter(
    ({ ownerId }) => livePerson(to, ownerId) === null && livePerson(from, ownerId) !== null,
  )
  const lost = [...from.acknowledged].filter((contractId) => !to.acknowledged.has(contractId))
  const until = from.expiresAt === to.expiresAt ? [] : [`it is in force until ${to.expiresAt}`]
  return [
    ...until,
    ...lost.map((contractId) => `contract ${contractId} is no longer acknowledged`),
    ...orphans.map(({ identityId, ownerId }) => `${identityId} loses its owner ${ownerId}`),
  ].slice(0, 16)
}

const approve = ({ kind }: AskedOf<AuthorityKind>): Step => ({
  ...lookStep({
    stepId: 'approve',
    title: `The ${SECTION_OF[kind]} section of the authority may change`,
    needs: [],
  }),
  rollback: 'Nothing has changed yet.',
})

const activate = (next: Pick<Authority, 'version' | 'hash'>): Step => ({
  stepId: 'activate',
  title: `Authority version ${next.version} takes effect`,
  executor: 'connector',
  operations: [{ op: 'activate-bundle', ...next }],
  undo: [{ op: 'nothing' }],
  rollback: 'A new case with a bundle that says what this one said before.',
  blastRadius:
    'Every open gate is judged under it from then on; what it loosens completes no open gate.',
  needs: [],
  produces: ['bundle-active'],
})
