/**
 * Commitments keep personal data out of what can never be erased. A *reason* and a person's *name* live
 * in the erasable side store with a *salt*; entries and bundles hold these digests of them. Whoever has
 * salt and text can show that they belong to the digest; whoever has only the digest learns nothing.
 */
import { type Digest, digest } from './digest.js'

export interface SaltedReason {
  /** At least 128 random bits, as text. */
  readonly salt: string
  readonly reason: string
}

/** `reasonDigest` of a decision or fence. */
export const reasonDigest = ({ salt, reason }: SaltedReason): Digest => digest({ salt, reason })

export interface SaltedName {
  readonly personId: string
  readonly salt: string
  readonly name: string
}

/** `commitment` of a person in the authority bundle. */
export const personCommitment = ({ personId, salt, name }: SaltedName): Digest =>
  digest({ personId, salt, name })
