/** Each outcome has one name; whoever owns and is not there leaves a gap that is listed. */
import { describe, expect, it } from 'vitest'
import {
  kindsFor,
  ownershipGaps,
  responsibilities,
} from '../../src/domain/review/responsibility.js'
import { anAuthority } from '../support/authority.js'

const { authority } = anAuthority()

describe('responsibilities', () => {
  it('name one owner for each outcome, however many partners share the work', () => {
    const all = responsibilities(authority)
    expect(all).toHaveLength(6)
    expect(all.find(({ outcome }) => outcome === 'rotation')).toMatchObject({
      ...{ ownerId: 'per_ben', partners: ['com_acme', 'com_zeta'] },
    })
    expect(kindsFor('incidents')).toContain('contain')
  })
})

describe('an ownership gap', () => {
  it('is nothing while everybody is there', () => {
    expect(ownershipGaps(authority, new Set())).toEqual([])
  })

  it('is listed for each identity and outcome of somebody disabled', () => {
    const { authority: without } = anAuthority({
      change: {
        people: (section) => ({
          ...section,
          persons: section.persons.map((person) =>
            person.personId === 'per_ben' ? { ...person, status: 'disabled' as const } : person,
          ),
        }),
      },
    })
    expect(ownershipGaps(without, new Set())).toEqual(
      ['provisioning', 'deprovisioning', 'rotation', 'recertification'].map((outcome) => ({
        ...{ of: `obj_access ${outcome}`, ownerId: 'per_ben', because: 'disabled' },
      })),
    )
  })

  it('is listed, and believed by nothing, for somebody who is only reported gone', () => {
    const gaps = ownershipGaps(authority, new Set(['per_ana']))
    expect(gaps).toContainEqual({
      ...{ of: 'nhi_billing', ownerId: 'per_ana', because: 'reported gone' },
    })
    expect(gaps).toHaveLength(5)
  })
})
