import { test } from 'vitest'
import { due } from '../../src/domain/case.js'
import { explore } from './case-explorer.js'
test('probe', () => {
  const { states, edges } = explore(5000)
  console.log(states.size, edges.length)
  const after = edges.filter((e) => JSON.parse(e.from).outcome !== null)
  console.log('after closed', after.length)
  for (const e of after.slice(0, 12)) console.log(e.name, e.stepId, e.events.map((x) => x.type), states.get(e.from)?.path.join(' > '), e.from)
  const dead = [...states].filter(([k, v]) => v.state.outcome === null && !edges.some((e) => e.from === k && e.name !== 'fence'))
  for (const [k, v] of dead.slice(0, 12)) console.log('DEAD', v.path.join(' > '), k)
  // can reach close
  const ok = new Set([...states].filter(([, v]) => v.state.outcome !== null).map(([k]) => k))
  for (let n = -1; n !== ok.size; ) { n = ok.size; for (const e of edges) if (ok.has(e.to) && e.name !== 'fence') ok.add(e.from) }
  console.log('cannot close', [...states].filter(([k]) => !ok.has(k)).map(([, v]) => v.path.join(' > ')))
  console.log('due closed without outcome', [...states].filter(([, v]) => v.state.outcome === null && due(v.state).kind === 'closed').slice(0, 8).map(([, v]) => v.path.join(' > ')))
})
