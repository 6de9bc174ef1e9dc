/**
 * How far clocks are from the database's, which is the one that counts: this machine's, which signs, and those of
 * the processes that answer over HTTP. A decision signed by a clock that is ahead is not valid yet.
 */
import type { Env } from '../config.js'
import { now, openDb } from '../store/db.js'
import { absent, bad, type Found, good, WITHIN_MS } from './doctor-found.js'

/** Signers allow for five seconds; half of that is time to look. */
const MOST_MS = 2500
/** A Date header has whole seconds, cut off. */
const CUT_MS = 500

interface Skew {
  readonly whose: string
  /** Ahead of the database when positive. */
  readonly ms: number
}

export async function checkClocks(env: Env): Promise<Found> {
  const url = env.DATABASE_URL
  if (url === undefined) return absent('DATABASE_URL')
  const db = openDb(url, { name: 'doctor', max: 1 })
  try {
    await now(db)
    const before = Date.now()
    const at = Date.parse(await now(db))
    const here = (before + Date.now()) / 2 - at
    const others = await Promise.all(processesIn(env).map((item) => skewOf(item, here)))
    const skews: Skew[] = [{ whose: 'this machine', ms: here }, ...others]
    const [far] = skews.filter(({ ms }) => Math.abs(ms) > MOST_MS)
    return far === undefined
      ? good(`within ${MOST_MS} ms of the database: ${skews.map(({ whose }) => whose).join(', ')}`)
      : bad(`the clock of ${far.whose} is ${Math.round(far.ms)} ms ahead of the database's`)
  } finally {
    await db.end()
  }
}

const processesIn = (env: Env) =>
  [
    { whose: 'api', url: env.PUBLIC_URL },
    { whose: 'issuer', url: env.OIDC_ISSUERS?.split(',')[0] },
    { whose: 'codec', url: env.COUNTERSIGN_CODEC_URL },
  ].flatMap(({ whose, url }) => (url === undefined || url === '' ? [] : [{ whose, url }]))

/** Compared with this machine's clock, whose own skew is known. */
async function skewOf(
  { whose, url }: { readonly whose: string; readonly url: string },
  here: number,
): Promise<Skew> {
  const response = await fetch(url, { signal: AbortSignal.timeout(WITHIN_MS), redirect: 'manual' })
  await response.body?.cancel()
  const said = Date.parse(response.headers.get('date') ?? '')
  if (Number.isNaN(said)) throw new TypeError(`${whose} does not say what time it is`)
  return { whose, ms: said + CUT_MS - Date.now() + here }
}
