/** The verifier as a program of its own: `verify` and nothing else, for a machine that has only Node. */
import { EXIT_CODES, runProgram } from '../program.js'
import { define } from './verify.js'

const program = define()
  .name('countersign-verify')
  .description('check a packet offline')
  .addHelpText('after', `\n${EXIT_CODES}`)
await runProgram(program, process.argv.slice(2))
