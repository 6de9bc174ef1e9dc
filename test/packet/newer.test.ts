/** What a newer release made is judged, or refused in one line. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/domain/bytes/digest.js'
import { writeArchive } from '../../src/packet/archive.js'
import { jsonFile, MANIFEST, TOOL } from '../../src/packet/files.js'
import { aWorld, type World } from '../support/world.js'
import { filesOf } from './forge.js'
import { packetOf, startCase, verdictOn } from './story.js'

let world: World
beforeAll(async () => {
  world = await aWorld()
})
afterAll(() => world.stop())

describe('a packet of a newer release', () => {
  const LATER = 'countersign/0.2.0'
  let bytes: Uint8Array
  beforeAll(async () => {
    bytes = (await packetOf(world, await startCase(world, 'vault'))).bytes
  })
  const changed = (change: (files: Map<string, Uint8Array>) => void) => {
    const files = new Map(filesOf(bytes))
    change(files)
    return verdictOn(world, writeArchive(files))
  }
  const manifestIn = (files: Map<string, Uint8Array>) =>
    JSON.parse(new TextDecoder().decode(files.get(MANIFEST)))
  const withManifest = (fields: object) => (files: Map<string, Uint8Array>) =>
    void files.set(MANIFEST, jsonFile({ ...manifestIn(files), ...fields }))

  it('that this one can judge is judged', () => {
    const verdict = changed(withManifest({ tool: LATER }))
    expect(verdict).toMatchObject({ verdict: 'VERIFIED', problems: [] })
    expect(verdict.words[0]).toMatch(/in the words of countersign\/0\.2\.0 and was not compared/)
  })

  it('may say in its own words what it says to people, as an earlier one may; this one may not', () => {
    const reworded = (tool: string) =>
      changed((files) => {
        const readme = Buffer.from('in other words')
        files.set('README.txt', readme)
        const { files: listed } = manifestIn(files)
        const all = { ...listed, 'README.txt': digestOf(readme) }
        withManifest({ tool, files: all })(files)
      })
    for (const tool of ['countersign/0.0.9', LATER])
      expect(reworded(tool)).toMatchObject({ verdict: 'VERIFIED' })
    expect(reworded(TOOL).problems).toMatchObject([{ where: 'README.txt' }])
  })

  it('that it cannot judge is refused in one line, which says so and what was met first', () => {
    const later = [
      changed(withManifest({ tool: LATER, v: 2, novel: {} })),
      changed((files) => {
        withManifest({ tool: LATER })(files)
        files.set('novel/0001.json', jsonFile({}))
      }),
      changed((files) => {
        withManifest({ tool: 'countersign/0.10.0-rc.1' })(files)
        files.set('entries/0001.json', jsonFile({ v: 2 }))
      }),
    ]
    for (const { verdict, problems } of later) {
      expect(verdict).toBe('NOT VERIFIED')
      expect(problems).toMatchObject([
        {
          code: 'NEWER_VERSION',
          detail: expect.stringMatching(/^made by a newer version .*PACKET/),
        },
      ])
    }
  })

  it('is no way to have one of this release refused in other words', () => {
    const { problems } = changed((files) => void files.set('entries/0001.json', jsonFile({})))
    expect(problems.map(({ code }) => code)).not.toContain('NEWER_VERSION')
  })
})
