/** What the enterprise does besides signing at gates: mandates in daylight, fences at night, and changes of its own authority. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { signFence } from '../../cli/owners/sign-fence.js'
import type { AuthorityBundle, SectionName } from '../../domain/shapes/authority.js'
import type { AuthorityKind, CaseKind } from '../../domain/shapes/basic.js'
import type { Envelope, PayloadKind } from '../../domain/shapes/envelope.js'
import { openEnvelope } from '../../domain/signed/envelope.js'
import { signEnvelope } from '../../keys/sign.js'
import { countersign } from '../command-line.js'
import type { DemoPerson } from '../enterprise.js'
import { hashOf } from '../genesis.js'
import { AUTHORITY_FILE } from '../onboarding.js'
import { accepted, ask, closes, names, pass, type Tour } from './hands.js'

/** The quorum of the policy signs, by the command line, that these steps may be taken when nobody is asked. */
export async function giveMandate(
  { stage, say }: Tour,
  of: { readonly kind: CaseKind; readonly steps: readonly string[] },
): Promise<void> {
  const { kind, steps } = of
  const file = join(stage.system.dir, `mandate-${kind}.json`)
  const as = (person: DemoPerson) => ['--profile', stage.system.profile(person)]
  await countersign([
    ...['mandate', 'draft', '--kind', kind, '--step', ...steps, '--send-one-in', '0'],
    ...['--signer', 'per_cleo', 'per_dora', '--out', file, ...as('per_cleo')],
  ])
  await countersign(['mandate', 'sign', file, '--yes', ...as('per_dora')])
  await countersign(['mandate', 'give', file, ...as('per_dora')])
  say(
    `Mandate, signed by ${names(['per_cleo', 'per_dora'])}: ${kind} (${steps.join(', ')}) may take access away`,
  )
}

/** Access and sessions of one identity end; the containment that does it. */
export async function cut(
  { stage, say }: Tour,
  { by, identityId }: { readonly by: DemoPerson; readonly identityId: string },
): Promise<string> {
  const scope = { kind: 'identity', id: identityId } as const
  const { envelope } = await signFence({ scope, speed: 'cut', profile: stage.system.profile(by) })
  const { contained, residue } = accepted(await (await stage.api(by)).fence({ envelope }))
  const [first] = contained
  if (first === undefined) throw new Error(`${identityId} is not contained: ${residue[0]?.detail}`)
  say(`${names([by])} cut ${identityId}: ${first.caseId}`)
  return first.caseId
}

export interface AuthorityChange {
  readonly kind: AuthorityKind
  readonly section: SectionName
  readonly because: string
  /** The section's body with what changes in it. */
  readonly edit: (body: Record<string, unknown>) => Record<string, unknown>
}

/** The signers of the section sign the next bundle; the quorum approves exactly that one, and it takes effect. */
export async function changeAuthority(tour: Tour, change: AuthorityChange): Promise<void> {
  const { stage, say } = tour
  const file = join(stage.system.dir, AUTHORITY_FILE)
  const bundle = await nextBundle(tour, {
    bundle: JSON.parse(await readFile(file, 'utf8')) as AuthorityBundle,
    change,
  })
  const proposed = accepted(
    await (await stage.api('per_ben')).proposeAuthority({ bundle, packs: [] }),
  )
  for (const { words } of proposed.changes) say(`Proposed: ${words}`)
  const { kind, because: reference } = change
  const { bundleHash } = proposed
  const caseId = await ask(tour, { by: 'per_ben', request: { kind, bundleHash, reference } })
  const accepting = proposed.accepting as DemoPerson[]
  await pass(tour, { caseId, stepId: 'approve', by: ['per_dora', ...accepting] })
  await pass(tour, { caseId, stepId: 'activate', by: ['per_dora'] })
  await closes(tour, { caseId, outcome: 'completed' })
  await writeFile(file, JSON.stringify(bundle), { mode: 0o600 })
}

/** The same bundle of the next version, with one section signed anew. */
async function nextBundle(
  { stage }: Tour,
  { bundle, change }: { readonly bundle: AuthorityBundle; readonly change: AuthorityChange },
): Promise<AuthorityBundle> {
  const sign = async (keyId: string, kind: PayloadKind, payload: unknown) => {
    const { signer } = await stage.system.genesis.key(keyId)
    return signEnvelope({ kind, payload, keyId, signer })
  }
  const { section, edit } = change
  const manifest = bodyOf(bundle.manifest, 'manifest')
  const version = Number(manifest['version']) + 1
  const body = { ...edit(bodyOf(bundle.sections[section], 'section')), version }
  const sections = {
    ...bundle.sections,
    [section]: await sign(`key_${section}`, 'section', body),
  }
  const named = { ...(manifest['sections'] as object), [section]: hashOf(sections[section]) }
  return {
    ...{ ...bundle, sections },
    manifest: await sign('key_people', 'manifest', { ...manifest, version, sections: named }),
  }
}

const bodyOf = (envelope: Envelope, kind: PayloadKind) =>
  accepted(openEnvelope({ envelope, kind, parse: (value) => value as Record<string, unknown> }))
    .payload
