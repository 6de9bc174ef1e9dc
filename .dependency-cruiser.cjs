/**
 * arrows: who may import whom. Each folder lists its neighbours (`own`), packages (`npm`), Node's
 * modules (`node`: a list, or `any`) and what it may name only as a type (`types`). What is not
 * listed is forbidden, so a new arrow is a line here and a line in docs/architecture.md.
 */
const CONTRACT_IN_BUNDLE = ['messages', 'views', 'bounded', 'why', 'told'].map(
  (name) => `src/contract/${name}.ts`,
)
const CORE_IN_BUNDLE = ['case', 'evolve', 'due'].map((name) => `src/domain/case/${name}.ts`)
/** What takes evidence out of the store; the rest of the packet knows no store. */
const EXPORTERS = [
  'src/packet/export/export.ts',
  'src/packet/export/export-collection.ts',
  'src/packet/export/export-successors.ts',
]

const ARROWS = [
  // Pure: no clock, no I/O, no Temporal. Only the shapes know zod.
  {
    folder: 'src/domain',
    except: 'src/domain/shapes/',
    npm: ['@noble/hashes', 'canonicalize', 'temporal-polyfill'],
  },
  { folder: 'src/domain/shapes', own: ['src/domain/'], npm: ['zod'] },
  { folder: 'src/ledger', own: ['src/domain/'], npm: ['@noble/hashes'] },
  {
    folder: 'src/contract',
    except: CONTRACT_IN_BUNDLE,
    own: ['src/contract/', 'src/domain/shapes/'],
    npm: ['zod'],
    types: ['src/domain/'],
  },
  // Part of the workflow bundle: the definitions and nothing that runs.
  {
    folder: 'src/contract/messages.ts',
    npm: ['@temporalio/common', '@temporalio/workflow'],
    types: ['src/domain/'],
  },
  {
    folder: 'src/packs',
    own: ['src/domain/'],
    npm: ['@cedar-policy/cedar-wasm', 'yaml', 'zod'],
    node: ['fs', 'fs/promises', 'path'],
  },
  {
    folder: 'src/keys',
    own: ['src/domain/'],
    npm: ['jose', 'ulid', 'zod'],
    node: ['crypto', 'fs', 'fs/promises', 'path', 'util'],
  },
  {
    folder: 'src/codec',
    own: ['src/domain/', 'src/keys/'],
    npm: ['@temporalio/common', '@temporalio/proto', 'express', 'zod'],
    node: 'any',
  },
  { folder: 'src/connectors', own: ['src/domain/'], npm: ['pg'], node: 'any' },
  {
    folder: 'src/metrics',
    own: ['src/domain/'],
    npm: ['prom-client', 'yaml'],
    node: ['fs'],
    types: ['src/store/db.ts'],
  },
  {
    folder: 'src/notices',
    own: ['src/domain/'],
    npm: ['nodemailer', 'standardwebhooks'],
    node: 'any',
  },
  { folder: 'src/kit', own: ['src/domain/', 'src/connectors/', 'src/keys/'] },
  {
    folder: 'src/store',
    own: ['src/domain/', 'src/ledger/', 'src/contract/', 'src/packs/'],
    npm: ['@noble/hashes', 'pg'],
    node: 'any',
  },
  // Runs on somebody else's machine, and knows nothing but the log.
  {
    folder: 'src/witness',
    own: ['src/domain/', 'src/ledger/', 'src/keys/', 'src/store/log/durable.ts'],
    node: 'any',
  },
  {
    folder: 'src/execution',
    own: [
      ...['src/domain/', 'src/ledger/', 'src/connectors/', 'src/store/', 'src/keys/'],
      ...['src/packet/', 'src/metrics/'],
    ],
    npm: ['ulid'],
    node: ['crypto', 'timers/promises'],
  },
  {
    folder: 'src/packet',
    except: EXPORTERS,
    own: ['src/domain/', 'src/ledger/', 'src/packs/'],
    npm: ['@noble/hashes', 'fflate', 'zod'],
  },
  ...EXPORTERS.map((folder) => ({
    folder,
    own: ['src/packet/', 'src/domain/', 'src/ledger/', 'src/packs/', 'src/store/'],
    npm: ['@noble/hashes'],
  })),
  // The store, judged by the packet's judge.
  {
    folder: 'src/fsck',
    own: ['src/domain/', 'src/ledger/', 'src/packs/', 'src/packet/', 'src/store/'],
  },
  {
    folder: 'src/config.ts',
    own: ['src/domain/', 'src/keys/', 'src/contract/', 'src/config-files.ts'],
    npm: ['zod'],
    types: ['src/'],
  },
  {
    folder: 'src/config-files.ts',
    own: ['src/domain/', 'src/keys/', 'src/ledger/'],
    npm: ['zod'],
    node: ['fs'],
  },
  {
    folder: 'src/api',
    own: [
      ...['src/domain/', 'src/ledger/', 'src/contract/', 'src/store/', 'src/packs/'],
      ...['src/packet/', 'src/config.ts', 'src/keys/verify.ts', 'src/metrics/'],
    ],
    npm: ['express', 'jose', 'pino', 'ulid', 'zod'],
    node: 'any',
  },
  {
    folder: 'src/issuer',
    own: ['src/domain/', 'src/config.ts', 'src/keys/'],
    npm: ['jose', 'oidc-provider', 'pino', 'zod'],
    node: 'any',
  },
  // Runs before a database or a Temporal server exists, so it knows nothing of the product.
  {
    folder: 'src/embedded',
    npm: ['pg', 'zod', '@temporalio/client', '@temporalio/proto'],
    node: 'any',
  },
  // Part of the workflow bundle: what the Temporal UI shows of a case.
  {
    folder: 'src/contract/views.ts',
    own: [...CORE_IN_BUNDLE, 'src/contract/messages.ts', 'src/contract/why.ts'],
    types: ['src/domain/', 'node_modules/@temporalio/common/'],
  },
  // Part of the workflow bundle: why a case stands where it stands, in words.
  { folder: 'src/contract/why.ts', own: CORE_IN_BUNDLE, types: ['src/domain/'] },
  // Part of the workflow bundle: how much of a message is kept.
  { folder: 'src/contract/bounded.ts' },
  // Part of the workflow bundle: what a signal tells.
  { folder: 'src/contract/told.ts', own: CORE_IN_BUNDLE, types: ['src/domain/'] },
  // Runs in the deterministic sandbox: values from a few files only, the rest as types.
  {
    folder: 'workflows',
    own: [...CORE_IN_BUNDLE, ...CONTRACT_IN_BUNDLE],
    npm: ['@temporalio/workflow', '@temporalio/common'],
    types: ['src/domain/', 'src/contract/', 'activities/'],
  },
  {
    folder: 'activities',
    own: [
      ...['src/domain/', 'src/ledger/', 'src/contract/', 'src/connectors/', 'src/execution/'],
      ...['src/store/', 'src/keys/', 'src/codec/', 'src/packs/'],
    ],
    npm: ['@temporalio/activity', '@temporalio/common', 'ulid'],
    node: ['crypto', 'timers/promises'],
  },
  // Composition roots. Workflows are named by path for the bundler and never imported.
  {
    folder: 'worker',
    own: ['src/', 'activities/'],
    not: ['src/api/', 'src/cli/', 'src/embedded/', 'src/issuer/', 'src/demo/'],
    npm: [
      ...['@temporalio/worker', '@temporalio/client', '@temporalio/common', '@temporalio/activity'],
      ...['@temporalio/proto', 'pino', 'prom-client', 'ulid'],
    ],
    node: 'any',
  },
  { folder: 'src/demo', own: ['src/'], npm: 'any', node: 'any' },
  { folder: 'src/cli', own: ['src/', 'worker/'], npm: 'any', node: 'any' },
]

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const starting = (prefix) => `^${escaped(prefix)}`
const packagePath = (name) => `^node_modules/(@types/)?${escaped(name.replace('@types/', ''))}/`
const nodePath = (name) => `^(node:)?${escaped(name)}$`

const fromOf = ({ folder, except }) => ({
  path: starting(folder.endsWith('.ts') ? folder : `${folder}/`),
  ...(except === undefined ? {} : { pathNot: [except].flat().map(starting) }),
})

const home = ({ folder }) => (folder.endsWith('.ts') ? folder : `${folder}/`)

const allowed = ({ own = [], npm = [], node = [], types = [], ...arrow }, kind) => [
  starting(home(arrow)),
  ...own.map(starting),
  ...(kind === 'type' ? types.map(starting) : []),
  ...(npm === 'any' ? ['^node_modules/'] : npm.map(packagePath)),
  ...(node === 'any' ? [] : node.map(nodePath)),
]

/** Three rules an arrow: values, types, and neighbours that `own` would otherwise include. */
const rulesOf = (arrow) => {
  const name = arrow.folder.replace(/^src\//, '')
  const core = arrow.node === 'any' ? ['core'] : []
  return [
    {
      name: `${name}: values`,
      severity: 'error',
      from: fromOf(arrow),
      to: { pathNot: allowed(arrow, 'value'), dependencyTypesNot: [...core, 'type-only'] },
    },
    {
      name: `${name}: types`,
      severity: 'error',
      from: fromOf(arrow),
      to: {
        pathNot: allowed(arrow, 'type'),
        dependencyTypes: ['type-only'],
        dependencyTypesNot: core,
      },
    },
    ...(arrow.not ?? []).map((neighbour) => ({
      name: `${name}: not ${neighbour}`,
      severity: 'error',
      from: fromOf(arrow),
      to: { path: starting(neighbour) },
    })),
  ]
}

/** Entries are started, not imported; of the rest, a file that nobody imports is dead. */
const ENTRIES = [
  '\\.d\\.ts$',
  '^src/cli/(main|auditors/verify-alone)\\.ts$',
  '^workflows/index\\.ts$',
  '^worker/[^/]+\\.ts$',
  '^src/(embedded/leash|demo/consumer)\\.ts$',
]

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...ARROWS.flatMap(rulesOf),
    {
      name: 'every folder has its arrows',
      comment: 'A folder that is not in the table above has no right to exist yet.',
      severity: 'error',
      from: {
        path: '^(src|workflows|activities|worker)/',
        pathNot: ARROWS.map((arrow) => starting(home(arrow))),
      },
      to: {},
    },
    {
      name: 'no cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no orphans',
      severity: 'error',
      from: { orphan: true, path: '^(src|workflows|activities|worker)/', pathNot: ENTRIES },
      to: {},
    },
    {
      name: 'nothing unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'product needs no development package',
      severity: 'error',
      from: { path: '^(src|workflows|activities|worker)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nothing imports tests or benches',
      severity: 'error',
      from: { path: '^(src|workflows|activities|worker|web)/' },
      to: { path: '^(test|bench)/' },
    },
    {
      name: 'only the workflow bundle knows workflows',
      severity: 'error',
      from: { pathNot: '^(workflows|test)/' },
      to: { path: '^workflows/' },
    },
    {
      name: 'only the command line knows the demo',
      severity: 'error',
      from: { path: '^(src|workflows|activities|worker)/', pathNot: '^src/(cli|demo)/' },
      to: { path: '^src/demo/' },
    },
    {
      name: 'verify needs neither database nor Temporal',
      comment: 'An auditor runs it on a machine that has nothing but Node and this package.',
      severity: 'error',
      from: { path: '^src/(cli/auditors/verify[^/]*|packet/verify/[^/]*)\\.ts$' },
      to: { path: '^(node_modules/(pg|@temporalio)/|src/store/)', reachable: true },
    },
    {
      name: 'the doors for people hold no signing key',
      severity: 'error',
      from: { path: '^src/api/' },
      to: { path: '^src/keys/(sign|keystore|secret-box)\\.ts$', reachable: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
    skipAnalysisNotInRules: false,
  },
}
