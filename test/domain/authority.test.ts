/** verifyAuthority: nothing is believed that was not signed down from the root, for this purpose, in force now. */
import { describe, expect, it } from 'vitest'
import { type Authority, verifyAuthority } from '../../src/domain/authority/authority.js'
import { digestOf } from '../../src/domain/bytes/digest.js'
import { isRefusal, type Refusal } from '../../src/domain/refusal.js'
import type { AuthorityBundle, SectionName, Trust } from '../../src/domain/shapes/authority.js'
import type { Envelope, PayloadKind } from '../../src/domain/shapes/envelope.js'
import { decodePayload } from '../../src/domain/signed/envelope.js'
import { addSignature, signEnvelope } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import {
  AT,
  acknowledge,
  aKey,
  anAuthority,
  must,
  SPAN,
  type TestKey,
} from '../support/authority.js'
import { CAST, HOUR, shifted } from '../support/given.js'

const { bundle, trust, keys } = CAST
const verified = (change: { bundle?: AuthorityBundle; trust?: Partial<Trust>; at?: string } = {}) =>
  verifyAuthority({
    bundle: change.bundle ?? bundle,
    trust: { ...trust, ...change.trust },
    verify: nodeVerify,
    at: change.at ?? AT,
  })
const code = (answer: Authority | Refusal) => (isRefusal(answer) ? answer.refused : 'believed')
const place = (answer: Authority | Refusal) => (isRefusal(answer) ? answer.where : '')

const payloadOf = (envelope: Envelope): Record<string, unknown> =>
  JSON.parse(Buffer.from(must(decodePayload(envelope))).toString('utf8'))
const hashOf = (envelope: Envelope) => digestOf(must(decodePayload(envelope)))
const sign = (kind: PayloadKind, payload: unknown, key: TestKey = keys.signer) =>
  signEnvelope({ kind, payload, keyId: key.keyId, signer: key.signer })

/** The bundle with its root, manifest or a section saying something else, signed again all the way. */
function saying(change: {
  root?: object
  manifest?: object
  section?: { name: SectionName; body: object; key?: TestKey }
  manifestKey?: TestKey
}): AuthorityBundle {
  const root = sign('root', { ...payloadOf(bundle.root), ...change.root }, keys.root)
  const { section } = change
  const sections = { ...bundle.sections }
  if (section !== undefined) {
    const body = { ...payloadOf(bundle.sections[section.name]), ...section.body }
    sections[section.name] = sign('section', body, section.key)
  }
  const hashes = Object.fromEntries(
    Object.entries(sections).map(([name, envelope]) => [name, hashOf(envelope)]),
  )
  const manifest = {
    ...payloadOf(bundle.manifest),
    ...{ rootHash: hashOf(root), sections: hashes },
    ...change.manifest,
  }
  return { ...bundle, root, sections, manifest: sign('manifest', manifest, change.manifestKey) }
}

const publicPart = ({ keyId, alg, publicKey }: TestKey) => ({ keyId, alg, publicKey })

describe('the root', () => {
  it('is believed when the configured keys signed it', () => {
    expect(code(verified())).toBe('believed')
  })

  it('needs as many distinct keys as the threshold says', () => {
    const second = aKey('key_root-2')
    const both = { rootKeys: [publicPart(keys.root), publicPart(second)], threshold: 2 }
    expect([code(verified({ trust: both })), place(verified({ trust: both }))]).toEqual([
      ...['AUTHORITY_INVALID', '/root'],
    ])
    const root = addSignature({ envelope: bundle.root, ...second })
    expect(code(verified({ trust: both, bundle: { ...bundle, root } }))).toBe('believed')
  })

  it('does not count one key twice, under one name or under two', () => {
    const [first] = bundle.root.signatures
    const twice = first === undefined ? [] : [first, first]
    const root = { ...bundle.root, signatures: twice }
    const two = { threshold: 2, rootKeys: [publicPart(keys.root)] }
    expect(code(verified({ trust: two, bundle: { ...bundle, root } }))).toBe('AUTHORITY_INVALID')
    const alias = { ...keys.root, keyId: 'key_root-again' }
    const aliased = addSignature({ envelope: bundle.root, ...alias })
    const rootKeys = [publicPart(keys.root), publicPart(alias)]
    const answer = verified({
      trust: { threshold: 2, rootKeys },
      bundle: { ...bundle, root: aliased },
    })
    expect(code(answer)).toBe('AUTHORITY_INVALID')
  })

  it('signed by a key that is not configured is refused', () => {
    const root = sign('root', payloadOf(bundle.root), { ...keys.signer, keyId: keys.root.keyId })
    expect(code(verified({ bundle: { ...bundle, root } }))).toBe('AUTHORITY_INVALID')
  })

  it('of another enterprise is refused', () => {
    expect(code(verified({ trust: { enterprise: 'ent_other' } }))).toBe('WRONG_ENTERPRISE')
  })

  it('older than the configured minimum is refused', () => {
    expect(place(verified({ trust: { minimumRootVersion: 2 } }))).toBe('/root/version')
    expect(code(verified({ trust: { minimumRootVersion: 2 } }))).toBe('AUTHORITY_ROLLBACK')
  })

  it('is refused from the instant of its expiry', () => {
    const short = saying({ root: { expiresAt: shifted(AT, HOUR) } })
    expect(code(verified({ bundle: short, at: shifted(AT, HOUR - 1) }))).toBe('believed')
    expect(code(verified({ bundle: short, at: shifted(AT, HOUR) }))).toBe('AUTHORITY_EXPIRED')
  })
})

describe('the manifest', () => {
  it('older than the configured minimum is refused', () => {
    const answer = verified({ trust: { minimumBundleVersion: 2 } })
    expect([code(answer), place(answer)]).toEqual(['AUTHORITY_ROLLBACK', '/manifest/version'])
  })

  it('is refused from the instant of its expiry', () => {
    const short = saying({ manifest: { expiresAt: shifted(AT, HOUR) } })
    expect(code(verified({ bundle: short, at: shifted(AT, HOUR - 1) }))).toBe('believed')
    expect(code(verified({ bundle: short, at: shifted(AT, HOUR) }))).toBe('AUTHORITY_EXPIRED')
  })

  it('for another root or of another enterprise is refused', () => {
    const other = saying({ manifest: { rootHash: hashOf(bundle.manifest) } })
    expect(place(verified({ bundle: other }))).toBe('/manifest/rootHash')
    const foreign = saying({ manifest: { enterprise: 'ent_other' } })
    expect(code(verified({ bundle: foreign }))).toBe('WRONG_ENTERPRISE')
  })

  it('is not taken from a section, nor a section from a manifest', () => {
    const manifest = bundle.sections.people
    expect(code(verified({ bundle: { ...bundle, manifest } }))).toBe('AUTHORITY_INVALID')
  })
})

describe('the sections', () => {
  it('list the identities of a large enterprise, and no more than four mebibytes', () => {
    const listing = (count: number) =>
      anAuthority({
        change: {
          ownership: (section) => ({
            ...section,
            identities: Array.from({ length: count }, (_, index) => ({
              ...section.identities[0],
              identityId: `nhi_${index}`,
              group: `group_${index}`,
              credentials: [`of_${index}_a`, `of_${index}_b`],
            })) as typeof section.identities,
          }),
        },
      }).authority.identities.size
    expect(listing(6000)).toBe(6000)
    expect(() => listing(12_000)).toThrow('TOO_LARGE')
  })

  it('of two versions do not mix', () => {
    const change = { ownership: (section: Body) => ({ ...section, identities: [] }) }
    const next = anAuthority({ keys, version: 2, change })
    for (const name of ['people', 'ownership', 'contracts', 'policy'] as const) {
      const sections = { ...next.bundle.sections, [name]: bundle.sections[name] }
      const answer = verified({ bundle: { ...next.bundle, sections } })
      const same = hashOf(next.bundle.sections[name]) === hashOf(bundle.sections[name])
      expect([name, code(answer)]).toEqual([name, same ? 'believed' : 'AUTHORITY_INVALID'])
    }
    const ownership = bundle.sections.ownership
    const mixed = { ...next.bundle, sections: { ...next.bundle.sections, ownership } }
    expect(place(verified({ bundle: mixed }))).toBe('/ownership')
  })

  it('do not stand in for one another', () => {
    const sections = { ...bundle.sections, people: bundle.sections.policy }
    expect(code(verified({ bundle: { ...bundle, sections } }))).toBe('AUTHORITY_INVALID')
    const swapped = saying({ section: { name: 'people', body: payloadOf(bundle.sections.policy) } })
    expect(code(verified({ bundle: swapped }))).toBe('AUTHORITY_INVALID')
  })

  it('of another enterprise are refused', () => {
    const foreign = saying({ section: { name: 'policy', body: { enterprise: 'ent_other' } } })
    expect(place(verified({ bundle: foreign }))).toBe('/policy/enterprise')
  })

  it('with a field that nobody defined are refused', () => {
    const extra = saying({ section: { name: 'policy', body: { trusted: 'yes' } } })
    expect(place(verified({ bundle: extra }))).toBe('/policy')
  })
})
type Body = Parameters<
  NonNullable<NonNullable<NonNullable<Parameters<typeof anAuthority>[0]>['change']>['ownership']>
>[0]

describe('a signer', () => {
  const clerk = aKey('key_clerk')
  const withClerk = (signer: object) => ({
    signers: [
      ...(payloadOf(bundle.root).signers as object[]),
      { ...publicPart(clerk), scopes: ['policy'], ...SPAN, ...signer },
    ],
  })
  const signsSection = (name: SectionName, signer: object = {}, at = AT) =>
    verified({
      bundle: saying({ root: withClerk(signer), section: { name, body: {}, key: clerk } }),
      at,
    })

  it('signs the sections of its scope', () => {
    expect(code(signsSection('policy'))).toBe('believed')
  })

  it('signs nothing outside its scope: neither another section nor the manifest', () => {
    for (const name of ['people', 'ownership', 'contracts'] as const)
      expect(place(signsSection(name))).toBe(`/${name}`)
    const manifest = saying({ root: withClerk({}), manifestKey: clerk })
    expect(place(verified({ bundle: manifest }))).toBe('/manifest')
  })

  it('signs nothing before or after its delegation', () => {
    const span = { notBefore: AT, notAfter: shifted(AT, HOUR) }
    const at = (ms: number) => code(signsSection('policy', span, shifted(AT, ms)))
    expect([at(-1), at(0), at(HOUR - 1), at(HOUR)]).toEqual([
      ...['AUTHORITY_INVALID', 'believed', 'believed', 'AUTHORITY_INVALID'],
    ])
  })

  it('ends what it signed: the authority expires with the delegation', () => {
    const until = shifted(AT, HOUR)
    expect(signsSection('policy', { notAfter: until })).toMatchObject({ expiresAt: until })
    expect(verified()).toMatchObject({ expiresAt: SPAN.notAfter })
  })

  it('says since when what it signed holds: nothing is signed before its last delegation', () => {
    const since = shifted(AT, -HOUR)
    expect(signsSection('policy', { notBefore: since })).toMatchObject({ signedFrom: since })
    expect(verified()).toMatchObject({ signedFrom: SPAN.notBefore })
  })

  it('that the root does not name signs nothing', () => {
    const stranger = saying({ section: { name: 'policy', body: {}, key: aKey('key_stranger') } })
    expect(place(verified({ bundle: stranger }))).toBe('/policy')
  })
})

describe('what the sections say', () => {
  const people = (change: (persons: Person[]) => unknown[]) =>
    saying({
      section: {
        name: 'people',
        body: { persons: change(payloadOf(bundle.sections.people).persons as Person[]) },
      },
    })
  interface Person {
    personId: string
    keys: { keyId: string }[]
  }

  it('enrols every key once, for one person', () => {
    const [ana] = payloadOf(bundle.sections.people).persons as Person[]
    const shared = people((persons) =>
      persons.map((person) => ({ ...person, keys: [...(ana?.keys ?? [])] })),
    )
    expect(place(verified({ bundle: shared }))).toBe('/people/persons')
    const renamed = people((persons) =>
      persons.map((person, index) =>
        index === 1
          ? {
              ...person,
              keys: (ana?.keys ?? []).map((key) => ({ ...key, keyId: `${key.keyId}-2` })),
            }
          : person,
      ),
    )
    expect(code(verified({ bundle: renamed }))).toBe('AUTHORITY_INVALID')
  })

  it('names every id once', () => {
    const twice = people((persons) => [...persons, { ...persons[0], keys: [] }])
    expect(place(verified({ bundle: twice }))).toBe('/sections')
    const lists = [
      ['people', 'companies'],
      ['ownership', 'systems'],
      ['ownership', 'objectives'],
      ['ownership', 'identities'],
    ] as const
    for (const [name, list] of lists) {
      const items = payloadOf(bundle.sections[name])[list] as unknown[]
      const doubled = saying({ section: { name, body: { [list]: [...items, items[0]] } } })
      expect([list, place(verified({ bundle: doubled }))]).toEqual([list, '/sections'])
    }
  })

  const acknowledged = (envelope: Envelope | null, revokedAt: string | null = null) =>
    anAuthority({
      keys,
      change: {
        contracts: (section) => ({
          ...section,
          contracts: section.contracts.map((one) => ({ ...one, acknowledgement: envelope })),
        }),
        people: (section) => ({
          ...section,
          companies: section.companies.map((company) => ({
            ...company,
            claimKeys: company.claimKeys.map((key) => ({ ...key, revokedAt })),
          })),
        }),
      },
    }).authority.acknowledged
  const good = { contractId: 'con_acme', companyId: 'com_acme', key: keys.claims.com_acme }

  it('counts an acknowledgement only of this contract, by its own partner', () => {
    expect([...acknowledged(acknowledge(good))]).toEqual(['con_acme'])
    for (const bad of [
      null,
      acknowledge({ ...good, contractId: 'con_other' }),
      acknowledge({ ...good, companyId: 'com_zeta' }),
      acknowledge({ ...good, key: { ...keys.persons.per_ana, keyId: 'key_acme-claims' } }),
      acknowledge({ ...good, key: keys.persons.per_ana }),
    ])
      expect([...acknowledged(bad)]).toEqual([])
  })

  it('counts no acknowledgement by a key that was revoked by then', () => {
    expect([...acknowledged(acknowledge(good), SPAN.notBefore)]).toEqual([])
    expect([...acknowledged(acknowledge(good), AT)]).toEqual(['con_acme'])
  })
})
