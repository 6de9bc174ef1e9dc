/**
 * proxy: a TCP hop on 127.0.0.1 between a client and one server, whose behaviour a test changes at
 * any moment, for connections that are open as well as for new ones.
 *
 * - pass: forwards both ways.
 * - pause: forwards nothing and keeps everything; `pass` delivers it, in order.
 * - blackhole: accepts connections and bytes and throws them away, both ways.
 * - reset: answers with RST, at once and on every new connection.
 * - delay: forwards each chunk `ms` milliseconds late, in order.
 * - cutAfter: forwards until the client has sent `bytes`, those included; from then on the server
 *   still gets everything, and its answers on that connection are lost (`answers: 'blackhole'`) or the
 *   client gets RST in their place (`answers: 'reset'`).
 * - cutBefore: forwards until the client sends `bytes`, which the server never gets: its connection ends as the client's does.
 *   Both cuts let `skip` of these pass first, over all connections.
 */
import { createServer, type Server, Socket } from 'node:net'

export type ProxyMode =
  | { kind: 'pass' | 'pause' | 'blackhole' | 'reset' }
  | { kind: 'delay'; ms: number }
  | { kind: 'cutAfter'; bytes: string; answers: 'blackhole' | 'reset'; skip?: number }
  | { kind: 'cutBefore'; bytes: string; skip?: number }

export interface TcpProxy {
  readonly port: number
  /** Cut connections stay cut. */
  readonly mode: (mode: ProxyMode) => void
  /** Connections that were cut so far. */
  readonly cuts: () => number
  /** Resolves when the server has done with all that it got on connections that were cut. */
  readonly settled: () => Promise<void>
  readonly close: () => Promise<void>
}

type Link = { client: Socket; server: Socket; cut: 'no' | 'yes'; tail: string }
type State = {
  mode: ProxyMode
  seen: number
  cuts: number
  settling: Promise<void>[]
  links: Set<Link>
  changed: Set<() => void>
}

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const state: State = {
    ...{ mode: { kind: 'pass' }, seen: 0, cuts: 0 },
    ...{ links: new Set(), changed: new Set(), settling: [] },
  }
  const listener = createServer((client) => connect({ state, client, target }))
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const mode = (next: ProxyMode) => {
    state.mode = next
    state.seen = 0
    if (next.kind === 'reset') for (const link of state.links) destroy(link)
    for (const wake of state.changed) wake()
  }
  const settled = async () => void (await Promise.all(state.settling))
  const close = async () => {
    mode({ kind: 'reset' })
    await new Promise<void>((resolve) => {
      listener.close(() => resolve())
    })
  }
  return { port: portOf(listener), mode, cuts: () => state.cuts, settled, close }
}

function connect(of: { state: State; client: Socket; target: { host: string; port: number } }) {
  const { state, client, target } = of
  client.on('error', () => client.destroy())
  if (state.mode.kind === 'reset') {
    client.resetAndDestroy()
    return
  }
  const server = new Socket()
  const link: Link = { client, server, cut: 'no', tail: '' }
  state.links.add(link)
  server.on('error', () => destroy(link))
  server.connect(target)
  pump({ state, link, from: client, to: server })
  pump({ state, link, from: server, to: client })
  client.on('close', () => {
    state.links.delete(link)
    server.destroy()
  })
  server.on('close', () => {
    if (link.cut === 'no') client.end()
  })
}

type Pipe = { state: State; link: Link; from: Socket; to: Socket }

/** One direction: chunks are handled one after the other, so their order survives every mode. */
function pump(pipe: Pipe) {
  let queue = Promise.resolve()
  const enqueue = (work: () => Promise<void>) => {
    queue = queue.then(work)
  }
  pipe.from.on('data', (chunk: Buffer) => {
    const arrived = performance.now()
    enqueue(() => forward(pipe, { chunk, arrived }))
  })
  pipe.from.on('end', () =>
    enqueue(async () => {
      await held(pipe.state)
      if (pipe.state.mode.kind !== 'blackhole' && !lost(pipe)) pipe.to.end()
    }),
  )
}

async function forward(pipe: Pipe, { chunk, arrived }: { chunk: Buffer; arrived: number }) {
  const { state, link } = pipe
  await held(state)
  const { mode } = state
  if (mode.kind === 'blackhole' || lost(pipe)) return
  if (mode.kind === 'delay') await passed(arrived + mode.ms)
  const met = pipe.from === link.client && meets({ state, link, mode, chunk })
  if (met && mode.kind === 'cutBefore') return sever(state, link)
  pipe.to.write(chunk)
  if (met && mode.kind === 'cutAfter') cut(state, { link, answers: mode.answers })
}

/** Whether the client has said now what cuts the connection. */
function meets(of: { state: State; link: Link; mode: ProxyMode; chunk: Buffer }): boolean {
  const { state, link, mode, chunk } = of
  if (mode.kind !== 'cutAfter' && mode.kind !== 'cutBefore') return false
  const said = link.tail + chunk.toString('latin1')
  link.tail = said.slice(Math.max(0, said.length - mode.bytes.length + 1))
  if (!said.includes(mode.bytes)) return false
  state.seen += 1
  return state.seen > (mode.skip ?? 0)
}

/** Neither side hears anything more of the other. */
function sever(state: State, link: Link) {
  if (link.cut === 'yes') return
  link.cut = 'yes'
  state.cuts += 1
  destroy(link)
}

/** True for what the server says on a connection that was cut. */
const lost = ({ link, from }: Pipe): boolean => link.cut === 'yes' && from === link.server

function cut(state: State, { link, answers }: { link: Link; answers: 'blackhole' | 'reset' }) {
  if (link.cut === 'yes') return
  link.cut = 'yes'
  state.cuts += 1
  if (answers === 'blackhole') return
  state.settling.push(new Promise((resolve) => link.server.once('close', () => resolve())))
  // The server gets all bytes and then the end of the stream; only the client sees a reset.
  link.server.end()
  link.client.removeAllListeners('close')
  link.server.once('close', () => state.links.delete(link))
  link.client.resetAndDestroy()
}

/** Resolves when the proxy is not paused. */
async function held(state: State): Promise<void> {
  while (state.mode.kind === 'pause') {
    await new Promise<void>((resolve) => {
      const wake = () => {
        state.changed.delete(wake)
        resolve()
      }
      state.changed.add(wake)
    })
  }
}

const passed = (at: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, Math.max(0, at - performance.now()))
  })

function destroy({ client, server }: Link) {
  client.resetAndDestroy()
  server.destroy()
}

function portOf(listener: Server): number {
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return address.port
}
