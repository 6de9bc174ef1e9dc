/** A fence, signed by the person of a profile for now and the next minutes. */
import { ulid } from 'ulid'
import type { Envelope, Fence } from '../../domain/shapes/envelope.js'
import type { LoadedKey } from '../../keys/keystore.js'
import { signEnvelope } from '../../keys/sign.js'
import { UsageFault } from '../session/outcome.js'
import { keyOf, NO_PERSON, readProfile } from '../session/profile.js'

/** A fence is raised now or not at all. */
const VALID_MS = 300_000
/** What this machine's clock may be ahead of the database's. */
const CLOCK_MS = 5000

export interface SignedFence {
  readonly envelope: Envelope
  /** Null for a partner that stops itself. */
  readonly personId: string | null
  readonly enterprise: string
  readonly key: LoadedKey
}

/** Throws UsageFault for a profile without a person or a decision key. */
export async function signFence(input: {
  readonly scope: Fence['scope']
  readonly speed: Fence['speed']
  readonly profile: string | undefined
}): Promise<SignedFence> {
  const { scope, speed } = input
  const profile = await readProfile(input.profile)
  const { personId = null, companyId, enterprise } = profile
  if (personId === null && companyId === undefined) throw new UsageFault(NO_PERSON)
  // A partner, which can stop itself and nothing else, signs with its claim key.
  const key = await keyOf(profile, personId === null ? 'claimKey' : 'decisionKey')
  const payload: Fence = {
    ...{ type: 'fence', v: 1, fenceId: ulid(), enterprise, scope },
    ...{ speed, reasonDigest: null, personId },
    notBefore: new Date(Date.now() - CLOCK_MS).toISOString(),
    notAfter: new Date(Date.now() + VALID_MS).toISOString(),
  }
  return { envelope: signEnvelope({ kind: 'fence', payload, ...key }), personId, enterprise, key }
}
