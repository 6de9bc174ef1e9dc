/** Who is told: a receiver of webhooks and a real SMTP server, both on this machine. */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { Webhook } from 'standardwebhooks'

export const SECRET = `whsec_${Buffer.alloc(32, 'w').toString('base64')}`

export interface Told {
  readonly id: string
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

/** Verifies each signature as anybody would, with the public library. `status` answers the next ones. */
export async function aHook(secret = SECRET) {
  const told: Told[] = []
  const headers: IncomingHttpHeaders[] = []
  const hook = { told, headers, status: 204, url: '', stop: async () => undefined as unknown }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      headers.push(request.headers)
      const read = new Webhook(secret).verify(body, request.headers as Record<string, string>)
      if (hook.status < 300)
        told.push({ id: String(request.headers['webhook-id']), ...(read as Omit<Told, 'id'>) })
      response.writeHead(hook.status, { location: 'http://127.0.0.1:1/elsewhere' }).end('ignored')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  hook.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  hook.stop = () => new Promise((resolve) => server.close(resolve))
  return hook
}

export interface Letter {
  readonly to: readonly string[]
  readonly text: string
}

/** Refuses whom it does not know, and quotes the address as such servers do. */
export async function aPostOffice(refused: readonly string[] = []) {
  const letters: Letter[] = []
  const server = new SMTPServer({
    ...{ authOptional: true, disabledCommands: ['STARTTLS', 'AUTH'], logger: false },
    onRcptTo: ({ address }, _session, done) =>
      done(
        refused.includes(address)
          ? Object.assign(new Error(`no such user ${address}`), { responseCode: 550 })
          : null,
      ),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address)
        letters.push({ to, text: Buffer.concat(chunks).toString() })
        done()
      })
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  return { letters, port, stop: () => new Promise<void>((resolve) => server.close(resolve)) }
}
