/** The end of the tour: the packet of every case, taken away over HTTP and verified from the file and the trusted keys alone. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readEntry } from '../../ledger/entry.js'
import { readRecorded } from '../../packet/told.js'
import { openPacket } from '../../packet/verify/open.js'
import { verifyOffline } from '../rotation.js'
import type { Said } from '../target-account.js'
import { accepted, allCases, type Tour } from './hands.js'

export interface Verified {
  readonly cases: number
  readonly packets: number
  readonly entries: number
  readonly decisions: number
  readonly refusals: number
  /** The entries of each case. */
  readonly told: readonly (readonly Said[])[]
}

/** How many packets are verified at a time. */
const AT_ONCE = 2

export async function verifyAll(tour: Tour): Promise<Verified> {
  const { stage } = tour
  const folder = join(stage.system.dir, '..', 'packets')
  await mkdir(folder, { recursive: true })
  const ids = (await allCases(tour)).map(({ caseId }) => caseId).toReversed()
  const verified: { readonly line: string; readonly said: readonly Said[] }[] = []
  while (verified.length < ids.length) {
    const next = ids.slice(verified.length, verified.length + AT_ONCE)
    verified.push(...(await Promise.all(next.map((caseId) => verifyOne(tour, { caseId, folder })))))
  }
  const lines = verified.map(({ line }) => line)
  tour.say(`${lines.length} packets in ${folder}`)
  const sum = (name: string) =>
    lines.reduce((total, line) => total + Number(new RegExp(`${name}=(\\d+)`).exec(line)?.[1]), 0)
  return {
    ...{ cases: ids.length, packets: lines.filter((line) => line !== '').length },
    ...{ entries: sum('entries'), decisions: sum('decisions'), refusals: sum('refusals') },
    told: verified.map(({ said }) => said),
  }
}

/** The verdict in one line, and the entries that it is about; throws with what is wrong. */
async function verifyOne(
  { stage, say }: Tour,
  { caseId, folder }: { readonly caseId: string; readonly folder: string },
): Promise<{ readonly line: string; readonly said: readonly Said[] }> {
  const api = await stage.api('per_ana')
  const { bytes } = accepted(await api.packet({ caseId }))
  const packetFile = join(folder, `${caseId.replaceAll(':', '_')}.zip`)
  await writeFile(packetFile, bytes)
  const trustFile = join(stage.system.dir, 'trust.json')
  const { line, where } = await verifyOffline({ packetFile, trustFile }).catch((error: unknown) => {
    const said = (error as { readonly stdout?: string }).stdout ?? String(error)
    throw new Error(`the packet of ${caseId} does not verify: ${said}`)
  })
  say(`verified ${where}: ${caseId}`)
  return { line, said: saidIn(bytes) }
}

function saidIn(bytes: Uint8Array): readonly Said[] {
  const packet = openPacket(bytes)
  if (!('files' in packet)) throw new Error('a packet that was verified cannot be read')
  return [...packet.files]
    .filter(([name]) => name.startsWith('entries/'))
    .map(([, entry]) => accepted(readRecorded(accepted(readEntry(entry)))))
}
