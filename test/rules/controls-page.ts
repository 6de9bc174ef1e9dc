/** docs/controls.md as the table says it. */
import { CONTROLS, type Control, FRAMEWORKS } from '../../src/domain/review/controls.js'

const NAMES = Object.entries(FRAMEWORKS) as [Control['framework'], string][]

export const controlsPage = (): string =>
  [
    '# Controls, and where their evidence is',
    '',
    'Made from `src/domain/review/controls.ts` by `test/rules/controls.test.ts`. It says which cases are evidence for a control and how to take',
    'them away; whether a control is met is the auditor’s to say. What a framework asks for is in our own words.',
    ...NAMES.flatMap(([framework, name]) => [
      '',
      `## ${name}`,
      '',
      '| control | asks for | what the cases show | command |',
      '| --- | --- | --- | --- |',
      ...CONTROLS.filter((control) => control.framework === framework).map(rowOf),
    ]),
    '',
  ].join('\n')

const rowOf = ({ id, asks, shows, kinds }: Control): string => {
  const command = kinds.length === 0 ? 'none' : `\`countersign evidence export --control "${id}"\``
  return `| ${id} | ${asks} | ${shows} | ${command} |`
}
