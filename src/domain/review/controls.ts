/**
 * Which kinds of case are evidence for which control of which framework. One table: docs/controls.md, the OSCAL results
 * and `evidence export --control` are made from it. It says where evidence is, never that a control is met.
 */
import type { CaseKind } from '../shapes/basic.js'

export const FRAMEWORKS = {
  csf: 'NIST CSF 2.0',
  nhi: 'OWASP NHI Top 10 2025',
  ai: 'NIST AI RMF 1.0, GOVERN',
} as const

export interface Control {
  readonly framework: keyof typeof FRAMEWORKS
  readonly id: string
  /** What the framework asks for, in own words. */
  readonly asks: string
  /** What a case of these kinds shows of it; empty kinds: no case does. */
  readonly shows: string
  readonly kinds: readonly CaseKind[]
}

const CHANGES: readonly CaseKind[] = ['rotate', 'provision', 'deprovision', 'reinstate', 'suspend']
const INCIDENT: readonly CaseKind[] = ['incident', 'contain', 'lift']
const RISK: readonly CaseKind[] = ['exception', 'attest']
const REVIEW: readonly CaseKind[] = ['partner-review', 'demand', 'dispute']

type Row = readonly [id: string, asks: string, shows: string, kinds: readonly CaseKind[]]
const rows = (framework: Control['framework'], table: readonly Row[]): readonly Control[] =>
  table.map(([id, asks, shows, kinds]) => ({ framework, id, asks, shows, kinds }))

export const CONTROLS: readonly Control[] = [
  ...rows('csf', [
    [
      'GV.OC-01',
      'the mission informs how risk is managed',
      'each case names the control objective that its identity serves',
      CHANGES,
    ],
    [
      'GV.OC-03',
      'contractual requirements are understood and managed',
      'changes of contracts, signed by their owners',
      ['change-contracts'],
    ],
    [
      'GV.RR-02',
      'roles and authorities are established and enforced',
      'no step is granted but by verified decisions of its named owners; owners change by cases',
      [...CHANGES, 'change-ownership', 'change-people', 'revoke-keys', 'succession'],
    ],
    [
      'GV.PO-01',
      'policy is established and enforced',
      'changes of policy, and each requirement by pack and hash',
      ['change-policy'],
    ],
    [
      'GV.SC-02',
      'roles of suppliers and partners are established',
      'who carries out and who approves, apart',
      [...CHANGES, 'change-contracts'],
    ],
    [
      'GV.SC-05',
      'requirements are in contracts',
      'clauses as signed, with the partner’s acknowledgement',
      ['change-contracts'],
    ],
    [
      'GV.SC-07',
      'risks of suppliers are monitored over the relationship',
      'reviews against policy, demands for evidence, disputes',
      REVIEW,
    ],
    [
      'GV.SC-10',
      'there are provisions for after a partnership ends',
      'drills of the three rights; deprovisioning',
      ['drill', 'deprovision'],
    ],
    [
      'ID.RA-07',
      'changes and exceptions are assessed, recorded and tracked',
      'exceptions with their end, and their attestations',
      RISK,
    ],
    [
      'PR.AA-01',
      'identities and credentials are managed',
      'the life of each identity, with what its target showed',
      CHANGES,
    ],
    [
      'PR.AA-05',
      'permissions are defined, enforced and reviewed',
      'rights that a plan lists and a probe saw; every identity kept or revoked by signature',
      ['provision', 'recertify', 'deprovision'],
    ],
    [
      'DE.CM-06',
      'activities of service providers are monitored',
      'each partner’s cases judged again, its targets compared',
      REVIEW,
    ],
    [
      'RS.MA-02',
      'incidents are triaged and validated',
      'scope, containment and closure signed by others than responded',
      INCIDENT,
    ],
    [
      'RS.MI-01',
      'incidents are contained',
      'access cut and proved dead on the target',
      ['contain', 'incident'],
    ],
  ]),
  ...rows('nhi', [
    [
      'NHI1:2025',
      'improper offboarding',
      'ended needs and departed owners open cases; each credential is proved dead',
      ['deprovision', 'succession'],
    ],
    [
      'NHI2:2025',
      'secret leakage',
      'new secrets sealed to their consumers; none is in an entry',
      ['rotate'],
    ],
    [
      'NHI3:2025',
      'vulnerable third-party identities',

      'cuts, drills of the cut, reviews of the partner',
      ['contain', 'drill', ...REVIEW],
    ],
    [
      'NHI4:2025',
      'insecure authentication',
      'a new credential is seen to log in, the old one to be refused',
      ['rotate'],
    ],
    [
      'NHI5:2025',
      'overprivileged identities',

      'rights as planned and no other; reviewed item by item',
      ['provision', 'recertify'],
    ],
    ['NHI6:2025', 'insecure cloud deployment', 'nothing: no such target is supported', []],
    [
      'NHI7:2025',
      'long-lived secrets',
      'rotations by age; exceptions that hold one back',
      ['rotate', ...RISK],
    ],
    ['NHI8:2025', 'environment isolation', 'nothing: environments are not told apart', []],
    [
      'NHI9:2025',
      'one identity for many uses',
      'consumers of each identity, reviewed',
      ['recertify'],
    ],
    [
      'NHI10:2025',
      'people using machine identities',
      'emergency access: opened, ended and reviewed by others',
      ['break-glass'],
    ],
  ]),
  ...rows('ai', [
    [
      'GOVERN 1.5',
      'monitoring and periodic review are planned',

      'campaigns and reviews by the policy’s period',
      ['recertify', 'partner-review'],
    ],
    ['GOVERN 1.7', 'decommissioning is safe', 'disabled, watched, then removed', ['deprovision']],
    [
      'GOVERN 2.1',
      'roles and responsibilities are documented',
      'who owns what, changed by signature',
      ['change-ownership', 'succession'],
    ],
    [
      'GOVERN 2.3',
      'leadership takes responsibility for risk',
      'risk accepted by a named person, with an end',
      ['exception'],
    ],
    [
      'GOVERN 6.1',
      'policies address risks of third parties',

      'reviews against policy; changes of contracts',
      [...REVIEW, 'change-contracts'],
    ],
    [
      'GOVERN 6.2',
      'there are contingencies for failures of third parties',
      'drills, cuts, emergency access',
      ['drill', 'contain', 'break-glass'],
    ],
  ]),
]

export const controlsOf = (kind: CaseKind): readonly Control[] =>
  CONTROLS.filter(({ kinds }) => kinds.includes(kind))
