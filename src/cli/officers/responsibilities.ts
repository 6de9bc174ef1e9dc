import type { Command } from 'commander'
import type { ResponsibilityAnswer } from '../../contract/http-control.js'
import { type Common, clientFor, withProfile } from '../session/options.js'
import { finish } from '../session/outcome.js'

export const define = (): Command =>
  withProfile('responsibilities').action(async (options: Common) => {
    const api = await clientFor(options)
    finish(await api.listResponsibilities(), { json: options.json, show })
  })

const show = ({ responsibilities, owed }: ResponsibilityAnswer): readonly string[] => [
  ...responsibilities.map(({ objectiveId, outcome, ownerId, partners, evidence }) => {
    const proof = evidence.map(({ caseId, outcome: end }) => `${caseId} ${end}`).join(', ')
    const shared = partners.join(' ') || 'no partner'
    return `${objectiveId}  ${outcome.padEnd(16)}  ${ownerId}  ${shared}  ${proof || 'no case closed yet'}`
  }),
  ...(owed.length === 0 ? [] : [`${owed.length} without an owner: countersign ownership list`]),
]
