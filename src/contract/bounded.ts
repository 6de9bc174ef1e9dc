/**
 * Bounds what came as a signal. UNTRUSTED: the item. Total: what is too large or has no JSON is replaced by
 * a *marker*, which no reader takes for an envelope, so the store records it as refused.
 */

/** The largest item kept, in UTF-16 units of its JSON: an envelope is at most 64 KiB in base64. */
const MAX_ITEM = 96 * 1024

export function bounded(item: unknown): unknown {
  const text = textOf(item)
  if (text === null) return { countersign: 'unreadable', why: 'MALFORMED' }
  return text.length <= MAX_ITEM
    ? item
    : { countersign: 'too-large', units: text.length, fnv1a: fnv1a(text) }
}

function textOf(item: unknown): string | null {
  try {
    return JSON.stringify(item) ?? 'null'
  } catch {
    return null
  }
}

/** FNV-1a, 32 bits: tells two large items apart in the record. It proves nothing. */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}
