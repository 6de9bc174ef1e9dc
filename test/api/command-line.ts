/**
 * aCommandLine: `countersign …` in this process against the real API, with a folder that holds a profile and key
 * files for each who has one. No terminal is attached unless `atTerminal` types the answers.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ENTERPRISE, type TestKey } from '../support/authority.js'
import { type Ran, ran } from '../support/command.js'
import { type ApiRig, AUDIENCE, type Who } from './rig.js'

export interface CommandLine {
  readonly dir: string
  readonly countersign: (who: Who | null, ...words: string[]) => Promise<Ran>
  /** Each answer is typed when a question stands at the end of what was printed. */
  readonly atTerminal: (
    who: Who,
    input: { readonly words: readonly string[]; readonly answers: readonly string[] },
  ) => Promise<Ran>
  readonly remove: () => Promise<void>
}

export async function aCommandLine(rig: ApiRig): Promise<CommandLine> {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-cli-'))
  await writeProfiles(rig, dir)
  const wordsOf = (who: Who | null, words: readonly string[]) =>
    who === null ? words : [...words, '--profile', join(dir, `${who}.json`)]
  return {
    dir,
    countersign: (who, ...words) => ran({ words: wordsOf(who, words), answers: null }),
    atTerminal: (who, { words, answers }) => ran({ words: wordsOf(who, words), answers }),
    remove: () => rm(dir, { recursive: true, force: true }),
  }
}

async function writeProfiles(rig: ApiRig, dir: string): Promise<void> {
  const keyFile = async ({ keyId, alg, publicKey, privateKeyPem }: TestKey): Promise<string> => {
    await writeFile(join(dir, `${keyId}.pem`), privateKeyPem, { mode: 0o600 })
    await writeFile(join(dir, `${keyId}.json`), JSON.stringify({ keyId, alg, publicKey }))
    return `${keyId}.pem`
  }
  const profile = async (who: Who, more: object) => {
    const about = { api: rig.url, issuer: rig.issuer.url, audience: AUDIENCE }
    const loginKey = await keyFile(rig.loginKeys[who])
    const own = { enterprise: ENTERPRISE, clientId: who, loginKey, ...more }
    await writeFile(join(dir, `${who}.json`), JSON.stringify({ ...about, ...own }))
  }
  const { persons, claims } = rig.world.authority.keys
  await profile('acme', { companyId: 'com_acme', claimKey: await keyFile(claims.com_acme) })
  for (const who of ['ana', 'ben', 'cleo', 'dora'] as const)
    await profile(who, {
      personId: `per_${who}`,
      decisionKey: await keyFile(persons[`per_${who}`]),
    })
}
