/**
 * The *bundle*: all that runs inside a workflow, one file, built ahead so that a worker starts fast and
 * runs exactly what was tested. `node dist/worker/bundle.js` writes `dist/workflow-bundle.js`.
 */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import {
  bundleWorkflowCode,
  DefaultLogger,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker'
import { failureConverterPath } from '../src/codec/data-converter.js'
import { BUNDLE_PATH } from './bundle-path.js'

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const beside = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** `modules` takes the path of each module that goes in. */
export function buildBundle(
  options: { readonly modules?: string[] } = {},
): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({
    workflowsPath: beside(`../workflows/index.${extension}`),
    workflowInterceptorModules: [beside(`../workflows/reserved-signals.${extension}`)],
    failureConverterPath,
    logger: new DefaultLogger('WARN'),
    webpackConfigHook: (config) => ({
      ...config,
      mode: 'production',
      // Names of functions are names of workflows, and stack traces are read by people.
      optimization: { ...config.optimization, minimize: false },
      plugins: [
        ...(config.plugins ?? []),
        (compiler) => {
          compiler.hooks.compilation.tap('modules', (compilation) => {
            compilation.hooks.finishModules.tap('modules', (found) => {
              for (const module of found) options.modules?.push(pathOf(module.identifier()))
            })
          })
        },
      ],
    }),
  })
}

/** A module's identifier is its loaders and its path, with `!` between them. */
const pathOf = (identifier: string): string => identifier.slice(identifier.lastIndexOf('!') + 1)

if (process.argv[1] !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  const { code } = await buildBundle()
  await writeFile(BUNDLE_PATH, code)
  process.stdout.write(`${BUNDLE_PATH} ${code.length} bytes\n`)
}
