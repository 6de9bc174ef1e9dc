/** README.txt of a packet: what it is and how to check it, in text that needs no program to read. */
import type { Told } from './told.js'

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
  const { caseId, keys, recorded, log } = told
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
    'checkpoint     the signed head of the log to which all proofs lead (C2SP tlog-checkpoint)',
    'authority/     the signed statements of who is who that the entries name',
    'policy/        the policy packs that those statements name',
    'fences/        the fences that stopped the case, if any did, with their proofs',
    'reasons.json   reasons of decisions, as far as they have not been erased',
    'names.json     names of persons, as far as they have not been erased',
    '',
    ...witnesses(log),
    '',
  ]
  return lines.join('\n')
}
