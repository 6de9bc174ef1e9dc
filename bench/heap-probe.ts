/**
 * Loaded into a worker process by `--import`, in its main thread and in each thread that runs workflows. At
 * SIGWINCH (Temporal's runtime takes SIGUSR2) every isolate collects its garbage, and the sum of what is still
 * in use is written, in bytes, to the file that BENCH_HEAP_FILE names. Does nothing until then.
 */
import { rename, writeFile } from 'node:fs/promises'
import v8 from 'node:v8'
import vm from 'node:vm'
import { BroadcastChannel, isMainThread } from 'node:worker_threads'

type Message =
  | { readonly say: 'here' }
  | { readonly say: 'report' }
  | { readonly say: 'used'; readonly bytes: number }

v8.setFlagsFromString('--expose-gc')
const collect = vm.runInNewContext('gc') as () => void

/** Heap in use by this isolate after a full collection. */
function usedBytes(): number {
  collect()
  collect()
  const { used_heap_size, external_memory } = v8.getHeapStatistics()
  return used_heap_size + external_memory
}

const channel = new BroadcastChannel('bench-heap')
channel.unref()

if (isMainThread) {
  let threads = 0
  let answers: number[] = []
  channel.onmessage = (event: unknown) => {
    const message = (event as { readonly data: Message }).data
    if (message.say === 'here') threads += 1
    if (message.say !== 'used') return
    answers.push(message.bytes)
    if (answers.length === threads) void write(answers)
  }
  process.on('SIGWINCH', () => {
    answers = []
    if (threads === 0) void write([])
    else channel.postMessage({ say: 'report' } satisfies Message)
  })
} else {
  channel.onmessage = (event: unknown) => {
    const message = (event as { readonly data: Message }).data
    if (message.say === 'report')
      channel.postMessage({ say: 'used', bytes: usedBytes() } satisfies Message)
  }
  channel.postMessage({ say: 'here' } satisfies Message)
}

/** Written aside and renamed, so that a reader sees a whole number or none. */
async function write(threads: readonly number[]): Promise<void> {
  const file = process.env['BENCH_HEAP_FILE'] ?? ''
  const bytes = threads.reduce((sum, used) => sum + used, usedBytes())
  await writeFile(`${file}.next`, String(bytes))
  await rename(`${file}.next`, file)
}
