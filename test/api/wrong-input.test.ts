/**
 * What each command answers to wrong input: one plain line that says what is wrong, where, and what to do next,
 * and the documented status. Nothing that was typed wrong changes anything.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NEXT } from '../../src/cli/session/next.js'
import { EXIT } from '../../src/cli/session/outcome.js'
import { eventsSince } from '../../src/store/case/apply.js'
import { caseworkIn } from '../support/casework.js'
import { aCommandLine, type CommandLine } from './command-line.js'
import { type ApiRig, anApi, type Who } from './rig.js'

let rig: ApiRig
let line: CommandLine
/** At its second gate, cut-over: issue is done. */
let begun: string
/** At its first gate. */
let open: string
/** Declined. */
let closed: string

const UNKNOWN = 'rotate:com_acme:nhi_billing:01KB0000000000000000000000'
const ID = '01KB0000000000000000000000'
const TIME = '2026-11-23T22:31:00.000Z'

beforeAll(async () => {
  rig = await anApi()
  line = await aCommandLine(rig)
  const work = caseworkIn(rig.world)
  closed = await work.open('ledger', { kind: 'rotate' })
  await work.decline(closed, { stepId: 'issue', person: 'per_ana' })
  begun = await work.open('billing', { kind: 'rotate' })
  await work.signAndPerform(begun, { stepId: 'issue', by: ['per_ana'] })
  open = await work.open('ledger', { kind: 'rotate' })
  await writeFile(join(line.dir, 'empty.json'), '{}')
})
afterAll(async () => {
  await line?.remove()
  await rig?.stop()
})

type Case = readonly [who: Who | null, words: string, said: RegExp]

/** `BEGUN`, `OPEN` and `CLOSED` stand for the cases; `DIR` for the folder. */
const wordsOf = (words: string): string[] =>
  words
    .split(' ')
    .map((word) =>
      word
        .replace('BEGUN', begun)
        .replace('OPEN', open)
        .replace('CLOSED', closed)
        .replace('DIR', line.dir),
    )

const claim = (more: string) =>
  `task claim BEGUN cut-over --grant ${ID} --operator op --reference CHG1 ${more}`

const REFUSED: readonly Case[] = [
  ['acme', 'request rotate nhi_nope', /IDENTITY_UNKNOWN at \/identityId: .*inventory/],
  ['acme', 'request rotate billing', /at \/identityId: not an id of the form nhi_…; correct it/],
  [
    'acme',
    'request rotate nhi_billing',
    /CASE_OPEN .* rotate:com_acme:nhi_billing:.* is open; .*show/,
  ],
  ['acme', 'request rotate nhi_billing --key short', /Idempotency-Key: send 8 to 200 visible/],
  ['acme', 'request rotate nhi_billing --reference a/b', /changeReference: not 1 to 64 letters/],
  ['acme', 'request provision nhi_x --member-of A', /memberOf\/0: not a name on the target/],
  ['acme', 'request lift nhi_billing', /NOT_ALLOWED .* only the enterprise itself asks/],
  ['ana', `cases ${UNKNOWN}`, /CASE_UNKNOWN at \/caseId: there is no such case; .*cases/],
  ['ana', 'show nonsense', /CASE_UNKNOWN at \/caseId: there is no such case; .*cases/],
  ['ana', 'cases --waiting-on ana', /waitingOn: not of the form owner:per_…/],
  ['ana', 'cases --cursor 12', /cursor: not an id of 26 letters/],
  ['acme', 'inbox', /NOT_ALLOWED .* this is for a person of the enterprise/],
  ['ana', `review ${UNKNOWN}`, /CASE_UNKNOWN/],
  [
    'ana',
    'review OPEN isue',
    /WRONG_STEP at \/stepId: the steps of this case are issue, cut-over, retire, close;/,
  ],
  ['ana', 'review OPEN ISSUE', /WRONG_STEP at \/stepId: the steps of this case are issue,/],
  ['acme', 'review OPEN issue', /NOT_ALLOWED .* a person of the enterprise/],
  ['ana', 'decide OPEN isue --approve --yes', /WRONG_STEP .* the steps of this case are issue,/],
  [
    'ben',
    'decide OPEN issue --approve --yes',
    /NOT_AN_APPROVER at \/stepId: this gate asks per_ana/,
  ],
  ['ana', 'decide OPEN close --approve --yes', /GATE_NOT_OPEN .* --ahead signs it ahead/],
  [
    'ana',
    'decide OPEN issue --approve --yes --ahead',
    /AHEAD_FORBIDDEN .* sign it without --ahead/,
  ],
  [
    'ana',
    'decide BEGUN issue --approve --yes',
    /TOO_LATE .* issue was decided before: it is performed/,
  ],
  ['ana', 'decide CLOSED issue --approve --yes', /TOO_LATE .* the case is closed, declined/],
  ['ana', `decide ${UNKNOWN} issue --approve --yes`, /CASE_UNKNOWN/],
  [
    'ana',
    'fence preview --identity nhi_nope',
    /IDENTITY_UNKNOWN .* no identity of this id is registered/,
  ],
  ['ana', 'fence stop --partner com_nope', /IDENTITY_UNKNOWN .* no partner of this id/],
  [
    'dora',
    'fence stop --identity nhi_billing',
    /NOT_ALLOWED .* a duty person raises a fence, or an owner/,
  ],
  [
    'acme',
    'fence stop --identity nhi_billing',
    /NOT_ALLOWED .* a partner stops itself and nothing else/,
  ],
  ['ana', `mandate revoke ${ID}`, /MANDATE_INVALID .* there is no such mandate; .*mandate list/],
  ['ana', 'mandate revoke nope', /mandateId: not an id of 26 letters/],
  ['ana', 'task list', /NOT_ALLOWED .* a machine of the partner, a person of the partner/],
  ['acme', 'task lease BEGUN cut-over', /NOT_DUE .* no task is offered for cut-over; .*task list/],
  ['acme', 'task lease BEGUN cutover', /WRONG_STEP .* the steps of this case are issue,/],
  ['acme', `task lease ${UNKNOWN} cut-over`, /CASE_UNKNOWN/],
  ['acme', claim('--lease 1 --started now'), /startedAt: not a time in UTC with milliseconds/],
  ['acme', claim(`--lease 1 --started ${TIME}`), /NOT_DUE at \/grantId: no task is offered under/],
  ['ana', `evidence export ${UNKNOWN}`, /CASE_UNKNOWN/],
  ['dora', `ops why ${UNKNOWN}`, /CASE_UNKNOWN/],
  ['ana', 'ops nudge OPEN', /NOT_ALLOWED .* this is for an operator of the enterprise/],
  ['ana', 'ops reattach OPEN', /NOT_ALLOWED .* this is for an operator of the enterprise/],
]

const USAGE: readonly Case[] = [
  [null, 'frobnicate', /unknown command 'frobnicate'; countersign --help says more/],
  [
    'acme',
    'request rotat nhi_billing',
    /unknown command 'rotat' \(Did you mean rotate\?\); countersign request --help/,
  ],
  [
    'acme',
    'request rotate',
    /missing required argument 'identity'; countersign request rotate --help/,
  ],
  ['acme', 'request provision nhi_x', /required option '--member-of <roles...>' not specified;/],
  [
    'acme',
    'request rotate nhi_billing --change urgent',
    /--change is one of standard, normal, emergency/,
  ],
  [
    'ana',
    'decide OPEN issue --aprove --yes',
    /unknown option '--aprove' \(Did you mean --approve\?\);/,
  ],
  ['ana', 'decide OPEN issue --approve --decline --yes', /one verdict at a time/],
  ['ana', 'decide OPEN --approve --yes', /--yes needs the step/],
  ['ana', 'decide OPEN issue --ask --yes', /--ask needs --reason/],
  [
    'acme',
    'decide OPEN issue --approve --yes',
    /no decisionKey; use the profile of a person who decides/,
  ],
  [
    null,
    'inbox',
    /name a profile with --profile or COUNTERSIGN_PROFILE; `npm start` keeps its own in/,
  ],
  [null, 'inbox --profile DIR/nope.json', /nope.json cannot be read; `npm start` keeps its own in/],
  [null, 'inbox --profile DIR/empty.json', /empty.json is wrong at \/api/],
  ['ana', 'cases --phase opened', /--phase is open or closed/],
  ['ana', 'fence preview', /name one of --partner com_…, --system sys_…, --identity nhi_…/],
  [
    'ana',
    'mandate draft --kind conain --step x --signer per_ana --out DIR/m',
    /\/covers\/kinds\/0: .*"contain"/,
  ],
  [
    'ana',
    'mandate draft --kind contain --step x --signer per_ana --out DIR/m',
    /--step x is no step of contain: name some of contain, review/,
  ],
  ['ana', 'mandate sign DIR/nope.json', /nope.json cannot be read; .*mandate draft/],
  ['ana', 'mandate give DIR/empty.json', /empty.json holds no mandate; .*mandate draft/],
  [
    'ana',
    claim('--lease 1 --started now'),
    /no companyId; use the profile of a machine of the partner/,
  ],
  ['acme', claim('--lease one --started now'), /--lease a number/],
  [null, 'verify DIR/nope.zip --trust DIR/empty.json', /cannot be read|is no trust file/],
  [
    null,
    'verify DIR/empty.json',
    /required option '--trust <file>' not specified; countersign verify --help/,
  ],
  ['dora', 'ops list-stuck --quiet-for long', /--quiet-for is a number of seconds/],
  ['dora', 'ops drain --wait long', /--wait is a number of seconds/],
  ['dora', 'ops why', /missing required argument 'case'; countersign ops why --help/],
  [
    null,
    'doctor --service DIR',
    /doctor.json cannot be read: start the system with npm start first/,
  ],
  [null, 'api', /is not set/],
]

const entriesOf = async () => {
  const db = rig.world.db('cs_api')
  const cases = [begun, open, closed]
  const recorded = await Promise.all(cases.map((caseId) => eventsSince(db, { caseId, after: 0 })))
  return recorded.map(
    (events) => events.filter(({ event }) => event.type !== 'DecisionRefused').length,
  )
}

describe.each([
  { status: EXIT.refused, cases: REFUSED },
  { status: EXIT.usage, cases: USAGE },
])('a command that ends with $status', ({ status, cases }) => {
  it.each(cases)('as %s: countersign %s', async (who, words, said) => {
    const before = await entriesOf()
    const { code, err } = await line.countersign(who, ...wordsOf(words))
    expect(err).toMatch(said)
    expect(err).toMatch(/^[^\n]+\n$/)
    expect(code).toBe(status)
    expect(await entriesOf()).toEqual(before)
  })
})

describe('what to do next', () => {
  it('is said for every refusal in one clause', () => {
    for (const text of Object.values(NEXT)) expect(text).toMatch(/^[^\n.]{8,}$/)
  })
})

describe('at a terminal', () => {
  const ask = (words: string, ...answers: string[]) =>
    line.atTerminal('ana', { words: wordsOf(words), answers })

  it('a person who gives no answer signs nothing', async () => {
    const before = await entriesOf()
    expect(await ask('decide OPEN', '')).toMatchObject({ code: 0, err: '' })
    expect(await ask('decide OPEN --approve', 'n')).toMatchObject({ code: 0, err: '' })
    expect(await entriesOf()).toEqual(before)
  })

  it('a person asks, then approves, then declines', async () => {
    const asked = await ask('decide OPEN', '?', 'Why now?')
    expect(asked.out).toMatch(/signed ask for issue/)
    expect((await line.countersign('acme', 'show', open)).out).toContain('Why now?')
    expect((await ask('decide BEGUN', 'a')).out).toMatch(
      /signed approve for cut-over: .* satisfied/,
    )
    expect((await ask('decide OPEN', 'd')).out).toMatch(/signed decline for issue: .* declined/)
    expect((await line.countersign('ana', 'show', open)).out).toContain('closed, declined')
  })

  it('a person who has decided is told so', async () => {
    const again = await line.countersign('ana', ...wordsOf('decide BEGUN cut-over --approve --yes'))
    expect(again).toMatchObject({ code: 1 })
    expect(again.err).toMatch(
      /^refused PERSON_COUNTED at [^\n]*nothing more is needed of you[^\n]*\n$/,
    )
  })
})

describe('a case that Temporal has forgotten', () => {
  it('is found by its workflow id, with how it ended', async () => {
    const shown = await line.countersign('ana', 'show', closed)
    expect(shown).toMatchObject({ code: 0, err: '' })
    expect(shown.out).toContain('Nobody holds the ball: the case is closed, declined, since ')
  })
})
