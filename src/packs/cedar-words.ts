/**
 * The words that a pack's Cedar policies can use, as a Cedar schema: made from the lists of the product, so that a
 * misspelt tier, duty or step does not load. A pack carries the schema that its authors wrote by; it may lack what is
 * newer, and may say nothing of its own.
 */

import { canonical } from '../domain/bytes/digest.js'
import { KINDS } from '../domain/kinds.js'
import { isAsked } from '../domain/policy/authorisation.js'
import { Person } from '../domain/shapes/authority.js'
import { CaseKind, Change, Tier } from '../domain/shapes/basic.js'

const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ')

const DUTIES = Person.shape.duties.element.options

const RESOURCES = { identity: 'Identity', partner: 'Company', enterprise: 'Enterprise' } as const

/** What an action is in, itself first: `sign:rotate/issue`, `sign:rotate`, `sign`. */
export function actionsAround(action: string): readonly string[] {
  const [verb = '', rest = ''] = action.split(':')
  const [kind] = rest.split('/')
  return [...new Set([action, `${verb}:${kind}`, verb])]
}

const WORDS = `// The words of Cedar policies in this pack. \`countersign policy schema\` prints it.
// A company asks, or a person in its name; persons of the enterprise sign.

entity Tier enum [${quoted(Tier.options)}];
entity Change enum [${quoted(Change.options)}];
entity Duty enum [${quoted(DUTIES)}];
entity System, Objective, Enterprise;

// rank: the furthest down a chain of sub-contractors that one of its contracts places it; 0 without any.
entity Company { partner: Bool, rank: Long };
entity Person in [Company] { duties: Set<Duty> };
// In its system, its control objective and the company that keeps it.
entity Identity in [System, Objective, Company] { owner: Person };

type Case = {
  tier: Tier,
  change: Change,
  requester: Company,
  executor: Company,
  // When it was asked for, by the clock of the pack's zone; Monday is 1.
  weekday: Long,
  hour: Long,
};

action "ask";
action "sign";
`

/** The whole schema as text. */
export const CEDAR_SCHEMA = `${WORDS}${CaseKind.options.filter(isAsked).map(actionsOf).join('')}`

function actionsOf(kind: CaseKind): string {
  const { scope, steps } = KINDS[kind]
  const resources = scope
    .split(' or ')
    .map((one) => RESOURCES[one as keyof typeof RESOURCES])
    .join(', ')
  const applies = (principals: string) =>
    `appliesTo { principal: [${principals}], resource: [${resources}], context: Case }`
  const sign = steps.map(
    (stepId) => `action "sign:${kind}/${stepId}" in ["sign:${kind}"] ${applies('Person')};\n`,
  )
  return `
action "ask:${kind}" in ["ask"] ${applies('Person, Company')};
action "sign:${kind}" in ["sign"];
${sign.join('')}`
}

type Declared = Readonly<Record<string, unknown>>

/** Where the first schema, both as JSON, declares what the second does not, or otherwise; null: nowhere. */
export function foreignWord(declared: unknown, known: unknown, path = ''): string | null {
  if (Array.isArray(declared) && Array.isArray(known)) {
    const words = known.map(canonical)
    return declared.every((one) => words.includes(canonical(one))) ? null : path
  }
  if (!isDeclared(declared) || !isDeclared(known))
    return canonical(declared) === canonical(known) ? null : path
  for (const [name, value] of Object.entries(declared)) {
    if (!Object.hasOwn(known, name)) return `${path}/${name}`
    const found = foreignWord(value, known[name], `${path}/${name}`)
    if (found !== null) return found
  }
  return null
}

const isDeclared = (value: unknown): value is Declared =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
