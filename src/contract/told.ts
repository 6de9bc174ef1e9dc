/**
 * What a signal tells beside its envelope: the entries that the store wrote when it admitted it, so that a run
 * goes on at once and asks later. UNTRUSTED: the item, which anybody who can write to the namespace may have
 * made. A run that folds what the ledger does not hold is told so by whoever it asks next, and folds anew.
 * Part of the workflow bundle; total, as everything that reads a signal.
 */
import { type CaseState, type Recorded, stepOf } from '../domain/case/case.js'

/** An admitted approval, and the gate that it may have satisfied. */
const MOST = 2

/** The entries that follow what was folded, and that `evolve` takes without surprise; else null. */
export function newsIn(state: CaseState, item: unknown): readonly Recorded[] | null {
  const { news } = fieldsOf(item)
  if (!Array.isArray(news) || news.length === 0 || news.length > MOST) return null
  const isNews = (one: unknown, index: number): one is Recorded => {
    const { seq, hash, at, event } = fieldsOf(one)
    return (
      seq === state.seq + 1 + index &&
      isText(hash) &&
      isTime(at) &&
      (index === 0 ? isApproval(state, event) : isSatisfied(state, event))
    )
  }
  return news.every(isNews) ? news : null
}

function isApproval(state: CaseState, event: unknown): boolean {
  const { type, stepId, round, verdict, decisionId, votes, signedBy, notAfter } = fieldsOf(event)
  return (
    type === 'DecisionAdmitted' &&
    verdict === 'approve' &&
    isStep(state, stepId) &&
    Number.isSafeInteger(round) &&
    [decisionId, votes, signedBy].every(isText) &&
    isTime(notAfter)
  )
}

function isSatisfied(state: CaseState, event: unknown): boolean {
  const { type, stepId, mandateId } = fieldsOf(event)
  return type === 'GateSatisfied' && isStep(state, stepId) && mandateId === null
}

const isStep = (state: CaseState, stepId: unknown): boolean =>
  isText(stepId) && stepOf(state, stepId) !== null

const fieldsOf = (value: unknown): Readonly<Partial<Record<string, unknown>>> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= 200

const isTime = (value: unknown): value is string =>
  isText(value) && /^\d{4}-\d\d-\d\dT/.test(value) && Number.isFinite(Date.parse(value))
