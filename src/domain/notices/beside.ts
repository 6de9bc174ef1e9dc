/** What the streams beside the cases have to tell: fences, mandates, findings. What is no entry of theirs tells nothing. */

import { isRefusal } from '../refusal.js'
import { readMandate } from '../rights/mandate.js'
import { FindingRecorded } from '../shapes/beside-event.js'
import { FenceEvent } from '../shapes/fence-event.js'
import { MandateEvent } from '../shapes/mandate-event.js'
import type { Notice } from '../shapes/notice.js'
import { parseAs } from '../shapes/parse.js'
import { type People, person, tell } from './notice.js'

export interface Beside {
  readonly stream: string
  readonly hash: string
  readonly at: string
  /** UNTRUSTED: the body of an entry. */
  readonly body: unknown
}

export function noticesBeside(entry: Beside, people: People): readonly Notice[] {
  const [kind = ''] = entry.stream.split(':')
  if (kind === 'fence') return ofFence(entry, people)
  if (kind === 'mandate') return ofMandate(entry)
  if (kind === 'findings') return ofFinding(entry)
  return []
}

function ofFence({ stream, hash, at, body }: Beside, people: People): readonly Notice[] {
  const event = parseAs(FenceEvent)(body)
  if (isRefusal(event)) return []
  const [, kind = '', id = ''] = stream.split(':')
  const around = people.around({ kind, id })
  const partners = around.filter((to) => to.startsWith('partner:'))
  const own = [...around, ...people.onDuty.map(person), 'ops'].filter(
    (to) => !to.startsWith('partner:'),
  )
  const what =
    event.type === 'FenceLifted'
      ? { topic: 'fence-lifted' as const, says: `was lifted for ${event.identityId}.` }
      : { topic: 'fence-put' as const, says: `stands: ${EFFECT[event.speed]}.` }
  const said = { cause: hash, at, ...what, says: `The fence around ${kind} ${id} ${what.says}` }
  return [
    ...tell(own, { ...said, look: `countersign fence preview --${kind} ${id}` }),
    ...tell(partners, { ...said, look: 'countersign task list' }),
  ]
}

const EFFECT = {
  stop: 'all work in it has stopped',
  cut: 'all work in it has stopped, and all access is taken away',
} as const

function ofMandate({ hash, at, body }: Beside): readonly Notice[] {
  const event = parseAs(MandateEvent)(body)
  if (isRefusal(event) || event.type === 'MandateUsed') return []
  const look = 'countersign mandate list'
  if (event.type === 'MandateRevoked')
    return tell(['ops'], {
      ...{ cause: hash, topic: 'mandate-revoked', at, look },
      says: `Mandate ${event.mandateId} was taken back: what it covered goes to people now.`,
    })
  const mandate = readMandate(event.envelope)
  if (isRefusal(mandate)) return []
  return tell([...mandate.signers.map(person), 'ops'], {
    ...{ cause: hash, topic: 'mandate-given', at, look, until: mandate.notAfter },
    says: `Mandate ${event.mandateId} is in force until ${mandate.notAfter}. Any one of its signers takes it back with: countersign mandate revoke ${event.mandateId}`,
  })
}

function ofFinding({ stream, hash, at, body }: Beside): readonly Notice[] {
  const event = parseAs(FindingRecorded)(body)
  if (isRefusal(event)) return []
  return tell(['ops'], {
    ...{ cause: hash, topic: 'finding', at, look: 'countersign fsck' },
    says: `${stream.slice('findings:'.length)}: ${event.code} at ${event.where}: ${event.detail}`,
  })
}
