/**
 * fault: the target could not be asked, or did not answer; callers try again.
 *
 * Promises: a fault carries a code and what was being done, nothing else. It has no `cause`, because
 * a driver's error may quote a connection string, a statement or a verifier.
 */
import pg from 'pg'

/** `server`: the target answered the work itself, with this SQLSTATE. `connection`: there was none to ask on. */
type FaultOrigin = 'server' | 'connection'

export class TargetFault extends Error {
  override readonly name = 'TargetFault'
  readonly code: string
  readonly origin: FaultOrigin

  constructor(fault: { code: string; origin: FaultOrigin; during: string }) {
    super(`the target failed during ${fault.during}: ${fault.code}`)
    this.code = fault.code
    this.origin = fault.origin
  }
}

/** The fault that a driver's error stands for. */
export const faultOf = (error: unknown, during: string): TargetFault =>
  error instanceof TargetFault
    ? error
    : new TargetFault({
        code: codeOf(error),
        origin: error instanceof pg.DatabaseError ? 'server' : 'connection',
        during,
      })

/** SQLSTATE, system error code, `TIMEOUT` or `CONNECTION_LOST`. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'CONNECTION_LOST'
  if ('code' in error && typeof error.code === 'string') return error.code
  return /time-?out/i.test(error.message) ? 'TIMEOUT' : 'CONNECTION_LOST'
}
