/** What there is to tell follows from entries alone: who, of what, from when on, under ids that stay the same. */
import { describe, expect, it } from 'vitest'
import { noticesBeside } from '../../src/domain/notices/beside.js'
import {
  logNotices,
  mandateDigests,
  NOBODY_ELSE,
  peopleOf,
} from '../../src/domain/notices/notice.js'
import { noticesOfCase } from '../../src/domain/notices/of-case.js'
import { Notice } from '../../src/domain/shapes/notice.js'
import { anAuthority, SPAN } from '../support/authority.js'
import { aRotation, CASE_ID, CAST, HOUR, type Story, shifted, told } from '../support/given.js'
import {
  claimed,
  contradicts,
  deadline,
  declines,
  gateOpens,
  offered,
  performed,
  planned,
  waits,
} from '../support/moves.js'
import { aMandate, signFence, signMandate } from '../support/people.js'

const open = told(aRotation(), planned, gateOpens('issue'))
const { authority } = anAuthority({
  keys: CAST.keys,
  version: 2,
  delegations: [
    {
      ...{ type: 'delegation', v: 1, delegationId: '01KB0000000000000000000001' },
      ...{ enterprise: 'ent_bank', from: 'per_ana', to: 'per_ben', kinds: ['rotate'] },
      ...{ systems: null, ...SPAN },
    },
  ],
})
const people = peopleOf(authority)

const of = ({ recorded }: Story, after = 0): readonly Notice[] =>
  noticesOfCase({ caseId: CASE_ID, recorded, after, people })
const short = (notices: readonly Notice[]): readonly string[] =>
  notices.map(({ topic, to }) => `${topic} ${to}`)

describe('a gate that opens', () => {
  it('tells the owner and the delegate at the same time, and reminds both half-way to the escalation', () => {
    const notices = of(open)
    expect(short(notices)).toEqual([
      'awaited person:per_ana',
      'awaited person:per_ben',
      'reminder person:per_ana',
      'reminder person:per_ben',
    ])
    const [now, , later] = notices
    const gate = open.state.steps[0]?.gate
    expect(now).toMatchObject({ from: open.at, until: gate?.expiresAt, stepId: 'issue', round: 1 })
    const half = (Date.parse(gate?.escalatesAt ?? '') - Date.parse(open.at)) / 2
    expect(later?.from).toBe(shifted(open.at, half))
    expect(notices[1]?.onBehalfOf).toBe('per_ana')
  })

  it('names case, step, time and the command to look, and nothing to decide with', () => {
    for (const notice of of(open)) {
      expect(Notice.parse(notice)).toEqual(notice)
      expect(notice.look).toBe(`countersign review ${CASE_ID} issue`)
      expect(JSON.stringify(notice)).not.toMatch(/https?:|nonce|sha256:|countersign decide/)
    }
  })

  it('awaits nobody once it is satisfied', () => {
    const through = told(aRotation(), planned, performed('issue'))
    expect(short(of(through)).filter((text) => text.startsWith('awaited'))).toEqual([])
  })

  it('makes the same notices of the same entries, however often and from wherever it is asked', () => {
    expect(of(open)).toEqual(of(open))
    const from = open.recorded.length - 1
    expect(of(open, from).map(({ id }) => id)).toEqual(of(open).map(({ id }) => id))
    expect(of(open, open.recorded.length)).toEqual([])
    expect(new Set(of(open).map(({ id }) => id)).size).toBe(of(open).length)
  })

  it('without an authority in force is still told to those whom the entry names', () => {
    const { recorded } = open
    const notices = noticesOfCase({ caseId: CASE_ID, recorded, after: 0, people: NOBODY_ELSE })
    expect(short(notices)).toEqual(['awaited person:per_ana', 'reminder person:per_ana'])
  })
})

describe('silence', () => {
  const gate = open.state.steps[0]?.gate
  const escalatesIn = Date.parse(gate?.escalatesAt ?? '') - Date.parse(open.at)
  const escalated = told(open, waits(escalatesIn + 1), deadline('issue'))

  it('escalates to whoever is on duty, and calls the awaited a last time before the end', () => {
    const notices = of(escalated, open.recorded.length)
    expect(short(notices)).toEqual([
      'escalated person:per_ana',
      'escalated person:per_ben',
      'escalated person:per_cleo',
      'last-call person:per_ana',
      'last-call person:per_ben',
    ])
    const last = notices.at(-1)
    expect(last?.from !== undefined && last.from > escalated.at).toBe(true)
    expect(last?.from !== undefined && last.from < (gate?.expiresAt ?? '')).toBe(true)
  })
})

describe('a partner', () => {
  it('hears of its task with the end of it, and when the probe does not see what it claims', () => {
    const begun = told(aRotation(), planned, performed('issue'))
    const task = told(begun, offered)
    const [offer] = of(task, begun.recorded.length).filter(({ to }) => to.startsWith('partner'))
    expect(offer).toMatchObject({ topic: 'awaited', to: 'partner:com_acme', stepId: 'cut-over' })
    expect(offer?.look).toBe(`countersign task lease ${CASE_ID} cut-over`)
    const denied = told(begun, claimed, waits(HOUR), contradicts('cut-over'))
    expect(short(of(denied)).at(-1)).toBe('contradicted partner:com_acme')
  })

  it('hears once that its case ended, as its owner does', () => {
    const ended = told(open, declines('per_ana', 'issue'))
    expect(short(of(ended, open.recorded.length))).toEqual([
      'case-ended person:per_ana',
      'case-ended partner:com_acme',
    ])
  })
})

describe('beside the cases', () => {
  const entry = { hash: 'sha256:aa', at: open.at }

  it('a fence is told to the partner, the owners in it, whoever is on duty, and the operators', () => {
    const scope = { kind: 'partner' as const, id: 'com_acme' }
    const envelope = signFence(CAST.keys, { person: 'per_cleo', scope })
    const fence = JSON.parse(Buffer.from(envelope.payload, 'base64').toString())
    const body = { ...fence, type: 'Fenced', envelope }
    const notices = noticesBeside({ ...entry, stream: 'fence:partner:com_acme', body }, people)
    expect(short(notices)).toEqual([
      'fence-put person:per_ana',
      'fence-put person:per_cleo',
      'fence-put ops',
      'fence-put partner:com_acme',
    ])
    expect(notices.at(-1)?.says).not.toContain('per_')
  })

  it('a mandate is told to its signers with the command that takes it back, then once a week', () => {
    const mandate = aMandate({ notBefore: open.at })
    const { mandateId } = mandate
    const body = {
      ...{ type: 'MandateGiven', mandateId, envelope: signMandate(CAST.keys, mandate) },
      authority: { version: 1, hash: `sha256:${'0'.repeat(64)}` },
    }
    const given = noticesBeside({ ...entry, stream: `mandate:${mandateId}`, body }, people)
    expect(short(given)).toEqual([
      'mandate-given person:per_cleo',
      'mandate-given person:per_dora',
      'mandate-given ops',
    ])
    const listed = { mandate, used: 3, lately: [1, 2], revoked: 'no' as const }
    const week = (hours: number) => mandateDigests(listed, shifted(open.at, hours * HOUR))
    expect(week(7 * 24 - 1)).toEqual([])
    expect(short(week(7 * 24))).toEqual([
      'mandate-digest person:per_cleo',
      'mandate-digest person:per_dora',
    ])
    expect(week(7 * 24)[0]?.says).toContain(`countersign mandate revoke ${mandateId}`)
    expect(week(8 * 24)[0]?.id).toBe(week(7 * 24)[0]?.id)
    expect(week(14 * 24)[0]?.id).not.toBe(week(7 * 24)[0]?.id)
    expect(mandateDigests({ ...listed, revoked: 'yes' }, shifted(open.at, 200 * HOUR))).toEqual([])
  })

  it('what is no entry of its stream tells nobody anything', () => {
    for (const stream of ['fence:partner:com_acme', 'mandate:x', 'findings:x', 'ops', 'authority'])
      expect(noticesBeside({ ...entry, stream, body: { type: 'Nonsense' } }, people)).toEqual([])
  })

  it('operators hear of a witness that is missing and of a log that is not signed, once each', () => {
    const missing = [{ name: 'auditor', size: 4, words: 'witness auditor is missing' }]
    const late = { size: 9, unsignedSince: shifted(open.at, -60_000), missing }
    const first = logNotices({ at: open.at, ...late })
    expect(short(first)).toEqual(['witness-missing ops', 'signer-stopped ops'])
    const later = logNotices({ at: shifted(open.at, HOUR), ...late })
    expect(later.map(({ id }) => id)).toEqual(first.map(({ id }) => id))
    const fine = { size: 9, unsignedSince: shifted(open.at, -1000), missing: [] }
    expect(logNotices({ at: open.at, ...fine })).toEqual([])
  })
})
