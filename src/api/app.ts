/**
 * createApi: every route of the contract with its door. The order is the same for all: limits, who asks,
 * whose case, which role, then the handler. Nothing of a fault leaves the process but its status.
 */
import { randomUUID } from 'node:crypto'
import express, { type ErrorRequestHandler, type Request, type Response } from 'express'
import { MAX_BODY_BYTES, MAX_BUNDLE_BYTES, ROUTES, type RouteName } from '../contract/routes.js'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.js'
import { requestDone } from '../metrics/metrics.js'
import { StoreFault } from '../store/db.js'
import { caseIdOf, type Entering, enter } from './auth.js'
import { propose } from './authority.js'
import type { ApiDeps, Handlers, OpenHandlers, OpenName, Reply } from './call.js'
import { openAll, show } from './campaigns.js'
import { list, read } from './cases.js'
import { delivery, emergencies } from './emergencies.js'
import { collection, entries, packet } from './evidence.js'
import { fence, fencePreview } from './fences.js'
import { findings } from './findings.js'
import { livez, readyz } from './health.js'
import { kitUse } from './kits.js'
import { buckets, LIMITS } from './limits.js'
import * as log from './log.js'
import { give, listInForce, revoke } from './mandates.js'
import { drain, nudge, processes, reattach, stuck, who, why } from './ops.js'
import { decide, inbox, review } from './owner.js'
import { claim, lease, open, tasks } from './partner.js'
import { erase } from './persons.js'
import { tenantOf } from './principal.js'
import { sendFault, sendRefusal } from './problem.js'
import { quality } from './quality.js'
import { listResponsibilities, report } from './responsibility.js'
import { hold, listHolds, purge } from './retention.js'
import { rights } from './rights.js'
import { IssuerFault } from './token.js'

const HANDLERS: Handlers = {
  ...{ openCase: open, listCases: list, readCase: read, review, decide, inbox },
  ...{ fence, fencePreview, giveMandate: give, listMandates: listInForce, revokeMandate: revoke },
  ...{ kitUse, quality, rights, tasks, lease, claim, entries, packet, findings },
  ...{ collection },
  ...{ emergencies, delivery },
  ...{ opsStuck: stuck, opsWho: who, opsDrain: drain, opsWhy: why },
  opsProcesses: processes,
  ...{ opsNudge: nudge, opsReattach: reattach },
  ...{ openCampaign: openAll, showCampaign: show },
  ...{ proposeAuthority: propose, reportPersons: report, listResponsibilities },
  erasePerson: erase,
  ...{ hold, listHolds, purge },
}
const OPEN: OpenHandlers = {
  ...{ livez, readyz },
  ...{ logCheckpoint: log.checkpoint, logTile: log.tile },
}
const isOpen = (name: RouteName): name is OpenName => Object.hasOwn(OPEN, name)

const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
} as const

export function createApi(deps: ApiDeps): express.Express {
  const app = express()
  app.disable('x-powered-by')
  app.set('trust proxy', false)
  app.set('etag', false)
  app.set('query parser', 'simple')
  const take = buckets()
  app.use((request, response, next) => {
    response.locals.requestId = randomUUID()
    response.set(HEADERS).set('X-Request-Id', response.locals.requestId)
    logWhenDone(deps, { request, response })
    next()
  })
  app.use(onlyJson)
  const bundles = { limit: MAX_BUNDLE_BYTES, type: 'application/json', inflate: false }
  app.use(ROUTES.proposeAuthority.path, express.json(bundles))
  app.use(express.json({ limit: MAX_BODY_BYTES, type: 'application/json', inflate: false }))
  for (const name of Object.keys(ROUTES) as RouteName[]) {
    const { method, path } = ROUTES[name]
    app[method](path, async (request, response) => {
      response.locals.route = name
      await answer({ deps, take, name, request }, response)
    })
  }
  app.use((_request, response) => sendFault(response, { status: 404 }))
  app.use(onError(deps))
  return app
}

async function answer(entering: Entering, response: Response): Promise<void> {
  const { deps, name, request } = entering
  if (isOpen(name)) return answerAnybody({ ...entering, name }, response)
  const entered = await enter(entering)
  if ('waitS' in entered) return sendFault(response, { status: 429, retryAfterS: entered.waitS })
  if (isRefusal(entered)) return sendNo(response, entered)
  response.locals.principal = tenantOf(entered.principal)
  const reply = await HANDLERS[name]({
    ...entered,
    deps,
    params: textParams(request),
    query: request.query,
    body: request.body as unknown,
    header: (field) => request.get(field),
  })
  return isRefusal(reply) ? sendNo(response, reply) : sendReply(response, reply)
}

/** UNTRUSTED: whoever asks. Those who read the log are counted by address; health is never refused. */
async function answerAnybody(
  { deps, take, name, request }: Entering & { readonly name: OpenName },
  response: Response,
): Promise<void> {
  const isLog = name === 'logCheckpoint' || name === 'logTile'
  const caller = `log ${request.socket.remoteAddress ?? ''}`
  const waitS = isLog ? take({ caller, size: LIMITS.log }) : 0
  if (waitS > 0) return sendFault(response, { status: 429, retryAfterS: waitS })
  const reply = await OPEN[name](deps, { path: request.path.slice('/log/'.length) })
  return reply === 'absent' ? sendFault(response, { status: 404 }) : sendReply(response, reply)
}

const textParams = ({ params }: Request): Record<string, string> =>
  Object.fromEntries(
    Object.entries(params).map(([key, value]) => [key, Array.isArray(value) ? '' : value]),
  )

function sendNo(response: Response, refusal: Refusal): void {
  response.locals.refused = refusal.refused
  sendRefusal(response, refusal)
}

function sendReply(response: Response, { status, headers, body }: Reply): void {
  response.status(status ?? 200).set(headers ?? {})
  if (body instanceof Uint8Array) response.send(Buffer.from(body))
  else response.json(body)
}

/** UNTRUSTED: the declared type. A body is JSON in plain, or is not read at all. */
const onlyJson: express.RequestHandler = (request, response, next) => {
  const given = request.headers['transfer-encoding'] !== undefined
  const empty = !given && Number(request.headers['content-length'] ?? 0) === 0
  if (empty || request.is('application/json') !== false) return next()
  const refusal = refuse('WRONG_TYPE', '/Content-Type', 'send application/json')
  sendRefusal(response, refusal, { status: 415 })
}

/** Four parameters make it an error handler. The reason is logged by name; the caller learns the status. */
const onError =
  (deps: ApiDeps): ErrorRequestHandler =>
  (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error)
    const refusal = unreadable(error)
    if (refusal !== null) return sendRefusal(response, refusal.refusal, { status: refusal.status })
    deps.log.error({ requestId: requestIdOf(response), fault: faultName(error) }, 'fault')
    if (isPassing(error)) return sendFault(response, { status: 503, retryAfterS: 5 })
    return sendFault(response, { status: 500 })
  }

/** What express and its body parser throw for requests that they cannot read. */
function unreadable(error: unknown): { refusal: Refusal; status: number } | null {
  const status = fieldOf(error, 'status')
  if (typeof status !== 'number' || status < 400 || status >= 500) return null
  if (status === 413) return { status, refusal: refuse('TOO_LARGE', '') }
  if (status === 415) return { status, refusal: refuse('WRONG_TYPE', '/Content-Type') }
  return { status: 400, refusal: refuse('MALFORMED', '', 'the request cannot be read') }
}

/** The store or the issuer cannot be reached now; the same request may succeed later. */
const isPassing = (error: unknown): boolean =>
  error instanceof StoreFault ||
  error instanceof IssuerFault ||
  /^(ECONN|ETIMEDOUT|EPIPE|08|53|57P)/.test(String(fieldOf(error, 'code') ?? '')) ||
  (error instanceof Error && /connection|timeout/i.test(error.message))

const fieldOf = (value: unknown, field: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined

const faultName = (error: unknown): string => {
  const code = fieldOf(error, 'code')
  const name = error instanceof Error ? error.name : 'unknown'
  return typeof code === 'string' ? `${name} ${code.slice(0, 20)}` : name
}

const requestIdOf = (response: Response): string => String(response.locals.requestId)

/** Opaque ids only. */
function logWhenDone(deps: ApiDeps, at: { request: Request; response: Response }): void {
  const { request, response } = at
  const started = performance.now()
  response.once('close', () => {
    const { route, principal, refused } = response.locals
    const caseId = typeof route === 'string' ? caseIdOf(request) : ''
    const done = {
      route: typeof route === 'string' ? route : 'none',
      status: response.statusCode,
      ms: performance.now() - started,
    }
    requestDone({ ...done, refused: typeof refused === 'string' ? refused : null })
    deps.log.info(
      {
        ...{ requestId: requestIdOf(response), ...done, ms: Math.round(done.ms) },
        ...(caseId === '' ? {} : { caseId }),
        ...(typeof principal === 'string' ? { principal } : {}),
        ...(typeof refused === 'string' ? { refused } : {}),
      },
      'request',
    )
  })
}
