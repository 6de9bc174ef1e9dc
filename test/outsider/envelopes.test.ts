/** What is signed in a packet, in the hands of Python: in-toto's own library and securesystemslib, `cryptography` for passkeys. */
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toBase64 } from '../../src/domain/bytes/base64.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { verifySignature } from '../../src/domain/signed/envelope.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { filesOf, reseal } from '../packet/forge.js'
import { BENT, FINE } from '../support/assertions.js'
import { createPasskey, type Passkey, signWithPasskey } from '../support/authenticator.js'
import { type Evidence, writeEvidence } from '../support/evidence.js'
import { packetOf } from '../support/packets.js'
import { aWorld, type World } from '../support/world.js'
import { aPython } from './python.js'

const PROGRAM = fileURLToPath(new URL('./envelopes.py', import.meta.url))
const python = await aPython(
  'securesystemslib[crypto]==1.6.0',
  'in-toto-attestation==0.9.3',
  'cbor2==6.3.0',
)
if (typeof python === 'string')
  process.stderr.write(`envelopes are SKIPPED, Python was not asked: ${python}\n`)

let world: World
let evidence: Evidence
beforeAll(async () => {
  if (typeof python === 'string') return
  world = await aWorld()
  evidence = await writeEvidence(world)
})
afterAll(async () => {
  await world?.stop()
  if (typeof python !== 'string') await python.remove()
})

describe.skipIf(typeof python === 'string')('in-toto in Python', () => {
  const ask = async (bytes: Uint8Array): Promise<Record<string, number>> => {
    if (typeof python === 'string') throw new Error(python)
    const [packet, trust] = ['packet.zip', 'trust.json'].map((name) =>
      path.join(python.folder, name),
    )
    await writeFile(packet ?? '', bytes)
    await writeFile(trust ?? '', JSON.stringify(world.authority.trust))
    return JSON.parse(await python.run(PROGRAM, packet ?? '', trust ?? ''))
  }

  it('verifies every statement of a connector and every decision of a person, down from the root keys', async () => {
    for (const caseId of Object.values(evidence)) {
      const packet = await packetOf(world, caseId)
      const statements = [...filesOf(packet).keys()].filter((name) => /^statements\//.test(name))
      const counted = await ask(packet)
      expect(counted.statements).toBe(statements.length)
      expect(counted.statements).toBeGreaterThan(3)
      expect(counted.plans).toBeGreaterThan(1)
    }
    expect((await ask(await packetOf(world, evidence.rotation))).decisions).toBe(5)
  })

  it('refuses a packet in which a statement is of another event, is not signed, or is gone', async () => {
    const packet = await packetOf(world, evidence.rotation)
    const names = [...filesOf(packet).keys()].filter((name) => /^statements\//.test(name))
    const [first = '', second = ''] = names
    const changed = (change: (files: Map<string, Uint8Array>) => unknown): Uint8Array => {
      const files = filesOf(packet)
      change(files)
      return reseal(files)
    }
    const swapped = changed((files) => files.set(first, files.get(second) ?? packet))
    await expect(ask(swapped)).rejects.toThrow('another event')
    const bent = changed((files) => {
      const text = Buffer.from(files.get(first) ?? []).toString()
      const envelope = JSON.parse(text)
      const payload = Buffer.from(envelope.payload, 'base64').toString()
      const other = toBase64(
        Buffer.from(payload.replace('"nhi_', '"nhj_').replace('_acme', '_acne')),
      )
      files.set(first, Buffer.from(JSON.stringify({ ...envelope, payload: other })))
    })
    await expect(ask(bent)).rejects.toThrow('VerificationError')
    await expect(ask(changed((files) => files.delete(first)))).rejects.toThrow('missing')
  })

  it('says of every assertion of a passkey what this project says, by the documented rule', async () => {
    if (typeof python === 'string') throw new Error(python)
    const corpus = (['es256', 'ed25519'] as const).flatMap(corpusOf)
    const file = path.join(python.folder, 'corpus.json')
    await writeFile(file, JSON.stringify(corpus))
    const theirs = (await python.run(PROGRAM, '--passkeys', file)).trim().split('\n')
    const ours = corpus.map(({ envelope, key }) =>
      String(!isRefusal(verifySignature({ envelope, key, index: 0, verify: nodeVerify }))),
    )
    const differ = corpus.filter((_, index) => theirs[index] !== ours[index])
    expect(theirs).toHaveLength(corpus.length)
    expect(differ.map(({ name }) => name)).toEqual([])
    expect(ours.filter((one) => one === 'true')).toHaveLength(2 * FINE.length)
  })
})

/** The corpus as envelopes, and the fine ones with each byte of signature, authenticator and client data changed. */
function corpusOf(alg: Passkey['alg']) {
  const passkey = createPasskey(alg)
  const { publicKey, relyingParty } = passkey
  const key = { keyId: 'key_p', alg, publicKey, relyingParty, assurance: 'passkey' as const }
  const payload = { type: 'decision', text: 'the bytes an owner signs' }
  const signing = { kind: 'decision', payload, keyId: key.keyId, passkey } as const
  const whole = [
    ...FINE.map(([name, bend]) => ({ name, bend })),
    ...BENT.map(([name, , bend]) => ({ name, bend })),
  ].map(({ name, bend }) => ({ name, key, envelope: signWithPasskey({ ...signing, bend }) }))
  const genuine = signWithPasskey(signing)
  const [signature] = genuine.signatures
  if (signature?.webauthn === undefined) throw new Error('no assertion')
  const { sig, webauthn } = signature
  const bytes = { sig, ...webauthn }
  const changed = (['sig', 'authenticatorData', 'clientDataJSON'] as const).flatMap((field) =>
    [...Buffer.from(bytes[field], 'base64').keys()].map((at) => {
      const { sig: other, ...assertion } = { ...bytes, [field]: flipped(bytes[field], at) }
      const signatures = [{ ...signature, sig: other, webauthn: assertion }]
      return { name: `byte ${at} of ${field}`, key, envelope: { ...genuine, signatures } }
    }),
  )
  return [...whole, ...changed]
}

function flipped(text: string, at: number): string {
  const bytes = Buffer.from(text, 'base64')
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return toBase64(bytes)
}
