/** The door of what control costs: signatures and owners' minutes, month by month, of nobody in particular. */
import type { QualityAnswer } from '../contract/http-control.js'
import { burdenOf } from '../domain/review/quality.js'
import { casesOpenedSince } from '../store/evidence/quality.js'
import type { Handler } from './call.js'

const YEAR_MS = 365 * 86_400_000

export const quality: Handler = async ({ deps, at }) => {
  const since = new Date(Date.parse(at) - YEAR_MS).toISOString()
  const answer: QualityAnswer = { months: [...burdenOf(await casesOpenedSince(deps.db, since))] }
  return { body: answer }
}
