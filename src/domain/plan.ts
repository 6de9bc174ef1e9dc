/**
 * The one place that knows which kinds of case have a plan. A new kind is one file in plans/, one
 * line here, its policy rules, its workflow name and its tests.
 */
import { planRotation, ROTATION_STEPS } from './plans/rotate.js'

export const planners = { rotate: { plan: planRotation, stepIds: ROTATION_STEPS } } as const
