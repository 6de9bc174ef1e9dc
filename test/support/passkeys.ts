/** A gate that asks for passkeys, and two owners who hold real ones. */
import { type Bend, createPasskey, type Passkey, signWithPasskey } from './authenticator.js'
import { RELYING_PARTY } from './authority.js'
import { aRotation, CAST, DAY, type Story, shifted, told } from './given.js'
import { believes, gateOpens, performed, planned } from './moves.js'
import { aDecision } from './people.js'
import { changed } from './terms.js'

export type Holder = 'per_ana' | 'per_ben'
const isHolder = (personId: string): personId is Holder =>
  personId === 'per_ana' || personId === 'per_ben'

export function passkeyGate(alg: Passkey['alg']) {
  const { keys } = CAST
  const passkeys = {
    per_ana: createPasskey(alg, RELYING_PARTY.id),
    per_ben: createPasskey(alg, RELYING_PARTY.id),
  }
  const enrolled = changed((section) => ({
    ...section,
    persons: section.persons.map((person) => {
      const { personId } = person
      if (!isHolder(personId)) return person
      const { publicKey } = passkeys[personId]
      const own = (keyId: string) => keyId === keys.passkeys[personId].keyId
      return {
        ...person,
        keys: person.keys.map((key) => (own(key.keyId) ? { ...key, alg, publicKey } : key)),
      }
    }),
  }))
  /** What the console does at the open gate; `bend` is what a dishonest one would. */
  const touched = (story: Story, input: { person: Holder; stepId: string; bend?: Bend }) => {
    const { person, stepId, bend = {} } = input
    const span = { notBefore: story.at, notAfter: shifted(story.at, DAY) }
    return signWithPasskey({
      ...{ kind: 'decision', keyId: keys.passkeys[person].keyId, passkey: passkeys[person], bend },
      payload: aDecision(story.state, { stepId, person, overrides: span }),
    })
  }
  const atRetire = told(
    aRotation({ terms: { retire: { assurance: 'passkey' } } }),
    ...[planned, performed('issue'), performed('cut-over')],
    ...[gateOpens('retire'), believes(enrolled)],
  )
  return { passkeys, enrolled, touched, atRetire }
}
