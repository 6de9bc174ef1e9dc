/**
 * How notices reach people, as the operators of an installation configure it: *channels*, and *routes* that say who is
 * told of what over which of them. Every secret stands in a file of its own.
 */
import { z } from 'zod'
import { Recipient, Topic } from './notice.js'
import { Duration } from './policy.js'

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']
const isLoopback = (host: string): boolean => LOOPBACK.includes(host)
const ChannelName = z.string().regex(/^[a-z][a-z0-9-]{0,47}$/, 'not the name of a channel')
const FilePath = z.string().min(1).max(1000)

/** Standard Webhooks. Secrets are `whsec_…`, one a line; during a change of secret both sign. */
const Webhook = z.strictObject({
  kind: z.literal('webhook'),
  url: z
    .url({ protocol: /^https?$/, error: 'not an http or https URL' })
    .refine((text) => {
      const url = URL.canParse(text) ? new URL(text) : null
      return url === null || url.protocol === 'https:' || isLoopback(url.hostname)
    }, 'only this machine is reached without https')
    .refine((text) => !URL.canParse(text) || new URL(text).username === '', 'carries a user name'),
  secretFile: FilePath,
})
export type Webhook = z.infer<typeof Webhook>

const Mail = z
  .strictObject({
    kind: z.literal('mail'),
    host: z.string().min(1).max(253),
    port: z.int().min(1).max(65_535),
    /** `tls` from the first byte; `starttls`, or nothing is sent; `none` to this machine only. */
    security: z.enum(['tls', 'starttls', 'none']),
    from: z.email('not an address'),
    login: z.strictObject({ user: z.string().min(1).max(200), passwordFile: FilePath }).optional(),
  })
  .refine(({ security, host }) => security !== 'none' || isLoopback(host), {
    path: ['security'],
    message: 'only this machine is reached without tls',
  })
export type Mail = z.infer<typeof Mail>

const Route = z.strictObject({
  to: z.union([Recipient, z.enum(['person:*', 'partner:*'])]),
  /** Every topic, unless given. */
  topics: z.array(Topic).min(1).optional(),
  by: z.array(ChannelName).min(1),
})
export type Route = z.infer<typeof Route>

const RETRY = ['5s', '5m', '30m', '2h', '5h', '10h', '14h'] as const

export const Channels = z
  .strictObject({
    channels: z.record(ChannelName, z.discriminatedUnion('kind', [Webhook, Mail])),
    routes: z.array(Route).min(1),
    /** How long after each attempt the next is made; after the last the notice is given up. */
    retry: z
      .array(Duration)
      .min(1)
      .max(20)
      .default(RETRY.map((text) => Duration.parse(text))),
  })
  .superRefine(({ channels, routes }, context) => {
    const wrong = (path: PropertyKey[], message: string) =>
      context.addIssue({ code: 'custom', path, message })
    for (const [place, { to, by }] of routes.entries())
      for (const name of by) {
        const channel = channels[name]
        if (channel === undefined) wrong(['routes', place, 'by'], `there is no channel ${name}`)
        else if (channel.kind === 'mail' && !to.startsWith('person:'))
          wrong(['routes', place, 'to'], 'only persons have an address for mail')
      }
  })
export type Channels = z.infer<typeof Channels>

/** A configuration with what stands in its files of secrets, by channel, line by line. */
export interface NoticeSettings extends Channels {
  readonly secrets: Readonly<Record<string, readonly string[]>>
}
