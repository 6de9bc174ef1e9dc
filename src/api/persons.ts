/** The door at which an officer has a person erased. */
import { ErasePath } from '../contract/http-control.js'
import { isRefusal, refuse } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'
import { erasePerson } from '../store/evidence/erasure.js'
import type { Handler } from './call.js'

/** Who still decides has to be known by name, so they are disabled first, by a case. */
export const erase: Handler = async ({ deps, principal, authority, params }) => {
  const { personId: by } = principal
  const path = parseAs(ErasePath)(params)
  if (isRefusal(path)) return path
  const officer = authority.persons.get(by ?? '')
  if (by === null || officer?.duties.includes('officer') !== true)
    return refuse('NOT_ALLOWED', '/Authorization', 'an officer has a person erased')
  const { personId } = path
  const person = authority.persons.get(personId)
  if (person?.status === 'active')
    return refuse('NOT_ALLOWED', '/personId', `${personId} is active, and has to be disabled first`)
  const { version, hash } = authority
  const registered = person === undefined ? 'no' : 'yes'
  const under = { version, hash }
  const erased = await erasePerson(deps.db, { personId, by, authority: under, registered })
  return isRefusal(erased) ? erased : { body: erased }
}
