/** The outbox: what is owed to workflows is delivered at least once, and taking it costs no wait for the disk. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { queueSignal } from '../../src/store/case/apply.js'
import { dropOutgoing, takeOutgoing } from '../../src/store/case/outbox.js'
import { aStore, type TestStore } from '../support/store.js'

let store: TestStore
beforeAll(async () => {
  store = await aStore()
  await store.dba.query(`create table commits (operation text, waits text);
    grant insert on commits to public;
    create function note() returns trigger language plpgsql as $$ begin
      insert into commits values (tg_op, current_setting('synchronous_commit'));
      return null;
    end $$;
    create trigger noted after update or delete on outbox for each row execute function note();`)
})
afterAll(() => store.stop())

const owe = (caseId: string) =>
  queueSignal(store.db('cs_api'), { caseId, signal: { name: 'changed' } })

describe('the outbox', () => {
  it('gives each signal out once until it is due again, oldest first', async () => {
    const db = store.db('cs_keeper')
    await owe('case-1')
    await owe('case-2')
    expect((await takeOutgoing(db, 10)).map(({ caseId }) => caseId)).toEqual(['case-1', 'case-2'])
    expect(await takeOutgoing(db, 10)).toEqual([])
    await store.dba.query('update outbox set not_before = now()')
    expect(await takeOutgoing(db, 10)).toHaveLength(2)
  })

  it('waits for no disk when it gives out and drops, and for every disk afterwards', async () => {
    const db = store.db('cs_keeper')
    await store.dba.query('update outbox set not_before = now()')
    await store.dba.query('delete from commits')
    const taken = await takeOutgoing(db, 10)
    await dropOutgoing(
      db,
      taken.map(({ id }) => id),
    )
    const { rows } = await store.dba.query(
      'select distinct operation, waits from commits order by 1',
    )
    expect(rows).toEqual([
      { operation: 'DELETE', waits: 'off' },
      { operation: 'UPDATE', waits: 'off' },
    ])
    const after = await db.query<{ synchronous_commit: string }>('show synchronous_commit')
    expect(after.rows).toEqual([{ synchronous_commit: 'on' }])
  })
})
