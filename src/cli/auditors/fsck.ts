/** fsck: is the whole store what was signed? Reads it at one moment, under any role that may, and writes nothing. */
import { Command } from 'commander'
import { readHistories } from '../../../worker/histories.js'
import { lazyClient } from '../../../worker/temporal.js'
import { createPayloadCodec } from '../../codec/payload-codec.js'
import { type Env, fsckConfig, temporalConfig } from '../../config.js'
import { type Checked, fsck } from '../../fsck/fsck.js'
import type { History } from '../../fsck/histories.js'
import { nodeVerify } from '../../keys/verify.js'
import { openDb } from '../../store/db.js'
import { readHighWater } from '../../store/log/high-water.js'
import { EXIT, finish, UsageFault } from '../session/outcome.js'

interface Options {
  readonly highWater?: string
  readonly json?: boolean
  readonly temporal?: string | true
}

export const define = (): Command =>
  new Command('fsck')
    .option(
      '--high-water <file>',
      'the largest head that the keeper remembers: its high-water.json',
    )
    .option(
      '--temporal [address]',
      'compare the histories that Temporal still keeps (TEMPORAL_ADDRESS unless given)',
    )
    .option('--json', 'one JSON document on stdout')
    .addHelpText(
      'after',
      '\nReads DATABASE_URL (the role cs_api suffices) and COUNTERSIGN_TRUST; with --temporal COUNTERSIGN_CODEC_KEYS as well.',
    )
    .action((options: Options) => run(process.env, options))

async function run(env: Env, { highWater: file, json, temporal }: Options): Promise<void> {
  const { databaseUrl, trust } = fsckConfig(env)
  // Before the store: whatever was signed until then has to be in it.
  const highWater = file === undefined ? null : await readHighWater(file)
  if (file !== undefined && highWater === null) throw new UsageFault(`${file} is not there`)
  const histories = temporal === undefined ? null : await historiesIn(env, temporal)
  const db = openDb(databaseUrl, { name: 'fsck', max: 1 })
  try {
    const checked = await fsck(db, { trust, verify: nodeVerify, highWater, histories })
    finish(checked, { json, show })
    if (checked.verdict !== 'CLEAN') process.exitCode = EXIT.refused
  } finally {
    await db.end()
  }
}

async function historiesIn(env: Env, address: string | true): Promise<readonly History[]> {
  const config = temporalConfig(address === true ? env : { ...env, TEMPORAL_ADDRESS: address })
  const client = lazyClient(config, 'fsck')
  try {
    return await readHistories(await client.get(), createPayloadCodec({ keys: config.codecKeys }))
  } finally {
    await client.close()
  }
}

const show = ({ verdict, problems, gaps, ...counts }: Checked): readonly string[] => [
  `${verdict} at=${counts.at} streams=${counts.streams} cases=${counts.cases} entries=${counts.entries} leaves=${counts.leaves} checkpoints=${counts.checkpoints}${counts.purged === 0 ? '' : ` purged=${counts.purged}`}${counts.histories === null ? '' : ` histories=${counts.histories}`}`,
  ...gaps,
  ...problems.map(({ code, subject, where, detail }) => `${code} ${subject} ${where}: ${detail}`),
]
