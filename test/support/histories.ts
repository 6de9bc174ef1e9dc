/**
 * The golden histories: runs recorded once, which every later release must replay. They were encrypted
 * with these keys, which protect nothing. A file is JSON: the workflow id and the history as the server's
 * own protobuf, in base64; its name says what the run shows.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import proto from '@temporalio/proto'
import type { KeyRing } from '../../src/keys/aead.js'

export const HISTORIES = new URL('../histories/', import.meta.url)
export const HISTORY_KEYS: KeyRing = [{ kid: 'golden', key: Buffer.alloc(32, 'golden') }]

const { History } = proto.temporal.api.history.v1

export interface Golden {
  readonly workflowId: string
  readonly history: proto.temporal.api.history.v1.IHistory
}

export function readGolden(file: string | URL): Golden {
  const { workflowId, history } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>
  return {
    workflowId: workflowId ?? '',
    history: History.decode(Buffer.from(history ?? '', 'base64')),
  }
}

export function writeGolden(file: string | URL, golden: Golden): void {
  const history = Buffer.from(History.encode(golden.history).finish()).toString('base64')
  writeFileSync(file, `${JSON.stringify({ workflowId: golden.workflowId, history }, null, 1)}\n`)
}
