/** countAgain: entries that say that a gate was satisfied are not believed; the envelopes in them are counted. */
import { describe, expect, it } from 'vitest'
import { countAgain } from '../../src/domain/approval/count.js'
import { stepOf } from '../../src/domain/case/case.js'
import type { Delegation } from '../../src/domain/shapes/envelope.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { anAuthority, SPAN } from '../support/authority.js'
import { append, CAST, type Story, told } from '../support/given.js'
import { believes, gateOpens, performed, signs } from '../support/moves.js'
import { start } from '../support/rotation.js'

const benToAna: Omit<Delegation, 'from'> & { from: 'per_ben' } = {
  ...{
    type: 'delegation',
    v: 1,
    delegationId: '01KB0000000000000000000001',
    enterprise: 'ent_bank',
  },
  ...{ from: 'per_ben', to: 'per_ana', kinds: ['rotate'], systems: null, ...SPAN },
}
const { authority } = anAuthority({ keys: CAST.keys, version: 2, delegations: [benToAna] })

const atRetire = told(
  start,
  ...[performed('issue'), performed('cut-over'), gateOpens('retire'), believes(authority)],
)
const own = told(atRetire, signs('per_ana', 'retire'))
const forBen = told(atRetire, signs('per_ana', 'retire', { as: { onBehalfOf: 'per_ben' } }))

/** The entries of the first story with the newest of the second, which was judged for itself alone. */
const joined = (first: Story, second: Story): Story => {
  const last = second.recorded.at(-1)
  return append(first, last === undefined ? [] : [last.event])
}

function counted({ state, recorded, at }: Story, involved: readonly string[] = []) {
  const step = stepOf(state, 'retire')
  const requirement = step?.gate?.resolved.requirement
  if (step === null || requirement === undefined) throw new Error('no gate')
  const by = { authority, verify: nodeVerify, at, involved }
  return countAgain({ state, recorded, step, requirement, ...by })
}

describe('counting again', () => {
  it('finds the votes of two persons', () => {
    const both = told(own, signs('per_ben', 'retire'))
    const ids = stepOf(both.state, 'retire')?.votes.map(({ decisionId }) => decisionId)
    expect(counted(both)).toEqual(ids)
  })

  it('finds one signer where entries say two votes, in either order', () => {
    for (const story of [joined(own, forBen), joined(forBen, own)]) {
      expect(stepOf(story.state, 'retire')?.votes).toHaveLength(2)
      expect(counted(story)).toMatchObject({ refused: 'QUORUM_MISSING' })
    }
  })

  it('finds one vote where it is entered twice', () => {
    expect(counted(joined(own, own))).toMatchObject({ refused: 'QUORUM_MISSING' })
  })
})
