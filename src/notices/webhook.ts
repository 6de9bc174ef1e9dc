/**
 * Webhooks as standardwebhooks.com has them: whoever has the secret knows from the signature that this installation
 * sent exactly this, and from `webhook-id` that a second delivery is the first again. Redirects are not followed.
 */
import { Socket } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { Notice } from '../domain/shapes/notice.js'
import { type Carried, type Channel, codeIn, WITHIN_MS } from './channel.js'

export function createWebhook({
  url,
  secrets,
}: {
  readonly url: string
  readonly secrets: readonly string[]
}): Channel {
  const signers = secrets.map((secret) => new Webhook(secret))
  return {
    carry: async (notice) => {
      const body = JSON.stringify(eventOf(notice))
      const at = new Date()
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'countersign',
        'webhook-id': notice.id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': signers.map((each) => each.sign(notice.id, at, body)).join(' '),
      }
      try {
        const answer = await fetch(url, {
          ...{ method: 'POST', headers, body, redirect: 'manual' },
          signal: AbortSignal.timeout(WITHIN_MS),
        })
        await answer.body?.cancel()
        return carriedBy(answer.status)
      } catch (error) {
        return { kind: 'failed', fault: codeIn(error), again: 'later' }
      }
    },
    look: async () => {
      const { hostname, port, protocol } = new URL(url)
      const host = hostname.replace(/^\[|\]$/g, '')
      await reach({ host, port: Number(port || (protocol === 'https:' ? 443 : 80)) })
      return 'answers'
    },
    close: () => undefined,
  }
}

const eventOf = ({ topic, at, ...data }: Notice) => ({
  type: `countersign.${topic}`,
  timestamp: at,
  data,
})

/** 410: whoever is there wants no more of them. */
const carriedBy = (status: number): Carried =>
  status >= 200 && status < 300
    ? { kind: 'sent' }
    : { kind: 'failed', fault: `HTTP ${status}`, again: status === 410 ? 'never' : 'later' }

const reach = (to: { readonly host: string; readonly port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = new Socket()
    socket.setTimeout(WITHIN_MS, () => socket.destroy(new Error('no answer in time')))
    socket.once('error', reject)
    socket.connect(to, () => {
      socket.destroy()
      resolve()
    })
  })
