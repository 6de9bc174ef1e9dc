/** Who is told of what over which channel, and the channels themselves, as configured. */
import type { Channels, NoticeSettings, Route } from '../domain/shapes/channel.js'
import type { Notice } from '../domain/shapes/notice.js'
import type { Channel } from './channel.js'
import { createMail } from './mail.js'
import { createWebhook } from './webhook.js'

/** Over every channel that a route gives, each once; none when no route leads there. */
export const channelsFor = (
  { routes }: Pick<Channels, 'routes'>,
  { to, topic }: Pick<Notice, 'to' | 'topic'>,
): readonly string[] => [
  ...new Set(routes.filter((route) => leads(route, { to, topic })).flatMap(({ by }) => by)),
]

const leads = ({ to, topics }: Route, of: Pick<Notice, 'to' | 'topic'>): boolean =>
  (topics === undefined || topics.includes(of.topic)) &&
  (to === of.to || (to.endsWith('*') && of.to.startsWith(to.slice(0, -1))))

export function openChannels(settings: NoticeSettings): ReadonlyMap<string, Channel> {
  const { channels, secrets } = settings
  return new Map(
    Object.entries(channels).map(([name, channel]) => {
      const own = secrets[name] ?? []
      const opened =
        channel.kind === 'webhook'
          ? createWebhook({ url: channel.url, secrets: own })
          : createMail({ mail: channel, password: own[0] ?? null })
      return [name, opened]
    }),
  )
}
