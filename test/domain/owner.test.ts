import { describe, expect, it } from 'vitest'
import { admitRequest, type CaseRequest } from '../../src/domain/admission/owner.js'
import { identityScope } from '../../src/domain/authority/matter.js'
import type { Clause, Contract, Identity, Person } from '../../src/domain/shapes/authority.js'
import { AT, anAuthority, must, type Overrides, SPAN, someKeys } from '../support/authority.js'

const keys = someKeys()
const byAcme = { kind: 'partner', companyId: 'com_acme', personId: null } as const

const ask = (change: NonNullable<Overrides['change']> = {}, request: Partial<CaseRequest> = {}) =>
  admitRequest({
    authority: anAuthority({ keys, change }).authority,
    request: { kind: 'rotate', scope: identityScope('nhi_billing'), requester: byAcme, ...request },
    at: AT,
  })

const people = (personId: string, edit: Partial<Person>): NonNullable<Overrides['change']> => ({
  people: (section) => ({
    ...section,
    persons: section.persons.map((item) =>
      item.personId === personId ? { ...item, ...edit } : item,
    ),
  }),
})
const identities = (edit: Partial<Identity>): NonNullable<Overrides['change']> => ({
  ownership: (section) => ({
    ...section,
    identities: section.identities.map((item) => ({ ...item, ...edit })),
  }),
})
const contracts = (edit: (contract: Contract) => Contract): NonNullable<Overrides['change']> => ({
  contracts: (section) => ({ ...section, contracts: section.contracts.map(edit) }),
})
const clauses = (edit: Partial<Clause>) =>
  contracts((contract) => ({
    ...contract,
    clauses: contract.clauses.map((clause) => ({ ...clause, ...edit })),
  }))
const later = '2098-01-01T00:00:00.000Z'

describe('a request that is admitted', () => {
  it('maps the identity to one owner, one objective, one clause and the custodian as executor', () => {
    const admitted = must(ask())
    expect(admitted.matter.ownerId).toBe('per_ana')
    expect(admitted.matter.objectiveId).toBe('obj_access')
    expect(admitted.contract).toEqual({ contractId: 'con_acme', clauseId: '4.2' })
    expect(admitted.executorCompany).toBe('com_acme')
  })

  it('may come from the enterprise for what a partner executes', () => {
    const requester = { kind: 'enterprise', companyId: 'com_bank', personId: 'per_cleo' } as const
    expect(must(ask({}, { requester })).executorCompany).toBe('com_acme')
  })

  it('takes the clause that covers it, wherever it stands', () => {
    const two = contracts((contract) => ({
      ...contract,
      clauses: contract.clauses.flatMap((clause) => [
        { ...clause, clauseId: '1.0', identities: ['nhi_ledger'] },
        clause,
      ]),
    }))
    expect(must(ask(two)).contract?.clauseId).toBe('4.2')
  })
})

describe('who may ask', () => {
  it('says of a foreign identity exactly what it says of a missing one', () => {
    const foreign = ask({}, { scope: identityScope('nhi_reports') })
    expect(foreign).toMatchObject({ refused: 'IDENTITY_UNKNOWN' })
    expect(foreign).toEqual(ask({}, { scope: identityScope('nhi_missing') }))
  })

  it('says so before it says anything about the foreign identity', () => {
    expect(
      ask(identities({ ownerId: 'per_nobody' }), { scope: identityScope('nhi_reports') }),
    ).toMatchObject({
      refused: 'IDENTITY_UNKNOWN',
    })
  })

  it('refuses a partner that calls itself the enterprise', () => {
    const requester = { ...byAcme, kind: 'enterprise' } as const
    expect(ask({}, { requester })).toMatchObject({ refused: 'NOT_ALLOWED' })
  })

  it('refuses a person of another company, and one who is disabled', () => {
    const requester = { kind: 'enterprise', companyId: 'com_bank', personId: 'per_zed' } as const
    expect(ask({}, { requester })).toMatchObject({ refused: 'NOT_ALLOWED' })
    const disabled = people('per_cleo', { status: 'disabled' })
    const cleo = { ...requester, personId: 'per_cleo' }
    expect(ask(disabled, { requester: cleo })).toMatchObject({ refused: 'NOT_ALLOWED' })
  })
})

describe('ownership', () => {
  it.each([
    ['is disabled', people('per_ana', { status: 'disabled' })],
    ['works for a partner', people('per_ana', { companyId: 'com_acme' })],
    ['is not in the bundle', identities({ ownerId: 'per_nobody' })],
    ['is a partner’s person', identities({ ownerId: 'per_zed' })],
  ])('refuses when the owner %s', (_, change) => {
    expect(ask(change)).toMatchObject({ refused: 'NO_OWNER' })
  })

  it.each([
    ['does not exist', identities({ objectiveId: 'obj_missing' })],
    ['is owned by a person who is disabled', people('per_ben', { status: 'disabled' })],
    ['is owned by a partner’s person', people('per_ben', { companyId: 'com_zeta' })],
  ])('refuses when the objective %s', (_, change) => {
    expect(ask(change)).toMatchObject({ refused: 'NO_OBJECTIVE' })
  })

  it('refuses when the need has ended, at that very instant', () => {
    const need = { reference: 'NEED-1', until: AT }
    expect(ask(identities({ need }))).toMatchObject({ refused: 'NEED_ENDED' })
  })
})

describe('the contract', () => {
  it.each([
    ['has ended', { notAfter: AT }],
    ['has not begun', { notBefore: later }],
  ])('refuses when it %s', (_, edit) => {
    const refusal = ask(contracts((contract) => ({ ...contract, ...edit })))
    expect(refusal).toMatchObject({
      refused: 'CONTRACT_ENDED',
      detail: 'contract MSA-ACME-1 is not in force',
    })
  })

  it('refuses when there is none', () => {
    const change: NonNullable<Overrides['change']> = {
      contracts: (section) => ({ ...section, contracts: [] }),
    }
    expect(ask(change)).toMatchObject({ refused: 'CONTRACT_ENDED' })
  })

  it('refuses when the partner has not signed the reserved matters', () => {
    const unsigned = contracts((contract) => ({ ...contract, acknowledgement: null }))
    expect(ask(unsigned)).toMatchObject({ refused: 'NOT_ACKNOWLEDGED' })
  })

  it('refuses when another partner signed them', () => {
    const change: NonNullable<Overrides['change']> = {
      contracts: (section) => ({
        ...section,
        contracts: section.contracts.map((contract, index, all) => ({
          ...contract,
          acknowledgement: all[1 - index]?.acknowledgement ?? null,
        })),
      }),
    }
    expect(ask(change)).toMatchObject({ refused: 'NOT_ACKNOWLEDGED' })
  })

  it.each([
    ['system', { systems: ['sys_other'] }],
    ['identity', { identities: ['nhi_ledger'] }],
    ['who asks', { askedBy: ['enterprise' as const] }],
    ['time', { notBefore: later, notAfter: SPAN.notAfter }],
  ])('names the contract, the nearest clause and the %s that did not match', (what, edit) => {
    expect(ask(clauses(edit))).toMatchObject({
      refused: 'NO_CLAUSE',
      detail: `contract MSA-ACME-1: the nearest clause 4.2 does not match in ${what}`,
    })
  })

  it('names the clause that misses least', () => {
    const two = contracts((contract) => ({
      ...contract,
      clauses: contract.clauses.flatMap((clause) => [
        { ...clause, clauseId: '1.0', systems: ['sys_other'], identities: ['nhi_ledger'] },
        { ...clause, clauseId: '2.0', identities: ['nhi_ledger'] },
      ]),
    }))
    expect(ask(two)).toMatchObject({ where: '/contract/clauses/2.0' })
  })

  it('refuses the enterprise’s own request when nobody executes for it', () => {
    const requester = { kind: 'enterprise', companyId: 'com_bank', personId: null } as const
    expect(ask(identities({ custodian: null }), { requester })).toMatchObject({
      refused: 'NO_CLAUSE',
    })
  })
})
