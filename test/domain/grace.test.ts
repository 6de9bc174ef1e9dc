/** A bundle that ran out: for a while it still says who takes access away, and says nothing else. */
import { describe, expect, it } from 'vitest'
import {
  GRACE_MS,
  isSaidExpired,
  judgedUnder,
  type Purpose,
  purposeOf,
  verifyFor,
} from '../../src/domain/authority/grace.js'
import { isRefusal } from '../../src/domain/refusal.js'
import { CaseKind } from '../../src/domain/shapes/basic.js'
import type { CaseOpened } from '../../src/domain/shapes/event.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { AT, anAuthority } from '../support/authority.js'
import { HOUR, shifted } from '../support/given.js'

const END = shifted(AT, HOUR)
const given = anAuthority({ expiresAt: END })
const asked = (purpose: Purpose, at: string) => {
  const { bundle, trust } = given
  const authority = verifyFor({ bundle, trust, verify: nodeVerify, at, purpose })
  return isRefusal(authority) ? authority.refused : 'believed'
}

describe('a bundle that ran out', () => {
  it('suffices for taking access away until its grace is over', () => {
    for (const at of [AT, shifted(END, -1), END, shifted(END, GRACE_MS - 1)])
      expect(asked('taking-away', at)).toBe('believed')
    expect(asked('taking-away', shifted(END, GRACE_MS))).toBe('AUTHORITY_EXPIRED')
  })

  it('suffices for anything else until it ends', () => {
    expect(asked('anything', shifted(END, -1))).toBe('believed')
    expect(asked('anything', END)).toBe('AUTHORITY_EXPIRED')
  })

  it('has no grace before it began, nor under roots that are not trusted', () => {
    expect(asked('taking-away', '2019-12-31T00:00:00.000Z')).not.toBe('believed')
    const { bundle } = given
    const { trust } = anAuthority()
    const foreign = verifyFor({
      bundle,
      trust,
      verify: nodeVerify,
      at: END,
      purpose: 'taking-away',
    })
    expect(foreign).toMatchObject({ refused: 'AUTHORITY_INVALID' })
  })

  it('is named as expired exactly where it was', () => {
    const { authority } = given
    const { version, hash } = authority
    expect(judgedUnder(authority, AT)).toEqual({ version, hash })
    expect(judgedUnder(authority, END)).toEqual({ version, hash, expiredAt: END })
    const said = (expiredAt: string | undefined, at: string) =>
      isSaidExpired(authority, { reference: { version, hash, expiredAt }, at })
    expect([said(undefined, AT), said(END, END)]).toEqual([true, true])
    expect([said(END, AT), said(undefined, END), said(AT, END)]).toEqual([false, false, false])
  })
})

describe('taking access away', () => {
  it('is a containment up to its review, and no step of any other kind', () => {
    const purpose = (kind: CaseKind, stepId: string | null) =>
      purposeOf({ asked: { kind } as CaseOpened['asked'] }, stepId)
    expect([purpose('contain', null), purpose('contain', 'contain')]).toEqual([
      'taking-away',
      'taking-away',
    ])
    expect(purpose('contain', 'review')).toBe('anything')
    for (const kind of CaseKind.options.filter((one) => one !== 'contain'))
      for (const stepId of [null, 'contain', 'disable', 'end'])
        expect(purpose(kind, stepId)).toBe('anything')
  })
})
