/** The door of the three rights: when each last worked, for every partner on every system. */
import type { RightsAnswer } from '../contract/http-control.js'
import { gridOf } from '../domain/rights.js'
import { exercisesOf } from '../store/rights.js'
import type { Handler } from './call.js'

export const rights: Handler = async ({ deps, authority, at }) => {
  const answer: RightsAnswer = {
    at,
    cells: [...gridOf(authority, await exercisesOf(deps.db, authority))],
  }
  return { body: answer }
}
