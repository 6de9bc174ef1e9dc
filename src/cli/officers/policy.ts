/** policy: what a pack says, before it is signed for. Reads folders and packets; opens no connection. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { isRefusal } from '../../domain/refusal.js'
import { CaseKind, Change, StepId, SystemId, Tier } from '../../domain/shapes/basic.js'
import { AskedOnPaper } from '../../domain/shapes/policy-test.js'
import { nodeVerify } from '../../keys/verify.js'
import { type Simulated, simulatePacket } from '../../packet/verify/simulate.js'
import { CEDAR_SCHEMA } from '../../packs/cedar-words.js'
import {
  type CedarDifference,
  cedarAbout,
  compareCedar,
  comparePacks,
  type Difference,
  explainStep,
  type Hashed,
  otherDifferences,
  type Situation,
  termsInWords,
} from '../../packs/compare.js'
import { type PackFiles, packHash, parsePack, readPack, runPackTests } from '../../packs/load.js'
import { trustFrom } from '../auditors/verify.js'
import { EXIT, finish, print, refused, UsageFault } from '../session/outcome.js'

interface Json {
  readonly json?: boolean
}

const withJson = (name: string): Command =>
  new Command(name).option('--json', 'one JSON document on stdout')

export const define = (): Command =>
  new Command('policy')
    .addCommand(
      withJson('test').description('run the pack’s own tests').argument('<pack>').action(test),
    )
    .addCommand(
      withJson('explain')
        .description('which rules decide one step, and what they ask for together')
        .argument('<pack>')
        .requiredOption('--kind <kind>', CaseKind.options.join(', '))
        .requiredOption('--step <step>', 'a step of that kind')
        .requiredOption('--tier <tier>', Tier.options.join(', '))
        .option('--system <id>', 'sys_…; without it, a system that no rule names')
        .option('--change <type>', Change.options.join(', '), 'normal')
        .option(
          '--asked-by <kind>',
          'partner or enterprise: also says what Cedar policies answer then',
        )
        .option('--rank <number>', 'how far down a chain of sub-contractors the partner is', '1')
        .option('--asked-at <time>', 'when it is asked for, in UTC')
        .action(explain),
    )
    .addCommand(
      withJson('diff')
        .description('where another pack asks for more, for less, or only has other words')
        .argument('<before>')
        .argument('<after>')
        .action(diff),
    )
    .addCommand(
      withJson('simulate')
        .description('what this pack would have asked of the cases in a folder of packets')
        .argument('<pack>')
        .requiredOption('--packets <folder>', 'packets of past cases')
        .requiredOption('--trust <file>', 'the root keys that you got from the enterprise')
        .action(simulate),
    )
    .addCommand(
      new Command('schema')
        .description('the words of Cedar policies: the content of cedar/schema.cedarschema')
        .action(() => print(CEDAR_SCHEMA.trimEnd().split('\n'))),
    )

function load(dir: string): Hashed & { readonly files: PackFiles } {
  const files = filesIn(dir)
  const pack = parsePack(files)
  if (isRefusal(pack)) throw new UsageFault(`${dir} does not load: ${pack.where} ${pack.detail}`)
  return { files, pack, hash: packHash(files) }
}

function filesIn(dir: string): PackFiles {
  try {
    return readPack(dir).files
  } catch (cause) {
    throw new UsageFault(`${dir} is no folder of a pack`, { cause })
  }
}

function test(dir: string, { json }: Json): void {
  const { pack, files } = load(dir)
  const results = runPackTests(pack, files)
  finish(results, {
    json,
    show: (all) => [
      ...all.map(({ outcome, file, name, detail }) =>
        [outcome, `${file}: ${name}`, ...(detail === '' ? [] : [detail])].join('  '),
      ),
      `${all.filter(({ outcome }) => outcome === 'passed').length} of ${all.length} passed`,
    ],
  })
  if (!isRefusal(results) && results.some(({ outcome }) => outcome === 'failed'))
    process.exitCode = EXIT.refused
}

interface Explaining extends Json {
  readonly kind: string
  readonly step: string
  readonly tier: string
  readonly system?: string
  readonly change: string
  readonly askedBy?: string
  readonly rank: string
  readonly askedAt?: string
}

function explain(dir: string, options: Explaining): void {
  const { json, kind, step, tier, system, change } = options
  const situation: Situation = {
    kind: oneOf(CaseKind, { option: '--kind', value: kind }),
    stepId: oneOf(StepId, { option: '--step', value: step }),
    tier: oneOf(Tier, { option: '--tier', value: tier }),
    systemId: oneOf(SystemId.nullable(), { option: '--system', value: system ?? null }),
    change: oneOf(Change, { option: '--change', value: change }),
  }
  const pack = load(dir)
  const answer = explainStep(pack, situation, askedIn(options))
  const explained = isRefusal(answer)
    ? answer
    : {
        ...{ situation, rules: answer.rules, cedar: cedarAbout(pack, situation) },
        terms: termsInWords(answer),
      }
  finish(explained, {
    json,
    show: ({ rules, cedar, terms }) => [
      `rules           ${rules.join(', ')}`,
      `can forbid it   ${cedar.join(', ') || 'no Cedar policy'}`,
      ...Object.entries(terms).map(([name, value]) => `${name.padEnd(15)} ${value}`),
    ],
  })
}

/** Null: nobody is said to ask, so no Cedar policy is asked. */
function askedIn({ askedBy, rank, askedAt }: Explaining): AskedOnPaper | null {
  if (askedBy === undefined) return null
  const { by, rank: ranked, at } = AskedOnPaper.shape
  const given = {
    by: oneOf(by, { option: '--asked-by', value: askedBy }),
    rank: oneOf(ranked, { option: '--rank', value: Number(rank) }),
    at: oneOf(at, { option: '--asked-at', value: askedAt }),
  }
  return AskedOnPaper.parse(given)
}

function oneOf<T>(
  shape: { readonly safeParse: (value: unknown) => { success: boolean; data?: T } },
  given: { readonly option: string; readonly value: string | number | null | undefined },
): T {
  const parsed = shape.safeParse(given.value)
  if (!parsed.success) throw new UsageFault(`${given.option} ${given.value} is not known`)
  return parsed.data as T
}

function diff(before: string, after: string, { json }: Json): void {
  const [left, right] = [load(before), load(after)]
  const differences = {
    gates: comparePacks(left, right),
    cedar: compareCedar(left.pack, right.pack),
    besides: otherDifferences(left.pack, right.pack),
  }
  const alike = left.hash === right.hash ? 'the same pack' : 'words only'
  finish(differences, {
    json,
    show: ({ gates, cedar, besides }) => {
      const lines = [
        ...gates.map(showDifference),
        ...(cedar === null ? [] : [showCedar(cedar)]),
        ...besides.map((name) => `differs   ${name}`),
      ]
      return lines.length === 0 ? [alike] : lines
    },
  })
}

const showDifference = ({ situation, comparison, terms }: Difference): string => {
  const { kind, stepId, tier, systemId, change } = situation
  const where = [kind, stepId, tier, systemId ?? 'any system', change].join(' ')
  return `${comparison.padEnd(8)}  ${where}: ${terms.join('; ')}`
}

const showCedar = ({ comparison, policies }: CedarDifference): string =>
  `${comparison.padEnd(8)}  Cedar policies: ${policies.join(', ')}`

interface Simulating extends Json {
  readonly packets: string
  readonly trust: string
}

async function simulate(dir: string, options: Simulating): Promise<void> {
  const under = load(dir)
  const trust = await trustFrom(options.trust)
  const names = (await readdir(options.packets)).filter((name) => name.endsWith('.zip')).sort()
  const simulated: Simulated[] = []
  for (const name of names) {
    const bytes = await readFile(join(options.packets, name))
    const one = simulatePacket({ bytes, trust, verify: nodeVerify, under })
    if (isRefusal(one)) {
      refused({ ...one, detail: `${name}: ${one.detail}` }, options.json)
      continue
    }
    simulated.push(one)
  }
  print(
    options.json === true
      ? [JSON.stringify(simulated)]
      : [...simulated.flatMap(showSimulated), `${simulated.length} of ${names.length} packets`],
  )
}

const showSimulated = ({ caseId, gates }: Simulated): readonly string[] => [
  caseId,
  ...gates.map(({ stepId, comparison, refused: code, quorum, eligible }) =>
    [
      `  ${stepId.padEnd(12)} ${comparison.padEnd(8)}`,
      code === null
        ? `${quorum} of ${eligible} who could sign`
        : `refused: ${code} (${eligible} could sign, ${quorum} needed)`,
    ].join('  '),
  ),
]
