import type { Command } from 'commander'
import { showOne } from './cases.js'
import { withProfile } from './options.js'

/** One case by its workflow id, however long ago Temporal forgot it. */
export const define = (): Command =>
  withProfile('show')
    .argument('<workflow>', 'its workflow id, which is the id of the case')
    .action(showOne)
