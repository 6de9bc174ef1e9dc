/**
 * Operations that act in the evidence store and on no target: one function each, repeatable under its grant.
 */
import { attested } from '../../domain/case/attestation.js'
import { documentIn } from '../../domain/plans/demand.js'
import { isRefusal } from '../../domain/refusal.js'
import type { Operation } from '../../domain/shapes/plan.js'
import { documentBytes } from '../../store/evidence/documents.js'
import { liftFence } from '../../store/streams/fences.js'
import { type RecordsWork, readCase } from '../deps.js'
import { type Doing, done, type Only, refused, type Seen } from '../seen.js'
import { activateBundle } from './authority.js'
import { openExercises } from './drill.js'
import { observeContained, observeEradicated } from './incident.js'
import { openRevocations, proveRevocations } from './recertify.js'
import { observeSuccession } from './succession.js'

const IN_RECORDS = [
  'lift-fence',
  'receive-evidence',
  'open-revocations',
  'prove-revocations',
  'observe-contained',
  'observe-eradicated',
  'activate-bundle',
  'open-exercises',
  'observe-succession',
] as const satisfies readonly Operation['op'][]
export type RecordsOperation = Extract<Operation, { op: (typeof IN_RECORDS)[number] }>

export const isRecordsOperation = (op: Operation): op is RecordsOperation =>
  IN_RECORDS.some((name) => name === op.op)

export async function operateInRecords(doing: Doing<RecordsOperation, RecordsWork>): Promise<Seen> {
  const { op } = doing
  switch (op.op) {
    case 'lift-fence':
      return lift({ ...doing, op })
    case 'receive-evidence':
      return receive({ ...doing, op })
    case 'open-revocations':
      return openRevocations(doing)
    case 'prove-revocations':
      return proveRevocations(doing)
    case 'observe-contained':
      return observeContained({ ...doing, op })
    case 'observe-eradicated':
      return observeEradicated({ ...doing, op })
    case 'activate-bundle':
      return activateBundle({ ...doing, op })
    case 'open-exercises':
      return openExercises(doing)
    case 'observe-succession':
      return observeSuccession(doing)
  }
}

/** The last of the plan's fences completes what the step was for. */
async function lift({ deps, work, grantId, op }: Only<'lift-fence', RecordsWork>): Promise<Seen> {
  const { caseId, opened } = work
  const { scope, fenceId } = op
  const identityId = opened.scope.id
  const event = { type: 'FenceLifted' as const, fenceId, identityId, caseId, grantId }
  const lifted = attested(event, { ...deps.attestor, caseId })
  const outcome = await liftFence(deps.db, { scope, lifted })
  if (isRefusal(outcome)) return refused(outcome.refused, { fence: fenceId })
  return done({ fence: fenceId, scope: `${scope.kind} ${scope.id}`, outcome }, ['fences-lifted'])
}

/** The claim is not believed: what it names is in the store, and its bytes have that digest. */
async function receive({ deps, work }: Only<'receive-evidence', RecordsWork>): Promise<Seen> {
  const { recorded } = await readCase(deps, work.caseId)
  const document = documentIn(recorded)
  const bytes = document === null ? null : await documentBytes(deps.db, document)
  return document === null || bytes === null
    ? refused('CLAIM_CONTRADICTED', { document: document ?? 'none' })
    : done({ document, bytes: String(bytes.length) }, ['evidence-received'])
}
