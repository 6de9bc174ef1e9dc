/** TWO: an `issue` gate that asks two persons. `changed`: the usual people with one change, as believed tomorrow. */
import { anAuthority } from './authority.js'
import { CAST } from './given.js'

export const TWO = {
  issue: {
    groups: [
      { name: 'identity-owner', persons: ['per_ana'], need: 1 },
      { name: 'objective-owner', persons: ['per_ben'], need: 1 },
    ],
    quorum: 2,
  },
}

type People = NonNullable<NonNullable<Parameters<typeof anAuthority>[0]>['change']>['people']
/** The same people with the same keys, but for this change: what is believed tomorrow. */
export const changed = (people: NonNullable<People>) =>
  anAuthority({ keys: CAST.keys, version: 2, change: { people } }).authority
