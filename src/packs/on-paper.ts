/**
 * Persons and companies who exist on paper only, so that what a pack says can be asked without an authority bundle:
 * by its own tests, and when it is explained.
 */
import { KINDS } from '../domain/kinds.js'
import type { Person } from '../domain/shapes/authority.js'
import type { CaseKind, CaseScope } from '../domain/shapes/basic.js'
import type { Circumstances, CompanyFacts } from '../domain/shapes/cedar.js'
import type { Role } from '../domain/shapes/policy.js'
import type { AskedOnPaper } from '../domain/shapes/policy-test.js'

const ENTERPRISE = 'com_enterprise'
const SCOPES: Readonly<Record<string, CaseScope>> = {
  identity: { kind: 'identity', id: 'nhi_paper' },
  partner: { kind: 'partner', id: 'com_partner' },
  enterprise: { kind: 'enterprise', id: 'ent_paper' },
}

/** A case of this kind, asked for like this; who has which duty is what the roles say, and what is said of them. */
export function circumstancesOnPaper(input: {
  readonly kind: CaseKind
  readonly roles: Readonly<Record<Role, readonly string[]>>
  readonly asked: AskedOnPaper
}): Circumstances {
  const { kind, roles, asked } = input
  const { work, scope } = KINDS[kind]
  const { companyId: partner, rank, personId, by, at: askedAt } = asked
  const asker = by === 'partner' ? partner : ENTERPRISE
  const [owner = 'per_owner'] = roles['identity-owner']
  const executors = { clause: partner, scope: partner, own: ENTERPRISE, asker }
  const companies: Record<string, CompanyFacts> = {
    [ENTERPRISE]: { kind: 'enterprise', rank: 0 },
    [partner]: { kind: 'partner', rank },
  }
  const about = SCOPES[scope.split(' or ')[0] ?? ''] ?? { kind: 'identity', id: 'nhi_paper' }
  return {
    scope: about.kind === 'partner' ? { ...about, id: partner } : about,
    ...{ objectiveId: 'obj_paper', ownerId: owner, custodian: partner, askedAt, companies },
    requester: { personId, companyId: asker },
    executor: executors[work],
    persons: {
      ...personsIn(roles, asked),
      ...(personId === null ? {} : { [personId]: { companyId: asker, duties: [] } }),
    },
  }
}

const DUTIES: readonly Person['duties'][number][] = ['duty-person', 'risk-owner', 'officer']

const personsIn = (
  roles: Readonly<Record<Role, readonly string[]>>,
  { duties }: AskedOnPaper,
): Circumstances['persons'] =>
  Object.fromEntries(
    [...new Set(['per_owner', ...Object.values(roles).flat()])].map((person) => [
      person,
      {
        companyId: ENTERPRISE,
        duties: [
          ...DUTIES.filter((duty) => duty !== 'operator' && roles[duty].includes(person)),
          ...(duties[person] ?? []),
        ],
      },
    ]),
  )
