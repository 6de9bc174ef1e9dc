import { Command } from 'commander'
import { ulid } from 'ulid'
import type { OpenCaseRequest } from '../contract/http.js'
import { Deviation } from '../domain/shapes/basic.js'
import { type Common, clientFor, withProfile } from './options.js'
import { finish, UsageFault } from './outcome.js'

interface Options extends Common {
  readonly change: string
  readonly reference?: string
  readonly key?: string
}

const CHANGES = ['standard', 'normal', 'emergency'] as const

/** A case about one identity. */
const asking = (kind: string, description: string): Command =>
  common(withProfile(kind)).description(description).argument('<identity>', 'its id, nhi_…')

const common = (command: Command): Command =>
  command
    .option('--change <type>', CHANGES.join(', '), 'normal')
    .option('--reference <id>', 'the change record of your own service desk')
    .option('--key <text>', 'Idempotency-Key; the same one again gives the same case')

export const define = (): Command =>
  new Command('request')
    .addCommand(
      asking('rotate', 'replace the credential of an identity').action(
        (identityId: string, options: Options) => ask({ kind: 'rotate', identityId }, options),
      ),
    )
    .addCommand(
      asking('provision', 'make a registered identity on its system')
        .requiredOption('--member-of <roles...>', 'roles of the target whose rights it shall get')
        .action((identityId: string, options: Options & { readonly memberOf: string[] }) =>
          ask({ kind: 'provision', identityId, memberOf: options.memberOf }, options),
        ),
    )
    .addCommand(
      asking('lift', 'have the fences around an identity lifted for it').action(
        (identityId: string, options: Options) => ask({ kind: 'lift', identityId }, options),
      ),
    )
    .addCommand(
      asking('reinstate', 'give a contained identity access again, with a new secret').action(
        (identityId: string, options: Options) => ask({ kind: 'reinstate', identityId }, options),
      ),
    )
    .addCommand(
      asking('exception', 'have an identity deviate from a rule, for a while')
        .requiredOption('--deviation <rule>', Deviation.options.join(', '))
        .requiredOption('--because <reference>', 'where the reason stands in your own register')
        .requiredOption('--control <id=person...>', 'a compensating control, and who attests it')
        .requiredOption('--attest-every <hours>', 'hours between two attestations', Number)
        .requiredOption('--until <time>', 'when it ends, as 2027-01-31T00:00:00.000Z')
        .action((identityId: string, options: Options & ExceptionOptions) =>
          ask(exceptionOf(identityId, options), options),
        ),
    )
    .addCommand(
      common(withProfile('incident'))
        .description(
          'report an incident; with neither --partner nor --identity about the enterprise',
        )
        .requiredOption('--because <reference>', 'where it stands in your own register')
        .requiredOption('--suspected <identities...>', 'what you believe affected, nhi_…')
        .option('--cleared <identities...>', 'linked, and not affected; no partner clears any')
        .option('--partner <id>', 'com_…')
        .option('--identity <id>', 'nhi_…')
        .action((options: Options & IncidentOptions) => ask(incidentOf(options), options)),
    )
    .addCommand(
      asking('deprovision', 'end the access of an identity and remove it')
        .option('--reassign-to <role>', 'the role of the target that takes over what it owns')
        .action((identityId: string, options: Options & { readonly reassignTo?: string }) =>
          ask({ kind: 'deprovision', identityId, reassignTo: options.reassignTo ?? null }, options),
        ),
    )

interface IncidentOptions {
  readonly because: string
  readonly suspected: readonly string[]
  readonly cleared?: readonly string[]
  readonly partner?: string
  readonly identity?: string
}

const incidentOf = (options: IncidentOptions): OpenCaseRequest => ({
  ...{ kind: 'incident', reference: options.because },
  ...{ suspected: [...options.suspected], cleared: [...(options.cleared ?? [])] },
  ...(options.partner === undefined ? {} : { partnerId: options.partner }),
  ...(options.identity === undefined ? {} : { identityId: options.identity }),
})

interface ExceptionOptions {
  readonly deviation: string
  readonly because: string
  readonly control: readonly string[]
  readonly attestEvery: number
  readonly until: string
}

/** What is wrong in it, the API says. */
const exceptionOf = (identityId: string, options: ExceptionOptions): OpenCaseRequest => ({
  ...{ kind: 'exception', identityId, until: options.until, reference: options.because },
  deviation: options.deviation as Deviation,
  controls: options.control.map((pair) => {
    const [controlId = '', attestedBy = ''] = pair.split('=')
    return { controlId, attestedBy }
  }),
  attestEveryMs: Math.round(options.attestEvery * HOUR_MS),
})
const HOUR_MS = 3_600_000

async function ask(asked: OpenCaseRequest, options: Options): Promise<void> {
  const change = CHANGES.find((item) => item === options.change)
  if (change === undefined) throw new UsageFault(`--change is one of ${CHANGES.join(', ')}`)
  const request: OpenCaseRequest = {
    ...asked,
    change,
    changeReference: options.reference ?? null,
  }
  const api = await clientFor(options)
  finish(await api.openCase({ request, idempotencyKey: options.key ?? ulid() }), {
    json: options.json,
    show: ({ caseId, made }) => [made === 'now' ? caseId : `${caseId} (asked for before)`],
  })
}
