/**
 * The failure converter that puts error messages and stack traces where the payload codec encrypts them.
 * The SDK loads this file by path, with `require` and into the workflow bundle, so it is plain JavaScript
 * and imports nothing of ours.
 */
import { DefaultFailureConverter } from '@temporalio/common'

export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true })
