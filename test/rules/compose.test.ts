/** docker-compose.yml keeps the processes apart: one database role and only its own keys for each. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Ajv } from 'ajv'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import * as config from '../../src/config.js'
import { ATTRIBUTES } from '../../src/contract/messages.js'
import { startPostgres } from '../../src/embedded/postgres.js'
import { openDb } from '../../src/store/db.js'
import { ROLES } from '../../src/store/migrate.js'
import { root } from './tree.js'

interface Service {
  readonly image: string
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly networks: readonly string[]
  readonly ports?: readonly string[]
  readonly user?: string
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly restart?: string
  readonly healthcheck?: object
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

const read = (name: string): string => readFileSync(path.join(root, name), 'utf8')
const compose = parse(read('docker-compose.yml'), { merge: true }) as Compose
const services = Object.entries(compose.services)
const service = (name: string): Service => {
  const found = compose.services[name]
  if (found === undefined) throw new Error(`no service ${name}`)
  return found
}
const having = (test: (service: Service) => boolean): string[] =>
  services.filter(([, item]) => test(item)).map(([name]) => name)
const holding = (secret: string): string[] =>
  having(({ secrets }) => secrets?.includes(secret) ?? false)

/** `${NAME:-default}` as its default: what an operator who sets nothing gets. */
const withDefaults = (text: string): string => text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')

const validator = () =>
  new Ajv({ strict: false, validateFormats: false, validateSchema: false }).compile(
    withoutMeta(JSON.parse(read('test/rules/vendor/compose-spec.json'))),
  )
const withoutMeta = ({ $schema: _, ...schema }: Record<string, unknown>) => schema

const SECRET_WORD = /(PASSWORD|PASSWD|PWD|SECRET|TOKEN|PASSPHRASE|PRIVATE|_KEYS?)$/i
const plainSecrets = (environment: Readonly<Record<string, string>>): string[] =>
  Object.entries(environment)
    .filter(
      ([name, value]) =>
        (SECRET_WORD.test(name) && !value.startsWith('/run/secrets/')) ||
        /:\/\/[^/@]*:[^/@]*@/.test(value),
    )
    .map(([name]) => name)

describe('docker-compose.yml', () => {
  it('is valid under the Compose Specification', () => {
    const validate = validator()
    expect(validate(compose), JSON.stringify(validate.errors)).toBe(true)
    expect(validate({ services: { api: { imagee: 'x' } } })).toBe(false)
  })

  it('pins every image and asks for health of everything that stays up', () => {
    expect(having(({ image }) => /:latest$|^[^:]+$/.test(image))).toEqual([])
    const staying = services.filter(([, { restart }]) => restart === 'unless-stopped')
    const unwatched = staying.filter(([, item]) => item.healthcheck === undefined)
    expect(unwatched.map(([name]) => name)).toEqual(['temporal-ui'])
  })

  it('gives each process a database role of its own, and no other its passfile', () => {
    const roleOf = ({ environment }: Service): string | undefined =>
      /^postgres:\/\/(\w+)@postgres:5432\/countersign$/.exec(environment?.DATABASE_URL ?? '')?.[1]
    const roles = services.flatMap(([name, item]) => {
      const role = roleOf(item)
      return role === undefined ? [] : [[name, role]]
    })
    expect(Object.fromEntries(roles)).toEqual({
      ...{ migrate: 'cs_owner', api: 'cs_api', worker: 'cs_worker' },
      ...{ keeper: 'cs_keeper', connector: 'cs_connector' },
    })
    expect(roles.map(([, role]) => role).filter((role) => role !== 'cs_owner')).toEqual([...ROLES])
    for (const [name, role] of roles) expect(holding(`${role}.pgpass`)).toEqual([name])
  })

  it('gives each key to one process', () => {
    expect(holding('log.pem')).toEqual(['keeper'])
    for (const secret of ['connector.pem', 'secret_keys.json', 'targets.json'])
      expect(holding(secret)).toEqual(['connector'])
    expect(holding('codec_keys.json')).toEqual(['worker', 'keeper', 'connector', 'codec'])
    expect(service('api').secrets).toEqual(['cs_api.pgpass', 'trust.json'])
  })

  it('lets only the connector reach the targets, and only the api be reached', () => {
    expect(having(({ networks }) => networks.includes('target'))).toEqual(['connector'])
    expect(having(({ ports }) => ports !== undefined)).toEqual(['api'])
    expect(having(({ networks }) => networks.includes('temporal'))).not.toContain('api')
    const inner = Object.entries(compose.networks).filter(([, network]) => network?.internal)
    expect(inner.map(([name]) => name)).toEqual(['store', 'temporal', 'temporal-store'])
  })

  it('runs without privileges on a read-only file system', () => {
    expect(having(({ cap_drop }) => cap_drop?.[0] !== 'ALL')).toEqual([])
    expect(having(({ security_opt }) => !security_opt?.includes('no-new-privileges:true'))).toEqual(
      [],
    )
    // The UI's image writes its configuration at its start.
    expect(having(({ read_only }) => read_only !== true)).toEqual(['temporal-ui'])
    expect(read('Dockerfile')).toMatch(/^USER node$/m)
  })

  it('shows workflows to people and lets nobody act on them', () => {
    expect(service('temporal-ui').environment).toMatchObject({
      TEMPORAL_DISABLE_WRITE_ACTIONS: 'true',
    })
  })

  it('has no secret in plain', () => {
    for (const [name, { environment }] of services)
      expect(plainSecrets(environment ?? {}), name).toEqual([])
    for (const { file } of Object.values(compose.secrets)) expect(file).toMatch(/^\$\{SECRETS_DIR/)
    expect(read('.dockerignore').split('\n')[0]).toBe('*')
    const found = plainSecrets({
      A_PASSWORD: 'x',
      URL: 'postgres://a:b@c/d',
      B_KEY: '/run/secrets/b',
    })
    expect(found).toEqual(['A_PASSWORD', 'URL'])
  })

  it('is what Docker itself understands, where Docker is', () => {
    const has = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0
    const file = path.join(root, 'docker-compose.yml')
    const checked = has ? spawnSync('docker', ['compose', '-f', file, 'config', '-q']).status : 0
    expect(checked).toBe(0)
  })
})

describe('what the containers are given', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'countersign-compose-'))
    execFileSync('sh', [path.join(root, 'ops', 'secrets.sh'), folder])
    const key = {
      keyId: 'key_root',
      alg: 'ed25519',
      publicKey: Buffer.alloc(32, 1).toString('base64'),
    }
    const trust = { enterprise: 'ent_bank', rootKeys: [key], threshold: 1 }
    writeFileSync(
      path.join(folder, 'trust.json'),
      JSON.stringify({ ...trust, minimumRootVersion: 1, minimumBundleVersion: 1 }),
    )
    const route = { host: 'db.example', port: 5432, database: 'billing' }
    const system = {
      ...{ kind: 'postgresql', adminUrl: 'postgres://admin@db.example/billing', route },
      fingerprintKey: Buffer.alloc(32, 2).toString('base64'),
    }
    writeFileSync(path.join(folder, 'targets.json'), JSON.stringify({ systems: { sys_x: system } }))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const environmentOf = (name: string): Record<string, string> =>
    Object.fromEntries(
      Object.entries(service(name).environment ?? {}).map(([key, value]) => [
        ...[key, withDefaults(value).replace('/run/secrets/', `${folder}/`)],
      ]),
    )

  it.each([
    ['api', config.apiConfig],
    ['worker', config.workerConfig],
    ['keeper', config.keeperConfig],
    ['connector', config.connectorConfig],
    ['codec', config.codecConfig],
  ] as const)('is a configuration that %s starts with', (name, parseConfig) => {
    expect(parseConfig(environmentOf(name))).toBeTypeOf('object')
    const [first] = Object.entries(environmentOf(name)).filter(([key]) =>
      key.startsWith('COUNTERSIGN_'),
    )
    expect(() => parseConfig({ ...environmentOf(name), [first?.[0] ?? '']: '/nowhere' })).toThrow(
      config.ConfigFault,
    )
  })

  it('is a passfile that really opens the database', async () => {
    const postgres = await startPostgres({
      ...{ dataDir: path.join(folder, 'data'), logFile: path.join(folder, 'postgres.log') },
      superuserPassword: 'made-for-this-test',
    })
    const passfile = path.join(folder, 'superuser.pgpass')
    writeFileSync(passfile, '127.0.0.1:*:*:postgres:made-for-this-test\n', { mode: 0o600 })
    const before = process.env.PGPASSFILE
    process.env.PGPASSFILE = passfile
    const db = openDb(`postgres://postgres@127.0.0.1:${postgres.port}/postgres`, { name: 'test' })
    try {
      const { rows } = await db.query('select current_user as who')
      expect(rows).toEqual([{ who: 'postgres' }])
    } finally {
      await db.end()
      if (before === undefined) delete process.env.PGPASSFILE
      else process.env.PGPASSFILE = before
      await postgres.stop()
    }
  })

  it('is one password per role, the same in both its places', () => {
    const passwords = JSON.parse(readFileSync(path.join(folder, 'role_passwords.json'), 'utf8'))
    expect(Object.keys(passwords)).toEqual([...ROLES])
    for (const role of ROLES) {
      const line = readFileSync(path.join(folder, `${role}.pgpass`), 'utf8')
      expect(line.trim()).toBe(`postgres:5432:countersign:${role}:${passwords[role]}`)
    }
    expect(new Set(Object.values(passwords)).size).toBe(ROLES.length)
  })
})

describe('ops scripts', () => {
  it('make exactly the search attributes that the workflows set', () => {
    const listed = [...read('ops/temporal/namespace.sh').matchAll(/^(Cs\w+) (\w+)$/gm)]
    const made = Object.fromEntries(listed.map(([, name, type]) => [name, type?.toUpperCase()]))
    const set = Object.values(ATTRIBUTES).map(({ name, type }) => [name, type.replaceAll('_', '')])
    expect(made).toEqual(Object.fromEntries(set))
  })

  it('tell a container that is connected from one that is not', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'countersign-proc-'))
    const line = '   0: 0200007F:A3D2 0300007F:1C41 01 00000000:00000000'
    const closing = '   1: 0200007F:A3D3 0300007F:1538 06 00000000:00000000'
    mkdirSync(folder, { recursive: true })
    writeFileSync(path.join(folder, 'tcp'), `${line}\n${closing}\n`)
    writeFileSync(path.join(folder, 'tcp6'), '')
    const script = path.join(root, 'ops', 'connected.sh')
    const env = { ...process.env, PROC_NET: folder }
    chmodSync(folder, 0o700)
    expect(spawnSync('sh', [script, '7233'], { env }).status).toBe(0)
    expect(spawnSync('sh', [script, '7233', '5432'], { env }).status).toBe(1)
    rmSync(folder, { recursive: true, force: true })
  })
})
