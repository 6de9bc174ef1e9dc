/** countersign migrate: brings the database to this release, with one login role for each process. */
import { Command } from 'commander'
import { migrateConfig } from '../../config.js'
import { migrate } from '../../store/migrate.js'

export const define = (): Command =>
  new Command('migrate').action(async () => {
    await migrate(migrateConfig(process.env))
  })
