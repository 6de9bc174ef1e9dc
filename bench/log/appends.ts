/** Durable appends: writers that commit side by side, each into a stream of its own. Nothing is signed meanwhile. */
import type { BenchStore } from './store.js'

export interface Appending {
  readonly writers: number
  /** Entries of one transaction. */
  readonly batch: number
  readonly forMs: number
}

/** Entries per second that were durable when their writer heard of it. */
export async function appendsPerSecond(store: BenchStore, of: Appending): Promise<number> {
  const { writers, batch, forMs } = of
  const began = performance.now()
  let entries = 0
  const write = async (writer: number): Promise<void> => {
    while (performance.now() - began < forMs) {
      await store.commit({ stream: `writer-${writer}`, entries: batch })
      entries += batch
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  return entries / ((performance.now() - began) / 1000)
}

/** Entries per second from the first commit to the signed head over the last one. */
export async function signedPerSecond(
  store: BenchStore,
  of: Omit<Appending, 'forMs'> & { readonly entries: number },
): Promise<number> {
  const { writers, batch, entries } = of
  const began = performance.now()
  const each = Math.ceil(entries / writers / batch)
  const write = async (writer: number): Promise<void> => {
    for (let done = 0; done < each; done += 1)
      await store.commit({ stream: `signed-${writer}`, entries: batch })
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  await store.sequence()
  return (each * writers * batch) / ((performance.now() - began) / 1000)
}
