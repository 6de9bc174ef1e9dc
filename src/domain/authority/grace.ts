/**
 * Taking access away does not wait for a new bundle: the newest one still says who may raise a fence, and which
 * mandate contains, for a while after it ran out. Nothing that gives anything is judged under it.
 */

import { isRefusal, type Refusal } from '../refusal.js'
import { Manifest, Root } from '../shapes/authority.js'
import type { AuthorityReference, JudgedUnder } from '../shapes/basic.js'
import type { CaseEvent, CaseOpened } from '../shapes/event.js'
import { parseAs } from '../shapes/parse.js'
import { openEnvelope } from '../signed/envelope.js'
import { type Authority, verifyAuthority } from './authority.js'

/** What an authority is asked for. */
export type Purpose = 'anything' | 'taking-away'

const DAY_MS = 86_400_000
/** How long a bundle that ran out suffices for taking access away. */
export const GRACE_MS = 30 * DAY_MS

/** Until a containment is done it only takes access away; its review is for people, and waits for a bundle in force. */
export const purposeOf = (
  opened: Pick<CaseOpened, 'asked'> | null,
  stepId: string | null,
): Purpose => (opened?.asked.kind === 'contain' && stepId !== 'review' ? 'taking-away' : 'anything')

/** The same for a case of which only the id is known. */
export const purposeOfCase = (caseId: string): Purpose =>
  caseId.startsWith('contain:') ? 'taking-away' : 'anything'

/** Tests whether the authority may be asked for this at this time. */
export const suffices = (
  { expiresAt }: Pick<Authority, 'expiresAt'>,
  of: { readonly at: string; readonly purpose: Purpose },
): boolean =>
  of.at < expiresAt || (of.purpose === 'taking-away' && of.at < shifted(expiresAt, GRACE_MS))

/** How an entry of this time names the authority that it was judged under. */
export const judgedUnder = ({ version, hash, expiresAt }: Authority, at: string): JudgedUnder => ({
  version,
  hash,
  ...(at < expiresAt ? {} : { expiredAt: expiresAt }),
})

/** Tests whether the entry says of its authority that it had expired, and when, exactly where that is so. */
export const isSaidExpired = (
  { expiresAt }: Authority,
  of: { readonly reference: AuthorityReference | JudgedUnder; readonly at: string },
): boolean => {
  const said = 'expiredAt' in of.reference ? of.reference.expiredAt : undefined
  return said === (of.at < expiresAt ? undefined : expiresAt)
}

type Checking = Parameters<typeof verifyAuthority>[0]

/** As verifyAuthority; for taking access away also as the bundle last verified, within its grace. */
export function verifyFor(checking: Checking & { readonly purpose: Purpose }): Authority | Refusal {
  const { at, purpose } = checking
  const authority = verifyAuthority(checking)
  if (!isRefusal(authority) || purpose === 'anything') return authority
  for (const end of endsOf(checking)) {
    const then = verifyAuthority({ ...checking, at: shifted(end, -1) })
    if (!isRefusal(then) && then.expiresAt === end && suffices(then, { at, purpose })) return then
  }
  return authority
}

/** When something of the bundle ends, within the grace before `at`, the last first. UNTRUSTED: read without verifying. */
function endsOf({ bundle, at }: Checking): readonly string[] {
  const root = openEnvelope({ envelope: bundle.root, kind: 'root', parse: parseAs(Root) })
  const manifest = openEnvelope({
    envelope: bundle.manifest,
    kind: 'manifest',
    parse: parseAs(Manifest),
  })
  if (isRefusal(root) || isRefusal(manifest)) return []
  const { signers, expiresAt } = root.payload
  const all = [expiresAt, manifest.payload.expiresAt, ...signers.map(({ notAfter }) => notAfter)]
  const from = shifted(at, -GRACE_MS)
  return [...new Set(all)]
    .filter((end) => from < end && end <= at)
    .toSorted()
    .toReversed()
}

const shifted = (at: string, ms: number): string => new Date(Date.parse(at) + ms).toISOString()

/** What of a case was judged under an authority that had expired. */
export const expiredUnder = (
  recorded: readonly { readonly event: CaseEvent }[],
): readonly { readonly what: string; readonly expiredAt: string }[] =>
  recorded.flatMap(({ event }) => {
    if (event.type !== 'CaseOpened' && event.type !== 'Granted') return []
    const { expiredAt } = event.authority
    const what = event.type === 'CaseOpened' ? 'It was opened' : `${event.stepId} was granted`
    return expiredAt === undefined ? [] : [{ what, expiredAt }]
  })
