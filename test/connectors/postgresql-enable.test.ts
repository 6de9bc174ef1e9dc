import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Connector } from '../../src/connectors/connector.js'
import { stopChildren } from '../../src/embedded/children.js'
import { startTcpProxy } from '../support/tcp-proxy.js'
import { ADMIN, type Identity, newSecret, startTarget, type Target } from './target.js'

let target: Target
let connector: Connector
let one: Identity
let secrets: Record<string, string>
beforeAll(async () => {
  target = await startTarget()
  connector = target.connector()
})
afterAll(async () => {
  await connector.close()
  await target.stop()
  await stopChildren()
})
beforeEach(async () => {
  one = await target.identity()
  secrets = Object.fromEntries(one.subject.credentials.map((name) => [name, newSecret()]))
  for (const [credential, secret] of Object.entries(secrets)) {
    const change = { ...(await changeOf(`set-${credential}`)), credential, secret }
    expect(await connector.set(change)).toEqual({ effect: 'done' })
  }
})

const changeOf = async (grantId: string, credentials = one.subject.credentials) => ({
  subject: one.subject,
  credentials,
  grantId,
  expected: await connector.state(one.subject),
})
const logins = () =>
  Promise.all(
    Object.entries(secrets).map(async ([credential, secret]) => {
      const { login } = await connector.login({ credential, secret })
      return login
    }),
  )
const changed = (before: Record<string, string>, after: Record<string, string>) =>
  Object.keys(after).filter((name) => before[name] !== after[name])
const attributes = (...names: string[]) =>
  [one.a, one.b].flatMap((role) => names.map((name) => `${role}.${name}`))

describe('disabling two credentials', () => {
  it('takes login from both under one grant, and enabling gives it back with the old secrets', async () => {
    const living = await connector.state(one.subject)
    expect(await connector.disable(await changeOf('g1'))).toEqual({ effect: 'done' })
    const disabled = await connector.state(one.subject)
    expect(changed(living, disabled)).toEqual(attributes('grant', 'login'))
    expect(await logins()).toEqual(['refused', 'refused'])
    expect(await connector.enable(await changeOf('g1'))).toEqual({ effect: 'done' })
    expect(changed(living, await connector.state(one.subject))).toEqual(attributes('grant'))
    expect(await logins()).toEqual(['accepted', 'accepted'])
    for (const name of [one.a, one.b])
      expect(await connector.lastGrant(name)).toEqual({ grantId: 'g1', change: 'enable' })
  })

  it('changes none of them when one cannot be changed', async () => {
    await target.sql(`REVOKE ${one.b} FROM ${ADMIN}`)
    const change = await changeOf('g1')
    expect(await connector.disable(change)).toEqual({ effect: 'rejected', code: '42501' })
    expect(await connector.state(one.subject)).toEqual(change.expected)
    expect(await logins()).toEqual(['accepted', 'accepted'])
  })

  it('is already done only when all of them carry the grant', async () => {
    const change = await changeOf('g1')
    expect(await connector.disable(change)).toEqual({ effect: 'done' })
    expect(await connector.disable(change)).toEqual({ effect: 'already' })
    const secret = newSecret()
    await connector.set({ ...(await changeOf('g2')), credential: one.b, secret })
    expect(await connector.disable(change)).toMatchObject({ effect: 'state-differs' })
    expect(await connector.login({ credential: one.b, secret })).toEqual({ login: 'accepted' })
  })

  it('has one effect when the same grant comes twice at the same time', async () => {
    const change = await changeOf('g1')
    const effects = await Promise.all([connector.disable(change), connector.disable(change)])
    expect(effects.map(({ effect }) => effect).toSorted()).toEqual(['already', 'done'])
  })

  it('of no credential, or of one that is not the subject’s, is a bug of the caller', async () => {
    await expect(connector.disable(await changeOf('g1', []))).rejects.toThrow(TypeError)
    await expect(connector.disable(await changeOf('g1', [one.a, ADMIN]))).rejects.toThrow(TypeError)
  })
})

describe('enabling', () => {
  it.each([
    ['another secret', () => `ALTER ROLE ${one.b} PASSWORD 'by somebody else'`, 'verifier'],
    ['another membership', () => `GRANT pg_monitor TO ${one.b}`, 'memberOf'],
  ])('leaves everything as it is when %s was given since', async (_, sql, attribute) => {
    await connector.disable(await changeOf('g1'))
    const change = await changeOf('g2')
    await target.sql(sql())
    expect(await connector.enable(change)).toEqual({
      effect: 'state-differs',
      attributes: [`${one.b}.${attribute}`],
    })
    expect(await logins()).toEqual(['refused', 'refused'])
  })

  it('is rejected for all when one has no secret to come back to', async () => {
    await connector.disable(await changeOf('g1'))
    await connector.unset({ ...(await changeOf('g2')), credential: one.b })
    const change = await changeOf('g3')
    expect(await connector.enable(change)).toEqual({ effect: 'rejected', code: '55000' })
    expect(await connector.state(one.subject)).toEqual(change.expected)
    expect(await connector.enable(await changeOf('g4', [one.a]))).toEqual({ effect: 'done' })
  })

  it('is not undone by a late copy of the disabling', async () => {
    const late = await changeOf('g1')
    await connector.disable(late)
    await connector.enable(await changeOf('g1'))
    expect(await connector.disable(late)).toMatchObject({ effect: 'state-differs' })
    expect(await logins()).toEqual(['accepted', 'accepted'])
  })

  it('whose answer to COMMIT is lost is unknown, and the same call again decides it', async () => {
    await connector.disable(await changeOf('g1'))
    const change = await changeOf('g2')
    const proxy = await startTcpProxy({ host: '127.0.0.1', port: target.port })
    const far = target.connector({ port: proxy.port })
    try {
      proxy.mode({ kind: 'cutAfter', bytes: 'COMMIT\0', answers: 'reset' })
      expect(await far.enable(change)).toEqual({ effect: 'unknown', code: 'ECONNRESET' })
      proxy.mode({ kind: 'pass' })
      const last = { grantId: 'g2', change: 'enable' }
      await expect.poll(() => connector.lastGrant(one.b)).toEqual(last)
      expect(await far.enable(change)).toEqual({ effect: 'already' })
      expect(await logins()).toEqual(['accepted', 'accepted'])
    } finally {
      await far.close()
      await proxy.close()
    }
  })
})
