/** How long raising a fence takes, over HTTP, with that many more open cases in its scope. The last thing of a run: no workflow hears of it. */
import pg from 'pg'
import { ulid } from 'ulid'
import { ENTERPRISE, PARTNER } from '../../src/demo/enterprise.js'
import { isRefusal } from '../../src/domain/refusal.js'
import type { Fence } from '../../src/domain/shapes/envelope.js'
import { signEnvelope } from '../../src/keys/sign.js'
import type { ProductSide } from './side.js'

const MINUTE_MS = 60_000

/** Milliseconds until it is acknowledged, which is when no grant in its scope can be consumed any more. */
export async function timeFence(product: ProductSide, openCases: number): Promise<number> {
  const { system, stage } = product
  const dba = new pg.Client({ connectionString: system.store.superuserUrl })
  await dba.connect()
  await dba.query(
    `insert into live_owners select 'bench:' || $1 || ':' || n, 'per_bench' from generate_series(1, $1::int) n`,
    [openCases],
  )
  await dba.query(
    `with made as (
       insert into streams (stream) select 'bench:' || $2 || ':' || n from generate_series(1, $2::int) n returning stream)
     insert into cases (case_id, kind, scope_kind, scope_id, system_id, company_id, owner_id, objective_id, policy, tier)
     select stream, 'rotate', 'identity', stream, 'sys_bench', $1, 'per_bench', 'obj_bench', 'bench@1', 'tier1' from made`,
    [PARTNER, openCases],
  )
  await dba.end()
  const { keyId, signer } = await system.genesis.key('key_cleo')
  const at = Date.now()
  const payload: Fence = {
    ...{ type: 'fence', v: 1, fenceId: ulid(), enterprise: ENTERPRISE, speed: 'stop' },
    ...{ scope: { kind: 'partner', id: PARTNER }, reasonDigest: null, personId: 'per_cleo' },
    notBefore: new Date(at - MINUTE_MS).toISOString(),
    notAfter: new Date(at + MINUTE_MS).toISOString(),
  }
  const envelope = signEnvelope({ kind: 'fence', payload, keyId, signer })
  const api = await stage.api('per_cleo')
  const began = performance.now()
  const answer = await api.fence({ envelope })
  const took = performance.now() - began
  if (isRefusal(answer)) throw new Error(`the fence was refused: ${answer.refused}`)
  return took
}
