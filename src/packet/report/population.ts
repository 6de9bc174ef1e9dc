/** population.csv: every case of a collection in one row, as its entries say. Times are UTC. */
import type { Member } from '../collection-files.js'

const HEAD = [
  ...['case', 'kind', 'about', 'system', 'tier', 'outcome', 'opened_at', 'closed_at', 'owner'],
  ...['executor', 'requester', 'objective', 'contract', 'entries', 'decisions', 'refusals'],
  ...['first_in_log', 'last_in_log', 'head'],
] as const

export const populationCsv = (members: readonly Member[]): string =>
  [HEAD, ...members.map(rowOf)].map((cells) => `${cells.map(cell).join(',')}\r\n`).join('')

function rowOf({ caseId, recorded, indexes, state, opened }: Member): readonly string[] {
  const closedAt = recorded.find(({ event }) => event.type === 'CaseClosed')?.at
  return [
    ...[caseId, opened?.asked.kind, opened?.scope.id, opened?.systemId, opened?.tier],
    ...[state.outcome ?? 'open', recorded[0]?.at, closedAt, opened?.ownerId, opened?.executor],
    ...[opened?.requester.personId ?? opened?.requester.companyId, opened?.objectiveId],
    ...[opened?.contract?.contractId, recorded.length, Object.keys(state.decisions).length],
    ...[state.refusals, indexes[0], indexes.at(-1), recorded.at(-1)?.hash],
  ].map((value) => String(value ?? ''))
}

/** RFC 4180, every cell quoted. What a spreadsheet would take for a formula begins with an apostrophe. */
export function cell(text: string): string {
  const plain = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n|%]/.test(text) ? `'${text}` : text
  return `"${plain.replaceAll('"', '""')}"`
}
