/** A review as an owner reads it: what changes, what can go wrong, how it is undone, what was seen, who signs. */
import type { Review } from '../../contract/http.js'
import { gateWords } from '../../contract/why.js'
import { aboutLines } from './show-about.js'

export const showReview = (review: Review): readonly string[] => [
  `${review.stepId}: ${review.step.title}`,
  ...(review.because === null ? [] : [`opened again because: ${review.because}`]),
  '',
  `case          ${review.caseId}`,
  `about         ${about(review.plan)}, owner ${review.ownerId}`,
  `asked by      ${review.requester.personId ?? review.requester.companyId}${reference(review)}`,
  `executed by   ${review.step.executor === 'partner' ? review.partnerId : review.step.executor}${under(review.contract)}`,
  `change        ${review.plan.change.summary} (${review.plan.change.type}, risk ${review.plan.change.risk})`,
  ...review.step.operations.map((operation) => `  operation   ${words(operation)}`),
  `blast radius  ${review.step.blastRadius}`,
  `rollback      ${review.step.rollback}`,
  ...(review.plan.target?.consumersSeen ?? []).map((seen) => `consumers     ${seen}`),
  ...review.plan.warnings.map((warning) => `WARNING       ${warning}`),
  `observed      ${review.facts.length === 0 ? 'nothing yet' : review.facts.join(', ')}`,
  ...aboutLines(review.plan),
  ...preState(review),
  `policy        ${review.policy.packId} version ${review.policy.version}, rules ${review.rules.join(', ')}`,
  `needs         ${review.requirement.quorum} person(s), ${review.requirement.assurance}: ${groups(review)}`,
  ...review.votes.map((vote) => `signed        ${vote.person}: ${vote.verdict}`),
  ...review.awaited.map(({ group, persons }) => `awaited       ${group}: ${persons.join(', ')}`),
  ...(review.gate === null ? [] : [`deadline      ${gateWords(review.gate)}`]),
  `plan hash     ${review.planHash}`,
  ...(review.cannot === null ? [] : ['', `You cannot decide on it: ${review.cannot.detail}.`]),
]

const about = ({ scope, systemId }: Review['plan']): string =>
  systemId === null ? `${scope.kind} ${scope.id}` : `${scope.kind} ${scope.id} on ${systemId}`

const under = (contract: Review['contract']): string =>
  contract === null ? '' : `, contract ${contract.contractId} clause ${contract.clauseId}`

const reference = ({ requester }: Review): string =>
  requester.changeReference === null ? '' : `, change record ${requester.changeReference}`

const words = ({ op, ...rest }: Review['step']['operations'][number]): string =>
  `${op} ${Object.entries(rest)
    .map(([key, value]) => `${key}=${Array.isArray(value) ? value.join(',') : String(value)}`)
    .join(' ')}`

const preState = ({ preState: state }: Review): readonly string[] =>
  state === null
    ? ['pre-state     is observed when the gate opens']
    : Object.entries(state).map(([name, value]) => `pre-state     ${name} = ${value}`)

const groups = ({ requirement }: Review): string =>
  requirement.groups
    .map(({ name, need, persons }) => `${name} (${need} of ${persons.join(', ')})`)
    .join('; ')
