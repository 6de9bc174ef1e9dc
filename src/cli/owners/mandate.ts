import { Command } from 'commander'
import { ulid } from 'ulid'
import { KINDS } from '../../domain/kinds.js'
import { isRefusal } from '../../domain/refusal.js'
import { CaseKind, Tier } from '../../domain/shapes/basic.js'
import { type Envelope, Mandate, type MandateRevocation } from '../../domain/shapes/envelope.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { openEnvelope } from '../../domain/signed/envelope.js'
import { signEnvelope } from '../../keys/sign.js'
import { readEnvelope, signFile, writeNew } from '../session/envelope-file.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish, UsageFault } from '../session/outcome.js'
import { keyOf, NO_PERSON, type Profile, readProfile } from '../session/profile.js'

interface Draft extends Common {
  readonly kind: string[]
  readonly step: string[]
  readonly tier: string[]
  readonly system?: string[]
  readonly identity?: string[]
  readonly signer: string[]
  readonly days: string
  readonly total: string
  readonly perDay: string
  readonly sendOneIn: string
  readonly any?: boolean
  readonly out: string
}

const DAY_MS = 86_400_000
/** What this machine's clock may be ahead of the database's. */
const CLOCK_MS = 5000
const VALID_MS = 300_000

export const define = (): Command =>
  new Command('mandate')
    .addCommand(
      withProfile('draft')
        .description('write a mandate to a file for its signers, signed by you as the first')
        .requiredOption('--kind <kinds...>', CaseKind.options.join(', '))
        .requiredOption('--step <steps...>', 'the steps it covers')
        .requiredOption('--signer <persons...>', 'everybody who will sign it, you among them')
        .option('--tier <tiers...>', Tier.options.join(', '), [...Tier.options])
        .option('--system <ids...>', 'sys_…; all when not given')
        .option('--identity <ids...>', 'nhi_…; all when not given')
        .option('--days <n>', 'how long it lasts, at most 90', '90')
        .option('--total <n>', 'how often it may be used', '100')
        .option('--per-day <n>', 'how often on one day', '20')
        .option('--send-one-in <n>', 'one step in so many, by lot, goes to people; 0: none', '20')
        .option('--any', 'also for steps that give access; without it only what takes it away')
        .requiredOption('--out <file>')
        .action(draft),
    )
    .addCommand(
      withProfile('sign')
        .description('add your signature to a mandate file, after showing what it says')
        .argument('<file>')
        .option('--yes', 'do not ask')
        .action(sign),
    )
    .addCommand(
      withProfile('give')
        .description('put a signed mandate in force')
        .argument('<file>')
        .action(give),
    )
    .addCommand(withProfile('list').description('mandates that have not ended').action(list))
    .addCommand(
      withProfile('digest')
        .description('what was done under each mandate in the last seven days, and how to end it')
        .action(digest),
    )
    .addCommand(
      withProfile('revoke')
        .description('take a mandate back, as one of its signers')
        .argument('<mandate>', 'its id')
        .action(revoke),
    )

async function draft(options: Draft): Promise<void> {
  const { profile, key } = await signing(options)
  const from = Date.now() - CLOCK_MS
  const days = Number(options.days)
  if (!(days > 0 && days <= 90)) throw new UsageFault('--days is more than 0 and at most 90')
  const payload = parseAs(Mandate)({
    ...{ type: 'mandate', v: 1, mandateId: ulid(), enterprise: profile.enterprise },
    covers: {
      ...{ kinds: options.kind, steps: options.step, tiers: options.tier },
      ...{ systems: options.system ?? null, partners: null, identities: options.identity ?? null },
    },
    caps: { total: Number(options.total), perDay: Number(options.perDay) },
    window: null,
    effect: options.any === true ? 'any' : 'reduce-only',
    ...(options.sendOneIn === '0' ? {} : { sendOneIn: Number(options.sendOneIn) }),
    notBefore: new Date(from).toISOString(),
    notAfter: new Date(from + days * DAY_MS).toISOString(),
    signers: [...new Set(options.signer)].sort(),
  })
  if (isRefusal(payload))
    throw new UsageFault(
      `no mandate at ${payload.where}: ${payload.detail}; see mandate draft --help`,
    )
  if (!payload.signers.includes(profile.personId))
    throw new UsageFault('name yourself with --signer too: a draft is signed by you')
  const known = payload.covers.kinds.flatMap((kind) => KINDS[kind].steps)
  const stranger = payload.covers.steps.find((step) => !known.includes(step))
  if (stranger !== undefined)
    throw new UsageFault(
      `--step ${stranger} is no step of ${payload.covers.kinds.join(', ')}: name some of ${known.join(', ')}`,
    )
  await writeNew(options.out, signEnvelope({ kind: 'mandate', payload, ...key }))
  const answer = { mandateId: payload.mandateId, file: options.out }
  finish(answer, { json: options.json, show: () => show(payload) })
}

async function sign(file: string, options: Common & { readonly yes?: boolean }): Promise<void> {
  const { profile, key } = await signing(options)
  const envelope = await readEnvelope(file, MANDATE_FILE)
  const mandate = mandateIn(envelope)
  if (!mandate.signers.includes(profile.personId))
    throw new UsageFault(`${profile.personId} is not among its signers`)
  const shown = options.json === true ? [] : show(mandate)
  if (!(await signFile({ file, envelope, key, shown, yes: options.yes === true }))) return
  const answer = { mandateId: mandate.mandateId, file }
  finish(answer, { json: options.json, show: () => [`signed: ${mandate.mandateId}`] })
}

const MANDATE_FILE = { what: 'mandate', otherwise: '`countersign mandate draft` writes one' }

async function give(file: string, options: Common): Promise<void> {
  const api = await clientFor(options)
  finish(await api.giveMandate({ envelope: await readEnvelope(file, MANDATE_FILE) }), {
    json: options.json,
    show: ({ mandateId, signers }) => [`in force: ${mandateId}, signed by ${signers.join(', ')}`],
  })
}

async function list(options: Common): Promise<void> {
  const api = await clientFor(options)
  finish(await api.listMandates(), {
    json: options.json,
    show: ({ mandates }) =>
      mandates.flatMap(({ mandate, used, revoked }) => [
        ...show(mandate),
        `  used ${used} of ${mandate.caps.total}${revoked === 'yes' ? ', REVOKED' : ''}`,
      ]),
  })
}

async function digest(options: Common): Promise<void> {
  const api = await clientFor(options)
  finish(await api.listMandates(), {
    json: options.json,
    show: ({ mandates }) =>
      mandates.flatMap(({ mandate, lately, used, revoked }) => [
        `${mandate.mandateId}: ${lately.length} uses in seven days, ${used} of ${mandate.caps.total} in all${revoked === 'yes' ? ', REVOKED' : ''}`,
        ...lately.map(({ at, caseId, stepId }) => `  ${at}  ${stepId} of ${caseId}`),
        ...(revoked === 'yes'
          ? []
          : [`  to end it: countersign mandate revoke ${mandate.mandateId}`]),
      ]),
  })
}

async function revoke(mandateId: string, options: Common): Promise<void> {
  const { profile, key } = await signing(options)
  const payload: MandateRevocation = {
    ...{ type: 'mandate-revocation', v: 1, mandateId, enterprise: profile.enterprise },
    personId: profile.personId,
    notBefore: new Date(Date.now() - CLOCK_MS).toISOString(),
    notAfter: new Date(Date.now() + VALID_MS).toISOString(),
  }
  const envelope = signEnvelope({ kind: 'mandate-revocation', payload, ...key })
  const api = await clientFor(options)
  finish(await api.revokeMandate({ envelope }), {
    json: options.json,
    show: () => [`revoked: ${mandateId}`],
  })
}

async function signing(options: Common) {
  const profile = await readProfile(options.profile)
  const { personId } = profile
  if (personId === undefined) throw new UsageFault(NO_PERSON)
  const named: Profile & { readonly personId: string } = { ...profile, personId }
  return { profile: named, key: await keyOf(profile, 'decisionKey') }
}

/** What is signed, in words. */
const show = ({
  mandateId,
  covers,
  caps,
  effect,
  sendOneIn,
  notAfter,
  signers,
}: Mandate): readonly string[] => [
  `mandate ${mandateId}, ${effect}, expires at ${notAfter}`,
  ...(sendOneIn === undefined ? [] : [`  one step in ${sendOneIn}, by lot, goes to people anyway`]),
  `  covers ${covers.kinds.join(', ')}: ${covers.steps.join(', ')}; ${covers.tiers.join(', ')}`,
  `  systems ${covers.systems?.join(', ') ?? 'all'}; identities ${covers.identities?.join(', ') ?? 'all'}`,
  `  at most ${caps.total} uses, ${caps.perDay} a day; signers ${signers.join(', ')}`,
]

function mandateIn(envelope: Envelope): Mandate {
  const opened = openEnvelope({ envelope, kind: 'mandate', parse: parseAs(Mandate) })
  if (isRefusal(opened)) throw new UsageFault(`no mandate at ${opened.where}: ${opened.detail}`)
  return opened.payload
}
