/** A gate that asks for passkeys, signed by real P-256 ones (WebAuthn, ES256): from the assertion to the grant. */
import { describe, expect, it } from 'vitest'
import { countAgain } from '../../src/domain/approval/count.js'
import type { Authority } from '../../src/domain/authority/authority.js'
import { fromBase64, toBase64 } from '../../src/domain/bytes/base64.js'
import { stepOf } from '../../src/domain/case/case.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { type Bend, signWithPasskey, UP } from '../support/authenticator.js'
import { SPAN } from '../support/authority.js'
import { CAST, DAY, given, type Move, refusal, shifted, told } from '../support/given.js'
import { believes, finishes, grants, sends, signs } from '../support/moves.js'
import { type Holder, passkeyGate } from '../support/passkeys.js'
import { aDecision } from '../support/people.js'

const { keys } = CAST
const { passkeys, enrolled, touched, atRetire } = passkeyGate('es256')
const touches =
  (person: Holder, bend?: Bend): Move =>
  (story) =>
    sends(touched(story, { person, stepId: 'retire', ...(bend && { bend }) }))(story)

describe('a gate that asks for passkeys', () => {
  it('is satisfied by those of everybody it asks, and its step is granted and performed', () => {
    const one = given(atRetire).when(touches('per_ana')).gives('DecisionAdmitted')
    const both = given(one).when(touches('per_ben')).gives('DecisionAdmitted', 'GateSatisfied')
    const done = told(both, grants('retire'), finishes('retire'))
    expect(stepOf(done.state, 'retire')?.phase).toBe('performed')
  })

  it('is satisfied again when the execution gate counts the stored assertions', () => {
    const { state, recorded, at, authority } = told(
      atRetire,
      touches('per_ana'),
      touches('per_ben'),
    )
    const step = stepOf(state, 'retire')
    const requirement = step?.gate?.resolved.requirement
    if (step === null || requirement === undefined) throw new Error('no gate')
    const by = { authority, verify: nodeVerify, at, involved: [] }
    const counting = { state, recorded, step, requirement, ...by }
    expect(countAgain(counting)).toEqual(step.votes.map(({ decisionId }) => decisionId))
    const bent = recorded.map((item) => {
      if (item.event.type !== 'DecisionAdmitted' || item.event.votes !== 'per_ben') return item
      const { envelope } = item.event
      return {
        ...item,
        event: {
          ...item.event,
          envelope: { ...envelope, signatures: envelope.signatures.map(otherBit) },
        },
      }
    })
    expect(countAgain({ ...counting, recorded: bent })).toMatchObject({
      refused: 'SIGNATURE_INVALID',
    })
  })

  it('takes another’s vote from a delegate only when a passkey lent it', () => {
    const lentWith = (keyId: string): Authority => {
      const holder = enrolled.personKeys.get(keyId)
      if (holder === undefined) throw new Error('no such key')
      const lent = { from: 'per_ben', to: 'per_ana', kinds: ['rotate' as const], systems: null }
      const { key } = holder
      const delegation = {
        ...{ type: 'delegation' as const, v: 1 as const, enterprise: 'ent_bank' },
        ...{ delegationId: '01KB0000000000000000000001', ...SPAN, ...lent, key },
      }
      return { ...enrolled, delegations: [delegation] }
    }
    const forBen: Move = (story) => {
      const span = { notBefore: story.at, notAfter: shifted(story.at, DAY) }
      const overrides = { ...span, onBehalfOf: 'per_ben' }
      const payload = aDecision(story.state, { stepId: 'retire', person: 'per_ana', overrides })
      const { keyId } = keys.passkeys.per_ana
      const by = { kind: 'decision', keyId, passkey: passkeys.per_ana, bend: {} } as const
      return sends(signWithPasskey({ ...by, payload }))(story)
    }
    given(atRetire, believes(lentWith(keys.persons.per_ben.keyId)))
      .when(forBen)
      .gives(refusal('DELEGATION_INVALID'))
    given(atRetire, believes(lentWith(keys.passkeys.per_ben.keyId)))
      .when(forBen)
      .gives('DecisionAdmitted')
  })

  it('is not satisfied by a plain key, alone or beside a passkey', () => {
    given(atRetire).when(signs('per_ana', 'retire')).gives(refusal('ASSURANCE_TOO_LOW'))
    given(atRetire, touches('per_ana'))
      .when(signs('per_ben', 'retire'))
      .gives(refusal('ASSURANCE_TOO_LOW'))
  })

  it('is not satisfied by a passkey that did not verify its user, or by another site', () => {
    const bends: readonly Bend[] = [
      { flags: UP },
      { rpId: 'evil.test' },
      { clientData: { origin: 'https://evil.test' } },
    ]
    for (const bend of bends)
      given(atRetire).when(touches('per_ana', bend)).gives(refusal('ASSERTION_INVALID'))
  })

  it('takes no assertion that was made for another decision', () => {
    const mine = touched(atRetire, { person: 'per_ana', stepId: 'retire' })
    const other = touched(atRetire, { person: 'per_ana', stepId: 'retire' })
    given(atRetire)
      .when(sends({ ...mine, signatures: other.signatures }))
      .gives(refusal('ASSERTION_INVALID'))
  })

  it('takes no passkey of one person for the vote of another', () => {
    const payload = aDecision(atRetire.state, {
      ...{ stepId: 'retire', person: 'per_ben' as const },
      overrides: { notBefore: atRetire.at, notAfter: shifted(atRetire.at, DAY) },
    })
    const { keyId } = keys.passkeys.per_ana
    const envelope = signWithPasskey({
      kind: 'decision',
      payload,
      keyId,
      passkey: passkeys.per_ana,
    })
    given(atRetire).when(sends(envelope)).gives(refusal('PERSON_UNKNOWN', '/personId'))
  })
})

/** The same signature but for its last bit, which belongs to its number s. */
function otherBit<Signature extends { readonly sig: string }>(signature: Signature): Signature {
  const bytes = Uint8Array.from(fromBase64(signature.sig) ?? [])
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1
  return { ...signature, sig: toBase64(bytes) }
}
