/** An auditor at the doors of the API: reads cases and takes evidence away while the audit lasts, and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pathOf, ROUTES, type Route, type RouteName } from '../../src/contract/routes.js'
import { Person } from '../../src/domain/shapes/authority.js'
import { must, SPAN } from '../support/authority.js'
import { type ApiRig, anApi } from './rig.js'

let rig: ApiRig
let caseId: string
const LASTING = { from: SPAN.notBefore, until: SPAN.notAfter }
const OVER = { from: SPAN.notBefore, until: '2026-01-01T00:00:00.000Z' }

const makeBenAuditor = (version: number, audit: typeof LASTING) =>
  rig.amend(
    (section) => ({
      ...section,
      persons: section.persons.map((person) =>
        person.personId === 'per_ben' ? { ...person, keys: [], duties: [], audit } : person,
      ),
    }),
    { version },
  )

beforeAll(async () => {
  rig = await anApi()
  const request = { kind: 'rotate', change: 'standard', identityId: 'nhi_billing' } as const
  caseId = must(
    await rig.client('acme').openCase({ idempotencyKey: 'open-audited', request }),
  ).caseId
})
afterAll(() => rig?.stop())

async function doors(): Promise<ReadonlyMap<RouteName, string>> {
  const answers = new Map<RouteName, string>()
  const headers = {
    authorization: `Bearer ${await rig.token('ben')}`,
    'content-type': 'application/json',
  }
  const named = {
    personId: 'per_cleo',
    caseId,
    stepId: 'issue',
    id: 'com_acme',
    kind: 'partner',
    campaignId: 'x',
  }
  for (const name of Object.keys(ROUTES) as RouteName[]) {
    const { method, asks }: Route = ROUTES[name]
    if (asks === 'nothing') continue
    const body = method === 'post' ? { body: JSON.stringify({ caseId }) } : {}
    const url = new URL(pathOf(name, named), rig.url)
    const response = await fetch(url, { method: method.toUpperCase(), headers, ...body })
    const code = /refusal:([A-Z_]+)/.exec(await response.text())?.[1] ?? ''
    answers.set(name, response.ok ? 'open' : code)
  }
  return answers
}
const openAt = (answers: ReadonlyMap<RouteName, string>) =>
  [...answers].flatMap(([name, answer]) => (answer === 'NOT_ALLOWED' ? [] : [name])).sort()

describe('an auditor', () => {
  it('reads cases and takes evidence away while the audit lasts, at no other door, and then at none', async () => {
    await makeBenAuditor(2, LASTING)
    const answers = await doors()
    const lists = ['listCases', 'listHolds', 'listResponsibilities']
    const reads = ['collection', 'entries', 'findings', ...lists, 'packet', 'readCase', 'rights']
    expect(openAt(answers)).toEqual(reads)
    expect(openAt(answers).map((name) => ROUTES[name].method)).not.toContain('post')
    expect(new Set(openAt(answers).map((name) => answers.get(name)))).toEqual(new Set(['open']))
    await makeBenAuditor(3, OVER)
    expect(openAt(await doors())).toEqual([])
  })

  it('has no key to sign with, and no duty', () => {
    const auditor = {
      ...{ personId: 'per_eve', companyId: 'com_bank', status: 'active', accounts: [] },
      ...{ commitment: `sha256:${'0'.repeat(64)}`, keys: [], audit: LASTING },
    }
    expect(Person.safeParse({ ...auditor, duties: [] }).success).toBe(true)
    expect(Person.safeParse({ ...auditor, duties: ['officer'] }).success).toBe(false)
  })
})
