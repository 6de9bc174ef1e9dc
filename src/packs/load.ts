/**
 * A pack is a folder: pack.yaml, rules/*.yaml, perhaps cedar/*.cedar, and the pack's own tests/*.yaml. *PackFiles* is its text by
 * path, which is what is hashed, stored and signed for; `parsePack` makes it a `Pack` or says where it
 * does not load. Nothing in the folder goes unread, and nothing half-loads.
 */
import { type Dirent, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { canonical, type Digest, digest, digestOf } from '../domain/bytes/digest.js'
import { deadlinesFrom, windowAt } from '../domain/policy/calendar.js'
import { hoursOf, resolve } from '../domain/policy/policy.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { type Pack, PackHead, type Role, type Rule, RuleFile } from '../domain/shapes/policy.js'
import { type Expected, PackTestFile } from '../domain/shapes/policy-test.js'
import type { Requirement, ResolvedRequirement } from '../domain/shapes/requirement.js'
import { readCedar } from './cedar.js'
import { circumstancesOnPaper } from './on-paper.js'
import { readYaml } from './yaml.js'

/** Text by path inside the pack, `rules/rotate.yaml`. */
export type PackFiles = Readonly<Record<string, string>>

export class PackFault extends Error {
  override readonly name = 'PackFault'
}

const HEAD = 'pack.yaml'
const KNOWN_PATH =
  /^((pack|(rules|tests)\/[a-z0-9][a-z0-9-]{0,62})\.yaml|cedar\/([a-z0-9][a-z0-9-]{0,62}\.cedar|schema\.cedarschema))$/
const MAX_FILES = 128
/** Throws for bytes that are not UTF-8, so that no two folders read as one text. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads every file of the folder. Throws PackFault when it cannot be read, or holds what is neither file nor folder. */
export function readPack(dir: string): { readonly files: PackFiles } {
  try {
    const entries = readdirSync(dir, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    return { files: Object.fromEntries(entries.flatMap((entry) => readEntry(dir, entry))) }
  } catch (cause) {
    throw cause instanceof PackFault ? cause : new PackFault('the pack cannot be read', { cause })
  }
}

function readEntry(dir: string, entry: Dirent): [string, string][] {
  if (entry.isDirectory()) return []
  const file = join(entry.parentPath, entry.name)
  const path = file.slice(join(dir, '/').length).replaceAll('\\', '/')
  if (!entry.isFile()) throw new PackFault(`${path} is not a regular file`)
  return [[path, utf8.decode(readFileSync(file))]]
}

/** Names the pack by its exact text: the digest of its sorted [path, SHA-256 of the text] pairs. */
export const packHash = (files: PackFiles): Digest =>
  digest(
    Object.keys(files)
      .sort()
      .map((path) => [path, digestOf(new TextEncoder().encode(files[path] ?? ''))]),
  )

/** UNTRUSTED: the files may come from the database or an archive. POLICY_INVALID names `file:line:column`. */
export function parsePack(files: PackFiles): Pack | Refusal {
  const paths = Object.keys(files).sort()
  if (paths.length > MAX_FILES) return refuse('POLICY_INVALID', '/', `more than ${MAX_FILES} files`)
  const stranger = paths.find((path) => !KNOWN_PATH.test(path))
  if (stranger !== undefined)
    return refuse('POLICY_INVALID', stranger, 'no such file belongs to a pack')
  const head = readYaml({ path: HEAD, text: files[HEAD] ?? '' }, PackHead)
  if (isRefusal(head)) return head
  const rules = readRules({ files, paths, windows: head.value.calendar.windows })
  if (isRefusal(rules)) return rules
  for (const path of paths.filter((name) => name.startsWith('tests/'))) {
    const tests = readYaml({ path, text: files[path] ?? '' }, PackTestFile)
    if (isRefusal(tests)) return tests
  }
  const cedar = readCedar(files)
  return isRefusal(cedar) ? cedar : { ...head.value, rules, cedar }
}

function readRules({
  files,
  paths,
  windows,
}: {
  readonly files: PackFiles
  readonly paths: readonly string[]
  readonly windows: PackHead['calendar']['windows']
}): readonly Rule[] | Refusal {
  const rules: Rule[] = []
  for (const path of paths.filter((name) => name.startsWith('rules/'))) {
    const file = readYaml({ path, text: files[path] ?? '' }, RuleFile)
    if (isRefusal(file)) return file
    for (const [index, rule] of file.value.entries()) {
      if (rules.some(({ id }) => id === rule.id))
        return refuse('POLICY_INVALID', file.at([index, 'id']), `another rule is called ${rule.id}`)
      const lost = Object.entries(rule.steps).find(
        ([, { window }]) => window !== null && !Object.hasOwn(windows, window),
      )
      if (lost !== undefined) {
        const [stepId, { window }] = lost
        const at = file.at([index, 'steps', stepId, 'window'])
        return refuse('POLICY_INVALID', at, `the calendar has no window ${window}`)
      }
      rules.push(rule)
    }
  }
  return rules.length === 0 ? refuse('POLICY_INVALID', 'rules/', 'a pack has rules') : rules
}

export interface PackTestResult {
  readonly file: string
  readonly name: string
  readonly outcome: 'passed' | 'failed'
  /** What the pack answered instead; empty when passed. */
  readonly detail: string
}

/** Runs every test of tests/*.yaml against the pack. POLICY_INVALID when a test file does not read. */
export function runPackTests(pack: Pack, files: PackFiles): readonly PackTestResult[] | Refusal {
  const hash = packHash(files)
  const results: PackTestResult[] = []
  for (const file of Object.keys(files).sort()) {
    if (!file.startsWith('tests/')) continue
    const tests = readYaml({ path: file, text: files[file] ?? '' }, PackTestFile)
    if (isRefusal(tests)) return tests
    for (const { name, given, expect } of tests.value) {
      const { at, asked, ...about } = given
      const roles = { ...NOBODY, ...given.roles }
      const circumstances =
        asked === null ? 'on-paper' : circumstancesOnPaper({ kind: given.kind, roles, asked })
      const subject = { ...about, roles, circumstances } as const
      const resolved = resolve({ pack, packHash: hash, subject })
      const answer = isRefusal(resolved)
        ? { refused: resolved.refused, policy: policyNamed(resolved) }
        : termsOf(resolved, { pack, at })
      const detail = differences(expect, answer)
      results.push({ file, name, outcome: detail === '' ? 'passed' : 'failed', detail })
    }
  }
  return results
}

const CEDAR = '/cedar/'
const policyNamed = ({ where }: Refusal): string | null =>
  where.startsWith(CEDAR) ? where.slice(CEDAR.length) : null

const NOBODY: Readonly<Record<Role, readonly string[]>> = {
  'identity-owner': [],
  'objective-owner': [],
  'contract-owner': [],
  'named-person': [],
  'duty-person': [],
  'risk-owner': [],
  officer: [],
  accountable: [],
}

function differences(expected: Expected, answer: Readonly<Record<string, unknown>>): string {
  return Object.entries(expected)
    .filter(([name, value]) => canonical(answer[name] ?? null) !== canonical(value))
    .map(
      ([name, value]) =>
        `${name}: expected ${canonical(value)}, got ${canonical(answer[name] ?? null)}`,
    )
    .join('; ')
}

interface When {
  readonly pack: Pack
  /** When the gate opens; null: the test does not say. */
  readonly at: string | null
}

const termsOf = ({ requirement, rules }: ResolvedRequirement, { pack, at }: When) => ({
  needs: Object.fromEntries(requirement.groups.map(({ name, need }) => [name, need])),
  persons: Object.fromEntries(requirement.groups.map(({ name, persons }) => [name, persons])),
  quorum: requirement.quorum,
  assurance: requirement.assurance,
  ahead: requirement.ahead,
  facts: requirement.facts,
  escalateAfter: deadline(requirement.escalateAfterMs, requirement.businessDays?.escalateAfter),
  expireAfter: deadline(requirement.expireAfterMs, requirement.businessDays?.expireAfter),
  decisionMaxAge: requirement.decisionMaxAgeMs,
  rules,
  windows: Object.keys(pack.calendar.windows).filter((name) => {
    const hours = canonical(hoursOf(pack, name))
    return (requirement.windows ?? []).some((one) => canonical(one) === hours)
  }),
  ...(at === null ? {} : timesOf(requirement, { pack, at })),
})

const deadline = (ms: number, businessDays: number | undefined) => ({
  ms,
  businessDays: businessDays ?? null,
})

/** What `GateOpened` would say of a gate that opens then. */
function timesOf(
  { windows, ...requirement }: Requirement,
  { pack, at }: { readonly pack: Pack; readonly at: string },
) {
  const { calendar } = pack
  return {
    ...deadlinesFrom({ requirement, pack, at }),
    window: windows === undefined ? null : windowAt({ windows, calendar, at }),
  }
}
