/** The superuser of the evidence store alters a column, deletes rows, swaps or re-inserts them, empties a table: each is found by name. */
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Checked } from '../../src/fsck/fsck.js'
import { signNoteBytes } from '../../src/keys/sign.js'
import { signCheckpoint } from '../../src/ledger/checkpoint.js'
import { readHighWater } from '../../src/store/log/high-water.js'
import { columns } from './columns.js'
import { aTamperedStore, type TamperedStore } from './store.js'

let store: TamperedStore
beforeAll(async () => {
  store = await aTamperedStore()
})
afterAll(() => store.stop())

const lines = ({ problems }: Checked): readonly string[] =>
  problems.map(({ subject, where }) => `${subject} ${where}`)

const isNamed = (checked: Checked, named: string | RegExp): boolean =>
  lines(checked).some((line) => (typeof named === 'string' ? line === named : named.test(line)))

const NAMES = Object.entries(columns({ rotation: '', containment: '', lift: '' }))
type Place = readonly [table: string, column: string]
const EVIDENCE: readonly Place[] = NAMES.flatMap(([table, all]) =>
  Object.entries(all).flatMap(([column, what]): readonly Place[] =>
    typeof what === 'string' ? [] : [[table, column]],
  ),
)

/** Tables of which a finding names no other: altered in one look, the first column of each, then the second, … */
const APART = [
  'fences',
  'mandates',
  'persons_side',
  'reasons_side',
  'documents_side',
  'registered',
  'live_owners',
]
const inOneLook = ([table, column]: Place, place: number): string => {
  // A finding names the column of a list row.
  if (table === 'cases') return column === 'case_id' ? 'cases.case_id' : 'cases'
  if (!APART.includes(table)) return `${table}.${column}`
  return `apart ${place - EVIDENCE.findIndex(([name]) => name === table)}`
}
const placed = EVIDENCE.map((place, index) => ({ place, look: inOneLook(place, index) }))
const LOOKS = [...new Set(placed.map(({ look }) => look))].map((look) => {
  const places = placed.flatMap((one) => (one.look === look ? [one.place] : []))
  return [look, places] as const
})

describe('a store that nobody touched', () => {
  it('is clean, with rows in every table of evidence', async () => {
    expect(lines(await store.after([]))).toEqual([])
    for (const table of new Set(EVIDENCE.map(([name]) => name))) {
      const { rowCount } = await store.world.dba.query(`select 1 from ${table} limit 1`)
      expect(rowCount, table).toBe(1)
    }
  })
})

describe('a column', () => {
  it('is either found when it is altered, or has a reason why it is no evidence', async () => {
    const { rows } = await store.world.dba.query<{ name: string }>(
      `select table_name || '.' || column_name as name from information_schema.columns
        where table_schema = 'public'`,
    )
    const listed = NAMES.flatMap(([table, all]) =>
      Object.keys(all).map((name) => `${table}.${name}`),
    )
    expect(rows.map(({ name }) => name).sort()).toEqual(listed.sort())
  })

  it.each(LOOKS)('%s cannot be altered unfound', async (_name, places) => {
    const altered = places.map(([table, column]) => {
      const what = columns(store)[table]?.[column]
      if (what === undefined || typeof what === 'string') throw new Error('not in the list')
      const statement = `update ${table} set ${column} = ${what.set} where ${what.where}`
      return { statement, named: what.named }
    })
    const checked = await store.after(altered.map(({ statement }) => statement))
    for (const { statement, named } of altered)
      expect(
        isNamed(checked, named),
        `${statement}: ${named} in\n${lines(checked).join('\n')}`,
      ).toBe(true)
  })
})

describe('rows', () => {
  const of = (stream: string, seq: number) => `stream = '${stream}' and seq = ${seq}`
  const cases: readonly (readonly [string, (store: TamperedStore) => readonly string[], RegExp])[] =
    [
      [
        'an entry in the middle deleted',
        ({ rotation }) => [`delete from entries where ${of(rotation, 7)}`],
        /^rotate:\S+ \/7$/,
      ],
      [
        'the last entry deleted',
        ({ rotation }) => [`delete from entries where ${of(rotation, 36)}`],
        /^rotate:\S+ \/end$/,
      ],
      [
        'the last entry deleted and the stream’s row moved back',
        ({ rotation }) => [
          `delete from entries where ${of(rotation, 36)}`,
          `update streams set seq = 35, head = (select hash from entries where ${of(rotation, 35)}) where stream = '${rotation}'`,
        ],
        /^log \/leaves\/\d+$/,
      ],
      [
        'two entries swapped',
        ({ rotation }) => [
          `update entries set seq = 1007 where ${of(rotation, 7)}`,
          `update entries set seq = 7 where ${of(rotation, 8)}`,
          `update entries set seq = 8 where ${of(rotation, 1007)}`,
        ],
        /^rotate:\S+ \/7$/,
      ],
      [
        'two leaves swapped',
        () => [
          'update leaves set index = 1005 where index = 5',
          'update leaves set index = 5 where index = 6',
          'update leaves set index = 6 where index = 1005',
        ],
        /^log \/leaves\/5$/,
      ],
      [
        'an entry deleted and inserted again at the end of its stream',
        ({ rotation }) => [`update entries set seq = 37 where ${of(rotation, 7)}`],
        /^rotate:\S+ \/7$/,
      ],
      [
        'an entry of one case inserted into another',
        ({ rotation, containment }) => [
          `insert into entries select '${containment}', 99, 'sha256:copied', type, bytes from entries where ${of(rotation, 7)}`,
        ],
        /^contain:\S+ \/99$/,
      ],
      [
        'a grant deleted',
        ({ rotation }) => [
          `delete from grants where case_id = '${rotation}' and step_id = 'issue'`,
        ],
        /^rotate:\S+ \/7$/,
      ],
      [
        'the use of a mandate deleted',
        () => [`delete from entries where type = 'MandateUsed'`],
        /^mandate:\S+ \/end$/,
      ],
      [
        'the row of a fence deleted',
        () => [`delete from fences where id = 'nhi_ledger'`],
        /^fence:identity:nhi_ledger \/row$/,
      ],
      [
        'a fence deleted with its row',
        () => [
          `delete from entries where type = 'Fenced'`,
          `delete from fences where id = 'nhi_ledger'`,
        ],
        /^fence:identity:nhi_ledger \/1$/,
      ],
      [
        'a lifting deleted',
        () => [`delete from entries where type = 'FenceLifted'`],
        /^fence:identity:nhi_ledger \/end$/,
      ],
      [
        'a case taken off the list',
        ({ rotation }) => [`delete from cases where case_id = '${rotation}'`],
        /^rotate:\S+ \/row$/,
      ],
      [
        'what waits for the log taken out of the queue',
        () => ['delete from unsequenced'],
        /^recertify:\S+ \/1$/,
      ],
      [
        'a signal for a case that never was',
        () => [
          `insert into outbox (case_id, signal, payload) values ('rotate:com_acme:nhi_billing:none', 'changed', '{}')`,
        ],
        /^rotate:com_acme:nhi_billing:none \/outbox\/\d+$/,
      ],
    ]
  it.each(cases)('%s', async (_name, statements, named) => {
    const checked = await store.after(statements(store))
    expect(isNamed(checked, named), lines(checked).join('\n')).toBe(true)
  })

  it.each([
    ['entries', /^rotate:\S+ \/end$/],
    ['streams', /^rotate:\S+ \/end$/],
    ['leaves', /^log \/leaves\/0$/],
    ['tiles', /^log \/tiles\/0\/0$/],
    ['authority', /^authority \/bundles\/1$/],
    ['packs', /^authority \/packs\/sha256:/],
    ['grants', /^rotate:\S+ \/7$/],
    ['cases', /^rotate:\S+ \/row$/],
    ['sealed', /^rotate:\S+ \/\d+$/],
    ['mandates', /^mandate:\S+ \/row$/],
  ])('none left in %s', async (table, named) => {
    const checked = await store.after([`delete from ${table}`])
    expect(isNamed(checked, named), lines(checked).join('\n')).toBe(true)
  })
})

describe('the log', () => {
  const mark = () => readHighWater(join(dirname(store.world.memoryFile), 'high-water.json'))
  const size = async () => (await mark())?.size ?? 0

  it('is found smaller than the signer remembers where a backup was restored, and by nothing else', async () => {
    const highWater = await mark()
    if (highWater === null) throw new Error('nothing was signed')
    const last = highWater.size - 1
    const older = [
      `with gone as (delete from leaves where index = ${last} returning hash)
       delete from entries using gone where entries.hash = gone.hash`,
      `update streams s set seq = e.seq, head = e.hash
         from (select distinct on (stream) stream, seq, hash from entries order by stream, seq desc) e
        where e.stream = s.stream`,
      'update tiles set data = substring(data for octet_length(data) - 32) where level = 0',
      `delete from checkpoints where size > ${last}`,
    ]
    const named = `log /leaves/${last}`
    expect(lines(await store.after([], highWater))).toEqual([])
    expect(lines(await store.after(older, highWater))).toContain(named)
    expect(lines(await store.after(older))).not.toContain(named)
  })

  it('is found forked where its own key signed another tree of the same size', async () => {
    const { keys, authority } = store.world.authority
    const { signer } = keys.log
    const checkpoint = {
      ...{ origin: authority.root.log.origin, size: await size() },
      ...{ root: new Uint8Array(32).fill(7), extensions: [] },
    }
    const note = await signCheckpoint({
      ...{ checkpoint, publicKey: signer.publicKey },
      sign: (message) => signNoteBytes(signer, message),
    })
    const forked = `update checkpoints set note = '${note}' where size = ${checkpoint.size}`
    const highWater = {
      size: checkpoint.size,
      root: Buffer.from(checkpoint.root).toString('base64'),
    }
    expect(lines(await store.after([forked]))).toEqual([`log /checkpoints/${checkpoint.size}`])
    expect(lines(await store.after([], highWater))).toEqual([`log /leaves/${checkpoint.size - 1}`])
  })
})
