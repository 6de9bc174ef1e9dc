/** What the schedule and a campaign ask of all cases costs as much after many pages and rotations as after few. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pagesOfCampaign } from '../../src/store/case/page-items.js'
import type { Db } from '../../src/store/db.js'
import { askedBefore, pastOf, undecided } from '../../src/store/schedule/recertification.js'
import { renewedAt } from '../../src/store/schedule/renewals.js'
import { aStore, type TestStore } from '../support/store.js'

const IDENTITIES = Array.from({ length: 40 }, (_, index) => `nhi_${index + 1}`)
const OWNED = IDENTITIES.map((identityId) => ({ identityId, ownerId: 'per_ana' }))
const AT = '2026-06-01T00:00:00.000Z'

let store: TestStore
/** The blocks that each look touches after so many past pages and rotations, by its name. */
const few: Record<string, number> = {}
const many: Record<string, number> = {}

beforeAll(async () => {
  store = await aStore()
  await past(1, 400)
  await look(few)
  await past(401, 1200)
  await look(many)
})
afterAll(() => store.stop())

/** A case that was decided and closed, as far as the looks read it. */
const CLOSED = `
  with made as (insert into streams (stream, seq)
      select $1 || lpad(n::text, 26, '0'), 3 from generate_series($2::int, $3::int) n returning stream),
    listed as (insert into cases (case_id, kind, scope_kind, scope_id, system_id, company_id, owner_id, objective_id,
        policy, tier, phase, outcome)
      select stream, $4, 'identity', 'nhi_' || (1 + right(stream, 26)::int % 40), 'sys', 'com', 'per_ana', 'obj',
        'p@1', 'tier1', 'closed', 'completed' from made)
  insert into entries (stream, seq, hash, type, bytes)
    select stream, seq, stream || seq, type, convert_to(jsonb_build_object('at', '2026-01-01T00:00:00.000Z', 'body',
        jsonb_build_object('stepId', 'decide', 'asked', jsonb_build_object('identities', $5::text[])))::text, 'UTF8')
      from made, (values (1, 'CaseOpened'), (2, 'StepPerformed'), (3, 'CaseClosed')) e (seq, type)`

async function past(from: number, to: number): Promise<void> {
  // Rows that no process would write: only what the looks read of them counts here.
  await store.dba.query('set session_replication_role = replica')
  for (const kind of ['recertify', 'rotate'])
    await store.dba.query(CLOSED, [`${kind}:`, from, to, kind, IDENTITIES])
  await store.dba.query(
    `insert into page_items (identity_id, case_id, owner_id, campaign_id, page)
     select i.id, 'recertify:' || lpad(n::text, 26, '0'), 'per_ana', 'cmp_' || n, 1
       from generate_series($1::int, $2::int) n, unnest($3::text[]) i (id)`,
    [from, to, IDENTITIES],
  )
  await store.dba.query('analyze')
}

async function look(blocks: Record<string, number>): Promise<void> {
  const at = async (name: string, work: (db: Db) => Promise<unknown>) => {
    blocks[name] = await blocksOf(work)
  }
  await at('the past of the items of a page', (db) =>
    pastOf(db, { identities: IDENTITIES, at: AT }),
  )
  await at('who was asked before', (db) => askedBefore(db, OWNED))
  await at('what was left undecided', (db) => undecided(db, IDENTITIES))
  await at('the pages of a campaign', (db) => pagesOfCampaign(db, 'cmp_7'))
  await at('everything', (db) => db.query('select * from entries', []))
  await at('since when credentials are', (db) => renewedAt(db, IDENTITIES))
}

/** How many blocks the store touches to answer, as it says itself. */
async function blocksOf(work: (db: Db) => Promise<unknown>): Promise<number> {
  let blocks = 0
  const explaining = {
    query: async (text: string, values: unknown[]) => {
      const { rows } = await store.dba.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
        `explain (analyze, buffers, format json) ${text}`,
        values,
      )
      const plan = rows[0]?.['QUERY PLAN'][0].Plan ?? {}
      blocks += (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)
      return store.dba.query(text, values) as Promise<pg.QueryResult>
    },
  } as unknown as Db
  await work(explaining)
  return blocks
}

describe('after three times as many pages and rotations', () => {
  it.each([
    'the past of the items of a page',
    'who was asked before',
    'what was left undecided',
    'the pages of a campaign',
    'since when credentials are',
  ])('%s is found in about as many blocks', (name) => {
    expect(few[name]).toBeGreaterThan(0)
    expect(many[name]).toBeLessThan(1.5 * (few[name] ?? 0))
  })

  it('a read of everything would be noticed (control)', () => {
    expect(many.everything).toBeGreaterThan(2 * (few.everything ?? 0))
  })
})
