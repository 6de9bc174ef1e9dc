/** Mail over SMTP, in plain text. It names the case and the command to look at it; there is no link with which one could decide. */
import { createTransport } from 'nodemailer'
import type { Mail } from '../domain/shapes/channel.js'
import type { Notice } from '../domain/shapes/notice.js'
import { type Carried, type Channel, codeIn, WITHIN_MS } from './channel.js'

export function createMail({
  mail,
  password,
  allWithinMs = 3 * WITHIN_MS,
}: {
  readonly mail: Mail
  readonly password: string | null
  /** How long a server may take for one mail in all. */
  readonly allWithinMs?: number
}): Channel {
  const { host, port, security, from, login } = mail
  const transport = createTransport({
    ...{ host, port, secure: security === 'tls', requireTLS: security === 'starttls' },
    ...(security === 'none' ? { ignoreTLS: true } : {}),
    ...(login === undefined ? {} : { auth: { user: login.user, pass: password ?? '' } }),
    ...{ connectionTimeout: WITHIN_MS, greetingTimeout: WITHIN_MS, socketTimeout: WITHIN_MS },
    ...{ disableFileAccess: true, disableUrlAccess: true },
  })
  return {
    carry: async (notice, address) => {
      if (address === null) return { kind: 'failed', fault: 'no address', again: 'never' }
      try {
        await transport.sendMail({
          ...{ from, to: { name: '', address }, messageId: `<${notice.id}@countersign>` },
          ...{ subject: subjectOf(notice), text: textOf(notice) },
          headers: { 'auto-submitted': 'auto-generated' },
          // Whoever answers a little at a time is never idle.
          ...{ signal: AbortSignal.timeout(allWithinMs) },
        })
        return { kind: 'sent' }
      } catch (error) {
        return failed(error)
      }
    },
    look: async () => {
      await transport.verify()
      return 'takes mail'
    },
    close: () => transport.close(),
  }
}

const SUBJECTS: Readonly<Record<Notice['topic'], string>> = {
  awaited: 'You are asked to decide',
  reminder: 'Still awaits your decision',
  escalated: 'Escalated',
  'last-call': 'Last call',
  'case-ended': 'Ended',
  contradicted: 'Not seen as claimed',
  'fence-put': 'A fence stands',
  'fence-lifted': 'A fence was lifted',
  'break-glass': 'EMERGENCY ACCESS',
  finding: 'Finding',
  'mandate-given': 'A mandate is in force',
  'mandate-revoked': 'A mandate was taken back',
  'mandate-digest': 'What was done under your mandate',
  'witness-missing': 'A witness is missing',
  'signer-stopped': 'Evidence is not signed',
}

const subjectOf = ({ topic, caseId }: Notice): string =>
  `${SUBJECTS[topic]}${caseId === null ? '' : `: ${caseId}`}`

const textOf = ({ says, look, until, onBehalfOf, caseId }: Notice): string =>
  [
    says,
    '',
    ...(caseId === null ? [] : [`Case: ${caseId}`]),
    ...(onBehalfOf === null ? [] : [`On behalf of: ${onBehalfOf}`]),
    ...(until === null ? [] : [`Until: ${until}`]),
    `Look: ${look}`,
    '',
    'Nothing is decided by answering this mail. A decision is signed with your own key, over what you then see.',
    '',
  ].join('\n')

/** A server's 5xx is its last word on this message. */
function failed(error: unknown): Carried {
  const status = error instanceof Error && 'responseCode' in error ? Number(error.responseCode) : 0
  return status >= 400
    ? { kind: 'failed', fault: `SMTP ${status}`, again: status >= 500 ? 'never' : 'later' }
    : { kind: 'failed', fault: codeIn(error), again: 'later' }
}
