/**
 * port: a TCP port on 127.0.0.1 that nobody listens on at the moment of asking.
 *
 * Ports come from below the range that kernels hand to outgoing connections, so a server that is
 * killed and started again finds its port still free. Another program can still take a port
 * between asking and listening; those who start servers try again with another one.
 */
import { randomInt } from 'node:crypto'
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
