/** What a signal may tell a run: exactly what the store admitted, or nothing; and never anything that stops a run. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { newsIn } from '../../src/contract/told.js'
import { waitLabel, waitOf, workLabel } from '../../src/contract/views.js'
import { due } from '../../src/domain/case/due.js'
import { follow } from '../../src/domain/case/evolve.js'
import { told } from '../support/given.js'
import { approved, gateOpens } from '../support/moves.js'
import { start } from '../support/rotation.js'

const open = told(start, gateOpens('issue'))
const { state } = open
const admitted = told(start, approved('issue'))
const news = admitted.recorded.slice(state.seq)
const turn = { by: [], since: '' }

const bent = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(...news.flatMap((one) => [one, one.event, one.hash, one.at, one.seq])),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
})).value

describe('what a signal tells', () => {
  it('is what the store admitted, as it follows what was folded', () => {
    expect(newsIn(state, { envelope: {}, news })).toEqual(news)
    expect(follow({ state, turn }, news).state).toEqual(admitted.state)
    expect(newsIn(admitted.state, { envelope: {}, news })).toBeNull()
    for (const item of [undefined, null, 'news', [], {}, { news: [] }, { news: 'x' }])
      expect(newsIn(state, item)).toBeNull()
  })

  test.prop([
    fc.record({
      field: fc.constantFrom('seq', 'hash', 'at', 'event'),
      of: fc.constantFrom(...Object.keys({ ...news[0]?.event }), ''),
      value: bent,
      which: fc.nat(1),
    }),
  ])('is taken only when nothing that reads a case afterwards can stumble over it', (change) => {
    const changed = news.map((one, index) => {
      if (index !== change.which) return one
      if (change.field !== 'event') return { ...one, [change.field]: change.value }
      return change.of === ''
        ? { ...one, event: change.value }
        : { ...one, event: { ...one.event, [change.of]: change.value } }
    })
    const taken = newsIn(state, { news: changed })
    if (taken === null) return
    const after = follow({ state, turn }, taken).state
    const at = open.at
    due(after)
    waitOf(after)
    expect(workLabel(after)).toEqual(expect.any(String))
    expect(waitLabel({ state: after, at })).toEqual(expect.any(String))
  })
})
