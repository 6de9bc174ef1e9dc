/**
 * parent: a process with children of every sort, whose death the tests watch.
 * Arguments: a folder to work in, and the sorts of children to start, in order.
 */
import path from 'node:path'
import { startChild } from '../../src/embedded/children.js'
import { startPostgres } from '../../src/embedded/postgres.js'
import { startTemporal } from '../../src/embedded/temporal.js'
import { temporalBinary } from '../../src/embedded/temporal-binary.js'

const [folder = '', ...sorts] = process.argv.slice(2)
const logFile = (name: string) => path.join(folder, `${name}.log`)

// Says its name when asked to end, so that a test can read the order of endings.
const plain = (name: string) =>
  startChild({
    name,
    command: process.execPath,
    args: [
      '-e',
      `process.on('SIGTERM', () => { require('node:fs').appendFileSync(process.argv[1], process.argv[2] + '\\n'); process.exit(0) })
       setInterval(() => undefined, 1000)
       console.log('ready {}')`,
      path.join(folder, 'order.txt'),
      name,
    ],
    logFile: logFile(name),
    ready: /^ready /,
  })

const start = async (sort: string): Promise<number> => {
  if (sort === 'postgres') {
    const dataDir = path.join(folder, 'pg')
    return (await startPostgres({ dataDir, logFile: logFile(sort), superuserPassword: 'x' })).pid
  }
  if (sort === 'temporal') {
    const binary = await temporalBinary({ progress: console.error })
    const dbFile = path.join(folder, 'temporal.db')
    const server = { binary, dbFile, namespace: 'n', searchAttributes: {}, logFile: logFile(sort) }
    return (await startTemporal(server)).pid
  }
  const child = await plain(sort)
  await child.ready()
  return child.pid
}

const pids: number[] = []
for (const sort of sorts) pids.push(await start(sort))
console.log(`ready ${JSON.stringify(pids)}`)
setInterval(() => undefined, 1000)
