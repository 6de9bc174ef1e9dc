/**
 * The shape every connector has. A connector is enterprise-run code that holds one target's admin
 * credential. It reports what it saw; it never decides. Secrets are passed as strings inside the
 * connector process only and appear in no result, error or log. A technical failure throws TargetFault.
 */
import type { TargetState } from '../domain/shapes/plan.js'

/** One identity on the target: the group owns the privileges, the credentials log in. */
export interface Subject {
  readonly group: string
  readonly credentials: readonly string[]
}

/** What a plan needs to know before anybody signs. `missing` names rights the admin credential lacks. */
export interface Inspection {
  readonly server: string
  readonly credentials: readonly {
    readonly credential: string
    readonly login: 'enabled' | 'disabled' | 'absent'
    readonly memberOfGroup: 'yes' | 'no'
    readonly sessions: readonly SessionGroup[]
  }[]
  readonly missing: readonly string[]
}

/** Sessions of one credential by `application_name`. */
export interface SessionGroup {
  readonly application: string
  readonly count: number
}

/** The outcome of an attempted change. `unknown` means exactly that: the target must be probed. */
export type Effect =
  | { readonly effect: 'done' | 'already' }
  | { readonly effect: 'state-differs'; readonly attributes: readonly string[] }
  | { readonly effect: 'rejected'; readonly code: string }
  | { readonly effect: 'unknown'; readonly code: string }

/** The outcome of a login by the consumers' own route. Only `refused` carries the target's verdict. */
export type Login =
  | { readonly login: 'accepted' }
  | { readonly login: 'refused'; readonly code: string }
  | { readonly login: 'unreachable'; readonly code: string }

/** A change of one credential under one grant, which compares the whole signed state before it sets. */
export interface Change {
  readonly subject: Subject
  readonly credential: string
  readonly grantId: string
  readonly expected: TargetState
}

export type ChangeKind = 'set' | 'unset' | 'disable'

/** The last change of a credential under a grant. One grant may cover a change and its undo. */
export interface LastGrant {
  readonly grantId: string
  readonly change: ChangeKind
}

export interface Connector {
  /** The names of the attributes that `state` reports, for a plan to list. */
  readonly attributes: (subject: Subject) => readonly string[]
  readonly inspect: (subject: Subject) => Promise<Inspection>
  /** The rights-bearing attributes of the subject; the secret only as a keyed fingerprint. */
  readonly state: (subject: Subject) => Promise<TargetState>
  readonly set: (change: Change & { readonly secret: string }) => Promise<Effect>
  /** Back to no login and no secret. */
  readonly unset: (change: Change) => Promise<Effect>
  readonly disable: (change: Change) => Promise<Effect>
  readonly login: (attempt: {
    readonly credential: string
    readonly secret: string
  }) => Promise<Login>
  readonly sessions: (credential: string) => Promise<readonly SessionGroup[]>
  readonly endSessions: (
    credential: string,
  ) => Promise<{ readonly ended: number; readonly left: number }>
  /** As the target itself carries it, so it decides an `unknown` effect; null when it carries none. */
  readonly lastGrant: (credential: string) => Promise<LastGrant | null>
  readonly close: () => Promise<void>
}
