/** A partner names its claim key itself; that name takes nothing from a person of the enterprise. */
import { expect, it } from 'vitest'
import { judgeFence } from '../../src/domain/rights/fence.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { anAuthority } from '../support/authority.js'
import { signFence } from '../support/people.js'

it('a fence is raised by a duty person whose key a partner named its own after', () => {
  const { keys } = anAuthority()
  const { keyId } = keys.persons.per_cleo
  const { authority } = anAuthority({
    ...{ keys, version: 2 },
    change: {
      people: (section) => ({
        ...section,
        companies: section.companies.map((company) => ({
          ...company,
          claimKeys: company.claimKeys.map((key) => ({ ...key, keyId })),
        })),
      }),
    },
  })
  const scope = { kind: 'partner', id: 'com_acme' } as const
  const envelope = signFence(keys, { person: 'per_cleo', scope, speed: 'cut' })
  const at = new Date().toISOString()
  expect(judgeFence({ envelope, authority, verify: nodeVerify, at })).toMatchObject({ scope })
})
