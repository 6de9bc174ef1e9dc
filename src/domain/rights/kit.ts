/**
 * judgeKit: may what this kit holds be used for this cut, now? Everything that the execution gate would ask and that can
 * be asked without the evidence store: the bundle, as it was when the kit was sealed, names who the person is and
 * what is in scope; the fence is signed for now; a mandate in force covers each containment. What only the store
 * knows (uses, revocations since) cannot be asked, so a kit is renewed as often as that may be wrong.
 */
import { type Authority, verifyAuthority } from '../authority/authority.js'
import { mandateRequirement } from '../policy/policy.js'
import { isRefusal, type Refusal, refuse } from '../refusal.js'
import type { Identity } from '../shapes/authority.js'
import type { Envelope, Fence } from '../shapes/envelope.js'
import type { Kit } from '../shapes/kit.js'
import type { Pack } from '../shapes/policy.js'
import type { Verify } from '../signed/envelope.js'
import { identitiesIn, judgeFence } from './fence.js'
import { judgeMandate } from './mandate.js'

export interface JudgingKit {
  readonly kit: Kit
  /** The kit's pack, loaded, and found to be the one that the bundle names. */
  readonly pack: Pack
  readonly fence: Envelope
  readonly verify: Verify
  /** ISO time by the clock of this machine. */
  readonly at: string
}

export interface Cutting {
  readonly authority: Authority
  readonly fence: Fence
  /** Each identity in scope with the mandate that covers its containment. */
  readonly identities: readonly { readonly identity: Identity; readonly mandate: Envelope }[]
}

/** The authority of a kit, whether its bundle has expired since or not. */
export const authorityOf = (kit: Kit, verify: Verify): Authority | Refusal =>
  verifyAuthority({ bundle: kit.bundle, trust: kit.trust, verify, at: kit.sealedAt })

/** UNTRUSTED: the fence. Refuses what judging it refuses, and MANDATE_INVALID for an identity that no mandate covers. */
export function judgeKit(judging: JudgingKit): Cutting | Refusal {
  const { kit, verify, at } = judging
  const authority = authorityOf(kit, verify)
  if (isRefusal(authority)) return authority
  const fence = judgeFence({ envelope: judging.fence, authority, verify, at })
  if (isRefusal(fence)) return fence
  if (fence.speed !== 'cut') return refuse('NOT_ALLOWED', '/speed', 'a kit is for a cut')
  const identities: Cutting['identities'][number][] = []
  for (const identity of identitiesIn(authority, fence.scope)) {
    const mandate = covering(judging, { authority, identity })
    if (isRefusal(mandate)) return mandate
    identities.push({ identity, mandate })
  }
  return { authority, fence, identities }
}

function covering(
  { kit, pack, verify, at }: JudgingKit,
  { authority, identity }: { readonly authority: Authority; readonly identity: Identity },
): Envelope | Refusal {
  const quorum = mandateRequirement({ authority, pack })
  if (isRefusal(quorum)) return quorum
  const { tier, systemId, identityId } = identity
  let first: Refusal | null = null
  for (const envelope of kit.mandates) {
    const judged = judgeMandate({
      ...{ envelope, authority, verify, at, quorum, revocations: [] },
      use: {
        ...{ kind: 'contain', stepId: 'contain', tier, systemId, identityId },
        ...{ companyId: null, effect: 'reduces' },
      },
      uses: { total: 0, today: 0 },
    })
    if (!isRefusal(judged)) return envelope
    first ??= judged
  }
  return first ?? refuse('MANDATE_INVALID', `/identities/${identityId}`, 'the kit holds no mandate')
}
