/**
 * break-glass: access in an emergency, through an identity that is kept for nothing else. Three steps, each behind
 * its own gate: open, end, review. Who signs the opening has signed its end before; the end waits for its time
 * alone, and takes away what was given whatever has become of it.
 */
import { type Refusal, refuse } from '../refusal.js'
import type { BreakGlassTerms } from '../shapes/asked.js'
import type { Plan, Step } from '../shapes/plan.js'
import {
  type AskedOf,
  enableStep,
  lackingRight,
  lookStep,
  type Planning,
  planBase,
} from './planning.js'

export const BREAK_GLASS_STEPS = ['open', 'end', 'review'] as const

export function planBreakGlass(input: Planning, asked: AskedOf<'break-glass'>): Plan | Refusal {
  const { identity, seen } = input
  const [first] = seen.credentials
  const unsuitable = whyNot(input)
  if (unsuitable !== null || first === undefined)
    return unsuitable ?? refuse('TARGET_UNSUITABLE', '/credentials')
  const summary = `BREAK-GLASS: emergency access of ${identity.identityId} until ${asked.until}, because of ${asked.reference}`
  const base = planBase(input, { summary: summary.slice(0, 200), using: [] })
  const standing = input.fences.map(
    ({ scope, fenceId }) => `a fence stands around its ${scope.kind}: ${fenceId}`,
  )
  return {
    ...base,
    warnings: [`emergency access for ${asked.recipient}`, ...standing, ...base.warnings].slice(
      0,
      16,
    ),
    about: { ...asked, incoming: first.credential },
    steps: breakGlassSteps({ credential: first.credential, terms: asked }),
  }
}

/** What is asked for at its own risk is a login that nobody has: not one in daily use, and not one that was fenced off. */
function whyNot({ identity, seen, fences }: Planning): Refusal | null {
  const fence = fences.find(({ scope }) => scope.kind === 'identity')
  if (fence !== undefined)
    return refuse('FENCED', '/fences/identity', `fence ${fence.fenceId} stands`)
  const living = seen.credentials.find(({ login }) => login === 'enabled')
  if (living !== undefined)
    return refuse('TARGET_UNSUITABLE', `/credentials/${living.credential}`, 'it has access')
  const wrong = seen.credentials.find(
    ({ login, memberOfGroup }) => login === 'absent' || memberOfGroup === 'no',
  )
  if (wrong !== undefined)
    return refuse(
      'TARGET_UNSUITABLE',
      `/credentials/${wrong.credential}`,
      `${identity.identityId} was not made ready for an emergency`,
    )
  return lackingRight(seen)
}

/** The same whatever the target looks like, so that a verifier can draw them again. */
export const breakGlassSteps = (of: {
  readonly credential: string
  readonly terms: BreakGlassTerms
}): Step[] => [openStep(of), endStep(of), reviewStep]

function openStep({ credential, terms }: Parameters<typeof breakGlassSteps>[0]): Step {
  const enable = enableStep({ credential, needs: [] })
  return {
    ...enable,
    stepId: 'open',
    title: `EMERGENCY: a fresh secret on ${credential}, sealed to ${terms.recipient}`,
    operations: [...enable.operations, { op: 'seal', credential, to: terms.recipient }],
    undo: [{ op: 'withdraw', credentials: [credential] }],
    rollback: `Whenever the case ends early, ${credential} is disabled and its sessions are ended.`,
    blastRadius: `Until ${terms.until} whoever holds the secret of ${credential} has its rights.`,
  }
}

const endStep = ({ credential, terms }: Parameters<typeof breakGlassSteps>[0]): Step => ({
  stepId: 'end',
  title: `At ${terms.until} at the latest: ${credential} is proved dead`,
  executor: 'connector',
  operations: [
    { op: 'hold-open', credential, until: terms.until },
    { op: 'withdraw', credentials: [credential] },
    { op: 'observe-disabled', credentials: [credential] },
    { op: 'prove-dead', credential, control: null },
  ],
  undo: [{ op: 'nothing' }],
  rollback: 'None: access that has ended comes back by a case of its own.',
  blastRadius: `Whoever works with ${credential} is cut off.`,
  needs: ['new-credential-works'],
  produces: ['access-disabled', 'old-refused', 'no-session-left'],
})

const reviewStep = lookStep({
  stepId: 'review',
  title: 'What was done is reviewed by somebody who neither asked for it nor approved it',
  needs: ['access-disabled', 'old-refused'],
})
