/**
 * The routes of the HTTP API, version 1: the one list from which the API mounts its doors, the client takes its
 * paths, and the tests make their table of who gets what.
 */

export type Role = 'partner' | 'partner-person' | 'enterprise' | 'operator' | 'auditor'

/**
 * `asks`: a token; a token or a valid signature of a person of the authority (`signature`), so that the
 * enterprise can decide and stop while its issuer is down; or nothing. `scope`: a route of one case answers
 * CASE_UNKNOWN for a case of somebody else exactly as for one that does not exist. `who`: the partner's machine,
 * a person of the partner, a person of the enterprise, one of those who operates the system, and
 * an auditor.
 */
export interface Route {
  readonly method: 'get' | 'post'
  readonly path: string
  readonly asks: 'token' | 'signature' | 'nothing'
  readonly who: readonly Role[]
  readonly scope: 'case' | 'all'
}

const BOTH = ['partner', 'partner-person', 'enterprise'] as const
const PARTNER = ['partner', 'partner-person'] as const
const ENTERPRISE = ['enterprise'] as const
/** The enterprise, and a partner's machine, which may stop itself. */
const SELF_STOP = ['partner', 'enterprise'] as const
const OPERATOR = ['operator'] as const
/** What is only read is an auditor's too. */
const BOTH_READ = [...BOTH, 'auditor'] as const
const ENTERPRISE_READ = [...ENTERPRISE, 'auditor'] as const

export const ROUTES = {
  openCase: { method: 'post', path: '/v1/cases', asks: 'token', who: BOTH, scope: 'all' },
  listCases: { method: 'get', path: '/v1/cases', asks: 'token', who: BOTH_READ, scope: 'all' },
  readCase: {
    method: 'get',
    path: '/v1/cases/:caseId',
    asks: 'token',
    who: BOTH_READ,
    scope: 'case',
  },
  review: {
    ...{ method: 'get', path: '/v1/cases/:caseId/steps/:stepId/review', asks: 'token' },
    ...{ who: ENTERPRISE, scope: 'case' },
  },
  decide: {
    ...{ method: 'post', path: '/v1/cases/:caseId/decisions', asks: 'signature' },
    ...{ who: BOTH, scope: 'case' },
  },
  inbox: { method: 'get', path: '/v1/inbox', asks: 'token', who: ENTERPRISE, scope: 'all' },
  fence: { method: 'post', path: '/v1/fences', asks: 'signature', who: SELF_STOP, scope: 'all' },
  kitUse: { method: 'post', path: '/v1/kit-uses', asks: 'token', who: ENTERPRISE, scope: 'all' },
  fencePreview: {
    ...{ method: 'get', path: '/v1/fences/:kind/:id/preview', asks: 'token' },
    ...{ who: ENTERPRISE, scope: 'all' },
  },
  giveMandate: {
    method: 'post',
    path: '/v1/mandates',
    asks: 'token',
    who: ENTERPRISE,
    scope: 'all',
  },
  listMandates: {
    method: 'get',
    path: '/v1/mandates',
    asks: 'token',
    who: ENTERPRISE,
    scope: 'all',
  },
  revokeMandate: {
    ...{ method: 'post', path: '/v1/mandates/revocations', asks: 'signature' },
    ...{ who: ENTERPRISE, scope: 'all' },
  },
  quality: { method: 'get', path: '/v1/quality', asks: 'token', who: ENTERPRISE, scope: 'all' },
  rights: { method: 'get', path: '/v1/rights', asks: 'token', who: ENTERPRISE_READ, scope: 'all' },
  proposeAuthority: {
    ...{ method: 'post', path: '/v1/authority/proposals', asks: 'token' },
    ...{ who: ENTERPRISE, scope: 'all' },
  },
  reportPersons: {
    ...{ method: 'post', path: '/v1/authority/reports', asks: 'token' },
    ...{ who: ENTERPRISE, scope: 'all' },
  },
  listResponsibilities: {
    ...{ method: 'get', path: '/v1/responsibilities', asks: 'token' },
    ...{ who: ENTERPRISE_READ, scope: 'all' },
  },
  tasks: { method: 'get', path: '/v1/tasks', asks: 'token', who: PARTNER, scope: 'all' },
  lease: {
    ...{ method: 'post', path: '/v1/cases/:caseId/steps/:stepId/lease', asks: 'token' },
    ...{ who: PARTNER, scope: 'case' },
  },
  openCampaign: {
    ...{ method: 'post', path: '/v1/campaigns', asks: 'token' },
    ...{ who: ENTERPRISE, scope: 'all' },
  },
  showCampaign: {
    ...{ method: 'get', path: '/v1/campaigns/:campaignId', asks: 'token' },
    ...{ who: ENTERPRISE, scope: 'all' },
  },
  claim: { method: 'post', path: '/v1/claims', asks: 'token', who: PARTNER, scope: 'case' },
  entries: {
    ...{ method: 'get', path: '/v1/cases/:caseId/entries', asks: 'token' },
    ...{ who: BOTH_READ, scope: 'case' },
  },
  packet: {
    ...{ method: 'get', path: '/v1/cases/:caseId/packet', asks: 'token' },
    ...{ who: BOTH_READ, scope: 'case' },
  },
  collection: {
    ...{ method: 'get', path: '/v1/evidence', asks: 'token' },
    ...{ who: ENTERPRISE_READ, scope: 'all' },
  },
  opsStuck: { method: 'get', path: '/v1/ops/stuck', asks: 'token', who: OPERATOR, scope: 'all' },
  opsWho: { method: 'get', path: '/v1/ops/who', asks: 'token', who: OPERATOR, scope: 'all' },
  opsProcesses: {
    ...{ method: 'get', path: '/v1/ops/processes', asks: 'token' },
    ...{ who: OPERATOR, scope: 'all' },
  },
  opsDrain: { method: 'get', path: '/v1/ops/drain', asks: 'token', who: OPERATOR, scope: 'all' },
  opsWhy: {
    ...{ method: 'get', path: '/v1/ops/cases/:caseId/why', asks: 'token' },
    ...{ who: OPERATOR, scope: 'case' },
  },
  opsNudge: {
    ...{ method: 'post', path: '/v1/ops/cases/:caseId/nudge', asks: 'token' },
    ...{ who: OPERATOR, scope: 'case' },
  },
  opsReattach: {
    ...{ method: 'post', path: '/v1/ops/cases/:caseId/reattach', asks: 'token' },
    ...{ who: OPERATOR, scope: 'case' },
  },
  findings: {
    ...{ method: 'get', path: '/v1/partners/:id/findings', asks: 'token' },
    ...{ who: BOTH_READ, scope: 'all' },
  },
  emergencies: {
    ...{ method: 'get', path: '/v1/emergencies', asks: 'token' },
    ...{ who: ENTERPRISE, scope: 'all' },
  },
  delivery: {
    ...{ method: 'get', path: '/v1/cases/:caseId/delivery', asks: 'token' },
    ...{ who: ENTERPRISE, scope: 'case' },
  },
  erasePerson: {
    ...{ method: 'post', path: '/v1/persons/:personId/erasure', asks: 'token' },
    ...{ who: ENTERPRISE, scope: 'all' },
  },
  hold: { method: 'post', path: '/v1/holds', asks: 'token', who: ENTERPRISE, scope: 'all' },
  listHolds: {
    method: 'get',
    path: '/v1/holds',
    asks: 'token',
    who: ENTERPRISE_READ,
    scope: 'all',
  },
  purge: { method: 'post', path: '/v1/purges', asks: 'token', who: ENTERPRISE, scope: 'all' },
  livez: { method: 'get', path: '/livez', asks: 'nothing', who: BOTH, scope: 'all' },
  readyz: { method: 'get', path: '/readyz', asks: 'nothing', who: BOTH, scope: 'all' },
  logCheckpoint: {
    ...{ method: 'get', path: '/log/checkpoint', asks: 'nothing' },
    ...{ who: BOTH, scope: 'all' },
  },
  logTile: { method: 'get', path: '/log/tile/*tile', asks: 'nothing', who: BOTH, scope: 'all' },
} as const satisfies Record<string, Route>
export type RouteName = keyof typeof ROUTES

/** Largest request body, bytes: a document of 48 KiB in base64, and its claim. */
export const MAX_BODY_BYTES = 96 * 1024
/** The same where whole bundles and packs are sent. */
export const MAX_BUNDLE_BYTES = 8 * 1024 * 1024

/** A route's path with its parameters filled in. */
export const pathOf = (name: RouteName, params: Readonly<Record<string, string>> = {}): string =>
  ROUTES[name].path.replace(/:([A-Za-z]+)/g, (_, key: string) =>
    encodeURIComponent(params[key] ?? ''),
  )
