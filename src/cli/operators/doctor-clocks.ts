/**
 * How far clocks are from the database's, which is the one that counts: this machine's, which signs, those of
 * the processes that answer over HTTP, and what each running process measured of its own. A decision signed by a clock that
 * is ahead is not valid yet.
 */
import type { Env } from '../../config.js'
import { openDb } from '../../store/db.js'
import { isFarOff, MOST_SKEW_MS, skewOf } from '../../store/log/skew.js'
import { isSilent, measuredClocks } from '../../store/streams/processes.js'
import { absent, bad, type Found, good, WITHIN_MS } from './doctor-found.js'

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
    const here = await skewOf(db)
    const others = await Promise.all(processesIn(env).map((item) => skewOfProcess(item, here)))
    const measured = (await measuredClocks(db))
      .filter((clock) => !isSilent(clock))
      .map(({ process, skewMs }) => ({ whose: `${process}, which it measured itself`, ms: skewMs }))
    const skews: Skew[] = [{ whose: 'this machine', ms: here }, ...others, ...measured]
    const [far] = skews.filter(({ ms }) => isFarOff(ms))
    return far === undefined
      ? good(`within ${MOST_SKEW_MS} ms of the database: ${namesOf(skews)}`)
      : bad(`the clock of ${far.whose} is ${offBy(far.ms)} the database's`)
  } finally {
    await db.end()
  }
}

const namesOf = (skews: readonly Skew[]): string =>
  [...new Set(skews.map(({ whose }) => whose))].join(', ')

const offBy = (ms: number): string =>
  `${Math.abs(Math.round(ms))} ms ${ms > 0 ? 'ahead of' : 'behind'}`

const processesIn = (env: Env) =>
  [
    { whose: 'api', url: env.PUBLIC_URL },
    { whose: 'issuer', url: env.OIDC_ISSUERS?.split(',')[0] },
    { whose: 'codec', url: env.COUNTERSIGN_CODEC_URL },
  ].flatMap(({ whose, url }) => (url === undefined || url === '' ? [] : [{ whose, url }]))

/** Compared with this machine's clock, whose own skew is known. */
async function skewOfProcess(
  { whose, url }: { readonly whose: string; readonly url: string },
  here: number,
): Promise<Skew> {
  const response = await fetch(url, { signal: AbortSignal.timeout(WITHIN_MS), redirect: 'manual' })
  await response.body?.cancel()
  const said = Date.parse(response.headers.get('date') ?? '')
  if (Number.isNaN(said)) throw new TypeError(`${whose} does not say what time it is`)
  return { whose, ms: said + CUT_MS - Date.now() + here }
}
