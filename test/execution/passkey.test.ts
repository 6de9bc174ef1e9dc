/**
 * An approval by passkey from end to end: a gate of tier 0 asks for it, a real P-256 assertion satisfies it, the
 * execution gate grants on it, the target is changed, and the packet shows it to an outsider.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stepOf } from '../../src/domain/case/case.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { exportPacket } from '../../src/packet/export/export.js'
import { verifyPacket } from '../../src/packet/verify/verify.js'
import { submitDecision } from '../../src/store/case/cases.js'
import { type Bend, createPasskey, signWithPasskey, UP } from '../support/authenticator.js'
import { must, RELYING_PARTY, someKeys } from '../support/authority.js'
import { caseworkIn } from '../support/casework.js'
import { aDecision, signDecision } from '../support/people.js'
import { aWorld, type World } from '../support/world.js'

const keys = someKeys()
const touch = createPasskey('es256', RELYING_PARTY.id)
const { keyId } = keys.passkeys.per_ana

let world: World
let caseId: string
beforeAll(async () => {
  world = await aWorld({
    keys,
    change: {
      people: (section) => ({
        ...section,
        persons: section.persons.map((person) => ({
          ...person,
          keys: person.keys.map((key) =>
            key.keyId === keyId ? { ...key, publicKey: touch.publicKey } : key,
          ),
        })),
      }),
      ownership: (section) => ({
        ...section,
        identities: section.identities.map((identity) => ({ ...identity, tier: 'tier0' })),
      }),
    },
  })
  caseId = await caseworkIn(world).open('billing', { kind: 'rotate' })
})
afterAll(() => world?.stop())

const stateOf = () => caseworkIn(world).stateOf(caseId)
const submit = (envelope: unknown) => submitDecision(world.api, { caseId, envelope, door: 'api' })
const decision = async () => aDecision(await stateOf(), { stepId: 'issue', person: 'per_ana' })
const touched = async (bend: Bend = {}) =>
  signWithPasskey({ kind: 'decision', payload: await decision(), keyId, passkey: touch, bend })

describe('a gate that asks for a passkey', () => {
  it('is not satisfied by a key file, by a touch without verification, or for another page', async () => {
    expect(await submit(signDecision(keys, await decision()))).toMatchObject({
      refused: 'ASSURANCE_TOO_LOW',
    })
    const elsewhere = { clientData: { origin: 'https://console.example.attacker.test' } }
    for (const bend of [{ flags: UP }, elsewhere])
      expect(await submit(await touched(bend))).toMatchObject({ refused: 'ASSERTION_INVALID' })
    expect(stepOf(await stateOf(), 'issue')?.phase).toBe('open')
  })

  it('is satisfied by a verified touch, and the step is granted on it once and carried out', async () => {
    expect(must(await submit(await touched()))).toMatchObject({ gate: 'satisfied' })
    await caseworkIn(world).perform(caseId, 'issue')
    const state = await stateOf()
    expect(stepOf(state, 'issue')?.phase).toBe('performed')
    expect(state.facts).toContain('new-credential-works')
  })

  it('leaves a packet in which the assertion is judged again by an outsider', async () => {
    const { verify, published } = world.connector
    const deps = { db: world.db('cs_api'), verify, published, proofWithinMs: 10_000 }
    const { bytes } = must(await exportPacket(deps, { caseId, reader: 'enterprise' }))
    const { trust } = world.authority
    const verdict = verifyPacket({ bytes, trust, verify: nodeVerify })
    expect(verdict).toMatchObject({ verdict: 'VERIFIED', problems: [] })
    const blind = verifyPacket({
      ...{ bytes, trust },
      verify: (input) => input.alg !== 'es256' && nodeVerify(input),
    })
    expect(blind.verdict).toBe('NOT VERIFIED')
  })
})
