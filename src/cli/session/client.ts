/**
 * A typed client of the HTTP API, for the command line, scripts and tests. A refusal of the API is a value
 * with its code; everything else that is no answer rejects with ApiFault. Repeating a request is safe:
 * opening a case has its key, decisions, fences and claims have ids of their own.
 */
import type { z } from 'zod'
import {
  CaseList,
  CaseSummary,
  type DecideRequest,
  EntriesAnswer,
  InboxAnswer,
  type OpenCaseRequest,
  OpenedAnswer,
  Problem,
  ReceiptAnswer,
  Review,
} from '../../contract/http.js'
import { CampaignAnswer, type CampaignRequest, CampaignView } from '../../contract/http-campaign.js'
import {
  DeliveryAnswer,
  EmergenciesAnswer,
  ErasedAnswer,
  FenceAnswer,
  FencePreview,
  FindingsAnswer,
  HoldAnswer,
  HoldList,
  KitUseAnswer,
  MandateAnswer,
  MandateList,
  ProposalAnswer,
  type ProposalRequest,
  PurgeAnswer,
  type PurgeRequest,
  QualityAnswer,
  ReportAnswer,
  type ReportRequest,
  ResponsibilityAnswer,
  RevocationAnswer,
  RightsAnswer,
} from '../../contract/http-control.js'
import type { CollectionQuery } from '../../contract/http-evidence.js'
import {
  DrainAnswer,
  OperatedAnswer,
  ProcessesAnswer,
  StuckAnswer,
  WhoAnswer,
  WhyAnswer,
} from '../../contract/http-ops.js'
import {
  ClaimAnswer,
  type ClaimRequest,
  LeaseAnswer,
  TasksAnswer,
} from '../../contract/http-task.js'
import { pathOf, ROUTES, type RouteName } from '../../contract/routes.js'
import { isRefusal, REFUSALS, type Refusal, type RefusalCode } from '../../domain/refusal.js'
import type { Envelope, FenceScope } from '../../domain/shapes/envelope.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { ApiFault } from './fault.js'
import { tokenSource } from './login.js'
import { keyOf, readProfile } from './profile.js'

const WITHIN_MS = 60_000
const LOOK = 'is it running? `countersign doctor` says what is not'

interface CaseAt {
  readonly caseId: string
}
interface StepAt extends CaseAt {
  readonly stepId: string
}
export interface ListCases {
  readonly phase?: 'open' | 'closed' | undefined
  readonly waitingOn?: string | undefined
  readonly cursor?: string | undefined
  readonly limit?: number | undefined
}
export interface PacketFile {
  readonly name: string
  readonly bytes: Uint8Array
}

type Answer<Shape extends z.ZodType> = Promise<z.output<Shape> | Refusal>
export interface ApiClient {
  readonly openCase: (input: {
    readonly idempotencyKey: string
    readonly request: OpenCaseRequest
  }) => Answer<typeof OpenedAnswer>
  readonly listCases: (query?: ListCases) => Answer<typeof CaseList>
  readonly readCase: (at: CaseAt) => Answer<typeof CaseSummary>
  readonly review: (at: StepAt) => Answer<typeof Review>
  readonly decide: (input: CaseAt & DecideRequest) => Answer<typeof ReceiptAnswer>
  readonly inbox: () => Answer<typeof InboxAnswer>
  readonly fence: (input: { readonly envelope: Envelope }) => Answer<typeof FenceAnswer>
  readonly fencePreview: (scope: FenceScope) => Answer<typeof FencePreview>
  readonly giveMandate: (input: { readonly envelope: Envelope }) => Answer<typeof MandateAnswer>
  readonly listMandates: () => Answer<typeof MandateList>
  readonly revokeMandate: (input: {
    readonly envelope: Envelope
  }) => Answer<typeof RevocationAnswer>
  readonly kitUse: (input: { readonly envelope: Envelope }) => Answer<typeof KitUseAnswer>
  readonly rights: () => Answer<typeof RightsAnswer>
  readonly quality: () => Answer<typeof QualityAnswer>
  readonly proposeAuthority: (input: ProposalRequest) => Answer<typeof ProposalAnswer>
  readonly erasePerson: (of: { readonly personId: string }) => Answer<typeof ErasedAnswer>
  readonly hold: (input: { readonly envelope: Envelope }) => Answer<typeof HoldAnswer>
  readonly listHolds: () => Answer<typeof HoldList>
  readonly purge: (input: z.input<typeof PurgeRequest>) => Answer<typeof PurgeAnswer>
  readonly reportPersons: (input: ReportRequest) => Answer<typeof ReportAnswer>
  readonly listResponsibilities: () => Answer<typeof ResponsibilityAnswer>
  readonly tasks: () => Answer<typeof TasksAnswer>
  readonly lease: (at: StepAt) => Answer<typeof LeaseAnswer>
  readonly openCampaign: (input: {
    readonly idempotencyKey: string
    readonly request: CampaignRequest
  }) => Answer<typeof CampaignAnswer>
  readonly showCampaign: (at: { readonly campaignId: string }) => Answer<typeof CampaignView>
  readonly claim: (input: ClaimRequest) => Answer<typeof ClaimAnswer>
  readonly entries: (
    at: CaseAt & { readonly after?: number; readonly limit?: number },
  ) => Answer<typeof EntriesAnswer>
  readonly findings: (partnerId: string) => Answer<typeof FindingsAnswer>
  readonly emergencies: () => Answer<typeof EmergenciesAnswer>
  readonly delivery: (at: CaseAt) => Answer<typeof DeliveryAnswer>
  readonly packet: (at: CaseAt) => Promise<PacketFile | Refusal>
  readonly collection: (query: CollectionQuery) => Promise<PacketFile | Refusal>
  readonly opsStuck: (query: {
    readonly quietFor?: string | undefined
  }) => Answer<typeof StuckAnswer>
  readonly opsWho: () => Answer<typeof WhoAnswer>
  readonly opsProcesses: () => Answer<typeof ProcessesAnswer>
  readonly opsDrain: () => Answer<typeof DrainAnswer>
  readonly opsWhy: (at: CaseAt) => Answer<typeof WhyAnswer>
  readonly opsNudge: (at: CaseAt) => Answer<typeof OperatedAnswer>
  readonly opsReattach: (at: CaseAt) => Answer<typeof OperatedAnswer>
}

export interface Connection {
  readonly api: string
  /** Null sends none. Rejects while there is none to be had. */
  readonly token: (() => Promise<string>) | null
}

/** `profile` names a file; its account signs in when the first request needs it. Throws UsageFault, KeyFileFault. */
export async function createClient(input: {
  readonly profile: string | undefined
}): Promise<ApiClient> {
  const profile = await readProfile(input.profile)
  const key = await keyOf(profile, 'loginKey')
  return clientOf({ api: profile.api, token: tokenSource(profile, key) })
}

export function clientOf(connection: Connection): ApiClient {
  const ask = asker(connection)
  return {
    openCase: ({ idempotencyKey, request }) =>
      ask({ name: 'openCase', shape: OpenedAnswer, body: request, idempotencyKey }),
    listCases: (query = {}) => ask({ name: 'listCases', shape: CaseList, query: { ...query } }),
    readCase: (at) => ask({ name: 'readCase', shape: CaseSummary, params: { ...at } }),
    review: (at) => ask({ name: 'review', shape: Review, params: { ...at } }),
    decide: ({ caseId, ...body }) =>
      ask({ name: 'decide', shape: ReceiptAnswer, params: { caseId }, body }),
    inbox: () => ask({ name: 'inbox', shape: InboxAnswer }),
    fence: (body) => ask({ name: 'fence', shape: FenceAnswer, body }),
    fencePreview: (scope) =>
      ask({ name: 'fencePreview', shape: FencePreview, params: { ...scope } }),
    giveMandate: (body) => ask({ name: 'giveMandate', shape: MandateAnswer, body }),
    listMandates: () => ask({ name: 'listMandates', shape: MandateList }),
    revokeMandate: (body) => ask({ name: 'revokeMandate', shape: RevocationAnswer, body }),
    kitUse: (body) => ask({ name: 'kitUse', shape: KitUseAnswer, body }),
    rights: () => ask({ name: 'rights', shape: RightsAnswer }),
    quality: () => ask({ name: 'quality', shape: QualityAnswer }),
    proposeAuthority: (body) => ask({ name: 'proposeAuthority', shape: ProposalAnswer, body }),
    erasePerson: (of) => ask({ name: 'erasePerson', shape: ErasedAnswer, params: { ...of } }),
    hold: (body) => ask({ name: 'hold', shape: HoldAnswer, body }),
    listHolds: () => ask({ name: 'listHolds', shape: HoldList }),
    purge: (body) => ask({ name: 'purge', shape: PurgeAnswer, body }),
    reportPersons: (body) => ask({ name: 'reportPersons', shape: ReportAnswer, body }),
    listResponsibilities: () => ask({ name: 'listResponsibilities', shape: ResponsibilityAnswer }),
    tasks: () => ask({ name: 'tasks', shape: TasksAnswer }),
    lease: (at) => ask({ name: 'lease', shape: LeaseAnswer, params: { ...at } }),
    openCampaign: ({ idempotencyKey, request }) =>
      ask({ name: 'openCampaign', shape: CampaignAnswer, body: request, idempotencyKey }),
    showCampaign: (at) => ask({ name: 'showCampaign', shape: CampaignView, params: { ...at } }),
    claim: (body) => ask({ name: 'claim', shape: ClaimAnswer, body }),
    entries: ({ caseId, ...query }) =>
      ask({ name: 'entries', shape: EntriesAnswer, params: { caseId }, query }),
    emergencies: () => ask({ name: 'emergencies', shape: EmergenciesAnswer }),
    delivery: (params) => ask({ name: 'delivery', shape: DeliveryAnswer, params: { ...params } }),
    findings: (id) => ask({ name: 'findings', shape: FindingsAnswer, params: { id } }),
    packet: (at) => askFile(connection, { name: 'packet', params: { ...at } }),
    collection: (query) => askFile(connection, { name: 'collection', query: { ...query } }),
    opsStuck: (query) => ask({ name: 'opsStuck', shape: StuckAnswer, query: { ...query } }),
    opsWho: () => ask({ name: 'opsWho', shape: WhoAnswer }),
    opsProcesses: () => ask({ name: 'opsProcesses', shape: ProcessesAnswer }),
    opsDrain: () => ask({ name: 'opsDrain', shape: DrainAnswer }),
    opsWhy: (at) => ask({ name: 'opsWhy', shape: WhyAnswer, params: { ...at } }),
    opsNudge: (at) => ask({ name: 'opsNudge', shape: OperatedAnswer, params: { ...at } }),
    opsReattach: (at) => ask({ name: 'opsReattach', shape: OperatedAnswer, params: { ...at } }),
  }
}

interface Sending {
  readonly name: RouteName
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: unknown
  readonly idempotencyKey?: string
}

const asker =
  (connection: Connection) =>
  async <Shape extends z.ZodType>(
    sending: Sending & { readonly shape: Shape },
  ): Promise<z.output<Shape> | Refusal> => {
    const response = await send(connection, sending)
    if (!response.ok) return refusalIn(response)
    const answer = parseAs(sending.shape)(await jsonOf(response))
    if (isRefusal(answer))
      throw new ApiFault(`the API answered in another form than expected, at ${answer.where}`)
    return answer
  }

async function send(connection: Connection, sending: Sending): Promise<Response> {
  const { name, params, query = {}, body, idempotencyKey } = sending
  const url = new URL(pathOf(name, params), connection.api)
  for (const [key, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(key, String(value))
  const headers = new Headers({ accept: 'application/json, application/problem+json' })
  const token = await tokenFor(connection, name)
  if (token !== null) headers.set('authorization', `Bearer ${token}`)
  if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey)
  if (body !== undefined) headers.set('content-type', 'application/json')
  return fetch(url, {
    method: ROUTES[name].method.toUpperCase(),
    headers,
    redirect: 'error',
    signal: AbortSignal.timeout(WITHIN_MS),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((cause: unknown) => {
    throw new ApiFault(`the API at ${connection.api} cannot be reached; ${LOOK}`, { cause })
  })
}

/** Where the signature suffices, a decision or a fence goes out without a token when the issuer gives none. */
async function tokenFor(connection: Connection, name: RouteName): Promise<string | null> {
  if (connection.token === null) return null
  if (ROUTES[name].asks !== 'signature') return connection.token()
  return connection.token().catch((error: unknown) => {
    if (error instanceof ApiFault) return null
    throw error
  })
}

const REFUSAL_TYPE = /^urn:countersign:refusal:([A-Z_]+)$/

async function refusalIn(response: Response): Promise<Refusal> {
  const problem = parseAs(Problem)(await jsonOf(response))
  const code = isRefusal(problem) ? undefined : REFUSAL_TYPE.exec(problem.type)?.[1]
  if (isRefusal(problem) || code === undefined || !isCode(code))
    throw new ApiFault(`the API failed (HTTP ${response.status}); its log says why`)
  return { refused: code, where: problem.where ?? '', detail: problem.detail ?? REFUSALS[code] }
}

const isCode = (text: string): text is RefusalCode => Object.hasOwn(REFUSALS, text)

const jsonOf = (response: Response): Promise<unknown> =>
  response.json().catch((cause: unknown) => {
    throw new ApiFault(`the API answered no JSON (HTTP ${response.status})`, { cause })
  })

async function askFile(connection: Connection, sending: Sending): Promise<PacketFile | Refusal> {
  const response = await send(connection, sending)
  if (!response.ok) return refusalIn(response)
  const disposition = response.headers.get('content-disposition') ?? ''
  const name = /filename="([A-Za-z0-9._-]+)"/.exec(disposition)?.[1] ?? 'packet.zip'
  return { name, bytes: new Uint8Array(await response.arrayBuffer()) }
}
