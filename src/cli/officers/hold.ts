/** hold: what is in its scope is kept, whatever the policy says, until it is released. Placed and released by an officer's signature. */
import { Command } from 'commander'
import { ulid } from 'ulid'
import { isRefusal, refuse } from '../../domain/refusal.js'
import type { Hold, HoldScope } from '../../domain/shapes/envelope.js'
import { signEnvelope } from '../../keys/sign.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish, refused, UsageFault } from '../session/outcome.js'
import { keyOf, NO_PERSON, readProfile } from '../session/profile.js'

interface Placing extends Common {
  readonly case?: string
  readonly identity?: string
  readonly partner?: string
}

export const define = (): Command =>
  new Command('hold')
    .addCommand(
      withProfile('place')
        .description('keep it until the hold is released')
        .option('--case <id>', 'a case')
        .option('--identity <id>', 'every case about it')
        .option('--partner <id>', 'every case that it carries out, asked for, or that is about it')
        .action(place),
    )
    .addCommand(withProfile('release').argument('<hold>').action(release))
    .addCommand(withProfile('list').description('the holds in force').action(list))

const inWords = ({ kind, id }: HoldScope): string => `${kind} ${id}`

async function place(options: Placing): Promise<void> {
  const { case: caseId, identity, partner } = options
  const named = Object.entries({ case: caseId, identity, partner }).flatMap(([kind, id]) =>
    id === undefined ? [] : [{ kind, id } as HoldScope],
  )
  const [scope, ...others] = named
  if (scope === undefined || others.length > 0)
    throw new UsageFault('name one of --case, --identity com_…, --partner com_…')
  await send({ act: 'place', holdId: ulid(), scope }, options)
}

async function release(holdId: string, options: Common): Promise<void> {
  const listed = await (await clientFor(options)).listHolds()
  if (isRefusal(listed)) return refused(listed, options.json)
  const hold = listed.holds.find((one) => one.holdId === holdId)
  if (hold === undefined)
    return refused(refuse('NOT_DUE', '/holdId', `no hold ${holdId} stands`), options.json)
  await send({ act: 'release', holdId, scope: hold.scope }, options)
}

/** What this machine's clock may be off the database's, and for how long the signature is good. */
const CLOCK_MS = 5000
const VALID_MS = 300_000

async function send(said: Pick<Hold, 'act' | 'holdId' | 'scope'>, options: Common): Promise<void> {
  const profile = await readProfile(options.profile)
  const { personId, enterprise } = profile
  if (personId === undefined) throw new UsageFault(NO_PERSON)
  const payload: Hold = {
    ...{ type: 'hold', v: 1, enterprise, personId, ...said },
    notBefore: new Date(Date.now() - CLOCK_MS).toISOString(),
    notAfter: new Date(Date.now() + VALID_MS).toISOString(),
  }
  const key = await keyOf(profile, 'decisionKey')
  const envelope = signEnvelope({ kind: 'hold', payload, ...key })
  finish(await (await clientFor(options)).hold({ envelope }), {
    json: options.json,
    show: ({ holdId, act, scope }) => [
      `${act === 'place' ? 'held' : 'released'} ${inWords(scope)}: hold ${holdId}`,
    ],
  })
}

async function list(options: Common): Promise<void> {
  finish(await (await clientFor(options)).listHolds(), {
    json: options.json,
    show: ({ holds }) =>
      holds.length === 0
        ? ['nothing is held']
        : holds.map(
            ({ holdId, scope, placedAt }) => `${holdId} ${inWords(scope)}, since ${placedAt}`,
          ),
  })
}
