/** replayer: replays one history under a bundle, in a process of its own. Arguments: bundle, file. */
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { dataConverter } from '../../src/codec/data-converter.js'
import { HISTORY_KEYS, readGolden } from '../support/histories.js'

const [codePath = '', file = ''] = process.argv.slice(2)
Runtime.install({ logger: new DefaultLogger('ERROR') })
const { workflowId, history } = readGolden(file)
await Worker.runReplayHistory(
  { workflowBundle: { codePath }, dataConverter: dataConverter({ keys: HISTORY_KEYS }) },
  history,
  workflowId,
)
console.log(`replayed in ${Intl.DateTimeFormat().resolvedOptions().timeZone}`)
