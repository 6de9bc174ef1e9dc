import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { satisfied, unfilledGroup } from '../../src/domain/policy/quorum.js'
import { anyRequirement, anyVotes, aRequirement, bruteForce } from '../support/requirement.js'

const owners = [
  { name: 'identity-owner', persons: ['per_ana', 'per_ben'], need: 1 },
  { name: 'objective-owner', persons: ['per_ana'], need: 1 },
]

describe('counting votes', () => {
  it('counts a person once, however often the person votes', () => {
    const requirement = aRequirement({
      groups: [{ name: 'identity-owner', persons: ['per_ana', 'per_ben'], need: 2 }],
      quorum: 2,
    })
    expect(satisfied({ requirement, votes: ['per_ana', 'per_ana', 'per_ana'] })).toBe(false)
    expect(satisfied({ requirement, votes: ['per_ana', 'per_ben'] })).toBe(true)
  })

  it('never lets one person fill two roles', () => {
    const requirement = aRequirement({ groups: owners, quorum: 2 })
    expect(satisfied({ requirement, votes: ['per_ana'] })).toBe(false)
  })

  it('moves a person to the other role when that lets somebody else in', () => {
    const requirement = aRequirement({ groups: owners, quorum: 2 })
    expect(satisfied({ requirement, votes: ['per_ana', 'per_ben'] })).toBe(true)
    expect(satisfied({ requirement, votes: ['per_ben', 'per_ana'] })).toBe(true)
  })

  it('counts a delegate as the person who delegated: two envelopes of one voter are one vote', () => {
    const requirement = aRequirement({ groups: owners, quorum: 2 })
    expect(satisfied({ requirement, votes: ['per_ben', 'per_ben'] })).toBe(false)
  })

  it('does not count a stranger to the quorum', () => {
    const requirement = aRequirement({ quorum: 2 })
    expect(satisfied({ requirement, votes: ['per_ana', 'per_stranger'] })).toBe(false)
  })

  it('counts a member of a group that is already full to the quorum', () => {
    const requirement = aRequirement({ groups: owners, quorum: 3 })
    expect(satisfied({ requirement, votes: ['per_ana', 'per_ben'] })).toBe(false)
    const [first, second] = owners
    const wider = {
      name: 'identity-owner',
      persons: [...(first?.persons ?? []), 'per_cleo'],
      need: 1,
    }
    const groups = [wider, ...(second === undefined ? [] : [second])]
    const votes = ['per_ana', 'per_ben', 'per_cleo']
    expect(satisfied({ requirement: aRequirement({ groups, quorum: 3 }), votes })).toBe(true)
  })

  it('names a group that stays short', () => {
    expect(unfilledGroup({ groups: owners, persons: ['per_ben'] })?.name).toBe('objective-owner')
    expect(unfilledGroup({ groups: owners, persons: ['per_ana', 'per_ben'] })).toBeNull()
  })

  test.prop([anyRequirement, anyVotes])(
    'says the same as trying every assignment',
    (requirement, votes) => {
      expect(satisfied({ requirement, votes })).toBe(bruteForce(requirement, votes))
    },
  )

  test.prop([anyRequirement, anyVotes])(
    'does not depend on the order of votes',
    (requirement, votes) => {
      expect(satisfied({ requirement, votes: votes.toReversed() })).toBe(
        satisfied({ requirement, votes }),
      )
    },
  )
})

describe('a malformed requirement', () => {
  const counts = fc.constantFrom(0, -1, -0, 0.5, Number.NaN, Infinity, -Infinity, 2 ** 60)
  const votes = ['per_ana', 'per_ben', 'per_cleo']

  test.prop([counts])('is satisfied by nothing when its quorum is %s', (quorum) => {
    expect(satisfied({ requirement: aRequirement({ quorum }), votes })).toBe(false)
  })

  test.prop([counts])('is satisfied by nothing when a need is %s', (need) => {
    const groups = [{ name: 'identity-owner', persons: ['per_ana'], need }]
    expect(satisfied({ requirement: aRequirement({ groups }), votes })).toBe(false)
  })

  it('is satisfied by nothing without groups, with an empty group, or with one group named twice', () => {
    const group = { name: 'identity-owner', persons: ['per_ana', 'per_ben'], need: 1 }
    const wrong = [[], [{ ...group, persons: [] }], [group, group]]
    for (const groups of wrong)
      expect(satisfied({ requirement: aRequirement({ groups }), votes })).toBe(false)
  })

  const hostile = fc.array(
    fc.record({
      name: fc.constantFrom('x', 'y'),
      persons: fc.array(fc.constantFrom('per_a', 'per_b')),
      need: fc.oneof(fc.integer(), fc.double()),
    }),
  )
  test.prop([hostile, fc.oneof(fc.integer(), fc.double()), fc.array(fc.constant('per_stranger'))])(
    'is never satisfied without one vote of a member',
    (groups, quorum, strangers) => {
      const requirement = aRequirement({ groups, quorum })
      expect(satisfied({ requirement, votes: [] })).toBe(false)
      expect(satisfied({ requirement, votes: strangers })).toBe(false)
    },
  )

  it('lists a person twice in a group without making two of them', () => {
    const groups = [{ name: 'identity-owner', persons: ['per_ana', 'per_ana'], need: 2 }]
    expect(satisfied({ requirement: aRequirement({ groups, quorum: 2 }), votes })).toBe(false)
  })
})
