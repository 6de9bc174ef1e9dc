/** A bundle of a packet: believed as of the time of each entry that uses it, and verified no more often than that needs. */
import { describe, expect, it } from 'vitest'
import { bundleHash } from '../../src/domain/authority/authority-as-of.js'
import { isRefusal } from '../../src/domain/refusal.js'
import type { AuthorityBundle } from '../../src/domain/shapes/authority.js'
import type { Verify } from '../../src/domain/signed/envelope.js'
import { addSignature } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { believe } from '../../src/packet/bundles.js'
import { AT, aKey, anAuthority, must, SPAN } from '../support/authority.js'
import { HOUR, shifted } from '../support/given.js'

const { bundle, trust } = anAuthority()
const NOTHING = new Map()

/** What a packet with this one bundle believes at a time, and how many signatures that took. */
function reading(of: AuthorityBundle) {
  const hash = must(bundleHash(of))
  let asked = 0
  const verify: Verify = (signed) => {
    asked += 1
    return nodeVerify(signed)
  }
  const believed = believe({ bundles: new Map([[hash, of]]), packs: NOTHING, trust, verify })
  const at = (time: string): string => {
    const authority = believed.named({ version: 1, hash }, time)
    return isRefusal(authority) ? authority.refused : 'believed'
  }
  return { at, asked: () => asked }
}

describe('a bundle of single signatures', () => {
  it('is verified once for all the times at which its signers are in force', () => {
    const { at, asked } = reading(bundle)
    expect(at(AT)).toBe('believed')
    const once = asked()
    for (const hours of [-5, 5, 1000]) expect(at(shifted(AT, hours * HOUR))).toBe('believed')
    expect(asked()).toBe(once)
  })

  it('is not believed outside of them, although it was believed within', () => {
    const { at } = reading(bundle)
    expect(at(AT)).toBe('believed')
    expect(at(shifted(SPAN.notBefore, -1))).toBe('AUTHORITY_INVALID')
    expect(at(SPAN.notBefore)).toBe('believed')
    expect(at(shifted(SPAN.notAfter, -1))).toBe('believed')
    expect(at(SPAN.notAfter)).toBe('AUTHORITY_EXPIRED')
  })
})

describe('a bundle that several signed', () => {
  it('is verified at every time: its signers may be in force by turns', () => {
    const manifest = addSignature({ envelope: bundle.manifest, ...aKey('key_second') })
    const { at, asked } = reading({ ...bundle, manifest })
    expect(at(AT)).toBe('believed')
    const once = asked()
    expect(at(shifted(AT, HOUR))).toBe('believed')
    expect(asked()).toBe(2 * once)
  })
})
