/**
 * How an authority bundle is made, each part by the signer to whom the root delegated it: sections from what the
 * enterprise wrote down, then the manifest over all of them. A bundle that does not verify is not written.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { verifyAuthority } from '../../domain/authority/authority.js'
import { personCommitment } from '../../domain/bytes/commitment.js'
import { digestOf } from '../../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import {
  type AuthorityBundle,
  ContractsSection,
  Manifest,
  OwnershipSection,
  PeopleSection,
  PolicySection,
  SectionName,
} from '../../domain/shapes/authority.js'
import type { Envelope } from '../../domain/shapes/envelope.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { decodePayload, openEnvelope } from '../../domain/signed/envelope.js'
import { signEnvelope } from '../../keys/sign.js'
import { nodeVerify } from '../../keys/verify.js'
import { packHash, parsePack, readPack } from '../../packs/load.js'
import { trustFrom } from '../auditors/verify.js'
import { readDocument, readEnvelope, signFile, textOf, writeNew } from '../session/envelope-file.js'
import { finish, print, UsageFault } from '../session/outcome.js'
import { showRoot } from './fingerprints.js'
import { namesAt } from './init.js'
import { bundleAt, keyAt, lasting } from './root.js'

const SECTIONS = {
  people: PeopleSection,
  ownership: OwnershipSection,
  contracts: ContractsSection,
  policy: PolicySection,
} as const

export const naming = (): Command =>
  new Command('name')
    .description('keep a name beside the bundle, and print the commitment that stands in it')
    .argument('<file>', 'of names; made when it is not there')
    .requiredOption('--person <id>', 'per_…')
    .requiredOption('--name <text>')
    .option('--address <text>', 'where the person is written to', '')
    .action(async (file: string, who: { person: string; name: string; address: string }) => {
      const known = existsSync(file) ? await namesAt(file) : []
      if (known.some(({ personId }) => personId === who.person))
        throw new UsageFault(`${who.person} has a name in ${file} already`)
      const made = {
        ...{ personId: who.person, salt: randomBytes(16).toString('hex') },
        ...{ name: who.name, address: who.address },
      }
      await writeFile(file, textOf([...known, made]), { mode: 0o600 })
      print([personCommitment(made)])
    })

interface Section {
  readonly enterprise: string
  readonly version: string
  readonly key: string
  readonly pack?: readonly string[]
  readonly out: string
}

export const section = (): Command =>
  new Command('section')
    .description('sign one section of a bundle, as the signer to whom the root delegated it')
    .argument('<section>', SectionName.options.join(', '))
    .argument('[file]', 'what it says, JSON; the policy is told by --pack instead')
    .requiredOption('--enterprise <id>', 'ent_…')
    .option('--version <n>', 'of the section', '1')
    .requiredOption('--key <file>', 'of the signer')
    .option('--pack <folder...>', 'policy packs, in force from now on')
    .requiredOption('--out <file>', 'never replaces a file')
    .action(signSection)

async function signSection(
  name: string,
  file: string | undefined,
  options: Section,
): Promise<void> {
  const parsed = SectionName.safeParse(name)
  if (!parsed.success) throw new UsageFault(`${name} is none of ${SectionName.options.join(', ')}`)
  const { notBefore: issuedAt } = lasting('1')
  const head = {
    ...{ type: 'section', v: 1, section: parsed.data, enterprise: options.enterprise },
    ...{ version: Number(options.version), issuedAt },
  }
  const read = parseAs(SECTIONS[parsed.data])
  const payload = await bodyOf({ name, file, options, issuedAt }, (body) =>
    read({ ...head, ...(typeof body === 'object' ? body : null) }),
  )
  const key = await keyAt(options.key)
  await writeNew(options.out, signEnvelope({ kind: 'section', payload, ...key }))
  print([`${name} signed by ${key.keyId}`])
}

async function bodyOf<T>(
  of: { name: string; file: string | undefined; options: Section; issuedAt: string },
  parse: (body: unknown) => T | Refusal,
): Promise<T> {
  const { name, file, options, issuedAt } = of
  if ((name === 'policy') !== (file === undefined))
    throw new UsageFault('name the file of what it says; for the policy its --pack folders instead')
  if (file !== undefined)
    return readDocument({
      ...{ file, parse, what: `${name} section` },
      otherwise: 'docs/ceremonies.md says what stands in it',
    })
  const packs = (options.pack ?? []).map((folder) => packReference(folder, issuedAt))
  const read = parse({ packs })
  if (isRefusal(read)) throw new UsageFault(`no policy at ${read.where}: ${read.detail}`)
  return read
}

function packReference(folder: string, effectiveFrom: string) {
  const { files } = readPack(folder)
  const pack = parsePack(files)
  if (isRefusal(pack)) throw new UsageFault(`${folder} does not load: ${pack.detail}`)
  return { packId: pack.id, version: pack.version, hash: packHash(files), effectiveFrom }
}

export const adding = (): Command =>
  new Command('sign')
    .description('add your signature to a signed section, when your key takes over from another')
    .argument('<file>')
    .requiredOption('--key <file>', 'of the signer')
    .option('--yes', 'do not ask')
    .action(async (file: string, options: { readonly key: string; readonly yes?: boolean }) => {
      const envelope = await sectionAt(file)
      const key = await keyAt(options.key)
      const shown = [textOf(sectionIn(envelope).said)]
      if (await signFile({ file, envelope, key, shown, yes: options.yes === true }))
        print([`signed by ${key.keyId}`])
    })

const sectionAt = (file: string): Promise<Envelope> =>
  readEnvelope(file, { what: 'section', otherwise: '`countersign authority section` writes one' })

function sectionIn(envelope: Envelope): { readonly name: SectionName; readonly said: unknown } {
  const parse = (said: unknown) => {
    const name = SectionName.safeParse(Reflect.get(Object(said), 'section'))
    return name.success ? { name: name.data, said } : refuse('MALFORMED', '/section')
  }
  const opened = openEnvelope({ envelope, kind: 'section', parse })
  if (isRefusal(opened)) throw new UsageFault(`no section at ${opened.where}: ${opened.detail}`)
  return opened.payload
}

interface Assembling {
  readonly after?: string
  readonly root?: string
  readonly section: readonly string[]
  readonly key: string
  readonly trust: string
  readonly days: string
  readonly out: string
}

export const assembling = (): Command =>
  new Command('assemble')
    .description('sign the manifest over all parts, and write the bundle if it verifies')
    .option(
      '--after <bundle>',
      'the bundle that this one follows; what is not given is taken from it',
    )
    .option('--root <file>', 'the signed root statement')
    .option('--section <files...>', 'signed sections', [])
    .requiredOption('--key <file>', 'of the signer of manifests')
    .requiredOption('--trust <file>')
    .option('--days <n>', 'how long the bundle lasts', '365')
    .requiredOption('--out <file>', 'never replaces a file')
    .action(assemble)

async function assemble(options: Assembling): Promise<void> {
  const trust = await trustFrom(options.trust)
  const before = options.after === undefined ? null : await bundleAt(options.after)
  const parts = await partsOf(options, before)
  const { notBefore: issuedAt, notAfter: expiresAt } = lasting(options.days)
  const manifest = parseAs(Manifest)({
    ...{ type: 'manifest', v: 1, enterprise: trust.enterprise },
    version: before === null ? 1 : versionOf(before) + 1,
    ...{ rootHash: hashOf(parts.root), issuedAt, expiresAt },
    sections: Object.fromEntries(
      Object.entries(parts.sections).map(([name, envelope]) => [name, hashOf(envelope)]),
    ),
  })
  if (isRefusal(manifest))
    throw new UsageFault(`no manifest at ${manifest.where}: ${manifest.detail}`)
  const key = await keyAt(options.key)
  const signed = signEnvelope({ kind: 'manifest', payload: manifest, ...key })
  const bundle: AuthorityBundle = { ...parts, manifest: signed }
  const at = new Date().toISOString()
  const authority = verifyAuthority({ bundle, trust, verify: nodeVerify, at })
  if (!isRefusal(authority)) await writeNew(options.out, bundle)
  finish(authority, {
    show: ({ root, version, hash }) => [...showRoot(root), `bundle version ${version}  ${hash}`],
  })
}

async function partsOf(
  options: Assembling,
  before: AuthorityBundle | null,
): Promise<Omit<AuthorityBundle, 'manifest'>> {
  const root =
    options.root === undefined
      ? before?.root
      : await readEnvelope(options.root, {
          what: 'root statement',
          otherwise: '`countersign root draft` writes one',
        })
  if (root === undefined) throw new UsageFault('name the --root, or a bundle --after which it is')
  const given = await Promise.all(options.section.map(sectionAt))
  const named = new Map(given.map((envelope) => [sectionIn(envelope).name, envelope]))
  const one = (name: SectionName): Envelope => {
    const envelope = named.get(name) ?? before?.sections[name]
    if (envelope === undefined) throw new UsageFault(`--section lacks ${name}`)
    return envelope
  }
  const sections = {
    ...{ people: one('people'), ownership: one('ownership') },
    ...{ contracts: one('contracts'), policy: one('policy') },
  }
  return { root, sections, delegations: before?.delegations ?? [] }
}

function hashOf(envelope: Envelope) {
  const bytes = decodePayload(envelope)
  if (isRefusal(bytes)) throw new UsageFault(`a part cannot be read: ${bytes.detail}`)
  return digestOf(bytes)
}

function versionOf({ manifest }: AuthorityBundle): number {
  const opened = openEnvelope({ envelope: manifest, kind: 'manifest', parse: parseAs(Manifest) })
  if (isRefusal(opened)) throw new UsageFault(`no manifest at ${opened.where}: ${opened.detail}`)
  return opened.payload.version
}
