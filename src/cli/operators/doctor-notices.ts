/** Whether people can be told: each channel is there, and what was to be told lately went somewhere. */
import { type Env, noticesConfig } from '../../config.js'
import { openChannels } from '../../notices/routes.js'
import { openDb } from '../../store/db.js'
import { noticeHealth } from '../../store/notices.js'
import { absent, bad, type Found, good } from './doctor-found.js'

export async function checkNotices(env: Env): Promise<Found> {
  const settings = noticesConfig(env)
  if (settings === null) return absent('COUNTERSIGN_NOTICES')
  const channels = openChannels(settings)
  const said = await Promise.all(
    [...channels].map(async ([name, channel]) => {
      const state = await channel.look().catch(() => null)
      channel.close()
      return { name, state }
    }),
  )
  const gone = said.filter(({ state }) => state === null).map(({ name }) => `${name} is not there`)
  const wrong = [...gone, ...(await lately(env.DATABASE_URL))]
  return wrong.length === 0
    ? good(said.map(({ name, state }) => `${name} ${state}`).join(', '))
    : bad(wrong.join('; '))
}

async function lately(url: string | undefined): Promise<readonly string[]> {
  if (url === undefined) return []
  const db = openDb(url, { name: 'doctor', max: 1 })
  try {
    const { givenUp, nowhere } = await noticeHealth(db)
    return [
      ...(givenUp === 0 ? [] : [`${givenUp} notices of the last day were given up`]),
      ...(nowhere.length === 0 ? [] : [`no route leads to ${nowhere.join(', ')}`]),
    ]
  } finally {
    await db.end()
  }
}
