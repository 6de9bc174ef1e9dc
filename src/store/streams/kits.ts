/**
 * Sealed kits and the evidence store: what a kit is filled with while the store is there, and the use of one as late
 * evidence afterwards.
 */

import { packInForce } from '../../domain/approval/count.js'
import { signerOf } from '../../domain/authority/signer.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { judgeFence } from '../../domain/rights/fence.js'
import { AuthorityBundle } from '../../domain/shapes/authority.js'
import type { Envelope } from '../../domain/shapes/envelope.js'
import { type Kit, KitUse } from '../../domain/shapes/kit.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { openEnvelope, type Verify } from '../../domain/signed/envelope.js'
import type { PackFiles } from '../../packs/load.js'
import { type AuthoritySource, storedBundle } from '../authority/authority.js'
import { append, lockStream } from '../case/apply.js'
import { type Db, transaction } from '../db.js'
import { listMandates } from './mandates.js'

/** Everything of a kit that the evidence store holds. Refuses while the authority does. */
export async function kitContents(
  db: Db,
  { authority, verify }: { readonly authority: AuthoritySource; readonly verify: Verify },
): Promise<Pick<Kit, 'sealedAt' | 'bundle' | 'pack' | 'mandates'> | Refusal> {
  const today = await authority.today(db)
  if (isRefusal(today)) return today
  const { authority: current, at: sealedAt } = today
  const bundle = parseAs(AuthorityBundle)(JSON.parse((await storedBundle(db))?.bundle ?? 'null'))
  if (isRefusal(bundle)) return bundle
  const reference = packInForce(current, sealedAt)
  const { rows } = await db.query<{ files: PackFiles }>('select files from packs where hash = $1', [
    reference?.hash ?? '',
  ])
  const [pack] = rows
  if (pack === undefined) return refuse('POLICY_INVALID', '/packs', 'the pack is not stored')
  const mandates = (await listMandates({ db, authority, verify }, sealedAt))
    .filter(({ revoked, mandate }) => revoked === 'no' && mandate.covers.kinds.includes('contain'))
    .map(({ envelope }) => envelope)
  return { sealedAt, bundle, pack: pack.files, mandates }
}

/**
 * UNTRUSTED: the envelope. Late evidence: afterwards a person of the enterprise, with a key in force now, said that this
 * was done under a fence that was good when it began. The same use again is recorded once.
 */
export async function recordKitUse(
  db: Db,
  input: {
    readonly envelope: Envelope
    readonly authority: AuthoritySource
    readonly verify: Verify
  },
): Promise<KitUse | Refusal> {
  const { envelope, verify } = input
  return transaction(db, async (tx) => {
    const today = await input.authority.today(tx)
    if (isRefusal(today)) return today
    const { authority, at } = today
    const signer = signerOf({ envelope, authority, verify, at })
    if (isRefusal(signer)) return signer
    const opened = openEnvelope({ envelope, kind: 'kit-use', parse: parseAs(KitUse) })
    if (isRefusal(opened)) return opened
    const use = opened.payload
    if (use.enterprise !== authority.enterprise) return refuse('WRONG_ENTERPRISE', '/enterprise')
    if (use.personId !== signer.person.personId) return refuse('PERSON_UNKNOWN', '/personId')
    if (use.endedAt > at) return refuse('TOO_EARLY', '/endedAt')
    const fence = judgeFence({ envelope: use.fence, authority, verify, at: use.startedAt })
    if (isRefusal(fence)) return { ...fence, where: `/fence${fence.where}` }
    const locked = await lockStream(tx, { stream: `kit:${fence.fenceId}`, make: true })
    if (isRefusal(locked)) return locked
    const { version, hash } = authority
    const body = { type: 'KitUsed', fenceId: fence.fenceId, envelope, authority: { version, hash } }
    const known = locked.entries.some(({ entry }) => isSame(entry.body, envelope))
    if (!known) await append(tx, { locked, bodies: [body] })
    return use
  })
}

const isSame = (body: object, { payload }: Envelope): boolean =>
  'envelope' in body && (body.envelope as Envelope).payload === payload
