/** The packet of a case, as the API's database role exports it and an auditor verifies it, offline, with the root keys alone. */

import type { System } from '../../src/demo/system.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { exportPacket } from '../../src/packet/export/export.js'
import { type Verdict, verifyPacket } from '../../src/packet/verify/verify.js'
import { type Db, listen } from '../../src/store/db.js'
import { accepted } from './parties.js'

const PROOF_WITHIN_MS = 20_000

export async function packetOf(
  system: System,
  input: { readonly db: Db; readonly caseId: string },
): Promise<Uint8Array> {
  const published = new EventTarget()
  const listening = await listen({
    url: system.databaseUrl('cs_api'),
    channels: ['checkpoint'],
    heard: () => published.dispatchEvent(new Event('checkpoint')),
  })
  try {
    const deps = { db: input.db, verify: nodeVerify, published, proofWithinMs: PROOF_WITHIN_MS }
    return accepted(await exportPacket(deps, { caseId: input.caseId, reader: 'enterprise' })).bytes
  } finally {
    await listening.close()
  }
}

export const verdictOn = (system: System, bytes: Uint8Array): Verdict =>
  verifyPacket({ bytes, trust: system.genesis.trust, verify: nodeVerify })
