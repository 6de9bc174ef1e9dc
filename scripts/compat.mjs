/**
 * compat: N → N+1 → N. The release before this one runs, is left in the middle of a case, and this one goes on with its data.
 *
 *   its packets verify under this code; the case that it began is finished by this code; and the packet of that
 *   case is verified by its verifier, or refused in one line.
 *
 * npm run test:compat [-- --from <tag or commit>]; without it the newest tag that is not this commit. Takes minutes: the
 * other release is checked out into a folder of its own, compiled there, and removed when all went well.
 */
import { execFile, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const here = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const exec = promisify(execFile)
const git = async (...words) => (await exec('git', ['-C', here, ...words])).stdout.trim()
const say = (line) => process.stdout.write(`${line}\n`)

class Failed extends Error {}

const main = async () => {
  const { revision, what } = await previous(process.argv.slice(2))
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'countersign-compat-'))
  const old = path.join(dir, 'before')
  say(`comparing with ${what}`)
  await git('worktree', 'add', '--quiet', '--detach', old, revision)
  try {
    await build(old)
    await compare({ old, dir })
  } catch (error) {
    say(`its data and logs are kept; git worktree remove --force ${old} takes them away`)
    throw error
  }
  await git('worktree', 'remove', '--force', old)
  fs.rmSync(dir, { recursive: true, force: true })
  say(`COMPATIBLE with ${what}`)
}

const previous = async (args) => {
  const at = args.indexOf('--from')
  if (at >= 0) {
    const revision = await git('rev-parse', '--verify', `${args[at + 1]}^{commit}`)
    return { revision, what: `${args[at + 1]}, as asked; no release was looked for` }
  }
  const own = await git('rev-parse', 'HEAD')
  for (const tag of (await git('tag', '--list', 'v*', '--sort=-v:refname')).split('\n')) {
    if (tag === '') continue
    const revision = await git('rev-parse', `${tag}^{commit}`)
    if (revision !== own) return { revision, what: `release ${tag}` }
  }
  throw new Failed('no release is tagged yet: name a commit with -- --from <commit>')
}

// The packages of this clone where the lock file is the same; its own otherwise.
const build = async (old) => {
  const lock = (folder) => fs.readFileSync(path.join(folder, 'package-lock.json'), 'utf8')
  if (lock(old) === lock(here))
    fs.symlinkSync(path.join(here, 'node_modules'), path.join(old, 'node_modules'))
  say('building it')
  await exec(process.execPath, [path.join(old, 'scripts', 'bootstrap.mjs'), 'setup'], { cwd: old })
}

const compare = async ({ old, dir }) => {
  const file = (name) => path.join(dir, name)
  const before = releaseAt({ code: old, data: old })
  const after = releaseAt({ code: here, data: old })
  const kept = await before.serving(async () => {
    const declined = await before.request('nhi_ledger')
    await before.decides({ caseId: declined, stepId: 'issue', verdict: '--decline' })
    await before.exports(declined, file('declined.zip'))
    const caseId = await before.request('nhi_billing')
    await before.decides({ caseId, stepId: 'issue' })
    await before.reaches(caseId, 'cut-over')
    await before.exports(caseId, file('begun.zip'))
    say('it declined one case and is in the middle of another; it is stopped')
    return caseId
  })
  for (const name of ['declined.zip', 'begun.zip']) {
    const verdict = await after.verdictOn(file(name))
    if (verdict.code !== 0) throw new Failed(`its packet does not verify here:\n${verdict.out}`)
    say(`its ${name} verifies here: ${verdict.out.split('\n', 1)[0]}`)
  }
  await after.serving(async (consumer) => {
    await finish(after, { caseId: kept, consumer })
    await after.exports(kept, file('finished.zip'))
    say('the case that it began is finished here')
  })
  const own = await after.verdictOn(file('finished.zip'))
  if (own.code !== 0) throw new Failed(`the packet of that case does not verify here:\n${own.out}`)
  const theirs = await before.verdictOn(file('finished.zip'))
  const problems = theirs.out.split('\n').filter((line) => /^[A-Z]+(_[A-Z]+)* \S*: /.test(line))
  if (theirs.code === 0) return say('its verifier verifies the packet of that case')
  if (theirs.code !== 1 || problems.length !== 1)
    throw new Failed(`its verifier neither verifies it nor refuses it in one line:\n${theirs.out}`)
  say(`its verifier refuses the packet of that case in one line: ${problems[0]}`)
}

const finish = async (release, { caseId, consumer }) => {
  await release.decides({ caseId, stepId: 'cut-over' })
  const words = ['task', 'lease', caseId, 'cut-over', '--json']
  const { grantId, lease, credential, sealed } = JSON.parse(await release.insist(words, 'partner'))
  const taken = await fetch(`${consumer}/credential`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ user: credential, jwe: sealed[0].jwe }),
  })
  if (!taken.ok) throw new Failed(`the consumer does not take the new credential: ${taken.status}`)
  const claim = [
    ...['task', 'claim', caseId, 'cut-over', '--lease', String(lease), '--grant', grantId],
    ...['--operator', 'op-1', '--reference', 'CHG1', '--started', new Date().toISOString()],
  ]
  await release.insist(claim, 'partner')
  for (const who of ['per_ana', 'per_ben']) await release.decides({ caseId, stepId: 'retire', who })
  await release.decides({ caseId, stepId: 'close' })
  await release.reaches(caseId, 'completed')
}

const WITHIN_MS = 300_000
const LOOK_EVERY_MS = 500

// The program of one release, over the data folder of another or its own.
const releaseAt = ({ code, data }) => {
  const program = path.join(code, 'dist', 'src', 'cli', 'main.js')
  const service = path.join(data, '.countersign', 'service')
  const run = (words) =>
    exec(process.execPath, [program, ...words], { cwd: data }).then(
      ({ stdout }) => ({ code: 0, out: stdout }),
      (error) => ({ code: error.code, out: `${error.stdout}${error.stderr}` }),
    )
  // What is not due yet is asked again: the case moves by itself meanwhile.
  const insist = async (words, who, holds = () => true) => {
    const profile = ['--profile', path.join(service, 'profiles', `${who}.json`)]
    const giveUp = performance.now() + WITHIN_MS
    for (;;) {
      const { code: status, out } = await run([...words, ...profile])
      if (status === 0 && holds(out)) return out
      if (performance.now() > giveUp)
        throw new Failed(`not within ${WITHIN_MS / 1000} s: countersign ${words.join(' ')}\n${out}`)
      await pause(LOOK_EVERY_MS)
    }
  }
  return {
    insist,
    serving: (work) => serving({ program, data }, work),
    request: async (identity) =>
      JSON.parse(await insist(['request', 'rotate', identity, '--json'], 'partner')).caseId,
    decides: ({ caseId, stepId, verdict = '--approve', who = 'per_ana' }) =>
      insist(['decide', caseId, stepId, verdict, '--yes'], who),
    reaches: (caseId, what) => insist(['cases', caseId], 'per_ana', (out) => out.includes(what)),
    exports: (caseId, file) => insist(['evidence', 'export', caseId, '-o', file], 'per_ana'),
    verdictOn: (file) => run(['verify', file, '--trust', path.join(service, 'trust.json')]),
  }
}

// Runs the system as a service while the work is done; the work gets the address of the consumer.
const serving = async ({ program, data }, work) => {
  const child = spawn(process.execPath, [program, 'start'], {
    ...{ cwd: data, stdio: ['ignore', 'pipe', 'inherit'] },
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  let said = ''
  const ready = new Promise((resolve) => {
    child.stdout.on('data', (bytes) => {
      said += bytes
      if (said.includes('Everything keeps running')) resolve('ready')
    })
  })
  try {
    if ((await Promise.race([ready, ended])) !== 'ready')
      throw new Failed(`the service does not start:\n${said}`)
    return await work(/consumer +(\S+) \(billing\)/.exec(said)?.[1])
  } finally {
    child.kill('SIGTERM')
    await ended
  }
}

try {
  await main()
} catch (error) {
  process.stderr.write(`compat: ${error instanceof Failed ? error.message : error.stack}\n`)
  process.exitCode = 1
}
