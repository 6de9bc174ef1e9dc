/** The door of the three rights: when each last worked, for every partner on every system, and what that is against. */
import type { RightsAnswer } from '../contract/http-control.js'
import { isRefusal } from '../domain/refusal.js'
import { gridOf } from '../domain/rights/rights.js'
import { rightsStanding } from '../store/evidence/rights.js'
import type { Handler } from './call.js'

export const rights: Handler = async ({ deps, authority, at }) => {
  const standing = await rightsStanding(deps, { authority, at })
  if (isRefusal(standing)) return standing
  const answer: RightsAnswer = { at, cells: [...gridOf(authority, standing)] }
  return { body: answer }
}
