/** A real witness of a log, on a port of its own; it can be away and come back with its memory. */
import { join } from 'node:path'
import { freePort } from '../../src/embedded/ports.js'
import { formatVkey, type NoteKey } from '../../src/ledger/note-key.js'
import { serveWitness, type WitnessServer } from '../../src/witness/server.js'
import { openWitness } from '../../src/witness/witness.js'
import { aKey } from './authority.js'

export interface TestWitness {
  readonly vkey: string
  readonly url: string
  /** Its line in a policy, with where it is asked. */
  readonly line: string
  /** UNTRUSTED: whatever is sent to it. */
  readonly add: (body: string) => Promise<Response>
  readonly come: () => Promise<void>
  readonly leave: () => Promise<void>
}

/** Away until it comes. */
export async function aWitness(at: {
  readonly name: string
  readonly dir: string
  readonly logKey: NoteKey
}): Promise<TestWitness> {
  const { signer } = aKey('key_witness')
  const name = `${at.name}.test/witness`
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const vkey = formatVkey({ name, publicKey: signer.publicKey }, 'cosignature')
  const options = { logKey: at.logKey, name, signer, stateDir: join(at.dir, at.name) }
  const now = () => Math.floor(Date.now() / 1000)
  let server: WitnessServer | null = null
  return {
    ...{ vkey, url, line: `witness ${at.name} ${vkey} ${url}` },
    add: (body) => fetch(`${url}/add-checkpoint`, { method: 'POST', body }),
    come: async () => {
      const witness = await openWitness({ ...options, now })
      server = await serveWitness({ witness, host: '127.0.0.1', port, onAnswer: () => undefined })
    },
    leave: async () => {
      await server?.close()
      server = null
    },
  }
}
