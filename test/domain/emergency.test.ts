/** What unreviewed uses of emergency access do to the next one, and where they stop. */
import { describe, expect, it } from 'vitest'
import { termsOf } from '../../src/domain/admission/opening.js'
import { identityScope } from '../../src/domain/authority/matter.js'
import { type EmergencyUse, unreviewed } from '../../src/domain/policy/emergency.js'
import { requirementToday } from '../../src/domain/policy/requirements.js'
import { isRefusal } from '../../src/domain/refusal.js'
import type { CaseOpened } from '../../src/domain/shapes/event.js'
import { packHash, parsePack, readPack } from '../../src/packs/load.js'
import { AT, anAuthority, DEFAULT_PACK, must, type TestPerson } from '../support/authority.js'

const { files } = readPack(DEFAULT_PACK)
const PACKED = { pack: must(parsePack(files)), packHash: packHash(files) }
const ULID = '0'.repeat(26)
/** ana owns it, cleo is on duty, dora is an officer: three who answer for it. */
const { authority } = anAuthority({
  change: {
    ownership: (section) => ({
      ...section,
      identities: section.identities.map((identity) => ({ ...identity, custodian: null })),
    }),
  },
})

function openedBy(personId: TestPerson): CaseOpened {
  const asked = {
    ...{ kind: 'break-glass' as const, reference: 'INC-9', recipient: 'cns_ledger' },
    until: '2026-06-01T13:00:00.000Z',
  }
  const scope = identityScope('nhi_ledger')
  const requester = { kind: 'enterprise' as const, companyId: 'com_bank', personId }
  const request = { asked, scope, change: 'emergency' as const, requester }
  const { version, hash } = authority
  return {
    ...{ type: 'CaseOpened', caseId: `break-glass:com_bank:nhi_ledger:${ULID}`, asked },
    ...must(termsOf({ authority, ...PACKED, at: AT, request })),
    ...{ requester: { ...requester, changeReference: null }, change: 'emergency' },
    authority: { version, hash },
  }
}

const used = (n: number, askedBy: TestPerson, approvedBy: TestPerson[]): EmergencyUse => ({
  used: {
    ...{ type: 'EmergencyUsed', caseId: `break-glass:com_bank:nhi_x:${n}${ULID.slice(1)}` },
    ...{ identityId: 'nhi_x', grantId: ULID, askedBy, approvedBy },
    attestation: { keyid: 'key_connector', sig: '' },
  },
  ...{ at: AT, settled: 'no' },
})

const opening = (by: TestPerson, uses: readonly EmergencyUse[], at = AT) =>
  requirementToday({
    ...{ opened: openedBy(by), stepId: 'open', authority, ...PACKED, at, involved: [], uses },
    askedAt: AT,
  })

/** Who may sign, how many have to, and what gave way. */
function asked(answer: ReturnType<typeof opening>) {
  if (isRefusal(answer)) return answer.refused
  const { requirement, rules } = answer
  const persons = requirement.groups.flatMap((group) => group.persons)
  return { persons, quorum: requirement.quorum, rules: rules.slice(1) }
}

describe('the opening of emergency access', () => {
  it('asks for what the policy says when every use was reviewed', () => {
    const settled = { ...used(1, 'per_cleo', ['per_dora']), settled: 'yes' as const }
    expect(asked(opening('per_ana', [settled]))).toEqual({
      ...{ persons: ['per_cleo', 'per_dora'], quorum: 1, rules: [] },
    })
  })

  it('keeps the base quorum where the raised one cannot be reached, and says so', () => {
    // Out are ben and cleo; with ana asking, dora alone is left.
    expect(asked(opening('per_ana', [used(1, 'per_ben', ['per_cleo'])]))).toEqual({
      ...{ persons: ['per_dora'], quorum: 1 },
      rules: ['unreviewed-uses:1', 'last-way-out:base-quorum'],
    })
  })

  it('keeps nobody out where nobody would be left, and raises the quorum as far as those can reach it', () => {
    expect(asked(opening('per_ana', [used(1, 'per_cleo', ['per_dora'])]))).toEqual({
      ...{ persons: ['per_cleo', 'per_dora'], quorum: 2 },
      rules: ['unreviewed-uses:1', 'quorum-raised-by:1', 'last-way-out:nobody-kept-out'],
    })
    const many = [used(1, 'per_cleo', ['per_dora']), used(2, 'per_dora', ['per_cleo'])]
    expect(asked(opening('per_ana', many))).toEqual({
      ...{ persons: ['per_cleo', 'per_dora'], quorum: 1 },
      rules: [...['unreviewed-uses:2', 'last-way-out:base-quorum', 'last-way-out:nobody-kept-out']],
    })
  })

  it('refuses who owes a review, unless everybody who could ask instead does too', () => {
    expect(asked(opening('per_ana', [used(1, 'per_ana', ['per_cleo'])]))).toBe('NOT_ALLOWED')
    const all = [used(1, 'per_ana', ['per_cleo', 'per_dora'])]
    expect(asked(opening('per_ana', all))).toMatchObject({
      rules: expect.arrayContaining(['last-way-out:asker', 'last-way-out:nobody-kept-out']),
    })
  })

  it('refuses when its time is over', () => {
    expect(asked(opening('per_ana', [], '2026-06-01T13:00:00.000Z'))).toBe('TOO_LATE')
  })
})

describe('an unreviewed use', () => {
  it('counts for other cases, and for as long as the policy says', () => {
    const use = used(1, 'per_ana', ['per_ben'])
    const of = { besides: '', at: AT, countsForMs: 1000 }
    expect(unreviewed([use], of)).toEqual({ count: 1, persons: ['per_ana', 'per_ben'] })
    expect(unreviewed([use], { ...of, besides: use.used.caseId }).count).toBe(0)
    expect(unreviewed([use], { ...of, at: '2026-06-01T12:00:01.001Z' }).count).toBe(0)
  })
})
