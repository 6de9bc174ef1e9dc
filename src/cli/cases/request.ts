import { Command } from 'commander'
import type { OpenCaseRequest } from '../../contract/http.js'
import { AuthorityKind, Deviation } from '../../domain/shapes/basic.js'
import { recertifyCommand } from '../owners/campaign.js'
import { ask, type RequestOptions, withChange } from '../session/asking.js'
import { withProfile } from '../session/options.js'
import { breakGlassCommand } from './emergency.js'
import {
  demandCommand,
  disputeCommand,
  drillCommand,
  partnerReviewCommand,
} from './request-partner.js'

const asking = (kind: string, description: string): Command =>
  askingAbout(kind, description).argument('<identity>', 'its id, nhi_…')

const askingAbout = (kind: string, description: string): Command =>
  withChange(withProfile(kind).description(description))

export const define = (): Command =>
  AuthorityKind.options.reduce(
    (command, kind) => command.addCommand(askingAuthority(kind)),
    forIdentities(),
  )

const forIdentities = (): Command =>
  new Command('request')
    .addCommand(demandCommand())
    .addCommand(disputeCommand())
    .addCommand(drillCommand())
    .addCommand(partnerReviewCommand())
    .addCommand(breakGlassCommand())
    .addCommand(
      asking('rotate', 'replace the credential of an identity').action(
        (identityId: string, options: RequestOptions) =>
          ask({ kind: 'rotate', identityId }, options),
      ),
    )
    .addCommand(
      asking('provision', 'make a registered identity on its system')
        .requiredOption('--member-of <roles...>', 'roles of the target whose rights it shall get')
        .action((identityId: string, options: RequestOptions & { readonly memberOf: string[] }) =>
          ask({ kind: 'provision', identityId, memberOf: options.memberOf }, options),
        ),
    )
    .addCommand(
      asking('lift', 'have the fences around an identity lifted for it').action(
        (identityId: string, options: RequestOptions) => ask({ kind: 'lift', identityId }, options),
      ),
    )
    .addCommand(
      asking('reinstate', 'give a contained identity access again, with a new secret').action(
        (identityId: string, options: RequestOptions) =>
          ask({ kind: 'reinstate', identityId }, options),
      ),
    )
    .addCommand(
      asking('suspend', 'take the access of an identity away until its owner speaks').action(
        (identityId: string, options: RequestOptions) =>
          ask({ kind: 'suspend', identityId, because: null }, options),
      ),
    )
    .addCommand(
      asking('exception', 'have an identity deviate from a rule, for a while')
        .requiredOption('--deviation <rule>', Deviation.options.join(', '))
        .requiredOption('--because <reference>', 'where the reason stands in your own register')
        .requiredOption('--control <id=person...>', 'a compensating control, and who attests it')
        .requiredOption('--attest-every <hours>', 'hours between two attestations', Number)
        .requiredOption('--until <time>', 'when it ends, as 2027-01-31T00:00:00.000Z')
        .action((identityId: string, options: RequestOptions & ExceptionOptions) =>
          ask(exceptionOf(identityId, options), options),
        ),
    )
    .addCommand(recertifyCommand())
    .addCommand(
      withChange(withProfile('incident'))
        .description(
          'report an incident; with neither --partner nor --identity about the enterprise',
        )
        .requiredOption('--because <reference>', 'where it stands in your own register')
        .requiredOption('--suspected <identities...>', 'what you believe affected, nhi_…')
        .option('--cleared <identities...>', 'linked, and not affected; no partner clears any')
        .option('--partner <id>', 'com_…')
        .option('--identity <id>', 'nhi_…')
        .action((options: RequestOptions & IncidentOptions) => ask(incidentOf(options), options)),
    )
    .addCommand(
      asking('deprovision', 'end the access of an identity and remove it')
        .option('--reassign-to <role>', 'the role of the target that takes over what it owns')
        .action((identityId: string, options: RequestOptions & { readonly reassignTo?: string }) =>
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

/** Each ends in the bundle that `countersign authority propose` has brought. */
const AUTHORITY_WORDS: Readonly<Record<AuthorityKind, string>> = {
  'change-policy': 'have a proposed authority bundle change the policy packs',
  'change-contracts': 'have a proposed authority bundle change contracts',
  'change-ownership': 'have a proposed authority bundle change owners and identities',
  'change-people': 'have a proposed authority bundle change persons, keys and companies',
  'revoke-keys': 'have a proposed authority bundle take keys or persons away, at once',
}

const askingAuthority = (kind: AuthorityKind): Command =>
  askingAbout(kind, AUTHORITY_WORDS[kind])
    .argument('<bundle>', 'the digest that `countersign authority propose` answered')
    .requiredOption('--because <reference>', 'where the reason stands in your own register')
    .action((hash: string, options: RequestOptions & { readonly because: string }) =>
      ask({ kind, bundleHash: hash as `sha256:${string}`, reference: options.because }, options),
    )

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
