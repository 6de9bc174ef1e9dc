/** Who counts as having responded to an incident. */
import { describe, expect, it } from 'vitest'
import { containingOf, type Responding, respondersOf } from '../../src/domain/admission/incident.js'
import type { CaseEvent } from '../../src/domain/shapes/event.js'
import { anAuthority } from '../support/authority.js'

const { authority } = anAuthority()
const OPENED = '2026-06-01T12:00:00.000Z'
const BEFORE = '2026-06-01T11:00:00.000Z'
const FENCE = '0'.repeat(26)

const raised = (change: Partial<Responding['fence']> = {}): Responding['fence'] => ({
  ...{ fenceId: FENCE, personId: 'per_ana', scope: { kind: 'partner', id: 'com_acme' } },
  ...change,
})
const responders = (
  fences: readonly Responding[],
  containments: Parameters<typeof respondersOf>[0]['containments'] = [],
) =>
  respondersOf({
    ...{ fences, containments, inScope: ['nhi_billing', 'nhi_ledger'] },
    ...{ openedAt: OPENED, authority },
  })

describe('a responder', () => {
  it('is whoever raised a fence around something in scope, by whichever of its scopes', () => {
    expect(responders([{ fence: raised(), lifted: [] }])).toEqual(['per_ana'])
    const elsewhere = raised({ scope: { kind: 'partner', id: 'com_zeta' } })
    expect(responders([{ fence: elsewhere, lifted: [] }])).toEqual([])
  })

  it('is nobody for a fence that was lifted for all of it before the incident', () => {
    const lifted = (identityId: string, at: string) => ({ identityId, at })
    const one = [lifted('nhi_billing', BEFORE)]
    expect(responders([{ fence: raised(), lifted: one }])).toEqual(['per_ana'])
    const all = [...one, lifted('nhi_ledger', BEFORE)]
    expect(responders([{ fence: raised(), lifted: all }])).toEqual([])
    const late = [...one, lifted('nhi_ledger', OPENED)]
    expect(responders([{ fence: raised(), lifted: late }])).toEqual(['per_ana'])
  })

  it('is whoever signed the containment that such a fence opened', () => {
    const fences = [{ fence: raised({ personId: null }), lifted: [] }]
    const signedBy = ['per_cleo']
    expect(responders(fences, [{ fenceId: FENCE, signedBy }])).toEqual(['per_cleo'])
    expect(responders(fences, [{ fenceId: '1'.repeat(26), signedBy }])).toEqual([])
  })

  it('is read from the first step of a containment, not from its review', () => {
    const admitted = (stepId: string, verdict: string, votes: string) =>
      ({ type: 'DecisionAdmitted', stepId, verdict, votes, signedBy: votes }) as CaseEvent
    const asked = { kind: 'contain', fenceId: FENCE }
    const events = [
      { type: 'CaseOpened', asked } as CaseEvent,
      admitted('contain', 'approve', 'per_cleo'),
      admitted('contain', 'decline', 'per_dora'),
      admitted('review', 'approve', 'per_ana'),
    ]
    expect(containingOf(events)).toEqual({ fenceId: FENCE, signedBy: ['per_cleo', 'per_cleo'] })
    expect(containingOf(events.slice(1))).toBeNull()
  })
})
