/** replayer: replays histories under a bundle, in a process of its own. Arguments: bundle, files. */
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { dataConverter } from '../../src/codec/data-converter.js'
import { HISTORY_KEYS, readGolden } from '../support/histories.js'

const [codePath = '', ...files] = process.argv.slice(2)
Runtime.install({ logger: new DefaultLogger('ERROR') })
for (const file of files) {
  const { workflowId, history } = readGolden(file)
  await Worker.runReplayHistory(
    { workflowBundle: { codePath }, dataConverter: dataConverter({ keys: HISTORY_KEYS }) },
    history,
    workflowId,
  )
}
const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
console.log(`replayed ${files.length} in ${timeZone}`)
