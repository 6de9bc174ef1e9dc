/** Forged decisions at the door: well formed, signed with a key that is not the owner's, over HTTP. */
import { ulid } from 'ulid'
import { decisionFor } from '../src/demo/stage.js'
import { isRefusal } from '../src/domain/refusal.js'
import type { Envelope } from '../src/domain/shapes/envelope.js'
import { signEnvelope } from '../src/keys/sign.js'
import type { Rotation } from './product/rotation.js'
import type { ProductSide } from './product/side.js'

const LANES = 8

/** Ben's key under the name of Ana's: the key id is known and the signature is not hers. */
export function forgedEnvelope(product: ProductSide, rotation: Rotation): Envelope {
  const payload = decisionFor(rotation.state, {
    stepId: 'issue',
    person: 'per_ana',
    change: { decisionId: ulid() },
  })
  const { keyId } = product.key('per_ana')
  return signEnvelope({ kind: 'decision', payload, keyId, signer: product.key('per_ben').signer })
}

/** Refusals per second over HTTP, each recorded or counted in the case; every one must be a refusal. */
export async function refusedPerSecond(
  product: ProductSide,
  input: { readonly rotation: Rotation; readonly count: number },
): Promise<number> {
  const { rotation, count } = input
  const envelopes = Array.from({ length: count }, () => forgedEnvelope(product, rotation))
  const api = product.api('per_ana')
  const lane = async (): Promise<void> => {
    for (let next = envelopes.pop(); next !== undefined; next = envelopes.pop()) {
      const answer = await api.decide({ caseId: rotation.caseId, envelope: next })
      if (!isRefusal(answer)) throw new Error('a forged decision was taken')
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: LANES }, lane))
  return count / ((performance.now() - began) / 1000)
}
