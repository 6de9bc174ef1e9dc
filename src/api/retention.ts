/** The doors of retention: holds, which prove themselves by an officer's signature, and purging by policy, which an officer asks for. */
import { HoldRequest, PurgeRequest } from '../contract/http-control.js'
import { isRefusal, refuse } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'
import * as retention from '../store/evidence/retention.js'
import type { Handler } from './call.js'

/** UNTRUSTED: the envelope. */
export const hold: Handler = async ({ deps, body }) => {
  const request = parseAs(HoldRequest)(body)
  if (isRefusal(request)) return request
  const { authority, verify, db } = deps
  const held = await retention.recordHold(db, { ...request, authority, verify })
  if (isRefusal(held)) return { ...held, where: `/envelope${held.where}` }
  const { holdId, act, scope } = held
  return { body: { holdId, act, scope } }
}

export const listHolds: Handler = async ({ deps }) => ({
  body: { holds: await retention.listHolds(deps.db) },
})

/** By the pack of this moment. */
export const purge: Handler = async ({ deps, principal, authority, at, body }) => {
  const { personId: by } = principal
  const officer = authority.persons.get(by ?? '')
  if (by === null || officer?.duties.includes('officer') !== true)
    return refuse('NOT_ALLOWED', '/Authorization', 'an officer has cases purged')
  const request = parseAs(PurgeRequest)(body)
  if (isRefusal(request)) return request
  const pack = await deps.packs(deps.db, { authority, at })
  if (isRefusal(pack)) return pack
  const { mode } = request
  const { cases, held, removed } = await retention.purge(deps.db, { authority, pack, by, mode })
  const kept = held.map(({ where, detail }) => ({ where: where.slice(1), detail }))
  return { body: { mode, cases, held: kept, removed } }
}
