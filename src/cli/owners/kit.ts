/**
 * kit: for the hour in which PostgreSQL is down and access has to end. `key` makes a duty person's kit key, `seal`
 * fills a kit while all is well, `cut` uses it without any server, `report` records afterwards what was done.
 * A kit holds admin credentials: it is sealed to one person, and as good as its age.
 */
import { randomBytes } from 'node:crypto'
import { open, readFile, writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { kitConfig } from '../../config.js'
import { createPostgresqlConnector } from '../../connectors/postgresql.js'
import { packInForce } from '../../domain/approval/count.js'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import { authorityOf, judgeKit } from '../../domain/rights/kit.js'
import { Envelope } from '../../domain/shapes/envelope.js'
import type { Kit, KitUse } from '../../domain/shapes/kit.js'
import { parseAs } from '../../domain/shapes/parse.js'
import type { Pack } from '../../domain/shapes/policy.js'
import { generateX25519 } from '../../keys/seal.js'
import { signEnvelope } from '../../keys/sign.js'
import { nodeVerify } from '../../keys/verify.js'
import { cutAll } from '../../kit/cut.js'
import { openKit, sealKit } from '../../kit/seal.js'
import { packHash, parsePack } from '../../packs/load.js'
import { authoritySource } from '../../store/authority/authority.js'
import { openDb } from '../../store/db.js'
import { kitContents } from '../../store/streams/kits.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { EXIT, finish, print, refused, UsageFault } from '../session/outcome.js'
import { NO_PERSON } from '../session/profile.js'
import { type Scoped, scoped, scopeOf } from './fence.js'
import { signFence } from './sign-fence.js'

export const define = (): Command =>
  new Command('kit')
    .addCommand(
      new Command('key')
        .description('a key pair: the private half stays with the duty person')
        .argument('<file>', 'for the private key; never replaces a file')
        .action(makeKey),
    )
    .addCommand(
      new Command('seal')
        .description(
          'a kit for whoever has the key; needs DATABASE_URL, COUNTERSIGN_TRUST, COUNTERSIGN_TARGETS',
        )
        .argument('<file>', 'never replaces a file')
        .requiredOption('--to <public key>', 'as `kit key` printed it')
        .action(seal),
    )
    .addCommand(
      scoped('cut', 'access and sessions end now, by the kit alone; needs no server')
        .argument('<kit>')
        .requiredOption('--key <file>', 'the private key of the kit')
        .requiredOption('--out <file>', 'the signed record of what was done; never replaces a file')
        .action(cut),
    )
    .addCommand(
      withProfile('report')
        .description('records the use of a kit as late evidence, once the evidence store is back')
        .argument('<record>')
        .action(report),
    )

async function makeKey(file: string): Promise<void> {
  const { publicKey, privateKeyPem } = generateX25519()
  await writeNew(file, privateKeyPem)
  print([publicKey])
}

async function seal(file: string, { to }: { readonly to: string }): Promise<void> {
  const { databaseUrl, trust, targets } = kitConfig(process.env)
  const db = openDb(databaseUrl, { name: 'kit', max: 2 })
  const contents = await kitContents(db, {
    authority: authoritySource({ trust, verify: nodeVerify }),
    verify: nodeVerify,
  }).finally(() => db.end())
  if (isRefusal(contents)) return refused(contents, false)
  const systems = Object.fromEntries(
    Object.entries(targets.systems).map(([systemId, { fingerprintKey: _, ...target }]) => [
      systemId,
      target,
    ]),
  )
  await writeNew(file, await sealKit({ v: 1, trust, ...contents, systems }, to))
  print([
    `${file}: ${Object.keys(systems).length} system(s), ${contents.mandates.length} mandate(s), as of ${contents.sealedAt}`,
  ])
}

interface CutOptions extends Scoped {
  readonly key: string
  readonly out: string
}

async function cut(file: string, options: CutOptions): Promise<void> {
  const kit = await openKit({
    jwe: (await textOf(file)).trim(),
    privateKeyPem: await textOf(options.key),
  })
  if (isRefusal(kit)) return refused(kit, options.json)
  const pack = packOf(kit)
  if (isRefusal(pack)) return refused(pack, options.json)
  const signed = await signFence({
    scope: scopeOf(options),
    speed: 'cut',
    profile: options.profile,
  })
  const { personId } = signed
  if (personId === null) throw new UsageFault(NO_PERSON)
  const startedAt = new Date().toISOString()
  const cutting = judgeKit({ kit, pack, fence: signed.envelope, verify: nodeVerify, at: startedAt })
  if (isRefusal(cutting)) return refused(cutting, options.json)
  const [first] = cutting.identities
  if (first === undefined) throw new UsageFault('no identity is in this scope')
  // The record's place is there before anything is changed.
  const record = await open(options.out, 'wx', 0o600).catch((cause: unknown) => {
    throw new UsageFault(`${options.out} cannot be written, or is there already`, { cause })
  })
  const connectors = new Map(
    Object.entries(kit.systems).map(([systemId, target]) => [systemId, connect(target)]),
  )
  const results = await cutAll(cutting, (systemId) => connectors.get(systemId))
  await Promise.all([...connectors.values()].map((connector) => connector.close()))
  const use: KitUse = {
    ...{ type: 'kit-use', v: 1, enterprise: signed.enterprise, personId },
    ...{ sealedAt: kit.sealedAt, fence: signed.envelope, mandate: first.mandate },
    ...{ results: [...results], startedAt, endedAt: new Date().toISOString() },
  }
  await record.writeFile(
    JSON.stringify(signEnvelope({ kind: 'kit-use', payload: use, ...signed.key })),
  )
  await record.sync()
  await record.close()
  const left = results.filter(({ outcome }) => outcome !== 'cut')
  finish(use, {
    json: options.json,
    show: () => [
      ...results.map(
        ({ identityId, outcome, observed }) => `${outcome} ${identityId}: ${said(observed)}`,
      ),
      `${results.length - left.length} of ${results.length} cut; report ${options.out} once the evidence store is back`,
    ],
  })
  if (left.length > 0) process.exitCode = EXIT.refused
}

const said = (observed: Readonly<Record<string, string>>): string =>
  Object.entries(observed)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')

const connect = (target: Kit['systems'][string]) =>
  createPostgresqlConnector({
    adminUrl: target.adminUrl,
    loginRoute: target.route,
    fingerprintKey: randomBytes(32),
    timeouts: { connectMs: 5000, statementMs: 15_000 },
  })

/** The pack is the one that the kit's bundle names. */
function packOf(kit: Kit): Pack | Refusal {
  const authority = authorityOf(kit, nodeVerify)
  if (isRefusal(authority)) return authority
  return packInForce(authority, kit.sealedAt)?.hash === packHash(kit.pack)
    ? parsePack(kit.pack)
    : refuse('POLICY_UNSIGNED', '/pack')
}

async function report(file: string, options: Common): Promise<void> {
  const envelope = parseAs(Envelope)(jsonOf(await textOf(file)))
  if (isRefusal(envelope)) throw new UsageFault(`${file} is no record of a kit`)
  const api = await clientFor(options)
  finish(await api.kitUse({ envelope }), {
    json: options.json,
    show: ({ identities }) => [
      `recorded: ${identities} identities; raise the fence again now, so that its containments follow`,
    ],
  })
}

const textOf = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UsageFault(`${file} cannot be read`, { cause })
  })

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

async function writeNew(file: string, text: string): Promise<void> {
  await writeFile(file, text, { flag: 'wx', mode: 0o600 }).catch((cause: unknown) => {
    throw new UsageFault(`${file} cannot be written, or is there already`, { cause })
  })
}
