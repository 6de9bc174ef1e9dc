/** README.txt of a packet and of a collection: what it is and how to check it, in text that needs no program to read. */
import type { CollectionManifest } from '../collection-files.js'
import type { Told } from '../told.js'

export const DEMONSTRATION =
  'DEMONSTRATION: this packet was made with demonstration keys and proves nothing about a real system.'

const witnesses = ({ cosigners }: Told['log']): readonly string[] =>
  cosigners.length === 0
    ? ['The log has a single party: it was signed by the enterprise, and by no outside witness.']
    : [
        `Witnesses of these names cosigned the checkpoint: ${cosigners.join(', ')}.`,
        'Which of them count is yours to say: name those whom you trust in trust.json.',
      ]

export function readme(told: Told): string {
  const { caseId, keys, recorded, log, gaps } = told
  const lines = [
    ...(keys === 'demonstration' ? [DEMONSTRATION, ''] : []),
    'This is the evidence of one case, to be checked on any machine, offline and without an account.',
    '',
    `Case      ${caseId}`,
    `Entries   ${recorded.length}, up to ${recorded.at(-1)?.at ?? 'none'}`,
    `Log       ${log.origin}, ${log.size} entries when this was exported`,
    '',
    'To check it:',
    '',
    '    countersign verify <this file> --trust <trust.json>',
    '',
    'trust.json holds the root keys of the enterprise. Take it from the enterprise, never from a packet,',
    'and compare the fingerprints of its keys with those that the officers published.',
    '',
    'README.txt     this text',
    'report.html    the case for people to read: no scripts, no network',
    'manifest.json  SHA-256 of every other file, and the counts',
    'entries/       the exact bytes of every entry of the case, numbered from 1 without a gap',
    'proofs/        for each entry, that it is in the log (C2SP tlog-proof)',
    'statements/    what the connectors attested, as in-toto Statements v1 in DSSE envelopes, by number of the entry',
    'checkpoint     the signed head of the log to which all proofs lead (C2SP tlog-checkpoint)',
    'authority/     the signed statements of who is who that the entries name',
    'policy/        the policy packs that those statements name',
    'fences/        the fences that stopped the case, if any did, with their proofs',
    'reasons.json   reasons of decisions, as far as they have not been erased',
    'names.json     names of persons, as far as they have not been erased',
    ...(gaps.length === 0
      ? []
      : [
          'logs/          where entries were lost: what officers signed, and how the log goes on from there',
        ]),
    '',
    ...witnesses(log),
    ...gaps,
    '',
  ]
  return lines.join('\n')
}

/** README.txt of a collection. */
export function collectionReadme(of: {
  readonly keys: Told['keys']
  readonly gaps: readonly string[]
  readonly log: { readonly origin: string }
  readonly summary: Omit<CollectionManifest, 'files' | 'tool'>
}): string {
  const { query, counts, log, requester, generatedAt } = of.summary
  const asked = [query.identity, query.partner, query.objective, ...(query.kinds ?? [])]
  const lines = [
    ...(of.keys === 'demonstration' ? [DEMONSTRATION, ''] : []),
    'This is the evidence of every case that one query asks for, to be checked on any machine, offline.',
    '',
    `Asked for ${asked.filter((part) => part !== null).join(', ') || 'every case'}`,
    `Period    ${query.from ?? 'the beginning'} until ${query.until ?? 'the export'}, meant in ${query.zone}`,
    `Taken     ${generatedAt}, by ${requester}`,
    `Cases     ${counts.cases}, with ${counts.entries} entries, ${counts.decisions} decisions and ${counts.refusals} refusals`,
    `Log       ${of.log.origin}, ${log.size} records, of which ${log.inside} are in here`,
    '',
    'To check it:',
    '',
    '    countersign verify <this file> --trust <trust.json>',
    '',
    'What it shows: each case in here is whole up to its last entry, belongs to the query, and was decided as its',
    'own packet says; no case that was in here when it was taken away has been dropped since.',
    'What it cannot show: that the exporter left out no case of the query. The other records of the log are hashes;',
    'compare with a later collection of every case, or ask for the entries behind them.',
    ...of.gaps,
    '',
    'population.csv      every case in one row; times are UTC',
    'cases/              one folder for each case: its report.html for people, its entries, their proofs',
    'authority/, policy/ and the other folders hold once what the cases share',
    'checkpoint          the one signed head of the log to which all proofs lead',
    'export.json         the entry of the log that says who took this away, and which cases were in it',
    'manifest.json       the query, the counts, and SHA-256 of every other file',
    '',
  ]
  return lines.join('\n')
}
