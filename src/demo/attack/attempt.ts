/**
 * An attempt is one abuse, played against the running system. It names what it left behind: the entry
 * that records the refusal or finding, and what happened in words. The runner compares the target
 * before and after, from where rightful preparation ended: nothing may have changed.
 */
import type { Stage } from '../stage.js'

export interface Traces {
  /** What happened, in one plain line. */
  readonly happened: string
  /** The stream and the code of the entry that records it. */
  readonly recorded: { readonly stream: string; readonly code: string }
}

export interface Attempt {
  readonly name: string
  /** The service account on the target that this attempt is about; each attempt has its own. */
  readonly account: string
  readonly play: (stage: Stage) => Promise<Traces>
}

/** Tests whether an entry of the stream records this code. */
export async function isRecorded(stage: Stage, recorded: Traces['recorded']): Promise<boolean> {
  const { rows } = await stage.dba.query<{
    body: { type: string; code?: string; previous?: string }
  }>("select convert_from(bytes, 'UTF8')::jsonb -> 'body' as body from entries where stream = $1", [
    recorded.stream,
  ])
  return rows.some(({ body }) =>
    [body.code, body.type, body.previous?.split(' ')[0]].includes(recorded.code),
  )
}
