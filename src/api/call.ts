/**
 * A *call* is one request after its door was passed: who asks, as the authority of this moment says, and what
 * was sent, still untrusted. A *handler* answers with a *reply* or a refusal and never touches the response.
 */
import type { RouteName } from '../contract/routes.js'
import type { Authority } from '../domain/authority/authority.js'
import type { Refusal } from '../domain/refusal.js'
import type { ExportCollection } from '../packet/export/export-collection.js'
import type { OpenCaseDeps } from '../store/case/open-case.js'
import type { Log } from '../store/log/proof.js'
import type { Principal } from './principal.js'
import type { CheckToken } from './token.js'

/** One line for each request; no bodies, no tokens, no names. */
export interface AccessLine {
  readonly requestId: string
  readonly route: string
  readonly status: number
  readonly ms: number
  readonly caseId?: string
  readonly principal?: string
  readonly refused?: string
}

export interface ApiDeps extends OpenCaseDeps {
  readonly checkToken: CheckToken
  /** The packet of one case. */
  readonly packet: (input: {
    readonly caseId: string
    readonly reader: Principal['kind']
  }) => Promise<{ readonly name: string; readonly bytes: Uint8Array } | Refusal>
  /** The evidence of every case of a query. */
  readonly collection: (
    input: ExportCollection & { readonly log: Log },
  ) => Promise<{ readonly name: string; readonly bytes: Uint8Array } | Refusal>
  readonly log: {
    readonly info: (line: AccessLine, message: string) => void
    readonly error: (
      line: { readonly requestId: string; readonly fault: string },
      message: string,
    ) => void
  }
}

export interface Call {
  readonly deps: ApiDeps
  readonly principal: Principal
  readonly authority: Authority
  /** The database's clock. */
  readonly at: string
  readonly params: Readonly<Record<string, string>>
  readonly query: unknown
  readonly body: unknown
  readonly header: (name: string) => string | undefined
}

export interface Reply {
  readonly status?: 200 | 201 | 503
  readonly headers?: Readonly<Record<string, string>>
  readonly body: Uint8Array | object
}

export type Handler = (call: Call) => Promise<Reply | Refusal>
/** A handler that asks for nobody. `path` is what follows `/log/`, undecoded; `absent` is answered 404. */
export type OpenHandler = (
  deps: ApiDeps,
  asked: { readonly path: string },
) => Promise<Reply | 'absent'>

export type OpenName = 'livez' | 'readyz' | 'logCheckpoint' | 'logTile'
export type Handlers = Readonly<Record<Exclude<RouteName, OpenName>, Handler>>
export type OpenHandlers = Readonly<Record<OpenName, OpenHandler>>
