/**
 * Secrets at rest. A new secret is committed, encrypted, on its own, before the target is touched, so
 * that no crash can lose it; the same grant always finds the same secret.
 */
import { randomBytes } from 'node:crypto'
import { isRefusal } from '../domain/refusal.js'
import { parseAs } from '../domain/shapes/parse.js'
import { closeBox, openBox, SecretBox } from '../keys/secret-box.js'
import { type Db, prepared } from '../store/db.js'
import { type ExecutionDeps, ExecutionFault } from './deps.js'

type Keeping = Pick<ExecutionDeps, 'db' | 'secretKeys'>

const refOf = (grantId: string): string => `sec_${grantId}`

/** 256 random bits as 43 URL-safe ASCII characters. */
const newSecret = (): string => randomBytes(32).toString('base64url')

export async function stageSecret(
  deps: Keeping,
  input: { caseId: string; grantId: string },
): Promise<void> {
  const ref = refOf(input.grantId)
  const box = closeBox({ keys: deps.secretKeys, secret: newSecret(), boundTo: { ref } })
  await deps.db.query(
    prepared(
      'insert into secrets (ref, case_id, box) values ($1, $2, $3) on conflict (ref) do nothing',
      [ref, input.caseId, JSON.stringify(box)],
    ),
  )
}

export const stagedSecret = (deps: Keeping, grantId: string): Promise<string> =>
  readSecret(deps, refOf(grantId))

async function readSecret(deps: Keeping, ref: string): Promise<string> {
  const { rows } = await deps.db.query<{ box: unknown }>(
    prepared('select box from secrets where ref = $1', [ref]),
  )
  const box = parseAs(SecretBox)(rows[0]?.box)
  if (isRefusal(box)) throw new ExecutionFault('SECRET_MISSING')
  const opened = openBox({ keys: deps.secretKeys, box, boundTo: { ref } })
  if (isRefusal(opened)) throw new ExecutionFault('SECRET_UNREADABLE')
  return opened.secret
}

interface Credential {
  readonly identityId: string
  readonly credential: string
}

/** From now on this is the secret of the credential. */
export async function adoptSecret(
  db: Db,
  input: Credential & { readonly grantId: string },
): Promise<void> {
  await pointTo(db, { ...input, ref: refOf(input.grantId) })
}

const pointTo = (db: Db, input: Credential & { readonly ref: string }) =>
  db.query(
    `insert into credentials (identity_id, credential, secret_ref) values ($1, $2, $3)
     on conflict (identity_id, credential) do update set secret_ref = excluded.secret_ref`,
    [input.identityId, input.credential, input.ref],
  )

/** Takes an existing secret under management, so that its death can be proved with a control later. */
export async function registerSecret(
  deps: Keeping,
  input: Credential & { readonly secret: string },
): Promise<void> {
  const ref = `sec_${input.identityId}.${input.credential}.${randomBytes(6).toString('hex')}`
  const box = closeBox({ keys: deps.secretKeys, secret: input.secret, boundTo: { ref } })
  await deps.db.query('insert into secrets (ref, box) values ($1, $2)', [ref, JSON.stringify(box)])
  await pointTo(deps.db, { ...input, ref })
}

/** The stored secret of a credential, or null when none was registered. */
export async function secretOf(deps: Keeping, input: Credential): Promise<string | null> {
  const { rows } = await deps.db.query<{ secret_ref: string }>(
    prepared('select secret_ref from credentials where identity_id = $1 and credential = $2', [
      input.identityId,
      input.credential,
    ]),
  )
  const ref = rows[0]?.secret_ref
  return ref === undefined ? null : readSecret(deps, ref)
}
