/** A cut as a duty person makes it: a signed fence, and the containments that it opens. The connector has not begun. */
import type { Fence } from '../../src/domain/shapes/envelope.js'
import { contain } from '../../src/store/case/containment.js'
import { raiseFence } from '../../src/store/streams/fences.js'
import { must, type TestPerson } from './authority.js'
import { signFence } from './people.js'
import type { World } from './world.js'

interface Cutting {
  readonly scope: Fence['scope']
  readonly person?: TestPerson
}

export async function cutIn(world: World, { scope, person = 'per_cleo' }: Cutting) {
  const { authority, verify } = world.api
  const envelope = signFence(world.authority.keys, { person, scope, speed: 'cut' })
  const fence = must(await raiseFence(world.db('cs_api'), { envelope, authority, verify }))
  return must(await contain(world.api, fence))
}

/** The containment of one identity. */
export async function containmentIn(
  world: World,
  { identityId, ...of }: Pick<Cutting, 'person'> & { readonly identityId: string },
): Promise<string> {
  const { contained } = await cutIn(world, { scope: { kind: 'identity', id: identityId }, ...of })
  return contained[0]?.caseId ?? ''
}
