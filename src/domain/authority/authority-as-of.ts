/** A bundle as of the times of entries: each time is asked of the bundle itself, and work is not done twice. */

import { type Digest, digestOf } from '../bytes/digest.js'
import { isRefusal, type Refusal } from '../refusal.js'
import type { AuthorityBundle, Trust } from '../shapes/authority.js'
import { decodePayload, type Verify } from '../signed/envelope.js'
import type { Authority } from './authority.js'
import { type Purpose, suffices, verifyFor } from './grace.js'

/** The digest of the manifest's exact bytes, by which entries name a bundle. */
export function bundleHash(bundle: AuthorityBundle): Digest | Refusal {
  const bytes = decodePayload(bundle.manifest)
  return isRefusal(bytes) ? bytes : digestOf(bytes)
}

/** One signature each: the times at which the bundle verifies are then one interval. */
const isSignedOnce = ({ manifest, sections }: AuthorityBundle): boolean =>
  [manifest, ...Object.values(sections)].every(({ signatures }) => signatures.length === 1)

export type AsOf = (at: string, purpose?: Purpose) => Authority | Refusal

/** Verifies as of a time. A bundle signed once that verified is not verified again while its signers are in force. */
export function authorityAsOf(reading: {
  readonly bundle: AuthorityBundle
  readonly trust: Trust
  readonly verify: Verify
}): AsOf {
  let known: Authority | null = null
  return (at, purpose = 'anything') => {
    if (known !== null && known.signedFrom <= at && suffices(known, { at, purpose })) return known
    const authority = verifyFor({ ...reading, at, purpose })
    if (!isRefusal(authority) && isSignedOnce(reading.bundle)) known = authority
    return authority
  }
}
