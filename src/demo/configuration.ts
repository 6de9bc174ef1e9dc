/** The files of an embedded system: trust, key rings, targets, issuer clients and people's profiles, mode 0600. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type DemoPerson, EMERGENCY, PARTNERS, PEOPLE, SYSTEM } from './enterprise.js'
import { AUDIENCE, type Parts } from './parts.js'
import { doctorEnvironment } from './processes.js'
import { ADMIN, DATABASE } from './target.js'

/** Of whoever opens what is sealed in an emergency. */
export const recipientKey = (dir: string): string => join(dir, 'keys', `cns_${EMERGENCY}.pem`)

/** The files that the processes are pointed to: each holds what one of them may know. */
export async function writeConfiguration(at: Parts): Promise<void> {
  const { genesis: made, secrets, target } = at
  const { dir } = at
  await mkdir(join(dir, 'profiles'), { recursive: true, mode: 0o700 })
  const write = (name: string, value: unknown) =>
    writeFile(join(dir, name), `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  await write('trust.json', made.trust)
  await write('codec-keys.json', [{ kid: 'codec-1', key: secrets.codecKey }])
  await write('secret-keys.json', [{ kid: 'box-1', key: secrets.secretKey }])
  await write('targets.json', {
    systems: {
      [SYSTEM]: {
        kind: 'postgresql',
        adminUrl: target.url(ADMIN, secrets.admin, DATABASE),
        route: { host: '127.0.0.1', port: target.port, database: DATABASE },
        fingerprintKey: secrets.fingerprintKey,
      },
    },
  })
  await write('doctor.json', doctorEnvironment(at))
  const recipient = made.identities.find(({ name }) => name === EMERGENCY)
  if (recipient !== undefined)
    await writeFile(recipientKey(dir), recipient.privateKeyPem, { mode: 0o600 })
  await write('issuer-clients.json', await issuerClients(at))
  for (const person of Object.keys(PEOPLE) as DemoPerson[]) {
    const short = person.slice(4)
    const own = { personId: person, decisionKey: made.keyFile(`key_${short}`) }
    await write(`profiles/${person}.json`, {
      ...login(at, { clientId: `${short}-cli`, key: `key_${short}-login` }),
      ...own,
    })
    await write(`profiles/${person}-second.json`, {
      ...login(at, { clientId: `${short}-second`, key: `key_${short}-login` }),
      ...own,
    })
  }
  for (const [companyId, { profile, client, loginKey, claimKey }] of Object.entries(PARTNERS))
    await write(`profiles/${profile}.json`, {
      ...login(at, { clientId: client, key: loginKey }),
      ...{ companyId, claimKey: made.keyFile(claimKey) },
    })
}

const login = ({ addresses, genesis: made }: Parts, input: { clientId: string; key: string }) => ({
  api: addresses.api,
  issuer: addresses.issuer,
  audience: AUDIENCE,
  enterprise: made.trust.enterprise,
  clientId: input.clientId,
  loginKey: made.keyFile(input.key),
})

async function issuerClients(at: Parts) {
  const clients = [
    ...Object.values(PARTNERS).map(({ client, loginKey }) => ({
      clientId: client,
      keyId: loginKey,
    })),
    ...Object.keys(PEOPLE).flatMap((person) => {
      const short = person.slice(4)
      const keyId = `key_${short}-login`
      return [
        { clientId: `${short}-cli`, keyId },
        { clientId: `${short}-second`, keyId },
      ]
    }),
  ]
  return Promise.all(
    clients.map(async ({ clientId, keyId }) => {
      const { publicKey } = await at.genesis.key(keyId)
      const x = Buffer.from(publicKey, 'base64').toString('base64url')
      return {
        clientId,
        jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid: keyId, use: 'sig', alg: 'EdDSA' }] },
      }
    }),
  )
}
