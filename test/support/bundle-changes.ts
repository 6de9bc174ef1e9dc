/** What the next authority bundle may say otherwise than the one of anAuthority. */
import { type aKey, type Overrides, SPAN, type TestPerson } from './authority.js'

export type Change = NonNullable<Overrides['change']>

/** Nothing of tier 0, so that keys suffice. */
export const ordinary: NonNullable<Change['ownership']> = (section) => ({
  ...section,
  identities: section.identities.map((item) => ({ ...item, tier: 'tier1' as const })),
})

/** nhi_reports passes from per_ana to per_cleo. */
export const handOver: NonNullable<Change['ownership']> = (section) => ({
  ...ordinary(section),
  identities: ordinary(section).identities.map((item) =>
    item.identityId === 'nhi_reports' ? { ...item, ownerId: 'per_cleo' } : item,
  ),
})

/** The person gets this key. */
export const withKey =
  (personId: TestPerson, key: ReturnType<typeof aKey>): NonNullable<Change['people']> =>
  (section) => ({
    ...section,
    persons: section.persons.map((person) =>
      person.personId === personId
        ? {
            ...person,
            keys: [
              ...person.keys,
              {
                ...{ keyId: key.keyId, alg: key.alg, publicKey: key.publicKey, ...SPAN },
                ...{ revokedAt: null, assurance: 'key' as const, relyingParty: null },
              },
            ],
          }
        : person,
    ),
  })

/** Every key of the person is revoked. */
export const without =
  (personId: TestPerson): NonNullable<Change['people']> =>
  (section) => ({
    ...section,
    persons: section.persons.map((person) =>
      person.personId === personId
        ? {
            ...person,
            keys: person.keys.map((key) => ({ ...key, revokedAt: '2026-01-01T00:00:00.000Z' })),
          }
        : person,
    ),
  })
