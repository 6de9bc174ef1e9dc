/** What the disk allows: how often in a second a block of a write-ahead log can be made durable, one after the other. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'

const BLOCK = Buffer.alloc(8192)

/** fdatasync per second after each 8 KiB written in place, as `pg_test_fsync` measures it. */
export async function syncsPerSecond(dir: string, forMs: number): Promise<number> {
  const file = await open(join(dir, 'disk'), 'w+')
  try {
    await file.write(BLOCK, 0, BLOCK.length, 0)
    const began = performance.now()
    let done = 0
    while (performance.now() - began < forMs) {
      await file.write(BLOCK, 0, BLOCK.length, 0)
      await file.datasync()
      done += 1
    }
    return done / ((performance.now() - began) / 1000)
  } finally {
    await file.close()
  }
}
