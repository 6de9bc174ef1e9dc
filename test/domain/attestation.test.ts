/** Events that only a connector may write are believed only with its signature, for this case. */
import { describe, expect, it } from 'vitest'
import { toBase64 } from '../../src/domain/bytes/base64.js'
import { canonicalBytes, digest } from '../../src/domain/bytes/digest.js'
import {
  attestedEnvelope,
  attestWith,
  checkAttestations,
  isAttested,
} from '../../src/domain/case/attestation.js'
import type { Recorded } from '../../src/domain/case/case.js'
import { PAYLOAD_TYPES } from '../../src/domain/shapes/envelope.js'
import type { CaseEvent, EventOf } from '../../src/domain/shapes/event.js'
import { pae, verifySignature } from '../../src/domain/signed/envelope.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { aRotation, CAST, told } from '../support/given.js'
import { fails, granted, performed, planned } from '../support/moves.js'

const story = told(aRotation(), planned, performed('issue'), granted('cut-over'))
const { authority, keys } = CAST
const check = (recorded: readonly Recorded[], caseId = story.opened.caseId) =>
  checkAttestations({ caseId, recorded, authority, verify: nodeVerify })

const withEvent = (type: CaseEvent['type'], change: (event: CaseEvent) => object) =>
  story.recorded.map((item) =>
    item.event.type === type ? { ...item, event: change(item.event) as CaseEvent } : item,
  )

describe('an attestation', () => {
  it('is found on everything that a connector did', () => {
    expect(check(story.recorded)).toBeNull()
    expect(story.recorded.filter(({ event }) => isAttested(event)).length).toBeGreaterThan(4)
    expect(
      check(told(aRotation(), planned, granted('issue'), fails('issue', 'clean')).recorded),
    ).toBeNull()
  })

  it('does not hold for another case', () => {
    expect(check(story.recorded, `${story.opened.caseId.slice(0, -1)}1`)).toMatchObject({
      refused: 'EVIDENCE_TAMPERED',
    })
  })

  it('does not hold for an event that says something else', () => {
    const bent: [CaseEvent['type'], object][] = [
      ['Planned', { planHash: `sha256:${'0'.repeat(64)}` }],
      ['GateOpened', { round: 7 }],
      ['Granted', { fencingToken: 99 }],
      ['StepPerformed', { facts: ['old-refused'] }],
    ]
    for (const [type, change] of bent)
      expect(check(withEvent(type, (event) => ({ ...event, ...change })))).toMatchObject({
        ...{ refused: 'EVIDENCE_TAMPERED', detail: 'no connector that the root names signed this' },
      })
  })

  it('does not hold under a key that the root does not name as a connector’s', () => {
    const { signer, keyId } = keys.signer
    const forge = attestWith(story.opened.caseId, { keyId, sign: signer.sign })
    const forged = withEvent('Granted', (event) => {
      const { attestation: _, ...rest } = event as EventOf<'Granted'>
      return forge(rest)
    })
    expect(check(forged)?.detail).toBe('no connector that the root names signed this')
    const named = attestWith(story.opened.caseId, { keyId: 'key_connector', sign: signer.sign })
    const renamed = withEvent('Granted', (event) => {
      const { attestation: _, ...rest } = event as EventOf<'Granted'>
      return named(rest)
    })
    expect(check(renamed)?.detail).toBe('no connector that the root names signed this')
  })

  it('is an in-toto statement in DSSE, of the digests that the event names', () => {
    const event = story.recorded.find((item) => item.event.type === 'Granted')?.event
    if (event?.type !== 'Granted') throw new Error('nothing was granted')
    const envelope = attestedEnvelope(story.opened.caseId, event)
    if (envelope === null) throw new Error('no statement')
    const { signer, ...named } = keys.connector
    const key = { ...named, alg: signer.alg, publicKey: toBase64(signer.publicKey) }
    expect(verifySignature({ envelope, key, index: 0, verify: nodeVerify })).toBe(true)
    const { attestation: _, ...bare } = event
    const stated = JSON.parse(Buffer.from(envelope.payload, 'base64').toString())
    expect(stated).toMatchObject({
      ...{ _type: 'https://in-toto.io/Statement/v1', predicate: { event: bare } },
      subject: [
        { name: 'event', digest: { sha256: digest(bare).slice('sha256:'.length) } },
        { name: 'plan', digest: { sha256: event.planHash.slice('sha256:'.length) } },
        ...[{ name: 'requirement' }, { name: 'pre-state' }],
      ],
    })
  })

  it('from before, over the bare event, still holds; in the form of the other it does not', () => {
    const { caseId } = story.opened
    const { signer, keyId } = keys.connector
    const overBare = (event: CaseEvent, form?: 'in-toto') => {
      const { attestation: _, ...rest } = event as EventOf<'Granted'>
      const message = pae(PAYLOAD_TYPES.attestation, canonicalBytes({ caseId, event: rest }))
      const sig = toBase64(signer.sign(message))
      return { ...rest, attestation: { keyid: keyId, sig, ...(form && { form }) } }
    }
    expect(check(withEvent('Granted', (event) => overBare(event)))).toBeNull()
    expect(check(withEvent('Granted', (event) => overBare(event, 'in-toto')))).not.toBeNull()
    const old = overBare(
      story.recorded.find(({ event }) => event.type === 'Granted')?.event as CaseEvent,
    )
    expect(attestedEnvelope(caseId, old)).toBeNull()
    const formless = withEvent('Granted', (event) => {
      const { attestation, ...bare } = event as EventOf<'Granted'>
      return { ...bare, attestation: { keyid: attestation.keyid, sig: attestation.sig } }
    })
    expect(check(formless)).not.toBeNull()
  })

  it('is refused when its bytes are no base64, and names the entry', () => {
    const attestation = { keyid: 'key_connector', sig: 'not base64' }
    const refused = check(withEvent('Planned', (event) => ({ ...event, attestation })))
    expect(refused).toMatchObject({ refused: 'EVIDENCE_TAMPERED', where: '/entries/2' })
  })

  it('is not asked of what others write', () => {
    const opened = story.recorded[0]?.event
    expect(opened !== undefined && isAttested(opened)).toBe(false)
  })
})
