/**
 * Validating an incident: what became of each identity since it opened. Closed cases say it under the connector's
 * signature; where they do not, the target itself is looked at. Nothing is changed.
 */
import type { Authority } from '../../domain/authority/authority.js'
import { isRefusal, type Refusal, type RefusalCode, refuse } from '../../domain/refusal.js'
import type { Fact } from '../../domain/shapes/basic.js'
import type { Plan, TargetState } from '../../domain/shapes/plan.js'
import { type CameTo, cameTo } from '../../store/case/outcomes.js'
import { type ExecutionDeps, ExecutionFault, type RecordsWork, readCase } from '../deps.js'
import { lookDisabled } from '../probes.js'
import { done, type Only, refused, type Seen } from '../seen.js'

interface Looking {
  readonly deps: ExecutionDeps
  readonly work: Pick<RecordsWork, 'caseId' | 'authority'>
  readonly identities: readonly string[]
}

const RECOVERING = ['rotate', 'reinstate', 'deprovision'] as const

const sinceOpened = async (
  { deps, work, identities }: Looking,
  kinds: Parameters<typeof cameTo>[1]['kinds'],
): Promise<readonly CameTo[] | Refusal> => {
  const { state } = await readCase(deps, work.caseId)
  const { authority } = work
  const { verify } = deps
  return cameTo(deps.db, { identities, kinds, since: state.openedAt ?? '', authority, verify })
}

export async function observeContained(
  doing: Only<'observe-contained', RecordsWork>,
): Promise<Seen> {
  const { deps, work, op } = doing
  const { identities, systemId } = op
  const cases = await sinceOpened({ deps, work, identities }, ['contain'])
  if (isRefusal(cases)) return refused(cases.refused, { where: cases.where })
  const observed: Record<string, string> = {}
  const open: string[] = []
  for (const identityId of identities) {
    const contained = cases.find(
      (item) => item.identityId === identityId && item.facts.includes('access-disabled'),
    )
    const access =
      contained === undefined
        ? await accessOf({ deps, authority: work.authority, identityId, systemId })
        : { has: 'no', says: `contained by ${contained.caseId}` }
    observed[identityId] = access.says
    if (access.has === 'yes') open.push(identityId)
  }
  return judged({ open, observed, fact: 'contained', code: 'DEATH_UNPROVED' })
}

/** As the target itself says. Throws when this process has no connector for the system: another one has. */
async function accessOf(input: {
  readonly deps: ExecutionDeps
  readonly authority: Authority
  readonly identityId: string
  readonly systemId: string
}): Promise<{ readonly has: 'yes' | 'no'; readonly says: string }> {
  const { deps, authority, identityId, systemId } = input
  const identity = authority.identities.get(identityId)
  if (identity === undefined) return { has: 'yes', says: 'no longer registered' }
  const connector = deps.connectorOf(systemId)
  if (connector === undefined || identity.systemId !== systemId)
    throw new ExecutionFault('NO_CONNECTOR')
  const { group, credentials } = identity
  const { good, observed } = await lookDisabled(
    { connector, subject: { group, credentials } },
    credentials,
  )
  const says = `login ${observed.enabled}, sessions ${observed.sessions}`
  return { has: good ? 'no' : 'yes', says }
}

export async function observeEradicated(
  doing: Only<'observe-eradicated', RecordsWork>,
): Promise<Seen> {
  const { deps, work, op } = doing
  const { identities } = op
  const cases = await sinceOpened({ deps, work, identities }, RECOVERING)
  if (isRefusal(cases)) return refused(cases.refused, { where: cases.where })
  const observed: Record<string, string> = {}
  const open: string[] = []
  for (const identityId of identities) {
    const recovered = cases.find((item) => item.identityId === identityId && isRecovery(item))
    observed[identityId] =
      recovered === undefined ? 'as it was' : `${recovered.kind} ${recovered.caseId}`
    if (recovered === undefined) open.push(identityId)
  }
  return judged({ open, observed, fact: 'eradicated', code: 'VERIFY_FAILED' })
}

/** The old secret is worth nothing any more: everything that says so was observed since. */
function isRecovery({ kind, outcome, facts }: CameTo): boolean {
  if (outcome !== 'completed') return false
  const needed: readonly Fact[] =
    kind === 'rotate'
      ? ['new-credential-works', 'old-refused']
      : kind === 'reinstate'
        ? ['new-credential-works']
        : ['removed']
  return needed.every((fact) => facts.includes(fact))
}

const judged = (input: {
  readonly open: readonly string[]
  readonly observed: Record<string, string>
  readonly fact: Fact
  readonly code: RefusalCode
}): Seen =>
  input.open.length === 0 ? done(input.observed, [input.fact]) : refused(input.code, input.observed)

/** What whoever signs a validation signs for: which cases speak for each identity, as of the opening of the gate. */
export async function incidentState(
  deps: ExecutionDeps,
  input: Looking['work'] & { readonly plan: Plan | null; readonly stepId: string | null },
): Promise<TargetState | Refusal> {
  const { plan, stepId } = input
  if (plan?.about.kind !== 'incident') return {}
  const identities = plan.about.inScope
  const kinds = stepId === 'contain' ? (['contain'] as const) : RECOVERING
  if (stepId !== 'contain' && stepId !== 'eradicate') return {}
  const cases = await sinceOpened({ deps, work: input, identities }, kinds)
  if (isRefusal(cases)) return refuse(cases.refused, cases.where, cases.detail)
  return Object.fromEntries(
    identities.map((id) => {
      const last = cases.findLast(({ identityId }) => identityId === id)
      return [id, last === undefined ? 'nothing since' : `${last.kind} ${last.caseId}`]
    }),
  )
}
