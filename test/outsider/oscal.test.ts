/** What Python's compliance-trestle says of the assessment results that are made from a collection. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeVerify } from '../../src/keys/verify.js'
import { exportCollection } from '../../src/packet/export/export-collection.js'
import { oscalResults } from '../../src/packet/report/oscal.js'
import { judgeCollection } from '../../src/packet/verify/verify-collection.js'
import { must } from '../support/authority.js'
import { caseworkIn } from '../support/casework.js'
import { aWorld, type World } from '../support/world.js'
import { aTrestle } from './trestle.js'

const trestle = await aTrestle()
if (typeof trestle === 'string')
  process.stderr.write(`oscal is SKIPPED, compliance-trestle was not asked: ${trestle}\n`)

let world: World
beforeAll(async () => {
  world = await aWorld()
})
afterAll(async () => {
  await world?.stop()
  if (typeof trestle !== 'string') await trestle.remove()
})

describe.skipIf(typeof trestle === 'string')('OSCAL assessment results', () => {
  it('are read by compliance-trestle, an observation for each case, and refused with one field gone', async () => {
    if (typeof trestle === 'string') return
    await caseworkIn(world).open('billing', { kind: 'rotate' })
    const { log, published } = world.connector
    const { authority, trust } = world.authority
    const made = must(
      await exportCollection(
        { db: world.db('cs_api'), log, published, proofWithinMs: 10_000 },
        {
          query: {
            ...{ identity: null, partner: null, objective: null, kinds: null },
            ...{ from: null, until: null, zone: 'UTC' },
          },
          ...{ enterprise: authority.enterprise, personId: 'per_dora' },
          authority: { version: authority.version, hash: authority.hash },
        },
      ),
    )
    const { opened, members } = judgeCollection({ bytes: made.bytes, trust, verify: nodeVerify })
    if (opened === null) throw new Error('not readable')
    const text = JSON.stringify(oscalResults({ manifest: opened.manifest, members }))
    expect(await trestle.observations(text)).toBe(1)
    await expect(trestle.observations(text.replace('"methods"', '"method"'))).rejects.toThrow()
  })
})
