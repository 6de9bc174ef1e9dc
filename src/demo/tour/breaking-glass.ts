import pg from 'pg'
import { openSealed } from '../../keys/seal.js'
import { soon } from '../stage.js'
import { DATABASE } from '../target.js'
import { accepted, ahead, ask, awaited, type Chapter, closes, pass, type Tour } from './hands.js'

const IDENTITY = 'nhi_emergency'
const RECIPIENT = 'cns_emergency'
/** How long the access lasts, whoever acts. */
const FOR_MS = 20_000

interface Login {
  readonly user: string
  readonly password: string
}

/** What was sealed to the recipient, whose key alone opens it. */
async function secretOf({ stage }: Tour, caseId: string): Promise<Login> {
  const delivered = accepted(await (await stage.api('per_eve')).delivery({ caseId }))
  const { identities } = stage.system.genesis
  const holder = identities.find(({ identityId }) => identityId === IDENTITY)
  const privateKeyPem = holder?.privateKeyPem ?? ''
  const { secret } = accepted(await openSealed({ jwe: delivered.jwe, privateKeyPem }))
  return { user: delivered.credential, password: secret }
}

async function logsIn({ stage }: Tour, login: Login): Promise<'accepted' | string> {
  const { port } = stage.system.target
  const client = new pg.Client({ host: '127.0.0.1', port, database: DATABASE, ...login })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return 'accepted'
  } catch (error) {
    return String((error as { readonly code?: string }).code)
  } finally {
    await client.end().catch(() => undefined)
  }
}

export const breakingGlass: Chapter = {
  title: 'Emergency access, which ends by itself and is reviewed by somebody else',
  play: async (tour) => {
    const { say } = tour
    const caseId = await ask(tour, {
      by: 'per_eve',
      request: {
        ...{ kind: 'break-glass', identityId: IDENTITY, reference: 'INC-8' },
        ...{ recipient: RECIPIENT, until: soon(FOR_MS), change: 'emergency' },
      },
    })
    await awaited(tour, { caseId, stepId: 'open' })
    await ahead(tour, { caseId, stepId: 'end', by: 'per_ana' })
    await pass(tour, { caseId, stepId: 'open', by: ['per_ana'] })
    const login = await secretOf(tour, caseId)
    if ((await logsIn(tour, login)) !== 'accepted') throw new Error('the secret does not log in')
    say(`  Eve Tanaka logged in as ${login.user} with what was sealed to ${RECIPIENT}`)
    await awaited(tour, { caseId, stepId: 'review' })
    const answer = await logsIn(tour, login)
    if (answer === 'accepted') throw new Error('the secret still logs in')
    say(`  its time is over: the target refuses the login (${answer})`)
    await pass(tour, { caseId, stepId: 'review', by: ['per_cleo'] })
    await closes(tour, { caseId, outcome: 'completed' })
  },
}
