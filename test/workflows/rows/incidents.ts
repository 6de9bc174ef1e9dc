/** Rows about an incident: a containment that pre-empts, and an incident that ends when its identities are safe again. */
import { expect } from 'vitest'
import { cutIn } from '../../support/cutting.js'
import { ACME, by, type Hands, ofIdentity, ofPartner } from './hands.js'

const cut = async (
  { world }: Hands,
  of: { readonly name: string; readonly person: 'per_ben' | 'per_cleo' },
): Promise<string> => {
  const scope = { kind: 'identity', id: `nhi_${of.name}` } as const
  const { contained } = await cutIn(world, { scope, person: of.person })
  return contained[0]?.caseId ?? ''
}

/** Without a mandate a cut waits for a signature; what had the identity is over at once. */
export async function containment(hands: Hands): Promise<void> {
  const rotation = await hands.opens({ kind: 'rotate' }, { scope: ofIdentity('billing'), by: ACME })
  await hands.awaited(rotation, 'issue')
  const caseId = await cut(hands, { name: 'billing', person: 'per_cleo' })
  await hands.ends(rotation, 'superseded')
  expect(await hands.refuses(caseId, 'contain', 'per_ana')).toContain('NOT_AN_APPROVER')
  await hands.sign(caseId, 'contain', 'per_cleo')
  await hands.sign(caseId, 'review', 'per_ana', 'per_cleo')
  await hands.ends(caseId, 'completed')
}

/** Two identities for one need, of which one was reported; who cut them validates nothing. */
export async function incident(hands: Hands): Promise<void> {
  const waiting = await hands.opens({ kind: 'rotate' }, { scope: ofIdentity('web'), by: ACME })
  await hands.sign(waiting, 'issue', 'per_ana')
  await hands.awaited(waiting, 'cut-over')
  const caseId = await hands.opens(
    { kind: 'incident', reference: 'INC-7', suspected: ['nhi_mail'], cleared: [] },
    { scope: ofPartner('com_acme'), by: ACME, change: 'emergency' },
  )
  expect(await hands.refuses(caseId, 'scope', 'per_ana')).toContain('NOT_AN_APPROVER')
  expect((await hands.work.stateOf(caseId)).plan?.about).toMatchObject({
    ...{ reported: ['nhi_mail'], inScope: ['nhi_mail', 'nhi_web'] },
  })
  await hands.sign(caseId, 'scope', 'per_cleo')
  for (const name of ['mail', 'web']) {
    const containment = await cut(hands, { name, person: 'per_ben' })
    await hands.sign(containment, 'review', 'per_ana', 'per_cleo')
    await hands.ends(containment, 'completed')
  }
  await hands.ends(waiting, 'superseded')
  await hands.sign(caseId, 'contain', 'per_cleo')
  await reinstatement(hands)
  const asked = { kind: 'deprovision' as const, reassignTo: null }
  const removal = await hands.opens(asked, { scope: ofIdentity('web'), by: by('per_dora') })
  await hands.sign(removal, 'disable', 'per_ana')
  await hands.sign(removal, 'remove', 'per_ana', 'per_ben')
  await hands.sign(removal, 'close', 'per_ana')
  await hands.ends(removal, 'completed')
  await hands.sign(caseId, 'eradicate', 'per_cleo')
  expect(await hands.refuses(caseId, 'close', 'per_ben')).toContain('NOT_AN_APPROVER')
  await hands.sign(caseId, 'close', 'per_cleo', 'per_dora')
  await hands.ends(caseId, 'completed')
}

/** The fence is lifted for one identity, which then gets a secret that nobody had before. */
async function reinstatement(hands: Hands): Promise<void> {
  const of = { scope: ofIdentity('mail'), by: ACME }
  expect(await hands.asks({ kind: 'reinstate' }, of)).toMatchObject({ refused: 'FENCED' })
  const lift = await hands.opens({ kind: 'lift' }, { ...of, by: by('per_dora') })
  expect(await hands.refuses(lift, 'lift', 'per_ben')).toContain('NOT_AN_APPROVER')
  await hands.sign(lift, 'lift', 'per_ana', 'per_cleo')
  await hands.sign(lift, 'close', 'per_ana')
  await hands.ends(lift, 'completed')
  const caseId = await hands.opens({ kind: 'reinstate' }, of)
  await hands.sign(caseId, 'enable', 'per_ana', 'per_ben')
  await hands.sign(caseId, 'hand-over', 'per_ana')
  await hands.handsOver(caseId, { stepId: 'hand-over', user: 'mail_a', name: 'mail' })
  await hands.sign(caseId, 'close', 'per_ana')
  await hands.ends(caseId, 'completed')
}
