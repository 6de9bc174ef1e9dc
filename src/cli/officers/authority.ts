import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import type { ProposalAnswer, ProposalRequest, ReportRequest } from '../../contract/http-control.js'
import { readPack } from '../../packs/load.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish, UsageFault } from '../session/outcome.js'
import { acknowledging } from './acknowledge.js'
import { adding, assembling, naming, section } from './bundle.js'

export const define = (): Command =>
  new Command('authority')
    .addCommand(naming())
    .addCommand(acknowledging())
    .addCommand(section())
    .addCommand(adding())
    .addCommand(assembling())
    .addCommand(proposing())
    .addCommand(feeding())

const feeding = (): Command =>
  withProfile('feed')
    .description('report who is present and who is gone; it is listed, and believed by nothing')
    .argument('<csv>', 'lines of person id and `present` or `gone`')
    .action(async (file: string, options: Common) => {
      const persons = reportsIn(await readText(file))
      const api = await clientFor(options)
      finish(await api.reportPersons({ persons }), {
        json: options.json,
        show: ({ kept }) => [`${kept} kept as reported`],
      })
    })

/** What is wrong in it, the API says. */
const reportsIn = (text: string): ReportRequest['persons'] =>
  text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [personId = '', status = ''] = line.split(',').map((cell) => cell.trim())
      return { personId, status: status as 'present' | 'gone' }
    })

const proposing = (): Command =>
  withProfile('propose')
    .description('bring a signed authority bundle; nothing changes before its case is signed')
    .argument('<file>', 'the bundle as its signers signed it, JSON')
    .option('--pack <folder...>', 'a policy pack that the bundle names')
    .action(propose)

async function propose(
  file: string,
  options: Common & { readonly pack?: readonly string[] },
): Promise<void> {
  const bundle = await readJson(file)
  const packs = (options.pack ?? []).map((folder) => ({ ...readPack(folder).files }))
  const api = await clientFor(options)
  finish(await api.proposeAuthority({ bundle: bundle as ProposalRequest['bundle'], packs }), {
    json: options.json,
    show,
  })
}

const readText = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch(() => {
    throw new UsageFault(`${file} cannot be read`)
  })

async function readJson(file: string): Promise<unknown> {
  const text = await readText(file)
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageFault(`${file} is not a JSON document that can be read`)
  }
}

const show = ({ bundleHash, version, changes, accepting, affected, foreseen }: ProposalAnswer) => [
  bundleHash,
  `version   ${version}`,
  ...changes.map(({ section, words }) => `${section.padEnd(10)}${words}`),
  ...(accepting.length === 0 ? [] : [`accepted by ${accepting.join(', ')}`]),
  ...(affected.length === 0 ? [] : [`not decided by ${affected.join(', ')}, whom it is for`]),
  ...foreseen.map(foreseenLine),
]

const foreseenLine = (row: ProposalAnswer['foreseen'][number]): string => {
  const { kind, stepId, cases, stricter, looser, other, refused, eligible, quorum } = row
  const told = Object.entries({ stricter, looser, 'something else': other, refused })
  const differs = told.flatMap(([word, count]) => (count === 0 ? [] : [`${count} ${word}`]))
  return `past      ${kind} ${stepId}: of ${cases} ${differs.join(', ') || 'none other'}; at the fewest ${eligible} could sign, ${quorum} needed`
}
