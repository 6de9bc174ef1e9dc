/**
 * Every route of the contract against every principal and {own, foreign, missing} case, from the route list
 * itself: a route without a row fails. Then what no door lets in.
 */
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MAX_BODY_BYTES, pathOf, ROUTES, type RouteName } from '../../src/contract/routes.js'
import { must } from '../support/authority.js'
import { waitUntil } from '../support/wait.js'
import { type ApiRig, anApi } from './rig.js'

let rig: ApiRig
const cases = { own: '', foreign: '', missing: `rotate:com_acme:nhi_billing:${ulid()}` }

beforeAll(async () => {
  rig = await anApi()
  const request = { kind: 'rotate', change: 'standard' } as const
  const opened = async (who: 'acme' | 'zeta', identityId: string) =>
    must(
      await rig
        .client(who)
        .openCase({ idempotencyKey: `open-${identityId}`, request: { ...request, identityId } }),
    ).caseId
  cases.own = await opened('acme', 'nhi_billing')
  cases.foreign = await opened('zeta', 'nhi_reports')
})
afterAll(() => rig?.stop())

interface Sent {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

interface Got {
  readonly status: number
  readonly code: string
  /** Without the id of the request. */
  readonly text: string
  readonly headers: Headers
}

async function send(path: string, { method = 'GET', headers = {}, body }: Sent): Promise<Got> {
  const response = await fetch(new URL(path, rig.url), {
    ...{ method, headers },
    ...(body === undefined ? {} : { body }),
  })
  const text = (await response.text()).replace(/,"requestId":"[^"]+"/, '')
  const code = /"urn:countersign:refusal:([A-Z_]+)"/.exec(text)?.[1] ?? ''
  return { status: response.status, code, text, headers: response.headers }
}

type Asker =
  | 'partner'
  | 'person of the partner'
  | 'enterprise'
  | 'operator'
  | 'nobody'
  | 'anonymous'
type Whose = 'own' | 'foreign' | 'missing'
const TOKENS = {
  partner: 'acme',
  'person of the partner': 'zed',
  enterprise: 'ana',
  operator: 'dora',
  nobody: 'nobody',
} as const
const ASKERS: readonly Asker[] = [...(Object.keys(TOKENS) as (keyof typeof TOKENS)[]), 'anonymous']
const CASES: readonly Whose[] = ['own', 'foreign', 'missing']

const ENVELOPE = {
  payloadType: 'application/vnd.countersign.decision.v1+json',
  payload: 'e30=',
  signatures: [{ keyid: 'key_none', sig: 'AAAA' }],
}

/** What each route is sent: well-formed, and of no effect. */
const BODIES: Partial<Record<RouteName, (caseId: string) => unknown>> = {
  openCase: () => ({ kind: 'rotate', identityId: 'nhi_unheard-of' }),
  decide: () => ({ envelope: ENVELOPE }),
  fence: () => ({ envelope: ENVELOPE }),
  kitUse: () => ({ envelope: ENVELOPE }),
  giveMandate: () => ({ envelope: ENVELOPE }),
  revokeMandate: () => ({ envelope: ENVELOPE }),
  lease: () => ({}),
  openCampaign: () => ({ owners: ['per_unheard-of'] }),
  claim: (caseId) => ({ caseId, envelope: ENVELOPE }),
}

/** Status for a caller whose door is open; `case` routes answer CASE_UNKNOWN before anything else. */
interface Row {
  /** Its machine and its persons alike. */
  readonly partner: number
  readonly enterprise: number
  /** As any person of the enterprise, unless said otherwise. */
  readonly operator?: number
}
const OPERATED: Row = { partner: 403, enterprise: 403, operator: 200 }
const TABLE: Readonly<Record<RouteName, Row>> = {
  openCase: { partner: 404, enterprise: 404 },
  listCases: { partner: 200, enterprise: 200 },
  readCase: { partner: 200, enterprise: 200 },
  review: { partner: 403, enterprise: 409 },
  decide: { partner: 422, enterprise: 422 },
  inbox: { partner: 403, enterprise: 200 },
  fence: { partner: 422, enterprise: 422 },
  fencePreview: { partner: 403, enterprise: 200 },
  kitUse: { partner: 403, enterprise: 422 },
  giveMandate: { partner: 403, enterprise: 422 },
  listMandates: { partner: 403, enterprise: 200 },
  revokeMandate: { partner: 403, enterprise: 422 },
  quality: { partner: 403, enterprise: 200 },
  rights: { partner: 403, enterprise: 200 },
  reportPersons: { partner: 403, enterprise: 400 },
  listResponsibilities: { partner: 403, enterprise: 200 },
  proposeAuthority: { partner: 403, enterprise: 400 },
  tasks: { partner: 200, enterprise: 403 },
  lease: { partner: 409, enterprise: 403 },
  openCampaign: { partner: 403, enterprise: 200 },
  showCampaign: { partner: 403, enterprise: 404 },
  claim: { partner: 422, enterprise: 403 },
  entries: { partner: 200, enterprise: 200 },
  packet: { partner: 200, enterprise: 200 },
  collection: { partner: 403, enterprise: 200 },
  opsStuck: OPERATED,
  opsWho: OPERATED,
  opsProcesses: OPERATED,
  opsDrain: OPERATED,
  opsWhy: OPERATED,
  opsNudge: OPERATED,
  opsReattach: OPERATED,
  findings: { partner: 200, enterprise: 200 },
  emergencies: { partner: 403, enterprise: 200 },
  delivery: { partner: 403, enterprise: 409 },
  erasePerson: { partner: 403, enterprise: 403, operator: 422 },
  hold: { partner: 403, enterprise: 400, operator: 400 },
  listHolds: { partner: 403, enterprise: 200 },
  purge: { partner: 403, enterprise: 403, operator: 400 },
  livez: { partner: 200, enterprise: 200 },
  readyz: { partner: 200, enterprise: 200 },
  logCheckpoint: { partner: 200, enterprise: 200 },
  // The path of the route itself is no tile.
  logTile: { partner: 404, enterprise: 404 },
}

function expected(name: RouteName, at: { asker: Asker; whose: Whose }): number {
  const { asks, scope } = ROUTES[name]
  const row = TABLE[name]
  if (asks === 'nothing') return row.partner
  if (at.asker === 'anonymous') return 401
  if (at.asker === 'nobody') return 403
  const ours = at.asker === 'enterprise' || at.asker === 'operator'
  if (scope === 'case' && (at.whose === 'missing' || (at.whose === 'foreign' && !ours))) return 404
  if (at.asker === 'operator') return row.operator ?? row.enterprise
  if (
    at.asker === 'person of the partner' &&
    !ROUTES[name].who.some((role) => role === 'partner-person')
  )
    return 403
  return ours ? row.enterprise : row.partner
}

async function ask(name: RouteName, at: { asker: Asker; whose: Whose }): Promise<Got> {
  const caseId = cases[at.whose]
  const body = BODIES[name]?.(caseId)
  const token = at.asker === 'anonymous' ? null : await rig.token(TOKENS[at.asker])
  const params = {
    caseId,
    stepId: 'issue',
    kind: 'partner',
    id: 'com_acme',
    campaignId: 'cmp_0123456789abcdef',
    personId: 'per_unheard-of',
  }
  return send(pathOf(name, params), {
    method: ROUTES[name].method.toUpperCase(),
    headers: {
      'idempotency-key': ulid(),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

describe.each(Object.keys(ROUTES) as RouteName[])('the route %s', (name) => {
  it.each(ASKERS)(
    'answers %s as the table says, for own, foreign and missing cases',
    async (asker) => {
      for (const whose of CASES) {
        const got = await ask(name, { asker, whose })
        expect({ whose, status: got.status }).toEqual({
          whose,
          status: expected(name, { asker, whose }),
        })
      }
    },
  )

  it('tells a foreign case from a missing one to nobody', async () => {
    if (ROUTES[name].scope !== 'case') return
    for (const asker of ['partner', 'person of the partner', 'nobody', 'anonymous'] as const) {
      const foreign = await ask(name, { asker, whose: 'foreign' })
      const missing = await ask(name, { asker, whose: 'missing' })
      expect(foreign.text).toBe(missing.text)
    }
  })
})

describe('no door', () => {
  const post = async (body: string, headers: Record<string, string> = {}) =>
    send('/v1/cases', {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'idempotency-key': 'bad-input-corpus',
        authorization: `Bearer ${await rig.token('acme')}`,
        ...headers,
      },
    })
  const good = { kind: 'rotate', identityId: 'nhi_ledger' }

  it.each([
    ['malformed JSON', '{"kind":', 'MALFORMED', 400],
    ['a JSON text that is no object', '"rotate"', 'MALFORMED', 400],
    ['an array', '[]', 'MALFORMED', 400],
    ['a field too many', JSON.stringify({ ...good, owner: 'per_zed' }), 'UNKNOWN_FIELD', 400],
    ['a requester of its own', JSON.stringify({ ...good, requester: {} }), 'UNKNOWN_FIELD', 400],
    [
      '__proto__',
      '{"kind":"rotate","identityId":"nhi_ledger","__proto__":{"x":1}}',
      'UNKNOWN_FIELD',
      400,
    ],
    [
      'constructor',
      '{"kind":"rotate","identityId":"nhi_ledger","constructor":{}}',
      'UNKNOWN_FIELD',
      400,
    ],
    ['a wrong type', JSON.stringify({ ...good, identityId: 7 }), 'MALFORMED', 400],
    ['a NUL in an id', JSON.stringify({ ...good, identityId: 'nhi_\u0000' }), 'MALFORMED', 400],
    [
      'an oversized body',
      JSON.stringify({ ...good, x: 'x'.repeat(MAX_BODY_BYTES) }),
      'TOO_LARGE',
      413,
    ],
  ])('takes %s', async (_, body, code, status) => {
    expect(await post(body)).toMatchObject({ code, status })
  })

  it('takes another content type, or a compressed body', async () => {
    const text = JSON.stringify(good)
    expect(await post(text, { 'content-type': 'text/plain' })).toMatchObject({ status: 415 })
    expect(await post(text, { 'content-type': 'application/x-www-form-urlencoded' })).toMatchObject(
      {
        status: 415,
      },
    )
    expect(await post(text, { 'content-encoding': 'gzip' })).toMatchObject({ status: 415 })
  })

  it('takes a request to open a case without a good Idempotency-Key', async () => {
    for (const key of ['', 'short', 'with space in it', 'x'.repeat(201)])
      expect(await post(JSON.stringify(good), { 'idempotency-key': key })).toMatchObject({
        ...{ code: 'MALFORMED', status: 400 },
      })
  })

  it('takes a query that it does not know, or twice the same parameter', async () => {
    const headers = { authorization: `Bearer ${await rig.token('acme')}` }
    for (const query of [
      'limit=0',
      'limit=201',
      'limit=1&limit=2',
      'phase[]=open',
      'company=com_zeta',
      'cursor=1',
    ])
      expect(await send(`/v1/cases?${query}`, { headers })).toMatchObject({ status: 400 })
  })

  it('takes a path with a broken escape or a case id of another form', async () => {
    const headers = { authorization: `Bearer ${await rig.token('dora')}` }
    expect(await send('/v1/cases/%zz', { headers })).toMatchObject({ status: 400 })
    for (const id of ['%00', '..%2f..', "'; drop table cases; --", 'x'.repeat(300)])
      expect(await send(`/v1/cases/${id}`, { headers })).toMatchObject({ status: 404 })
  })

  it('answers without its headers, and says nothing of what runs inside', async () => {
    for (const path of ['/livez', '/v1/cases', '/nothing', '/v1/cases/%zz']) {
      const { headers, text } = await send(path, {})
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('x-powered-by')).toBeNull()
      expect(text).not.toMatch(/node_modules|\.ts:|\.js:|at Object|postgres:/)
    }
  })

  it('lets strangers send without end, and none of them keeps out who is signed in', async () => {
    const seen: Got[] = []
    await waitUntil(async () => {
      seen.push(...(await Promise.all(Array.from({ length: 100 }, () => send('/v1/tasks', {})))))
      return seen.some(({ status }) => status === 429)
    })
    const busy = seen.find(({ status }) => status === 429)
    expect(Number(busy?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await ask('readCase', { asker: 'partner', whose: 'own' })).toMatchObject({ status: 200 })
    const unsigned = await ask('fence', { asker: 'anonymous', whose: 'own' })
    expect(unsigned.status).toBe(401)
  })
})

describe('the log of the API', () => {
  it('names requests and refusals by opaque ids, and holds no token', async () => {
    await ask('readCase', { asker: 'partner', whose: 'missing' })
    const lines = rig.logged.join('')
    expect(lines).toContain('"refused":"CASE_UNKNOWN"')
    expect(lines).toContain('"principal":"com_acme"')
    expect(lines).not.toContain(await rig.token('acme'))
    expect(lines).not.toContain('Bearer')
  })
})
