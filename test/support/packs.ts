/** Policy of a World that changes: packs with a window, another pack from now on, and a database that shows another time. */
import { nodeVerify } from '../../src/keys/verify.js'
import { type PackFiles, packHash } from '../../src/packs/load.js'
import { installAuthority } from '../../src/store/authority/authority.js'
import { storePack } from '../../src/store/authority/packs.js'
import { anAuthority, must, SPAN } from './authority.js'
import { quickPack, type World } from './world.js'

/** From now on this pack is in force, by the next version of the authority bundle. */
export async function installPack(
  world: Pick<World, 'authority' | 'db'>,
  { pack, version = 2 }: { readonly pack: PackFiles; readonly version?: number },
): Promise<void> {
  const db = world.db('owner')
  await storePack(db, pack)
  const { bundle, trust } = anAuthority({
    ...{ keys: world.authority.keys, version },
    pack: { packId: 'demo', version: 1, effectiveFrom: SPAN.notBefore, hash: packHash(pack) },
  })
  must(await installAuthority(db, { bundle, trust, verify: nodeVerify }))
}

export interface Calendar {
  readonly zone: string
  /** As pack.yaml writes it: `{ days: business, from: '22:00', to: '04:00' }`. */
  readonly window: string
  /** `{ name, from, until }`. */
  readonly freezes?: readonly string[]
}

/** The quick pack; to issue a new secret in a rotation there is a window. */
export function windowedPack({ zone, window, freezes = [] }: Calendar): PackFiles {
  const pack = quickPack((rules) =>
    rules.includes('kind: rotate\n')
      ? rules.replace(/decisionMaxAge: \S+/, '$&\n      window: night')
      : rules,
  )
  const head = (pack['pack.yaml'] ?? '')
    .replace('zone: UTC', `zone: ${zone}`)
    .replace('windows:\n', `windows:\n    night: ${window}\n`)
    .replace('freezes: []', `freezes: [${freezes.join(', ')}]`)
  return { ...pack, 'pack.yaml': head }
}

/** From now on the database's clock shows this time, and goes on from there. */
export const setClock = (world: Pick<World, 'dba'>, at: string): Promise<void> =>
  shiftClock(world, Date.parse(at) - Date.now())

/** The database's clock, which every process asks, is ahead by this much. */
export async function shiftClock({ dba }: Pick<World, 'dba'>, ms: number): Promise<void> {
  await dba.query(
    `create or replace function now_iso() returns text language sql volatile as $$
       select to_char((clock_timestamp() + interval '${ms} milliseconds') at time zone 'UTC',
                      'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$`,
  )
}
