/**
 * port: a TCP port on 127.0.0.1 that nobody listens on at the moment of asking.
 *
 * Ports come from below the range that kernels hand to outgoing connections, so a server that is
 * killed and started again finds its port still free. Another program can still take a port
 * between asking and listening; those who start servers try again with another one.
 */
import { randomInt } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'

const LOWEST = 20_000
const HIGHEST = 32_000
const ATTEMPTS = 200

/** One free port. */
export const freePort = async (): Promise<number> => {
  const [port] = await freePorts(1)
  if (port === undefined) throw new Error('no port')
  return port
}

/** `count` distinct free ports, all held open together until the last one is found. */
export const freePorts = async (count: number): Promise<number[]> => {
  const servers: Server[] = []
  try {
    const ports: number[] = []
    while (ports.length < count) ports.push(await occupyOne(servers))
    return ports
  } finally {
    await Promise.all(servers.map(closed))
  }
}

export type KeptPorts<Name extends string> = {
  /** Remembers them from one start to the next. */
  file: string
  names: readonly Name[]
  /** One line for each port that could not be had again. */
  say: (line: string) => void
}

/** The port that each name had the last time, where it is free; another one where it is not, which is kept from then on. */
export const keptPorts = async <Name extends string>(
  kept: KeptPorts<Name>,
): Promise<Record<Name, number>> => {
  const known = remembered(kept.file)
  const held = new Map<Name, number>()
  for (const name of kept.names) {
    const port = known[name]
    if (isPort(port) && ![...held.values()].includes(port) && !(await portTaken(port)))
      held.set(name, port)
  }
  const fresh = (await freePorts(kept.names.length + held.size)).filter(
    (port) => ![...held.values()].includes(port),
  )
  for (const name of kept.names.filter((each) => !held.has(each))) {
    const port = fresh.pop() ?? (await freePort())
    if (isPort(known[name])) kept.say(`port ${known[name]} of ${name} is taken; it has ${port} now`)
    held.set(name, port)
  }
  const ports = Object.fromEntries(held) as Record<Name, number>
  writeFileSync(kept.file, `${JSON.stringify(ports)}\n`, { mode: 0o600 })
  return ports
}

const isPort = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536

/** Nothing when the file is not there or cannot be read. */
const remembered = (file: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

/** True when something already listens on, or holds, this port of 127.0.0.1. */
export const portTaken = async (port: number): Promise<boolean> => {
  const server = await listen(port)
  if (server === undefined) return true
  await closed(server)
  return false
}

const occupyOne = async (servers: Server[]): Promise<number> => {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(LOWEST, HIGHEST)
    const server = await listen(port)
    if (server === undefined) continue
    servers.push(server)
    return port
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST} in ${ATTEMPTS} attempts`)
}

const listen = (port: number): Promise<Server | undefined> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' || error.code === 'EACCES' ? resolve(undefined) : reject(error),
    )
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server))
  })

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
  })
