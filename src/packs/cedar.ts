/**
 * The Cedar policies of a pack: cedar/*.cedar, in the words of cedar/schema.cedarschema. They are checked when the
 * pack loads and evaluated by the official engine, which knows nothing but the question: no clock, no store of
 * entities. The same question has the same answer in every process.
 */
import {
  type AuthorizationAnswer,
  type DetailedError,
  type EntityJson,
  type EntityUidJson,
  type PolicyJson,
  policySetTextToParts,
  policyToJson,
  preparsePolicySet,
  schemaToJson,
  statefulIsAuthorized,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs'
import { digest } from '../domain/bytes/digest.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { type Cedar, NO_CEDAR, type Question } from '../domain/shapes/cedar.js'
import { answers } from './answers.js'
import { actionsAround, CEDAR_SCHEMA, foreignWord } from './cedar-words.js'
import { MAX_FILE_BYTES } from './yaml.js'

interface Source {
  readonly path: string
  readonly text: string
}

const SCHEMA = 'cedar/schema.cedarschema'
const POLICY_ID = /^[a-z][a-z0-9-]{0,63}$/
/** The rules of the pack have their own say; here everything is allowed that no policy forbids. */
const ALLOWED = { '': 'permit (principal, action, resource);' }

/** UNTRUSTED: the texts by path. POLICY_INVALID names `file:line:column`. Afterwards no policy allows, and none is in vain. */
export function readCedar(files: Readonly<Record<string, string>>): Cedar | Refusal {
  const sources = Object.keys(files)
    .filter((path) => path.startsWith('cedar/'))
    .sort()
    .map((path) => ({ path, text: files[path] ?? '' }))
  if (sources.length === 0) return NO_CEDAR
  const large = sources.find(({ text }) => bytesOf(text).length > MAX_FILE_BYTES)
  if (large !== undefined) return invalid(large, 0, 'the file is larger than 64 KiB')
  const schema = sources.find(({ path }) => path === SCHEMA)
  if (schema === undefined)
    return refuse('POLICY_INVALID', SCHEMA, 'the schema of the Cedar policies is missing')
  const foreign = checkSchema(schema)
  if (foreign !== null) return foreign
  const found: Policy[] = []
  for (const source of sources.filter(({ path }) => path !== SCHEMA)) {
    const policies = readPolicies(source, schema.text)
    if (isRefusal(policies)) return policies
    for (const policy of policies) {
      if (found.some(({ id }) => id === policy.id))
        return invalid(source, policy.offset, `another policy is called ${policy.id}`)
      found.push(policy)
    }
  }
  return {
    policies: Object.fromEntries(found.map(({ id, json }) => [id, json])),
    ...evaluated(found),
  }
}

function checkSchema(source: Source): Refusal | null {
  if (source.text === CEDAR_SCHEMA) return null
  const [declared, known] = [schemaToJson(source.text), schemaToJson(CEDAR_SCHEMA)]
  if (declared.type === 'failure') return failed(source, declared.errors)
  const foreign = known.type === 'success' ? foreignWord(declared.json, known.json) : '/'
  return foreign === null
    ? null
    : invalid(source, 0, `${foreign} is not as "countersign policy schema" has it`)
}

interface Policy {
  readonly id: string
  readonly text: string
  readonly json: PolicyJson
  /** Of its first byte in the file. */
  readonly offset: number
}

function readPolicies(source: Source, schema: string): readonly Policy[] | Refusal {
  const parts = policySetTextToParts(source.text)
  if (parts.type === 'failure') return failed(source, parts.errors)
  if (parts.policy_templates.length > 0)
    return invalid(source, offsetOf(source, parts.policy_templates[0]), 'a pack has no templates')
  const policies: Policy[] = []
  for (const text of parts.policies) {
    const policy = readPolicy(source, text)
    if (isRefusal(policy)) return policy
    policies.push(policy)
  }
  const answer = validate({ schema, policies: { staticPolicies: source.text } })
  if (answer.type === 'failure') return failed(source, answer.errors)
  const { validationErrors: errors, validationWarnings: warnings } = answer
  const problems = errors.length > 0 ? errors : warnings
  return problems.length > 0
    ? failed(
        source,
        problems.map(({ error }) => error),
      )
    : policies
}

function readPolicy(source: Source, text: string): Policy | Refusal {
  const offset = offsetOf(source, text)
  const parsed = policyToJson(text)
  if (parsed.type === 'failure') return failed(source, parsed.errors)
  const { json } = parsed
  const id = json.annotations?.id ?? ''
  if (!POLICY_ID.test(id)) return invalid(source, offset, 'a policy begins with @id("a-name")')
  return json.effect === 'forbid'
    ? { id, text, json, offset }
    : invalid(source, offset, 'policies forbid; what is allowed is for rules/ to say')
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const offsetOf = ({ text }: Source, part = ''): number =>
  bytesOf(text.slice(0, Math.max(text.indexOf(part), 0))).length

/** The first thing that is wrong, without the engine's own numbering of policies. */
function failed(source: Source, errors: readonly DetailedError[]): Refusal {
  const [error] = errors.toSorted((left, right) => startOf(left) - startOf(right))
  const place = error?.sourceLocations?.[0]
  const message = (error?.message ?? 'it does not parse').replace(/^for policy `[^`]*`[,:] /, '')
  const help = [place?.label, error?.help].filter((part) => part != null && part !== '')
  return invalid(source, place?.start ?? 0, [message, ...help].join('; '))
}

const startOf = ({ sourceLocations }: DetailedError): number => sourceLocations?.[0]?.start ?? 0

function invalid({ path, text }: Source, offset: number, detail: string): Refusal {
  const lines = new TextDecoder().decode(bytesOf(text).slice(0, offset)).split('\n')
  const column = (lines.at(-1)?.length ?? 0) + 1
  return refuse('POLICY_INVALID', `${path}:${lines.length}:${column}`, detail)
}

/** The engine keeps parsed sets by name and forgets none, so names are used again in turn. */
const MAX_PARSED = 16
const parsed = new Map<string, string>()

function parsedSet(hash: string, policies: readonly Policy[]): string {
  const known = parsed.get(hash)
  if (known !== undefined) return known
  const [oldest] = parsed
  const name = parsed.size < MAX_PARSED || oldest === undefined ? `${parsed.size}` : oldest[1]
  if (oldest?.[1] === name) parsed.delete(oldest[0])
  const staticPolicies = Object.fromEntries(policies.map(({ id, text }) => [id, text]))
  const answer = preparsePolicySet(name, { staticPolicies: { ...ALLOWED, ...staticPolicies } })
  if (answer.type === 'failure') throw new Error('policies that were read do not parse again')
  parsed.set(hash, name)
  return name
}

/** Of one set of policies: every gate of a case is asked about when it opens and again before its grant. */
const MAX_ANSWERS = 1000

/** A policy that cannot be evaluated forbids. The engine is asked where some policy speaks of the action, once for one question. */
function evaluated(policies: readonly Policy[]): Pick<Cedar, 'about' | 'forbids'> {
  const hash = digest(policies.map(({ id, text }) => [id, text]))
  const given = answers<readonly string[]>(MAX_ANSWERS)
  const about = (action: string) =>
    policies
      .filter(({ json }) => isAbout(json.action, action))
      .map(({ id }) => id)
      .sort()
  return {
    about,
    forbids: (question) => {
      if (about(question.action).length === 0) return []
      const call = callOf(question, parsedSet(hash, policies))
      return given(JSON.stringify(call), () => forbiddenBy(statefulIsAuthorized(call)))
    },
  }
}

function forbiddenBy(answer: AuthorizationAnswer): readonly string[] {
  if (answer.type === 'failure')
    throw new Error(`a question cannot be asked: ${answer.errors[0]?.message ?? ''}`)
  const { decision, diagnostics } = answer.response
  const failing = diagnostics.errors.map(({ policyId }) => policyId)
  return [...new Set([...failing, ...(decision === 'deny' ? diagnostics.reason : [])])].sort()
}

/** Whether the policy's head lets this action in. */
function isAbout(scope: PolicyJson['action'], action: string): boolean {
  if (scope.op === 'All') return true
  const entities = 'entities' in scope ? scope.entities : 'entity' in scope ? [scope.entity] : []
  const around = scope.op === '==' ? [action] : actionsAround(action)
  return entities.some((entity) => around.includes(idOf(entity)))
}

const idOf = (entity: EntityUidJson): string =>
  '__entity' in entity ? entity.__entity.id : entity.id

const uid = (type: string, id: string) => ({ type, id })
const reference = (type: string, id: string) => ({ __entity: uid(type, id) })

/** What the engine is asked. */
export function callOf(question: Question, preparsedPolicySetId: string) {
  const { action, principal, about, tier, change, asked } = question
  return {
    preparsedPolicySetId,
    principal: uid(principal.type, principal.id),
    action: uid('Action', action),
    resource: resourceOf(question),
    context: {
      tier: reference('Tier', tier),
      change: reference('Change', change),
      requester: reference('Company', about.requester.companyId),
      executor: reference('Company', about.executor),
      ...asked,
    },
    entities: entitiesOf(question),
  }
}

const RESOURCE = { identity: 'Identity', partner: 'Company', enterprise: 'Enterprise' } as const

const resourceOf = ({ about }: Question) => uid(RESOURCE[about.scope.kind], about.scope.id)

function entitiesOf(question: Question): EntityJson[] {
  const { action, about, systemId } = question
  const around = actionsAround(action).slice(1)
  const parents: readonly [string, string | null][] = [
    ['System', systemId],
    ['Objective', about.objectiveId],
    ['Company', about.custodian],
  ]
  const identity = {
    uid: resourceOf(question),
    attrs: { owner: reference('Person', about.ownerId) },
    parents: parents.flatMap(([type, id]) => (id === null ? [] : [uid(type, id)])),
  }
  return [
    ...(about.scope.kind === 'identity' ? [identity] : []),
    { uid: uid('Action', action), attrs: {}, parents: around.map((id) => uid('Action', id)) },
    ...Object.entries(about.persons).map(([id, { companyId, duties }]) => ({
      uid: uid('Person', id),
      attrs: { duties: duties.map((duty) => reference('Duty', duty)) },
      parents: [uid('Company', companyId)],
    })),
    ...Object.entries(about.companies).map(([id, { kind, rank }]) => ({
      uid: uid('Company', id),
      attrs: { partner: kind === 'partner', rank },
      parents: [],
    })),
  ]
}
