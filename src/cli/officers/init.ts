/** init: the first authority of an empty evidence store, from what officers and signers signed elsewhere. */
import { Command } from 'commander'
import { z } from 'zod'
import { ownerConfig } from '../../config.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { nodeVerify } from '../../keys/verify.js'
import { readPack } from '../../packs/load.js'
import { installFirst, type KeptName } from '../../store/authority/genesis.js'
import { openDb } from '../../store/db.js'
import { trustFrom } from '../auditors/verify.js'
import { readDocument } from '../session/envelope-file.js'
import { finish } from '../session/outcome.js'
import { showRoot, showTrust } from './fingerprints.js'
import { bundleAt } from './root.js'

interface Options {
  readonly trust: string
  readonly pack: readonly string[]
  readonly names?: string
}

export const define = (): Command =>
  new Command('init')
    .argument('<bundle>', 'as `authority assemble` wrote it')
    .requiredOption('--trust <file>', 'as `root trust` wrote it')
    .requiredOption('--pack <folder...>', 'the policy packs that the bundle names')
    .option('--names <file>', 'names and addresses, as `authority name` wrote them')
    .addHelpText(
      'after',
      '\nAs the owner of the database: DATABASE_URL, after `countersign migrate`.',
    )
    .action(init)

async function init(file: string, options: Options): Promise<void> {
  const { ownerUrl } = ownerConfig(process.env)
  const trust = await trustFrom(options.trust)
  const bundle = await bundleAt(file)
  const packs = options.pack.map((folder) => readPack(folder).files)
  const names = options.names === undefined ? [] : await namesAt(options.names)
  const db = openDb(ownerUrl, { name: 'init', max: 1 })
  const installing = { bundle, trust, verify: nodeVerify, packs, names }
  const installed = await installFirst(db, installing).finally(() => db.end())
  finish(installed, {
    show: ({ version, root }) => [
      ...showTrust(trust),
      ...showRoot(root),
      `authority version ${version} is in force; give the trust file to the auditor, and read these lines to them`,
    ],
  })
}

const Names = z.array(
  z.strictObject({
    personId: z.string().max(64),
    salt: z.string().regex(/^[0-9a-f]{32,128}$/),
    name: z.string().min(1).max(200),
    address: z.string().max(300),
  }),
)

/** Throws UsageFault. */
export const namesAt = (file: string): Promise<readonly KeptName[]> =>
  readDocument({
    ...{ file, parse: parseAs(Names), what: 'list of names' },
    otherwise: '`countersign authority name` writes one',
  })
