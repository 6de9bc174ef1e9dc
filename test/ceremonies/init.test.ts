/** A real installation: the ceremony, an empty database whose owner is no superuser, and the first packet at an auditor's. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { aCeremony, type Ceremony, command, DEMO_PACK } from '../support/ceremony.js'
import { anInstallation, type Installation } from './installation.js'

let dir: string
let ceremony: Ceremony
let installation: Installation
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'countersign-init-'))
  ceremony = await aCeremony(join(dir, 'bank'))
  installation = await anInstallation(join(dir, 'servers'))
  vi.stubEnv('DATABASE_URL', installation.ownerUrl)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await installation.stop()
  await rm(dir, { recursive: true, force: true })
})

const countersign = (words: string) => command(words, join(dir, 'bank'))
const INIT = `init DIR/bundle.json --trust DIR/trust.json --pack ${DEMO_PACK}`
const fingerprintIn = (out: string) => /trust ent_bank {2}(sha256:[0-9a-f]{64})/.exec(out)?.[1]

describe('countersign root', () => {
  it('makes no trust in which one officer alone signs a root', async () => {
    const keys = '--root-key DIR/cleo/key_root-cleo.json DIR/cleo/key_root-cleo.json'
    const one = await countersign(`root trust --enterprise ent_bank ${keys} --out DIR/one.json`)
    expect(one).toMatchObject({
      code: 2,
      err: expect.stringContaining('--threshold is at least 2'),
    })
  })

  it('shows whose signatures a root has, in fingerprints', async () => {
    const { out } = await countersign('root show DIR/root.json --trust DIR/trust.json')
    expect(out).toContain('signed by 2 of 2: key_root-cleo, key_root-dora')
    expect(out).toMatch(/root key {2}key_root-dora {2}sha256:[0-9a-f]{64}/)
    expect(out).toMatch(/log {2}bank\.test\/log\+[0-9a-f]{8}\+/)
  })

  it('lets nobody sign twice', async () => {
    const again = 'root sign DIR/root.json --key DIR/cleo/key_root-cleo.pem --yes'
    expect(await countersign(again)).toMatchObject({ code: 2 })
  })
})

describe('countersign authority assemble', () => {
  it('writes no bundle of a root that one officer signed', async () => {
    const root = JSON.parse(await readFile(ceremony.at('root.json'), 'utf8'))
    const [first] = root.signatures
    await writeFile(ceremony.at('half.json'), JSON.stringify({ ...root, signatures: [first] }))
    const sections = ['people', 'ownership', 'contracts', 'policy'].map(
      (name) => `DIR/${name}.json`,
    )
    const half = await countersign(
      `authority assemble --root DIR/half.json --section ${sections.join(' ')} --key DIR/people/key_people.pem --trust DIR/trust.json --out DIR/no.json`,
    )
    expect(half).toMatchObject({
      code: 1,
      err: expect.stringContaining('signed by 1 of 2 root keys'),
    })
    await expect(readFile(ceremony.at('no.json'))).rejects.toThrow()
  })

  it('writes none that is signed by a signer of another section', async () => {
    await ceremony.done(
      'authority section people DIR/people-said.json --enterprise ent_bank --key DIR/policy/key_policy.pem --out DIR/wrong.json',
    )
    const wrong = await countersign(
      'authority assemble --after DIR/bundle.json --section DIR/wrong.json --key DIR/people/key_people.pem --trust DIR/trust.json --out DIR/no.json',
    )
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('AUTHORITY_INVALID') })
  })
})

describe('countersign init', () => {
  it('installs nothing without the packs that the bundle names', async () => {
    const other = INIT.replace(DEMO_PACK, 'policies/default')
    expect(await countersign(other)).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('POLICY_UNSIGNED') },
    })
    const { rows } = await installation.db('cs_api').query('select 1 from authority')
    expect(rows).toEqual([])
  })

  it('makes the authority of an empty database, and prints what an auditor compares', async () => {
    const { code, out, err } = await countersign(INIT)
    expect([code, err]).toEqual([0, ''])
    expect(fingerprintIn(out)).toBeDefined()
    expect(out).toContain('root ent_bank version 1, production')
    for (const key of ['root-cleo', 'root-dora', 'people', 'connector', 'log'])
      expect(out).toMatch(new RegExp(`key_${key} {2}sha256:`))
  })

  it('is refused in one line when it is run again', async () => {
    const { code, out, err } = await countersign(INIT)
    expect([code, out]).toEqual([1, ''])
    const [word, refused, ...rest] = err.trimEnd().split(' ')
    expect([word, refused]).toEqual(['refused', 'STORE_NOT_EMPTY'])
    expect(rest.join(' ')).toMatch(/^at \/: [^\n]+ `countersign authority propose`[^\n]+$/)
  })

  it('is no door that a process has: none of their roles can install a bundle', async () => {
    for (const role of ['cs_api', 'cs_worker', 'cs_keeper'] as const) {
      const db = installation.db(role)
      for (const statement of [
        "insert into authority (version, bundle) values (2, '{}')",
        'update authority_head set version = 1',
        'insert into authority_head (version) values (1)',
      ])
        await expect(db.query(statement)).rejects.toMatchObject({ code: '42501' })
    }
  })
})

describe('the first packet', () => {
  it('is accepted by a verifier that has only the trust file and its fingerprint, and by no other', async () => {
    const packet = await installation.firstPacket(ceremony)
    await writeFile(ceremony.at('first.zip'), packet)
    const fingerprint = fingerprintIn(
      await ceremony.done('root show DIR/root.json --trust DIR/trust.json'),
    )
    const good = `verify DIR/first.zip --trust DIR/trust.json --fingerprint ${fingerprint}`
    const accepted = await countersign(good)
    expect(accepted).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^VERIFIED case=rotate:/),
    })
    expect(accepted.out).not.toContain('DEMONSTRATION')

    const other = await aCeremony(join(dir, 'other'))
    const swapped = good.replace('DIR/trust.json', other.at('trust.json'))
    expect(await countersign(swapped)).toMatchObject({
      ...{ code: 2, err: expect.stringContaining('has another fingerprint') },
    })
    expect(
      await countersign(`verify DIR/first.zip --trust ${other.at('trust.json')}`),
    ).toMatchObject({ code: 1, out: expect.stringMatching(/^NOT VERIFIED/) })
  })

  it('is no packet of an installation whose enterprise and key names are the same', async () => {
    const elsewhere = await anInstallation(join(dir, 'other-servers'))
    try {
      vi.stubEnv('DATABASE_URL', elsewhere.ownerUrl)
      const other = await aCeremony(join(dir, 'third'))
      await other.done(INIT)
      await writeFile(ceremony.at('foreign.zip'), await elsewhere.firstPacket(other))
      expect(await countersign('verify DIR/foreign.zip --trust DIR/trust.json')).toMatchObject({
        ...{ code: 1, out: expect.stringContaining('signed by 0 of 2 root keys') },
      })
    } finally {
      await elsewhere.stop()
    }
  })
})
