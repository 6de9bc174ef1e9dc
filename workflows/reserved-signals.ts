/**
 * Signals with the SDK's reserved prefix. Where a default handler is set the SDK throws on one of those,
 * which fails the workflow task for ever: one signal from anybody would stop a case. They are renamed
 * before the SDK looks, so that they reach the inbox like every other unknown signal.
 */
import type { WorkflowInterceptors } from '@temporalio/workflow'

const RESERVED = '__temporal_'

export const interceptors = (): WorkflowInterceptors => ({
  internals: [
    {
      activate: (input, next) => {
        for (const { signalWorkflow } of input.activation.jobs ?? [])
          if (signalWorkflow?.signalName?.startsWith(RESERVED))
            signalWorkflow.signalName = `reserved:${signalWorkflow.signalName}`
        next(input)
      },
    },
  ],
})
