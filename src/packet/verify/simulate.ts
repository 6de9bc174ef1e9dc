/** Past cases under another pack: each gate of a verified packet as that pack would have ruled it. */

import { isRefusal, type Refusal, refuse } from '../../domain/refusal.js'
import type { Trust } from '../../domain/shapes/authority.js'
import { CaseOpened } from '../../domain/shapes/event.js'
import { parseAs } from '../../domain/shapes/parse.js'
import type { Verify } from '../../domain/signed/envelope.js'
import { readEntry } from '../../ledger/entry.js'
import { type Hashed, type SimulatedGate, simulateCase } from '../../packs/compare.js'
import { believe } from '../bundles.js'
import { entryFile } from '../files.js'
import { openPacket } from './open.js'
import { verifyPacket } from './verify.js'

export interface Simulated {
  readonly caseId: string
  readonly gates: readonly SimulatedGate[]
}

/** UNTRUSTED: the bytes. PACKET_INVALID for a packet that does not verify: nothing is learnt from it. */
export function simulatePacket(input: {
  readonly bytes: Uint8Array
  readonly trust: Trust
  readonly verify: Verify
  readonly under: Hashed
}): Simulated | Refusal {
  const { bytes, trust, verify, under } = input
  if (verifyPacket({ bytes, trust, verify }).verdict !== 'VERIFIED')
    return refuse('PACKET_INVALID', '/', 'the packet does not verify')
  const packet = openPacket(bytes)
  if (!('files' in packet)) return refuse('PACKET_INVALID', '/')
  const stored = readEntry(packet.files.get(entryFile(1)) ?? new Uint8Array())
  if (isRefusal(stored)) return stored
  const { at, body } = stored.entry
  const opened = parseAs(CaseOpened)(body)
  if (isRefusal(opened)) return opened
  const authority = believe({ ...packet, trust, verify }).named(opened.authority, at)
  if (isRefusal(authority)) return authority
  const gates = simulateCase({ opened, authority, at, under })
  return isRefusal(gates) ? gates : { caseId: opened.caseId, gates }
}
