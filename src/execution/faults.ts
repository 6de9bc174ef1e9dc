/**
 * Named points at which a fault can be injected, to prove that a crash there changes nothing that is
 * promised. Inert unless COUNTERSIGN_FAULT names a point: `<point>` or `<point>:<n>` kills this process
 * with SIGKILL at its n-th passage.
 */
export const ROTATION_POINTS = [
  'gate.before_commit',
  'gate.after_commit',
  'stage.after_write',
  'set.before',
  'set.after_effect',
  'verify.after',
  'deliver.before_offer',
  'observe.during',
  'consumers.after',
  'unused.after',
  'control.after',
  'disable.before',
  'disable.after_effect',
  'end-sessions.after',
  'prove-dead.before_record',
  'undo.after_effect',
] as const
export const PROVISION_POINTS = ['create.before', 'create.after_effect'] as const
export const DEPROVISION_POINTS = [
  'stays-disabled.after',
  'remove.before',
  'remove.after_effect',
  'removed.after',
] as const
export type RotationPoint = (typeof ROTATION_POINTS)[number]
export type FaultPoint =
  | RotationPoint
  | (typeof PROVISION_POINTS)[number]
  | (typeof DEPROVISION_POINTS)[number]

const passages = new Map<string, number>()

export function faultPoint(point: FaultPoint): void {
  const wanted = process.env.COUNTERSIGN_FAULT
  if (wanted === undefined) return
  const [name, at = '1'] = wanted.split(':')
  if (name !== point) return
  const passed = (passages.get(point) ?? 0) + 1
  passages.set(point, passed)
  if (passed === Number(at)) process.kill(process.pid, 'SIGKILL')
}
