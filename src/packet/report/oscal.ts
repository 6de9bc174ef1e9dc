/**
 * A collection as OSCAL assessment results: each case an observation, with the controls whose evidence it is. There are no
 * findings, because whether a control is met is the assessor's to say. The same collection gives the same document.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { digestOf } from '../../domain/bytes/digest.js'
import { CONTROLS, type Control, controlsOf, FRAMEWORKS } from '../../domain/review/controls.js'
import { type CollectionManifest, caseFolder, type Member } from '../collection-files.js'
import { TOOL } from '../files.js'

const NS = 'urn:countersign:oscal'
const OSCAL_VERSION = '1.1.3'

export function oscalResults(of: {
  readonly manifest: CollectionManifest
  readonly members: readonly Member[]
}): object {
  const { manifest, members } = of
  const { generatedAt, query, enterprise, requester, counts } = manifest
  const name = [enterprise, generatedAt, requester, ...members.map(({ caseId }) => caseId)].join(
    ' ',
  )
  const plan = uuidOf(`plan ${name}`)
  return {
    'assessment-results': {
      uuid: uuidOf(`results ${name}`),
      metadata: {
        title: `Evidence of ${counts.cases} cases of ${enterprise}`,
        ...{ 'last-modified': generatedAt, version: generatedAt, 'oscal-version': OSCAL_VERSION },
        props: [{ name: 'tool', ns: NS, value: TOOL }],
      },
      'import-ap': { href: `#${plan}` },
      results: [
        {
          uuid: uuidOf(`result ${name}`),
          title: 'Cases as recorded',
          description: `${counts.entries} entries and ${counts.decisions} decisions, verified from the collection. It says where evidence is, not that a control is met.`,
          start: query.from ?? members.map(openedAt).sort()[0] ?? generatedAt,
          end: query.until ?? generatedAt,
          'reviewed-controls': { 'control-selections': selections(members) },
          observations: members.map(observation),
        },
      ],
      'back-matter': {
        resources: [{ uuid: plan, title: 'The query', description: JSON.stringify(query) }],
      },
    },
  }
}

const openedAt = ({ recorded }: Member): string => recorded[0]?.at ?? ''

const controlsIn = ({ opened }: Member): readonly Control[] =>
  opened === null ? [] : controlsOf(opened.asked.kind)

/** OSCAL's ids are tokens: no colon, no space. */
export const controlToken = ({ id }: Control): string =>
  id.toLowerCase().replace(/[^a-z0-9.-]/g, '-')

function selections(members: readonly Member[]): readonly object[] {
  const found = new Set(members.flatMap(controlsIn))
  return Object.entries(FRAMEWORKS).flatMap(([framework, description]) => {
    const own = CONTROLS.filter((control) => control.framework === framework && found.has(control))
    const include = own.map((control) => ({ 'control-id': controlToken(control) }))
    return include.length === 0 ? [] : [{ description, 'include-controls': include }]
  })
}

function observation(member: Member): object {
  const { caseId, recorded, state, opened } = member
  const controls = controlsIn(member).map((control) => ({
    ...{ name: 'control', ns: NS, value: control.id, class: control.framework },
  }))
  return {
    uuid: uuidOf(`observation ${caseId} ${recorded.at(-1)?.hash ?? ''}`),
    title: caseId,
    description: `${opened?.asked.kind ?? ''} about ${opened?.scope.id ?? ''}: ${state.outcome ?? 'open'}, ${recorded.length} entries, ${Object.keys(state.decisions).length} decisions`,
    props: [
      { name: 'outcome', ns: NS, value: state.outcome ?? 'open' },
      { name: 'head', ns: NS, value: recorded.at(-1)?.hash ?? 'none' },
      ...controls,
    ],
    methods: ['EXAMINE'],
    types: ['control-objective'],
    'relevant-evidence': [
      { href: `./${caseFolder(caseId)}report.html`, description: 'The case for people to read' },
      { href: `./${caseFolder(caseId)}manifest.json`, description: 'Its packet' },
    ],
    collected: recorded.at(-1)?.at ?? '',
  }
}

/** A name-based UUID of the form of version 5, over SHA-256. */
function uuidOf(name: string): string {
  const hex = digestOf(utf8ToBytes(name)).slice('sha256:'.length)
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
  ]
  return [...parts, hex.slice(20, 32)].join('-')
}
