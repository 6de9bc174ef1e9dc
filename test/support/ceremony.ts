/**
 * aCeremony: an enterprise makes its authority as docs/ceremonies.md says, by the command line alone: each officer,
 * signer and process owner in a folder of their own, from which only public halves and signed files leave. What the
 * sections say is that of anAuthority.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type ContractsSection,
  type OwnershipSection,
  type PeopleSection,
  type PublicKey,
  SectionName,
} from '../../src/domain/shapes/authority.js'
import type { Envelope } from '../../src/domain/shapes/envelope.js'
import { decodePayload } from '../../src/domain/signed/envelope.js'
import { anAuthority, ENTERPRISE, must, SPAN, type TestAuthority } from './authority.js'
import { ran } from './command.js'

export const ORIGIN = 'bank.test/log'
export const DEMO_PACK = 'policies/demo'
const OFFICERS = ['cleo', 'dora'] as const
const KEYS = ['people', 'ownership', 'contracts', 'policy', 'connector', 'log', 'acme'] as const

export interface Ceremony {
  /** `countersign …` that has to succeed; what it printed. */
  readonly done: (words: string) => Promise<string>
  readonly at: (file: string) => string
  /** What the enterprise wrote down for this section. */
  readonly said: (name: SectionName) => Record<string, unknown>
}

/** Words are split at spaces; `DIR` is the folder of the ceremony. */
export async function aCeremony(dir: string): Promise<Ceremony> {
  const done = async (words: string): Promise<string> => {
    const { code, out, err } = await command(words, dir)
    if (code !== 0) throw new Error(`countersign ${words}: ${code} ${err}`)
    return out
  }
  await mkdir(dir, { recursive: true })
  for (const name of OFFICERS) await done(`root key DIR/${name}/key_root-${name}.pem`)
  for (const name of KEYS) await done(`root key DIR/${name}/key_${name}.pem`)
  await done(
    `root trust --enterprise ${ENTERPRISE} --root-key DIR/cleo/key_root-cleo.json DIR/dora/key_root-dora.json --out DIR/trust.json`,
  )
  await done(`root draft --key DIR/dora/key_root-dora.pem ${ROOT} --out DIR/root.json`)
  await done('root sign DIR/root.json --key DIR/cleo/key_root-cleo.pem --yes')
  await done(
    `authority acknowledge con_acme --enterprise ${ENTERPRISE} --company com_acme --key DIR/acme/key_acme.pem --out DIR/acknowledged.json`,
  )
  const read = async (file: string) => JSON.parse(await readFile(join(dir, file), 'utf8'))
  const test = anAuthority({
    change: {
      ownership: withSpare,
      people: withClaimKey(await read('acme/key_acme.json')),
      contracts: withAcknowledgement(await read('acknowledged.json')),
    },
  })
  for (const name of SectionName.options) {
    if (name !== 'policy')
      await writeFile(join(dir, `${name}-said.json`), JSON.stringify(bodyOf(test, name)))
    const said = name === 'policy' ? `--pack ${DEMO_PACK}` : `DIR/${name}-said.json`
    await done(
      `authority section ${name} ${said} --enterprise ${ENTERPRISE} --key DIR/${name}/key_${name}.pem --out DIR/${name}.json`,
    )
  }
  const sections = SectionName.options.map((name) => `DIR/${name}.json`).join(' ')
  await done(
    `authority assemble --root DIR/root.json --section ${sections} --key DIR/people/key_people.pem --trust DIR/trust.json --out DIR/bundle.json`,
  )
  return { done, at: (file) => join(dir, file), said: (name) => bodyOf(test, name) }
}

export const command = (words: string, dir: string) =>
  ran({ words: words.split(' ').map((word) => word.replaceAll('DIR', dir)), answers: null })

export const rootOf = (key: Partial<Record<(typeof KEYS)[number], string>> = {}): string => {
  const file = (name: (typeof KEYS)[number]) => key[name] ?? `DIR/${name}/key_${name}.json`
  return [
    `--enterprise ${ENTERPRISE} --origin ${ORIGIN} --log-key ${file('log')} --connector ${file('connector')}`,
    `--signer people,manifest=${file('people')} ownership=${file('ownership')}`,
    `contracts=${file('contracts')} policy=${file('policy')}`,
  ].join(' ')
}
const ROOT = rootOf()

/** One identity more than anAuthority has, of the same partner. */
const withSpare = (section: OwnershipSection): OwnershipSection => ({
  ...section,
  identities: section.identities.flatMap((identity) =>
    identity.identityId === 'nhi_billing'
      ? [
          identity,
          {
            ...identity,
            identityId: 'nhi_spare',
            group: 'spare_app',
            credentials: ['spare_a', 'spare_b'],
          },
        ]
      : [identity],
  ),
})

/** The partner's own key and signature, as it handed them in. */
const withClaimKey = (key: PublicKey) => (section: PeopleSection) => ({
  ...section,
  companies: section.companies.map((company) =>
    company.companyId === 'com_acme'
      ? { ...company, claimKeys: [{ ...key, ...SPAN, revokedAt: null }] }
      : company,
  ),
})
const withAcknowledgement = (acknowledgement: Envelope) => (section: ContractsSection) => ({
  ...section,
  contracts: section.contracts.map((contract) =>
    contract.contractId === 'con_acme' ? { ...contract, acknowledgement } : contract,
  ),
})

/** What the enterprise wrote down, without what `authority section` adds. */
function bodyOf({ bundle }: TestAuthority, name: SectionName): Record<string, unknown> {
  const said = JSON.parse(Buffer.from(must(decodePayload(bundle.sections[name]))).toString())
  const { type, v, section, enterprise, version, issuedAt, ...body } = said
  return body
}
