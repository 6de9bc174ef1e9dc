/**
 * server: one Temporal development server with a file database, on 127.0.0.1 only.
 * in service: its namespace answers and every search attribute exists there.
 *
 * Promises: histories survive a kill of the server; none outlives the process that started it.
 * Anyone who reaches the port may do anything in the namespace, as with every such server:
 * nothing here authorises.
 */
import { type Child, type ChildSpec, startChild } from './children.js'
import { freePorts, portTaken } from './ports.js'
import { prepareNamespace, type SearchAttributes } from './temporal-namespace.js'

export type TemporalOptions = {
  /** Path of the `temporal` program. */
  binary: string
  /** The SQLite file; made on first use. */
  dbFile: string
  /** Free ones when absent. */
  port?: number
  uiPort?: number
  httpPort?: number
  metricsPort?: number
  /** URL of the codec that the web UI asks to show payloads. */
  codecEndpoint?: string
  namespace: string
  searchAttributes: SearchAttributes
  /** Beside, or instead of, the settings below. */
  dynamicConfig?: Readonly<Record<string, number | boolean>>
  logFile: string
}

export type Temporal = {
  /** `host:port` for clients and workers. */
  address: string
  uiUrl: string
  pid: number
  stop(): Promise<void>
  /** SIGKILL, as a crash would; start again with the same file to go on. */
  kill(): Promise<void>
}

/** The development server did not come into service. */
export class TemporalFault extends Error {
  override readonly name = 'TemporalFault'
}

/** Starts a server and resolves once it is in service. Throws TemporalFault. */
export const startTemporal = async (options: TemporalOptions): Promise<Temporal> => {
  const { child, ports } = await startServer(options)
  const address = `127.0.0.1:${ports.port}`
  return {
    address,
    uiUrl: `http://127.0.0.1:${ports.uiPort}`,
    pid: child.pid,
    stop: async () => {
      await child.stop()
    },
    kill: async () => {
      await child.kill()
    },
  }
}

type Ports = { port: number; uiPort: number; metricsPort: number; httpPort: number }

const ATTEMPTS = 3

// Only ports nobody insisted on are worth a second try: another program may have been quicker.
const startServer = async (options: TemporalOptions): Promise<{ child: Child; ports: Ports }> => {
  for (let attempt = 1; ; attempt += 1) {
    const ports = await choosePorts(options)
    const child = await startChild(serverSpec({ options, ports }))
    try {
      await prepareNamespace({
        address: `127.0.0.1:${ports.port}`,
        namespace: options.namespace,
        searchAttributes: options.searchAttributes,
        gone: child.exited,
      })
      return { child, ports }
    } catch (cause) {
      const endedByItself = child.exit() !== undefined
      await child.kill()
      if (endedByItself && options.port === undefined && attempt < ATTEMPTS) continue
      throw new TemporalFault(`Temporal did not start; see ${options.logFile}`, { cause })
    }
  }
}

const choosePorts = async (options: TemporalOptions): Promise<Ports> => {
  for (const wanted of [options.port, options.uiPort, options.httpPort, options.metricsPort])
    if (wanted !== undefined && (await portTaken(wanted)))
      throw new TemporalFault(`Temporal did not start: port ${wanted} of 127.0.0.1 is taken`)
  const [port = 0, uiPort = 0, metricsPort = 0, httpPort = 0] = await freePorts(4)
  return {
    port: options.port ?? port,
    uiPort: options.uiPort ?? uiPort,
    metricsPort: options.metricsPort ?? metricsPort,
    httpPort: options.httpPort ?? httpPort,
  }
}

const serverSpec = (input: { options: TemporalOptions; ports: Ports }): ChildSpec => {
  const { options, ports } = input
  return {
    name: 'temporal',
    command: options.binary,
    args: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--log-level', 'warn'],
      ...['--port', String(ports.port), '--ui-port', String(ports.uiPort)],
      ...['--metrics-port', String(ports.metricsPort), '--http-port', String(ports.httpPort)],
      ...['--namespace', options.namespace, '--db-filename', options.dbFile],
      ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=1'],
      ...(options.codecEndpoint === undefined
        ? []
        : ['--ui-codec-endpoint', options.codecEndpoint]),
      ...Object.entries({ ...dynamicConfig, ...options.dynamicConfig }).flatMap(([key, value]) => [
        '--dynamic-config-value',
        `${key}=${JSON.stringify(value)}`,
      ]),
    ],
    logFile: options.logFile,
    ready: undefined,
  }
}

// One server, few workers: one partition saves forwarding between them; the limits are those of a
// shared cluster and would be the first thing a local run meets. Its queues look for tasks at most 20
// times a second by default, so that each dispatch after the first few waits for 30 to 45 ms.
const dynamicConfig = {
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  'matching.useNewMatcher': true,
  'matching.rps': 20_000,
  'history.rps': 20_000,
  'history.transferProcessorMaxPollRPS': 20_000,
  'history.timerProcessorMaxPollRPS': 20_000,
  'history.visibilityProcessorMaxPollRPS': 20_000,
  'frontend.rps': 20_000,
  'frontend.namespaceRPS': 20_000,
  'limit.maxIDLength': 255,
  'system.enableActivityEagerExecution': true,
  'frontend.WorkerHeartbeatsEnabled': true,
  'frontend.ListWorkersEnabled': true,
}
