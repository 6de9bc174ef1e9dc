/**
 * The packet of a containment under a mandate, with the streams beside it, byte by byte: whatever is flipped,
 * put in, left out, swapped or written anew by whoever holds the key of the log, no other packet verifies.
 */
import { fc, test } from '@fast-check/vitest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FenceScope } from '../../src/domain/shapes/envelope.js'
import { drive } from '../../src/execution/drive.js'
import { writeArchive } from '../../src/packet/archive.js'
import { MANIFEST } from '../../src/packet/files.js'
import { giveMandate, revokeMandate } from '../../src/store/streams/mandates.js'
import { must } from '../support/authority.js'
import { cutIn } from '../support/cutting.js'
import { aMandate, signMandate, signRevocation } from '../support/people.js'
import { insert } from '../support/superuser.js'
import { aWorld, type World } from '../support/world.js'
import { type Forging, filesOf, flip, forge, reseal } from './forge.js'
import { packetOf, verdictOn } from './story.js'

let world: World
let packet: Uint8Array
let packetBefore: Uint8Array
let files: ReadonlyMap<string, Uint8Array>
const mandate = aMandate({ caps: { total: 2, perDay: 2 } })
const STREAM = `mandate:${mandate.mandateId}`

async function cut(scope: FenceScope): Promise<string> {
  const caseId = (await cutIn(world, { scope })).contained[0]?.caseId ?? ''
  await drive(world.connector, caseId)
  return caseId
}

beforeAll(async () => {
  world = await aWorld()
  must(await giveMandate(world.api, signMandate(world.authority.keys, mandate)))
  const first = await cut({ kind: 'identity', id: 'nhi_ledger' })
  packetBefore = (await packetOf(world, first)).bytes
  await insert(world.dba, { stream: STREAM, body: { type: 'MandateRevoked' } })
  await insert(world.dba, { stream: 'fence:identity:nhi_billing', body: { type: 'Fenced' } })
  const caseId = await cut({ kind: 'identity', id: 'nhi_billing' })
  const { keys } = world.authority
  must(
    await revokeMandate(
      world.api,
      signRevocation(keys, { mandateId: mandate.mandateId, person: 'per_dora' }),
    ),
  )
  packet = (await packetOf(world, caseId)).bytes
  files = filesOf(packet)
})
afterAll(() => world.stop())

const verdict = (bytes: Uint8Array) => verdictOn(world, bytes).verdict
const sides = () => [...files.keys()].filter((name) => /^(mandates|fences)\//.test(name))

describe('the packet', () => {
  it('verifies, also with what is nothing in the streams beside it', () => {
    expect(verdictOn(world, packet).problems).toEqual([])
    expect(verdictOn(world, packetBefore).problems).toEqual([])
    expect(sides().filter((name) => name.endsWith('.json')).length).toBeGreaterThan(4)
  })

  it('names every statement of a connector that says something else or is gone, though the manifest was changed to match', () => {
    const said = [...files.keys()].filter((name) => name.startsWith('statements/'))
    const changed = new Map(files)
    for (const name of said) changed.set(name, flip(files.get(name) ?? new Uint8Array()))
    const { problems } = verdictOn(world, reseal(changed))
    expect(problems.map(({ where }) => where)).toEqual(said)
    const rest = new Map([...files].filter(([name]) => !said.includes(name)))
    expect(verdictOn(world, reseal(rest)).problems.map(({ where }) => where)).toEqual(said)
    expect(said.length).toBeGreaterThan(3)
  })

  test.prop([fc.nat(), fc.integer({ min: 1, max: 255 })])(
    'is another one with any of its bytes changed',
    (place, mask) => {
      const changed = packet.slice()
      const at = place % packet.length
      changed[at] = (packet[at] ?? 0) ^ mask
      expect(verdict(changed)).toBe('NOT VERIFIED')
    },
  )

  test.prop([fc.nat(), fc.nat({ max: 255 }), fc.boolean()])(
    'is another one with a byte put in or left out, anywhere, also at its end',
    (place, byte, put) => {
      const at = place % (packet.length + (put ? 1 : 0))
      const rest = packet.slice(put ? at : at + 1)
      const changed = Buffer.concat([packet.slice(0, at), put ? [byte] : [], rest].map(Buffer.from))
      fc.pre(!changed.equals(packet))
      expect(verdict(changed)).toBe('NOT VERIFIED')
    },
  )
})

describe('a file of the packet, with the manifest made to match', () => {
  const contents = () => [...files].filter(([name]) => name !== MANIFEST)
  test.prop([fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 })], { numRuns: 100 })(
    'cannot be changed in any byte',
    (which, place, mask) => {
      const all = contents()
      const [name, bytes] = all[which % all.length] ?? ['', new Uint8Array()]
      fc.pre(bytes.length > 0)
      const changed = bytes.slice()
      const at = place % bytes.length
      changed[at] = (bytes[at] ?? 0) ^ mask
      expect(verdict(reseal(new Map(files).set(name, changed))), name).toBe('NOT VERIFIED')
    },
  )

  test.prop([fc.nat(), fc.nat()], { numRuns: 60 })('cannot lose any byte', (which, place) => {
    const all = contents()
    const [name, bytes] = all[which % all.length] ?? ['', new Uint8Array()]
    fc.pre(bytes.length > 0)
    const at = place % bytes.length
    const changed = Buffer.concat([bytes.slice(0, at), bytes.slice(at + 1)])
    expect(verdict(reseal(new Map(files).set(name, changed))), name).toBe('NOT VERIFIED')
  })

  test.prop([fc.nat(), fc.nat()], { numRuns: 60 })(
    'cannot be exchanged for another',
    (left, right) => {
      const all = contents()
      const [one, ones] = all[left % all.length] ?? ['', new Uint8Array()]
      const [other, others] = all[right % all.length] ?? ['', new Uint8Array()]
      fc.pre(!Buffer.from(ones).equals(others))
      const swapped = new Map(files).set(one, others).set(other, ones)
      expect(verdict(reseal(swapped)), `${one} ${other}`).toBe('NOT VERIFIED')
      expect(verdict(writeArchive(swapped)), `${one} ${other}`).toBe('NOT VERIFIED')
    },
  )

  it('cannot be left out, whichever it is, with everything of its entry or without', () => {
    for (const name of contents().map(([each]) => each)) {
      const rest = new Map(files)
      rest.delete(name)
      const entry = name.replace(/\.(json|tlog-proof)$/, '')
      const seq = Number(entry.slice(-4))
      expect(verdict(reseal(rest)), name).toBe('NOT VERIFIED')
      rest.delete(`${entry}.json`)
      rest.delete(`${entry}.tlog-proof`)
      // Of a mandate's stream only what the case rests on has to be there: what came after it proves nothing here.
      const after = name.startsWith('mandates/') && seq >= 5
      if (!after) expect(verdict(reseal(rest)), name).toBe('NOT VERIFIED')
    }
  })
})

describe('a forger who holds the key of the log', () => {
  const forged = async (changes: Partial<Forging>) => {
    const { authority } = world
    const rewrite: Forging['rewrite'] = (written) => written
    return verdictOn(world, await forge({ bytes: packet, authority, rewrite, ...changes }))
  }

  it('gets the same streams verified when nothing was changed', async () => {
    expect((await forged({})).problems).toEqual([])
  })

  /** The stream of the mandate: given, a use, nothing, the use of this case, taken back. */
  const inMandate =
    (change: NonNullable<Forging['beside']>): NonNullable<Forging['beside']> =>
    (written) =>
      written[0]?.body.type === 'MandateGiven' ? change(written) : written

  it('cannot leave out, double or move anything that stood in the mandate’s stream before the use', async () => {
    for (const place of [0, 1, 2, 3]) {
      const without = inMandate((written) => written.toSpliced(place, 1))
      expect((await forged({ beside: without })).verdict, `without ${place}`).toBe('NOT VERIFIED')
      const double = inMandate((written) =>
        written.toSpliced(place, 0, ...written.slice(place, place + 1)),
      )
      expect((await forged({ beside: double })).verdict, `double ${place}`).toBe('NOT VERIFIED')
    }
    for (const place of [0, 1, 2]) {
      const swapped = inMandate((written) => {
        const [one, two] = written.slice(place, place + 2)
        return one === undefined || two === undefined ? [] : written.toSpliced(place, 2, two, one)
      })
      expect((await forged({ beside: swapped })).verdict, `swapped ${place}`).toBe('NOT VERIFIED')
    }
  })

  it('cannot leave out the fence for which the case was opened', async () => {
    const beside: Forging['beside'] = (written) =>
      written.filter(({ body }) => body.type !== 'Fenced' || !('fenceId' in body))
    expect((await forged({ beside })).problems[0]).toMatchObject({ code: 'ENTRY_MISSING' })
  })
})

describe('two packets of one log', () => {
  it('agree on every entry of the stream that both hold', () => {
    const before = filesOf(packetBefore)
    const shared = [...before.keys()].filter(
      (name) => name.startsWith('mandates/') && name.endsWith('.json'),
    )
    expect(shared.length).toBeGreaterThan(1)
    for (const name of shared)
      expect(Buffer.from(files.get(name) ?? []).equals(before.get(name) ?? Buffer.alloc(1))).toBe(
        true,
      )
  })
})
