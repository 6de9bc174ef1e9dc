/** Keys are replaced as docs/ceremonies.md says, on one installation, one after the other; and what was proved before stays proved. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { PeopleSection } from '../../src/domain/shapes/authority.js'
import { aCeremony, type Ceremony, command, DEMO_PACK, rootOf } from '../support/ceremony.js'
import { anInstallation, type Installation } from './installation.js'

let dir: string
let ceremony: Ceremony
let installation: Installation
const cases = { before: '', during: '', between: '', after: '' }
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'countersign-keys-'))
  ceremony = await aCeremony(join(dir, 'bank'))
  installation = await anInstallation(join(dir, 'servers'))
  vi.stubEnv('DATABASE_URL', installation.ownerUrl)
  await ceremony.done(`init DIR/bundle.json --trust DIR/trust.json --pack ${DEMO_PACK}`)
  cases.before = await open('nhi_billing')
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await installation.stop()
  await rm(dir, { recursive: true, force: true })
})

const countersign = (words: string) => command(words, join(dir, 'bank'))
const open = (identity: string, trust = 'trust.json') =>
  installation.open({ trust: ceremony.at(trust), identity })
const verdict = async (caseId: string, trust = 'trust.json') => {
  await writeFile(ceremony.at('a.zip'), await installation.packetOf(caseId))
  const { out } = await countersign(`verify DIR/a.zip --trust DIR/${trust}`)
  return out.split(' case=')[0]
}
const install = (bundle: string, trust = 'trust.json') =>
  countersign(`root install DIR/${bundle} --trust DIR/${trust}`)
const assemble = (words: string, trust = 'trust.json') =>
  countersign(`authority assemble ${words} --trust DIR/${trust}`)
const DORA = '--key DIR/dora/key_root-dora.pem'
const CLEO = '--key DIR/cleo/key_root-cleo.pem'

describe('a delegated signer is replaced', () => {
  const NEW = { people: 'DIR/people/key_people-2.json' }
  const ASSEMBLE = '--after DIR/bundle.json --root DIR/root-2.json'

  it('by a root that the old threshold signed; the sections stay the same bytes', async () => {
    await ceremony.done('root key DIR/people/key_people-2.pem')
    await ceremony.done(
      `root draft --after DIR/root.json ${DORA} ${rootOf(NEW)} --out DIR/root-2.json`,
    )
    const sections = '--section DIR/people.json --key DIR/people/key_people-2.pem'
    await ceremony.done('authority sign DIR/people.json --key DIR/people/key_people-2.pem --yes')
    const half = await assemble(`${ASSEMBLE} ${sections} --out DIR/bundle-2.json`)
    expect(half).toMatchObject({ code: 1, err: expect.stringContaining('signed by 1 of 2') })
    await ceremony.done(`root sign DIR/root-2.json ${CLEO} --yes`)
    expect(await assemble(`${ASSEMBLE} ${sections} --out DIR/bundle-2.json`)).toMatchObject({
      code: 0,
    })
    expect(await install('bundle-2.json')).toMatchObject({
      ...{ code: 0, out: expect.stringContaining('authority version 2 is in force') },
    })
  })

  it('and nothing that the old key signs counts from then on', async () => {
    const old = `${ASSEMBLE} --key DIR/people/key_people.pem --out DIR/old.json`
    expect(await assemble(old)).toMatchObject({ code: 1, err: expect.stringContaining('manifest') })
  })

  it('in a ceremony that changes nothing else, and takes no root that is not newer', async () => {
    const { persons, companies } = ceremony.said('people') as unknown as PeopleSection
    const more = persons.map((person) => ({ ...person, duties: ['officer'] }))
    await writeFile(ceremony.at('people-more.json'), JSON.stringify({ persons: more, companies }))
    await ceremony.done(
      'authority section people DIR/people-more.json --enterprise ent_bank --key DIR/people/key_people-2.pem --out DIR/more.json',
    )
    await ceremony.done(
      `root draft --after DIR/root-2.json ${DORA} ${rootOf(NEW)} --out DIR/root-x.json`,
    )
    await ceremony.done(`root sign DIR/root-x.json ${CLEO} --yes`)
    const key = '--after DIR/bundle-2.json --key DIR/people/key_people-2.pem --trust DIR/trust.json'
    await ceremony.done(
      `authority assemble --root DIR/root-x.json --section DIR/more.json ${key} --out DIR/more-bundle.json`,
    )
    expect(await install('more-bundle.json')).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('NOT_ALLOWED at /people: a new root changes') },
    })
    await ceremony.done(`authority assemble ${key} --out DIR/same-root.json`)
    expect(await install('same-root.json')).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('AUTHORITY_ROLLBACK at /root/version') },
    })
  })

  it('while cases that were open go on being provable', async () => {
    cases.during = await open('nhi_ledger')
    await installation.sign(ceremony.at('log/key_log.pem'))
    expect(await verdict(cases.before)).toBe('VERIFIED')
    expect(await verdict(cases.during)).toBe('VERIFIED')
  })
})

describe('the key of the log is replaced', () => {
  const KEYS = { people: 'DIR/people/key_people-2.json', log: 'DIR/log/key_log-2.json' }

  it('only once the old one has signed all that there is', async () => {
    await ceremony.done('root key DIR/log/key_log-2.pem')
    await ceremony.done(
      `root draft --after DIR/root-2.json ${DORA} ${rootOf(KEYS)} --out DIR/root-3.json`,
    )
    await ceremony.done(`root sign DIR/root-3.json ${CLEO} --yes`)
    await ceremony.done(
      'authority assemble --after DIR/bundle-2.json --root DIR/root-3.json --key DIR/people/key_people-2.pem --trust DIR/trust.json --out DIR/bundle-3.json',
    )
    cases.between = await open('nhi_vault')
    expect(await install('bundle-3.json')).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('NOT_DUE at /root/log') },
    })
    await installation.sign(ceremony.at('log/key_log.pem'))
    expect(await install('bundle-3.json')).toMatchObject({ code: 0 })
  })

  it('and packets of both times verify, each under the key of its time', async () => {
    cases.after = await open('nhi_intake')
    await installation.sign(ceremony.at('log/key_log-2.pem'))
    for (const caseId of Object.values(cases)) expect(await verdict(caseId)).toBe('VERIFIED')
    const heads = (caseId: string) =>
      installation.packetOf(caseId).then(async (bytes) => {
        await writeFile(ceremony.at('h.zip'), bytes)
        return /^log: (\S+)$/m.exec(
          (await countersign('verify DIR/h.zip --trust DIR/trust.json')).out,
        )
      })
    expect((await heads(cases.before))?.[1]).not.toBe((await heads(cases.after))?.[1])
  })
})

describe('an officer is replaced', () => {
  const KEYS = { people: 'DIR/people/key_people-2.json', log: 'DIR/log/key_log-2.json' }
  const EVE = '--key DIR/eve/key_root-eve.pem'
  const BUNDLE =
    '--after DIR/bundle-3.json --root DIR/root-4.json --key DIR/people/key_people-2.pem'

  it('by a root that both thresholds signed, so that old and new trust files believe it', async () => {
    await ceremony.done('root key DIR/eve/key_root-eve.pem')
    await ceremony.done(
      'root trust --enterprise ent_bank --root-key DIR/cleo/key_root-cleo.json DIR/eve/key_root-eve.json --minimum-root-version 4 --out DIR/trust-2.json',
    )
    await ceremony.done(
      `root draft --after DIR/root-3.json ${EVE} ${rootOf(KEYS)} --out DIR/root-4.json`,
    )
    await ceremony.done(`root sign DIR/root-4.json ${CLEO} --yes`)
    expect(await assemble(`${BUNDLE} --out DIR/early.json`)).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('signed by 1 of 2') },
    })
    await ceremony.done(`root sign DIR/root-4.json ${DORA} --yes`)
    expect(await assemble(`${BUNDLE} --out DIR/bundle-4.json`)).toMatchObject({ code: 0 })
    expect(await assemble(`${BUNDLE} --out DIR/both.json`, 'trust-2.json')).toMatchObject({
      code: 0,
    })
    expect(await install('bundle-4.json')).toMatchObject({ code: 0 })
  })

  it('and the new trust file believes what comes after, and no root of before', async () => {
    const caseId = await open('nhi_spare', 'trust-2.json')
    await installation.sign(ceremony.at('log/key_log-2.pem'))
    expect(await verdict(caseId, 'trust-2.json')).toBe('VERIFIED')
    expect(await verdict(caseId)).toBe('VERIFIED')
    expect(await verdict(cases.after, 'trust-2.json')).toBe('NOT VERIFIED')
    expect(await verdict(cases.after)).toBe('VERIFIED')
  })

  it('and from then on the one who left signs no root together with one who stayed', async () => {
    await ceremony.done(
      `root draft --after DIR/root-4.json ${DORA} ${rootOf(KEYS)} --out DIR/root-5.json`,
    )
    await ceremony.done(`root sign DIR/root-5.json ${CLEO} --yes`)
    const stolen = BUNDLE.replace('bundle-3', 'bundle-4').replace('root-4', 'root-5')
    expect(await assemble(`${stolen} --out DIR/stolen.json`, 'trust-2.json')).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('signed by 1 of 2') },
    })
  })
})

describe('after all of it', () => {
  it('the whole store is found to be what was signed, by each key in its time', async () => {
    vi.stubEnv('COUNTERSIGN_TRUST', ceremony.at('trust.json'))
    const { code, out } = await countersign('fsck')
    expect(out).toMatch(/^CLEAN /)
    expect(code).toBe(0)
  })
})
