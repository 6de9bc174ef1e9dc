/**
 * Evidence to take away: the entries of a case as receipts, each with its proof, and the packet that is
 * checked offline. A partner gets those of its own cases, the enterprise all, at any moment.
 */

import { CasePath, type EntriesAnswer, EntriesQuery } from '../contract/http.js'
import { CollectionQuery } from '../contract/http-evidence.js'
import type { Digest } from '../domain/bytes/digest.js'
import { isRefusal, type Refusal } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'
import { formatTlogProof } from '../ledger/tlog-proof.js'
import { entriesAfter, provable } from '../store/case/queries.js'
import { proofsOf } from '../store/log/proof.js'
import { logInUse } from '../store/log/successors.js'
import type { Call, Handler, Reply } from './call.js'

/** Receipts. A proof stands beside every entry that a signed checkpoint covers already. */
export const entries: Handler = async (call) => {
  const path = parseAs(CasePath)(call.params)
  if (isRefusal(path)) return path
  const asked = parseAs(EntriesQuery)(call.query)
  if (isRefusal(asked)) return asked
  const rows = await entriesAfter(call.deps.db, { ...path, ...asked })
  const proofs = await proofTexts(
    call,
    rows.map((row) => row.hash),
  )
  if (isRefusal(proofs)) return proofs
  const answer: EntriesAnswer = {
    entries: rows.map(({ body, ...row }) => ({
      ...{ ...row, type: body.type },
      body: { ...body },
      proof: proofs.get(row.hash) ?? null,
    })),
    next: rows.length === asked.limit ? (rows.at(-1)?.seq ?? null) : null,
  }
  return { body: answer }
}

async function proofTexts(
  { deps, authority }: Call,
  hashes: readonly Digest[],
): Promise<ReadonlyMap<Digest, string> | Refusal> {
  const signed = await provable(deps.db, hashes)
  if (signed.length === 0) return new Map()
  const log = await logOfCall({ deps, authority })
  if (isRefusal(log)) return log
  const proofs = await proofsOf(deps.db, { hashes: signed, log })
  if (isRefusal(proofs)) return proofs
  return new Map(
    (proofs ?? []).map((proof, index) => [signed[index] ?? 'sha256:', formatTlogProof(proof)]),
  )
}

const logOfCall = ({ deps, authority }: Pick<Call, 'deps' | 'authority'>) =>
  logInUse(deps.db, { root: authority.root, trust: deps.authority.trust, verify: deps.verify })

/** Whoever asks on the partner's side, machine or person, gets the partner's own copy. */
export const packet: Handler = async ({ deps, principal, params }) => {
  const path = parseAs(CasePath)(params)
  if (isRefusal(path)) return path
  const made = await deps.packet({
    ...path,
    reader: principal.kind,
  })
  return isRefusal(made) ? made : asFile(made)
}

/** Every case of a query, for whoever asks on the enterprise's side; that it was taken away is an entry. */
export const collection: Handler = async ({ deps, principal, query: asked, authority }) => {
  const query = parseAs(CollectionQuery)(asked)
  if (isRefusal(query)) return query
  const { personId } = principal
  if (personId === null) throw new TypeError('the door lets no machine in')
  const { version, hash, enterprise } = authority
  const log = await logOfCall({ deps, authority })
  if (isRefusal(log)) return log
  const made = await deps.collection({
    ...{ query, personId, enterprise, authority: { version, hash }, log },
  })
  return isRefusal(made) ? made : asFile(made)
}

const asFile = (made: { readonly name: string; readonly bytes: Uint8Array }): Reply => ({
  headers: {
    'Content-Type': 'application/zip',
    'Content-Disposition': `attachment; filename="${made.name.replace(/[^A-Za-z0-9._-]/g, '_')}"`,
  },
  body: made.bytes,
})
