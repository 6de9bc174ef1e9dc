/**
 * The one *data converter* that clients and workers share: payloads, memos, summaries and details go through
 * the payload codec, and so do error messages and stack traces, which the failure converter moves there.
 * Search attributes do not: they are opaque ids by contract.
 */
import { fileURLToPath } from 'node:url'
import type { DataConverter } from '@temporalio/common'
import type { KeyRing } from '../keys/aead.js'
import { createPayloadCodec } from './payload-codec.js'

/** For `bundleWorkflowCode` as well, when the bundle is built ahead. Beside this file, with its extension. */
export const failureConverterPath = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? './failure-converter.ts' : './failure-converter.js',
    import.meta.url,
  ),
)

/** Throws TypeError for an unfit key ring. */
export const dataConverter = (input: { readonly keys: KeyRing }): DataConverter => ({
  payloadCodecs: [createPayloadCodec(input)],
  failureConverterPath,
})
