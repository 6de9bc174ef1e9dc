/** The end of the tour: the packet of every case, taken away over HTTP and verified from the file and the trusted keys alone. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { verifyOffline } from '../rotation.js'
import { accepted, allCases, type Tour } from './hands.js'

export interface Verified {
  readonly cases: number
  readonly packets: number
  readonly entries: number
  readonly decisions: number
  readonly refusals: number
}

/** How many packets are verified at a time. */
const AT_ONCE = 2

export async function verifyAll(tour: Tour): Promise<Verified> {
  const { stage } = tour
  const folder = join(stage.system.dir, '..', 'packets')
  await mkdir(folder, { recursive: true })
  const ids = (await allCases(tour)).map(({ caseId }) => caseId).toReversed()
  const lines: string[] = []
  while (lines.length < ids.length) {
    const next = ids.slice(lines.length, lines.length + AT_ONCE)
    lines.push(...(await Promise.all(next.map((caseId) => verifyOne(tour, { caseId, folder })))))
  }
  tour.say(`${lines.length} packets in ${folder}`)
  const sum = (name: string) =>
    lines.reduce((total, line) => total + Number(new RegExp(`${name}=(\\d+)`).exec(line)?.[1]), 0)
  return {
    ...{ cases: ids.length, packets: lines.filter((line) => line !== '').length },
    ...{ entries: sum('entries'), decisions: sum('decisions'), refusals: sum('refusals') },
  }
}

/** The verdict in one line; throws with what is wrong. */
async function verifyOne(
  { stage, say }: Tour,
  { caseId, folder }: { readonly caseId: string; readonly folder: string },
): Promise<string> {
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
  return line
}
