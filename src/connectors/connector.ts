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

/**
 * What a plan needs to know before anybody signs. `missing` names rights that the admin credential
 * lacks for this subject and, where given, for granting or taking over as `others`.
 */
export interface Inspection {
  readonly server: string
  readonly group: 'present' | 'absent'
  readonly credentials: readonly {
    readonly credential: string
    readonly login: 'enabled' | 'disabled' | 'absent'
    readonly memberOfGroup: 'yes' | 'no'
    readonly sessions: readonly SessionGroup[]
  }[]
  readonly holdings: Holdings
  readonly missing: readonly string[]
}

/** What hangs on the subject's roles besides their memberships. */
export interface Holdings {
  /** Objects that its roles own in the connector's database, as `table billing.invoices`; at most 50 names. */
  readonly owned: readonly string[]
  readonly ownedCount: number
  /** Objects owned in other databases of the server, which this connector cannot reach. */
  readonly ownedElsewhere: number
  /** Privileges on objects given to its roles directly, here or in other databases. */
  readonly privileges: number
  /**
   * Those of them that `remove` cannot take away: in other databases, or on objects of an owner that
   * the admin credential may not act as.
   */
  readonly privilegesOutOfReach: number
}

export interface RoleSeen {
  readonly role: string
  readonly login: 'enabled' | 'disabled'
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

/** A change under one grant, made whole in one target transaction, which compares the whole signed state before it sets. */
export interface Change {
  readonly subject: Subject
  readonly grantId: string
  readonly expected: TargetState
}
/** Of one credential. */
export type CredentialChange = Change & { readonly credential: string }
/** Of these credentials of the subject, all of them or none. */
export type LoginChange = Change & { readonly credentials: readonly string[] }

export type ChangeKind = 'create' | 'set' | 'unset' | 'disable' | 'enable' | 'remove'

/** The last change of a credential under a grant. One grant may cover a change and its undo. */
export interface LastGrant {
  readonly grantId: string
  readonly change: ChangeKind
}

export interface Connector {
  /** The names of the attributes that `state` reports, for a plan to list. */
  readonly attributes: (subject: Subject) => readonly string[]
  /** `others`: roles that the subject shall become a member of, or that shall take over what it owns. */
  readonly inspect: (subject: Subject, others: readonly string[]) => Promise<Inspection>
  /** The rights-bearing attributes of the subject; the secret only as a keyed fingerprint. */
  readonly state: (subject: Subject) => Promise<TargetState>
  /**
   * Makes the group, a member of exactly `memberOf`, and its credentials, members of the group only,
   * none of which can log in. Refuses as `state-differs` when one of the roles is there already.
   */
  readonly create: (change: Change & { readonly memberOf: readonly string[] }) => Promise<Effect>
  readonly set: (change: CredentialChange & { readonly secret: string }) => Promise<Effect>
  /** Back to no login and no secret. */
  readonly unset: (change: CredentialChange) => Promise<Effect>
  /** No login; the secret stays, so that `enable` restores what was. */
  readonly disable: (change: LoginChange) => Promise<Effect>
  /** Login with the secret that is there. Rejected when one of them has none. */
  readonly enable: (change: LoginChange) => Promise<Effect>
  /**
   * Drops the group and its credentials. What they own goes to `reassignTo`; with null they must own
   * nothing. Rejected while a session of them is open. `already` when none of them is there.
   */
  readonly remove: (change: Change & { readonly reassignTo: string | null }) => Promise<Effect>
  readonly holdings: (subject: Subject) => Promise<Holdings>
  /** Every role of the target but the system's own, by name; at most 500, and which of them may log in. */
  readonly roles: () => Promise<readonly RoleSeen[]>
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
