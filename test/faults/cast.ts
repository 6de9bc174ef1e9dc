/**
 * The cast: everything of a running system that can be killed with SIGKILL and started again, the
 * servers with their own folder and port, the processes with the environment that they have then.
 */
import { join } from 'node:path'
import { ATTRIBUTES, NAMESPACE } from '../../src/contract/messages.js'
import type { ProcessName } from '../../src/demo/processes.js'
import type { Postgres } from '../../src/embedded/postgres.js'
import { startPostgres } from '../../src/embedded/postgres.js'
import { startTemporal, type Temporal } from '../../src/embedded/temporal.js'
import { temporalBinary } from '../../src/embedded/temporal-binary.js'
import { searchAttributesOf } from '../../src/embedded/temporal-namespace.js'
import type { Running } from '../journeys/running-system.js'

export const VICTIMS = [
  'api',
  'worker',
  'keeper',
  'connector',
  'temporal',
  'store',
  'target',
] as const
export type Victim = (typeof VICTIMS)[number]
type Server = 'temporal' | 'store' | 'target'

export interface Cast {
  readonly kill: (victim: Victim) => Promise<void>
  readonly start: (victim: Victim) => Promise<void>
  /** Processes that ended although nobody here killed them. */
  readonly fallen: () => readonly Victim[]
  /** Ends the servers that were started here; the system ends its own. */
  readonly stop: () => Promise<void>
}

export function castOf({ system }: Running): Cast {
  const { store, target, temporal } = system
  const servers: Record<Server, Postgres | Temporal> = { store, target, temporal }
  const started = new Set<Postgres | Temporal>()
  const down = new Set<Victim>()
  const startServer = async (victim: Server): Promise<void> => {
    const server = await again(system, victim)
    servers[victim] = server
    started.add(server)
  }
  return {
    kill: async (victim) => {
      down.add(victim)
      await (isServer(victim) ? servers[victim] : system.process(victim)).kill()
    },
    start: async (victim) => {
      await (isServer(victim) ? startServer(victim) : system.startProcess(victim))
      down.delete(victim)
    },
    fallen: () =>
      VICTIMS.filter((victim) => !isServer(victim) && !down.has(victim)).filter(
        (victim) => system.process(victim as ProcessName).exit() !== undefined,
      ),
    stop: async () => {
      await Promise.all([...started].map((server) => server.stop()))
    },
  }
}

const isServer = (victim: Victim): victim is Server =>
  victim === 'temporal' || victim === 'store' || victim === 'target'

async function again(system: Running['system'], server: Server): Promise<Postgres | Temporal> {
  const { dir } = system
  const logFile = join(dir, 'logs', `${server}.log`)
  if (server !== 'temporal')
    return startPostgres({
      dataDir: join(dir, server),
      port: system[server].port,
      logFile,
      superuserPassword:
        server === 'store' ? system.secrets.superuser : system.secrets.targetSuperuser,
      settings: { max_connections: 150 },
    })
  return startTemporal({
    binary: await temporalBinary({ progress: () => undefined }),
    dbFile: join(dir, 'temporal.db'),
    port: Number(new URL(`http://${system.temporal.address}`).port),
    uiPort: Number(new URL(system.temporal.uiUrl).port),
    codecEndpoint: system.addresses.codec,
    namespace: NAMESPACE,
    searchAttributes: searchAttributesOf(Object.values(ATTRIBUTES)),
    logFile,
  })
}
