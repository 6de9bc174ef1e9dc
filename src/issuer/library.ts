/**
 * Loads oidc-provider. On Node 20 the library prints that it wants Node 22, once, at import; that one line
 * is muted and every other warning passes.
 */

const RUNTIME_NOTICE = 'Unsupported runtime. Use Node.js v22'

export async function loadLibrary(): Promise<typeof import('oidc-provider')> {
  const { warn } = console
  console.warn = (...words: unknown[]) => {
    if (!String(words[0]).includes(RUNTIME_NOTICE)) warn(...words)
  }
  try {
    return await import('oidc-provider')
  } finally {
    console.warn = warn
  }
}
