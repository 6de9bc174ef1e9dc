/** A process's database role that is taken over: what it can write into the evidence store, and what it cannot. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { EmergencyEvent } from '../../src/domain/shapes/emergency-event.js'
import { CaseEvent } from '../../src/domain/shapes/event.js'
import { FenceEvent } from '../../src/domain/shapes/fence-event.js'
import { MandateEvent } from '../../src/domain/shapes/mandate-event.js'
import { ProcessEvent } from '../../src/domain/shapes/process-event.js'
import { chain } from '../../src/ledger/entry.js'
import { append, lockEnd } from '../../src/store/case/apply.js'
import { transaction } from '../../src/store/db.js'
import { ROLES, type Role } from '../../src/store/migrate.js'
import { someSalt } from '../support/salt.js'
import { aStore, type TestStore } from '../support/store.js'

let store: TestStore
beforeAll(async () => {
  store = await aStore()
})
afterAll(() => store.stop())

const ULID = '01KB0000000000000000000000'
const STREAMS = {
  case: `rotate:com_acme:nhi_billing:${ULID}`,
  fence: 'fence:partner:com_acme',
  mandate: `mandate:${ULID}`,
  requests: 'requests:com_acme',
  authority: 'authority',
  kit: `kit:${ULID}`,
  ops: 'ops',
  findings: 'findings:log',
  'emergency-use': 'emergency-use:ent_bank',
  process: 'process:keeper',
  log: 'log:ent_bank',
} as const
type Kind = keyof typeof STREAMS

interface Writer {
  readonly kind: Kind
  readonly type: string
  readonly role: Role | 'pg_database_owner'
}

const nameOf = (role: Writer['role']): string =>
  role === 'pg_database_owner' ? 'owner' : role.replace('cs_', '')

const writers = async (): Promise<readonly Writer[]> =>
  (await store.dba.query<Writer>('select kind, type, role from entry_writers')).rows

const write = (role: Role, to: { readonly stream: string; readonly type: string }) =>
  transaction(store.db(role), async (tx) => {
    await append(tx, {
      locked: await lockEnd(tx, to.stream),
      bodies: [{ type: to.type }],
    })
  })

describe('who writes what', () => {
  it('is decided for every kind of entry, by role and stream', async () => {
    const known = await writers()
    const types = new Set(known.map(({ type }) => type))
    for (const kind of Object.keys(STREAMS) as Kind[])
      for (const type of types)
        await Promise.all(
          ROLES.map(async (role) => {
            const may =
              known.some((w) => w.kind === kind && w.type === type && w.role === role) &&
              (kind !== 'process' || role === 'cs_keeper')
            const writing = write(role, { stream: STREAMS[kind], type })
            if (may) await writing
            else await expect(writing).rejects.toMatchObject({ code: '42501' })
          }),
        )
  })

  it('has a writer for every event that the shapes know, and for no other', async () => {
    const typesOf = (union: { options: readonly z.ZodObject[] }) =>
      union.options.map(({ shape }) => String((shape.type as z.ZodLiteral).value))
    const known = await writers()
    const of = (kind: Kind) =>
      [...new Set(known.flatMap((writer) => (writer.kind === kind ? [writer.type] : [])))].sort()
    expect(of('case')).toEqual(typesOf(CaseEvent).sort())
    expect(of('fence')).toEqual(typesOf(FenceEvent).sort())
    expect(of('mandate')).toEqual(typesOf(MandateEvent).sort())
    expect(of('emergency-use')).toEqual(typesOf(EmergencyEvent).sort())
    expect(of('process')).toEqual(typesOf(ProcessEvent).sort())
    expect(of('log')).toEqual(['LogSucceeded'])
  })

  it('is what the architecture says', async () => {
    const text = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8')
    const rows = (await writers()).reduce((table, { kind, type, role }) => {
      const key = `${kind}/${type}`
      return table.set(key, [...(table.get(key) ?? []), nameOf(role)])
    }, new Map<string, string[]>())
    const said = [...text.matchAll(/^\| `([a-z-]+)` \| ([A-Za-z, ]+) \| ([a-z, ]+) \|$/gm)].flatMap(
      ([, kind, types, roles]) =>
        (types ?? '').split(', ').map((type) => [`${kind}/${type}`, roles ?? ''] as const),
    )
    const order = [...ROLES.map(nameOf), 'owner']
    const sorted = (roles: readonly string[]) =>
      order.filter((role) => roles.includes(role)).join(', ')
    expect(new Map(said)).toEqual(new Map([...rows].map(([key, roles]) => [key, sorted(roles)])))
  })
})

describe('a role that writes rows itself', () => {
  const stream = 'findings:rows'
  const insert = (
    role: Role,
    row: { seq: number; hash: string; type: string; bytes: Uint8Array; stream?: string },
  ) =>
    store
      .db(role)
      .query('insert into entries (stream, seq, hash, type, bytes) values ($1, $2, $3, $4, $5)', [
        ...[row.stream ?? stream, row.seq, row.hash, row.type, Buffer.from(row.bytes)],
      ])
  const after = async () => {
    const { rows } = await store.dba.query<{ seq: number; head: `sha256:${string}` }>(
      'select seq, head from streams where stream = $1',
      [stream],
    )
    return rows[0] ?? { seq: 0, head: null }
  }
  const next = async (body = { type: 'FindingRecorded' }) => {
    const { seq, head } = await after()
    const at = '2026-06-01T12:00:00.000Z'
    const [made] = chain({ salt: someSalt, stream, seq, head, at, bodies: [body] })
    if (made === undefined) throw new Error('nothing was chained')
    return { seq: seq + 1, hash: made.hash, type: body.type, bytes: made.bytes }
  }
  beforeAll(async () => {
    await write('cs_worker', { stream, type: 'FindingRecorded' })
  })

  it('adds nothing but what its bytes say, at the end', async () => {
    const good = await next()
    const other = await next({ type: 'Granted' })
    for (const bad of [
      { ...good, seq: good.seq + 1 },
      { ...good, hash: other.hash },
      { ...other, type: 'FindingRecorded' },
      { ...good, bytes: Buffer.from('{}') },
      { ...good, bytes: Buffer.from('no entry') },
      { ...good, stream: 'findings:other' },
    ])
      await expect(insert('cs_worker', bad)).rejects.toThrow()
    await insert('cs_worker', good)
    await expect(insert('cs_worker', good)).rejects.toThrow()
  })

  it('cannot move the head of a stream, count a fence that is none, or have an entry sequenced twice or never', async () => {
    const refused = { code: '42501' }
    for (const role of ROLES) {
      const db = store.db(role)
      await expect(db.query("update streams set seq = 99, head = 'x'")).rejects.toMatchObject(
        refused,
      )
      await expect(
        db.query("insert into streams (stream, seq) values ('fence:system:sys_x', 7)"),
      ).rejects.toMatchObject(refused)
      await expect(db.query('update fences set epoch = 9')).rejects.toMatchObject(refused)
      await expect(
        db.query('insert into unsequenced (hash) select hash from entries limit 1'),
      ).rejects.toMatchObject(refused)
    }
    const { rows } = await store.dba.query(
      'select 1 from entries e where not exists (select from unsequenced u where u.hash = e.hash)',
    )
    expect(rows).toEqual([])
  })
})
