/** For how long what can be erased of a case is kept, and what keeps it longer. */
import { describe, expect, it } from 'vitest'
import {
  judgeHold,
  letGo,
  retentionOf,
  type Standing,
  standingHolds,
} from '../../src/domain/policy/retention.js'
import type { Hold } from '../../src/domain/shapes/envelope.js'
import type { HoldPlaced } from '../../src/domain/shapes/ops-event.js'
import type { Pack } from '../../src/domain/shapes/policy.js'
import { signEnvelope } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { AT } from '../support/authority.js'
import { aRotation, CAST, DAY, PACK, shifted } from '../support/given.js'

const { opened } = aRotation()
const [rule] = PACK.rules.filter(({ kind }) => kind === 'rotate')
if (rule === undefined) throw new Error('no rule for rotate')
const kept = (...spans: (number | null)[]): Pack => ({
  ...PACK,
  rules: spans.map((retention, place) => ({ ...rule, id: `rule-${place}`, retention })),
})
const closed = { at: AT, hash: 'sha256:' } as const
const asked = { opened, closed, pack: kept(DAY), holds: [], at: shifted(AT, DAY) }
const around = (kind: Standing['scope']['kind'], id: string): Standing => ({
  holdId: '01KB0000000000000000000001',
  scope: { kind, id },
})

describe('what is kept of a case', () => {
  it('is kept as long as the longest rule says, and for ever where one says nothing', () => {
    expect(retentionOf(kept(1000, 3000, 2000), opened)).toEqual({
      ...{ ms: 3000, rules: ['rule-0', 'rule-1', 'rule-2'] },
    })
    expect(retentionOf(kept(1000, null), opened)).toBeNull()
    expect(retentionOf(kept(), opened)).toBeNull()
    expect(letGo({ ...asked, pack: kept(null) })).toMatchObject({ refused: 'NO_RULE' })
  })

  it('is let go when that time is over, to the millisecond, and not while the case is open', () => {
    expect(letGo(asked)).toEqual({
      ...{
        caseId: opened.caseId,
        closedAt: AT,
        closing: 'sha256:',
        rules: ['rule-0'],
        keptMs: DAY,
      },
    })
    expect(letGo({ ...asked, at: shifted(AT, DAY - 1) })).toMatchObject({ refused: 'TOO_EARLY' })
    expect(letGo({ ...asked, closed: null })).toMatchObject({ refused: 'CASE_OPEN' })
  })

  it('is kept by a hold around the case, its identity, or a partner of it, and by no other', () => {
    const { caseId } = opened
    for (const hold of [
      around('case', caseId),
      around('identity', 'nhi_billing'),
      around('partner', 'com_acme'),
    ])
      expect(letGo({ ...asked, holds: [hold] })).toMatchObject({ refused: 'HELD' })
    for (const hold of [
      around('case', `${caseId}0`),
      around('identity', 'nhi_ledger'),
      around('partner', 'com_zeta'),
    ])
      expect(letGo({ ...asked, holds: [hold] })).toMatchObject({ caseId })
  })
})

describe('a hold', () => {
  const { authority, keys } = CAST
  const signed = (change: Partial<Hold> = {}, person: 'per_dora' | 'per_ana' = 'per_dora') => {
    const payload: Hold = {
      ...{ type: 'hold', v: 1, holdId: '01KB0000000000000000000001', enterprise: 'ent_bank' },
      ...{ act: 'place', scope: { kind: 'identity', id: 'nhi_billing' }, personId: person },
      ...{ notBefore: AT, notAfter: shifted(AT, 60_000), ...change },
    }
    const { keyId, signer } = keys.persons[person]
    return judgeHold({
      envelope: signEnvelope({ kind: 'hold', payload, keyId, signer }),
      ...{ authority, verify: nodeVerify, at: AT },
    })
  }

  it('is an officer’s, for this enterprise and this moment', () => {
    expect(signed()).toMatchObject({ act: 'place' })
    expect(signed({}, 'per_ana')).toMatchObject({ refused: 'NOT_ALLOWED' })
    expect(signed({ enterprise: 'ent_other' })).toMatchObject({ refused: 'WRONG_ENTERPRISE' })
    expect(signed({ personId: 'per_ana' })).toMatchObject({ refused: 'PERSON_UNKNOWN' })
    expect(signed({ notBefore: shifted(AT, 1) })).toMatchObject({ refused: 'TOO_EARLY' })
    expect(signed({ notAfter: AT })).toMatchObject({ refused: 'EXPIRED' })
  })

  it('stands from when it is placed until it is released', () => {
    const said = { holdId: '01KB0000000000000000000001', envelope: {}, authority: {} }
    const placed = {
      type: 'HoldPlaced',
      scope: { kind: 'case', id: 'x' },
      ...said,
    } as never as HoldPlaced
    expect(standingHolds([placed])).toMatchObject([{ holdId: said.holdId }])
    expect(standingHolds([placed, { type: 'HoldReleased', ...said } as never])).toEqual([])
  })
})
