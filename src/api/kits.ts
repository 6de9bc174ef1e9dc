/** The door of late evidence: what was done with a sealed kit while the evidence store was down. */
import { KitUseRequest } from '../contract/http-control.js'
import { isRefusal } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'
import { recordKitUse } from '../store/streams/kits.js'
import type { Handler } from './call.js'

/** UNTRUSTED: the envelope. */
export const kitUse: Handler = async ({ deps, body }) => {
  const request = parseAs(KitUseRequest)(body)
  if (isRefusal(request)) return request
  const { authority, verify } = deps
  const used = await recordKitUse(deps.db, { envelope: request.envelope, authority, verify })
  if (isRefusal(used)) return { ...used, where: `/envelope${used.where}` }
  return { body: { personId: used.personId, identities: used.results.length } }
}
