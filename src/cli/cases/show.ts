import type { Command } from 'commander'
import { withProfile } from '../session/options.js'
import { showOne } from './cases.js'

/** One case by its workflow id, however long ago Temporal forgot it. */
export const define = (): Command =>
  withProfile('show')
    .argument('<workflow>', 'its workflow id, which is the id of the case')
    .action(showOne)
