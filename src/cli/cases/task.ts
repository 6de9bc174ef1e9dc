import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { ulid } from 'ulid'
import { toBase64 } from '../../domain/bytes/base64.js'
import { digestOf } from '../../domain/bytes/digest.js'
import type { Claim } from '../../domain/shapes/envelope.js'
import { signEnvelope } from '../../keys/sign.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish, UsageFault } from '../session/outcome.js'
import { HOLDERS, keyOf, readProfile } from '../session/profile.js'

interface ClaimOptions extends Common {
  readonly grant: string
  readonly lease: string
  readonly operator: string
  readonly reference: string
  readonly failed?: boolean
  readonly document?: string
  readonly change: string
  readonly started: string
  readonly ended?: string
}

export const define = (): Command =>
  new Command('task')
    .addCommand(withProfile('list').description('tasks that are offered to you').action(list))
    .addCommand(
      withProfile('lease')
        .description('take a task; its secrets come sealed to the consumers’ keys')
        .argument('<case>')
        .argument('<step>')
        .action(lease),
    )
    .addCommand(claimCommand())

const claimCommand = (): Command =>
  withProfile('claim')
    .description('say, signed, what was done; the enterprise’s probe decides')
    .argument('<case>')
    .argument('<step>')
    .requiredOption('--grant <id>', 'from the lease')
    .requiredOption('--lease <number>', 'from the lease')
    .requiredOption('--operator <id>', 'your own pseudonym for who did it')
    .requiredOption('--reference <id>', 'your change record')
    .requiredOption('--started <time>', 'UTC, 2026-11-23T22:31:00.000Z')
    .option('--ended <time>', 'now unless given')
    .option('--change <type>', 'standard, normal, emergency', 'standard')
    .option('--document <file>', 'the evidence that a demand asks for, at most 48 KiB')
    .option('--failed', 'it could not be done')
    .action(claim)

async function list(options: Common): Promise<void> {
  const api = await clientFor(options)
  finish(await api.tasks(), {
    json: options.json,
    show: ({ tasks }) =>
      tasks.length === 0
        ? ['no task is offered']
        : tasks.map(
            ({ caseId, stepId, title, expiresAt }) =>
              `${caseId}  ${stepId}  ${title}  expires at ${expiresAt}`,
          ),
  })
}

async function lease(caseId: string, stepId: string, options: Common): Promise<void> {
  const api = await clientFor(options)
  finish(await api.lease({ caseId, stepId }), {
    json: options.json,
    show: (leased) => [
      `lease ${leased.lease} of grant ${leased.grantId} expires at ${leased.expiresAt}`,
      ...(leased.credential === null ? [] : [`login ${leased.credential}`]),
      ...leased.sealed.map(({ consumerId, jwe }) => `${consumerId} ${jwe}`),
    ],
  })
}

async function claim(caseId: string, stepId: string, options: ClaimOptions): Promise<void> {
  const profile = await readProfile(options.profile)
  const { companyId, enterprise } = profile
  if (companyId === undefined)
    throw new UsageFault(`this profile has no companyId; use the profile of ${HOLDERS.claimKey}`)
  const changeType = (['standard', 'normal', 'emergency'] as const).find(
    (item) => item === options.change,
  )
  const fencingToken = Number(options.lease)
  if (changeType === undefined || !Number.isSafeInteger(fencingToken))
    throw new UsageFault('--change is standard, normal or emergency; --lease a number')
  const bytes = options.document === undefined ? null : await documentAt(options.document)
  const done = options.failed !== true
  const payload: Claim = {
    ...{ type: 'claim', v: 1, claimId: ulid(), enterprise, companyId, caseId, stepId },
    ...{ grantId: options.grant, fencingToken, outcome: done ? 'done' : 'failed' },
    operatorId: options.operator,
    changeRecord: {
      ...{
        reference: options.reference,
        changeType,
        notesDigest: bytes === null ? null : digestOf(bytes),
      },
      closeCode: done ? 'successful' : 'unsuccessful',
      startedAt: options.started,
      endedAt: options.ended ?? new Date().toISOString(),
    },
  }
  const key = await keyOf(profile, 'claimKey')
  const api = await clientFor(options)
  const document = bytes === null ? null : toBase64(bytes)
  const envelope = signEnvelope({ kind: 'claim', payload, ...key })
  finish(await api.claim({ caseId, envelope, document }), {
    json: options.json,
    show: ({ seq }) => [
      done
        ? `claimed: entry ${seq}; it counts when the probe sees it`
        : `said to have failed: entry ${seq}; what there is on the target is looked at`,
    ],
  })
}

const documentAt = (path: string): Promise<Buffer> =>
  readFile(path).catch((cause: unknown) => {
    throw new UsageFault(`${path} cannot be read`, { cause })
  })
