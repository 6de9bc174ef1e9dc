/** A log that was not written here, tessera's, asks our witness by a policy file, and counts its cosignature. */
import { createPrivateKey } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeVerify } from '../../src/keys/verify.js'
import { openCheckpoint } from '../../src/ledger/checkpoint.js'
import { cosignatureVerifier } from '../../src/ledger/cosignature.js'
import { ed25519Verifier, formatVkey } from '../../src/ledger/note-key.js'
import { parseWitnessPolicy } from '../../src/ledger/witness-policy.js'
import { aKey, must } from '../support/authority.js'
import { aWitness } from '../support/witness.js'
import { anOutsider, saySkipped } from './go.js'

const ORIGIN = 'tessera.test/log'
const log = aKey('key_log')
const logKey = { name: ORIGIN, publicKey: log.signer.publicKey }

const outsider = await anOutsider()
saySkipped(outsider)

/** `PRIVATE+KEY+<name>+<hash>+<base64(0x01 || seed)>`, as Go has it. */
function privateKey(): string {
  const der = createPrivateKey(log.privateKeyPem).export({ format: 'der', type: 'pkcs8' })
  const seed = Buffer.concat([Buffer.of(1), der.subarray(-32)]).toString('base64')
  const [, hash] = formatVkey(logKey).split('+')
  return `PRIVATE+KEY+${ORIGIN}+${hash}+${seed}`
}

describe.runIf(typeof outsider !== 'string')('a log of tessera', () => {
  let dir: string
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'countersign-tessera-'))
  })
  afterAll(() => rm(dir, { recursive: true, force: true }))

  it('publishes each head with the cosignature of countersign witness, as it grows', async () => {
    if (typeof outsider === 'string') return
    const witness = await aWitness({ name: 'auditor', dir, logKey })
    const policy = `${witness.line}\nquorum auditor\n`
    await writeFile(join(dir, 'policy'), policy)
    await witness.come()
    const verifier = ed25519Verifier({ ...logKey, verify: nodeVerify })
    const [known] = must(parseWitnessPolicy(policy)).witnesses
    if (known === undefined) throw new Error('the policy names nobody')
    const witnesses = [cosignatureVerifier({ ...known.key, verify: nodeVerify })]
    try {
      const sizes: number[] = []
      for (const round of ['first', 'second']) {
        const folder = join(dir, round)
        await mkdir(folder)
        for (const name of ['a', 'b', 'c']) await writeFile(join(folder, name), `${round} ${name}`)
        const words = ['--storage_dir', join(dir, 'log'), '--entries', `${folder}/*`]
        await outsider.append(
          [...words, '--witness_policy_file', join(dir, 'policy')],
          privateKey(),
        )
        const note = await readFile(join(dir, 'log', 'checkpoint'), 'utf8')
        const opened = must(openCheckpoint({ note, origin: ORIGIN, verifier, witnesses }))
        expect(opened.signers.length).toBe(2)
        sizes.push(opened.checkpoint.size)
      }
      expect(sizes).toEqual([3, 6])
    } finally {
      await witness.leave()
    }
  })
})
