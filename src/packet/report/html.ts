/** Text into HTML: everything put into a template is escaped, unless it was made by a template itself. */

export interface Markup {
  readonly markup: string
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Controls other than newline would be invisible, and bidirectional marks would reorder what is read. */
const UNREADABLE = /(?!\n)[\p{Cc}\p{Bidi_Control}]/gu

/** UNTRUSTED: the text may hold anything that some party once wrote. */
export const escapeHtml = (text: string): string =>
  text.replace(UNREADABLE, '\uFFFD').replace(/[&<>"']/g, (letter) => ESCAPES[letter] ?? '')

type Part = string | number | Markup | readonly Markup[]

const rendered = (part: Part): string => {
  if (typeof part === 'string' || typeof part === 'number') return escapeHtml(String(part))
  return 'markup' in part ? part.markup : part.map((item) => item.markup).join('')
}

export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Markup => ({
  markup: strings.reduce(
    (text, string, index) => `${text}${rendered(parts[index - 1] ?? '')}${string}`,
  ),
})
