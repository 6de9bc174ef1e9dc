/**
 * A pack as its authors write it. *pack.yaml* is the head: who owns it, from when, by which clock. A
 * *rule* says for one kind of case and some tiers and systems what each step's gate asks for. A *role*
 * names approvers by what they answer for, never by name. Whatever could make a gate count to nothing
 * (no approver, a need below one, a quorum below the needs, an unknown step) does not parse.
 * Durations are written `250ms`, `5s`, `30m`, `4h` or `2d` and read as whole milliseconds; a gate's deadlines also as
 * business days, `3bd`. A *window* is a name for hours of the week; the change of a step that names it begins in them.
 */
import { z } from 'zod'
import { KINDS } from '../kinds.js'
import type { Settings } from './asked.js'
import {
  Assurance,
  CaseKind,
  Change,
  Fact,
  Ms,
  PackId,
  PersonId,
  SystemId,
  Tier,
  Time,
} from './basic.js'
import type { Cedar } from './cedar.js'

export const Role = z.enum([
  'identity-owner',
  'objective-owner',
  'contract-owner',
  'named-person',
  'duty-person',
  'risk-owner',
  'officer',
  'accountable',
])
export type Role = z.infer<typeof Role>

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `0s` to `3652d`; the result is in milliseconds. */
export const Duration = z
  .string()
  .regex(/^(0|[1-9]\d{0,8})(ms|s|m|h|d)$/, 'not a duration such as 250ms, 5s, 30m, 4h or 2d')
  .transform((text) => {
    const unit = text.replace(/^\d+/, '') as keyof typeof UNITS
    return Number.parseInt(text, 10) * UNITS[unit]
  })
  .pipe(Ms)
const Span = Duration.refine((ms) => ms > 0, 'a duration above zero is needed')

const WEEK_MS = 7 * UNITS.d

/** A duration, or business days, which are never more than as many weeks. */
export const Deadline = z.string().transform((text, context) => {
  const days = /^([1-9]\d?)bd$/.exec(text)?.[1]
  if (days !== undefined)
    return { ms: Number.parseInt(days, 10) * WEEK_MS, businessDays: Number.parseInt(days, 10) }
  const duration = Duration.safeParse(text)
  if (duration.success) return { ms: duration.data, businessDays: null }
  context.addIssue({ code: 'custom', message: `${duration.error.issues[0]?.message ?? ''}` })
  return z.NEVER
})

const isUnique = (values: readonly unknown[]): boolean => new Set(values).size === values.length
const UNIQUE = 'something is listed twice'

const WindowName = z.string().regex(/^[a-z][a-z0-9-]{0,47}$/, 'not the name of a window')

const Approver = z.strictObject({ role: Role, need: z.int().min(1).max(10) })

const StepTerms = z
  .strictObject({
    approvers: z.array(Approver).min(1),
    quorum: z.int().min(1).max(20),
    assurance: Assurance,
    ahead: z.enum(['allowed', 'forbidden']),
    facts: z.array(Fact).refine(isUnique, UNIQUE),
    escalateAfter: Deadline,
    expireAfter: Deadline.refine(({ ms }) => ms > 0, 'a duration above zero is needed'),
    decisionMaxAge: Span,
    /** In which window of the calendar it begins; null: whenever it is approved. */
    window: WindowName.nullable().default(null),
  })
  .superRefine((terms, context) => {
    const wrong = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message })
    if (!isUnique(terms.approvers.map(({ role }) => role)))
      wrong('approvers', 'a role is listed twice')
    if (terms.quorum < terms.approvers.reduce((sum, { need }) => sum + need, 0))
      wrong('quorum', 'the quorum is below the sum of the needs')
    const { escalateAfter: escalate, expireAfter: expire } = terms
    if (escalate.ms >= expire.ms) wrong('escalateAfter', 'a gate escalates before it expires')
    if ((escalate.businessDays === null) !== (expire.businessDays === null))
      wrong('escalateAfter', 'both deadlines are in business days, or neither')
  })
  .transform(({ escalateAfter, expireAfter, decisionMaxAge, ...terms }) => ({
    ...terms,
    escalateAfterMs: escalateAfter.ms,
    expireAfterMs: expireAfter.ms,
    businessDays:
      escalateAfter.businessDays === null || expireAfter.businessDays === null
        ? null
        : { escalateAfter: escalateAfter.businessDays, expireAfter: expireAfter.businessDays },
    decisionMaxAgeMs: decisionMaxAge,
  }))
/** What one rule asks of one step's gate. */
export type StepTerms = z.output<typeof StepTerms>

const SettingsText = z
  .strictObject({
    soak: Duration,
    unusedFor: Duration,
    within: Span,
    lease: Span,
    claimWithin: Span,
  })
  .refine(({ soak, unusedFor, within }) => within > Math.max(soak, unusedFor), {
    path: ['within'],
    message: 'what takes this long cannot be observed within it',
  })
  .transform(
    (text): Settings => ({
      soakMs: text.soak,
      unusedForMs: text.unusedFor,
      withinMs: text.within,
      leaseMs: text.lease,
      claimWithinMs: text.claimWithin,
    }),
  )

export const Rule = z
  .strictObject({
    id: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/),
    kind: CaseKind,
    when: z.strictObject({
      tiers: z.array(Tier).min(1).refine(isUnique, UNIQUE),
      /** Null: every system. */
      systems: z.array(SystemId).min(1).refine(isUnique, UNIQUE).nullable(),
      /** Null: every change. */
      change: z.array(Change).min(1).refine(isUnique, UNIQUE).nullable().default(null),
    }),
    settings: SettingsText,
    /** Rotation opens by itself for an identity whose credential is older; null: never because of its age. */
    maximumAge: Span.nullable().default(null),
    /** For how long after it closed what can be erased of a case is kept; null: for ever. */
    retention: Span.nullable().default(null),
    /** Must have been observed before the case may close. */
    evidence: z.array(Fact).refine(isUnique, UNIQUE),
    steps: z.record(z.string(), StepTerms),
    /** Only for recertify: how often owners are asked, and how old a secret may be without being odd. */
    campaign: z.strictObject({ every: Span, maxAge: Span }).optional(),
    /** Only for drill: how often the three rights are exercised over a partner. */
    drill: z.strictObject({ every: Span }).optional(),
    /** Only for succession: by which duties somebody is a candidate. */
    candidates: z
      .array(Role.extract(['duty-person', 'risk-owner', 'officer']))
      .min(1)
      .refine(isUnique, UNIQUE)
      .optional(),
    /** Only for partner-review: how often a partner is reviewed. */
    review: z.strictObject({ every: Span }).optional(),
    /**
     * Only for break-glass: for how long access may be asked for, by how many persons each unreviewed use raises the
     * next one's quorum and by how many at most, and for how long one counts that nobody reviews.
     */
    emergency: z
      .strictObject({
        ...{ longest: Span, raise: z.int().min(1).max(5), most: z.int().min(1).max(10) },
        counts: Span,
      })
      .optional(),
  })
  .superRefine((rule, context) => {
    const { kind, steps, maximumAge, campaign, drill, candidates, review, emergency } = rule
    const known: readonly string[] = KINDS[kind].steps
    const wrong = (path: string[], message: string) =>
      context.addIssue({ code: 'custom', path, message })
    if (maximumAge !== null && kind !== 'rotate')
      wrong(['maximumAge'], 'only a rotation ends an age')
    if ((campaign !== undefined) !== (kind === 'recertify'))
      wrong(['campaign'], 'a rule for recertify, and no other, says how often')
    if ((drill !== undefined) !== (kind === 'drill'))
      wrong(['drill'], 'a rule for drill, and no other, says how often')
    if ((candidates !== undefined) !== (kind === 'succession'))
      wrong(['candidates'], 'a rule for succession, and no other, names candidates')
    if ((review !== undefined) !== (kind === 'partner-review'))
      wrong(['review'], 'a rule for partner-review, and no other, says how often')
    if ((emergency !== undefined) !== (kind === 'break-glass'))
      wrong(['emergency'], 'a rule for break-glass, and no other, says how far it goes')
    if (Object.keys(steps).length === 0) wrong(['steps'], 'a rule rules at least one step')
    for (const [stepId, { window }] of Object.entries(steps)) {
      if (!known.includes(stepId)) wrong(['steps', stepId], 'the plan has no such step')
      if (window !== null && KINDS[kind].urgency === 'at-once')
        wrong(['steps', stepId, 'window'], 'what is done at once waits for no window')
    }
  })
export type Rule = z.output<typeof Rule>

const isZone = (zone: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

/** ISO 8601: Monday is 1. */
const Weekdays = z.array(z.int().min(1).max(7)).min(1).refine(isUnique, UNIQUE)

/** No case opens in [from, until), and no window is open. */
const Freeze = z
  .strictObject({ name: z.string().min(1).max(80), from: Time, until: Time })
  .refine(({ from, until }) => from < until, { path: ['until'], message: 'ends before it begins' })

const MINUTES = /^([01]\d|2[0-3]):([0-5]\d)$/
const minutesOf = (text: string): number => {
  const [hours = '', minutes = ''] = text.split(':')
  return Number.parseInt(hours, 10) * 60 + Number.parseInt(minutes, 10)
}

/** Hours of the week. What is open past midnight belongs to the day on which it begins. */
const Window = z
  .strictObject({
    days: z.union([z.literal('business'), Weekdays], 'business, or days of the week'),
    from: z.string().regex(MINUTES, 'not a time of day such as 22:30'),
    to: z.string().regex(/^(24:00|([01]\d|2[0-3]):[0-5]\d)$/, 'not a time of day such as 04:00'),
  })
  .refine(({ from, to }) => from !== to, { path: ['to'], message: 'a window is open for a while' })
  .transform(({ days, from, to }) => ({
    days,
    fromMinute: minutesOf(from),
    toMinute: to === '00:00' ? minutesOf('24:00') : minutesOf(to),
  }))

/** pack.yaml. */
export const PackHead = z.strictObject({
  id: PackId,
  version: z.int().min(1),
  owner: z.union([PersonId, Role]),
  effectiveFrom: Time,
  zone: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9+_/-]{0,63}$/)
    .refine(isZone, 'not an IANA time zone'),
  calendar: z.strictObject({
    weekdays: Weekdays,
    holidays: z.array(z.iso.date()).refine(isUnique, UNIQUE),
    freezes: z.array(Freeze),
    windows: z.record(WindowName, Window).default({}),
  }),
  /** Who signs a mandate between them: people who answer for the enterprise, not for one identity. */
  mandates: z.strictObject({
    approvers: z
      .array(
        z.strictObject({
          role: Role.extract(['duty-person', 'risk-owner', 'officer']),
          need: z.int().min(1).max(10),
        }),
      )
      .min(1)
      .refine((list) => isUnique(list.map(({ role }) => role)), UNIQUE),
    assurance: Assurance,
  }),
  frameworks: z
    .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 .:/_-]{0,39}$/))
    .refine(isUnique, UNIQUE),
})
export type PackHead = z.output<typeof PackHead>

/** One file of rules/. */
export const RuleFile = z.array(Rule).min(1)

/** A pack that loaded: the head, and the rules and Cedar policies of all its files, no two of one id. */
export interface Pack extends PackHead {
  readonly rules: readonly Rule[]
  readonly cedar: Cedar
}
