/**
 * The door of changes to the authority: a signed bundle is kept as a proposal and said in words. Nothing takes
 * effect by it; a case for its section does that, when the policy's quorum has signed.
 */
import { type ProposalAnswer, ProposalRequest } from '../contract/http-control.js'
import { namedBy } from '../domain/plans/authority.js'
import { isRefusal } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'
import { type Foreseen, foresee } from '../store/authority/foreseen.js'
import { type Proposed, proposeAuthority } from '../store/authority/proposals.js'
import type { ApiDeps, Handler } from './call.js'

/** UNTRUSTED: the body. Signed by those to whom the root delegated, whoever brings it. */
export const propose: Handler = async ({ deps, body }) => {
  const request = parseAs(ProposalRequest)(body)
  if (isRefusal(request)) return request
  const change = await proposeAuthority(deps, request)
  if (isRefusal(change)) return change
  const { to, found } = change
  const foreseen = await foreseenBy(deps, change)
  const answer: ProposalAnswer = {
    ...{ bundleHash: to.hash, version: to.version, ...namedBy(found) },
    changes: found.map(({ section, words }) => ({ section, words })),
    foreseen: [...foreseen],
  }
  return { body: answer }
}

/** What the new pack would have asked of past cases, for whoever is about to decide on it. */
async function foreseenBy(
  deps: ApiDeps,
  { to, packs, found }: Proposed,
): Promise<readonly Foreseen[]> {
  if (!found.some(({ section }) => section === 'policy')) return []
  const hash = to.packs.find(
    ({ packId, version }) => packId === packs.to.id && version === packs.to.version,
  )?.hash
  return hash === undefined ? [] : foresee(deps, { pack: packs.to, hash })
}
