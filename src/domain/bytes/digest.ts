/**
 * Canonical bytes (RFC 8785) and SHA-256 of exactly what is signed, logged or compared.
 * Documents hold strings, booleans, null, safe integers, arrays and records: nothing whose
 * canonical form two implementations could disagree on.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import canonicalize from 'canonicalize'
import { type Refusal, refuse } from '../refusal.js'

/** `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`

/** Of an entry, and of everything that is signed but a section of the authority bundle. */
export const MAX_DOCUMENT_BYTES = 64 * 1024
const MAX_DEPTH = 16

export function canonical(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('a document without a canonical form')
  return text
}

export const canonicalBytes = (value: unknown): Uint8Array => utf8ToBytes(canonical(value))

export const digestOf = (bytes: Uint8Array): Digest => `sha256:${bytesToHex(sha256(bytes))}`

export const digest = (value: unknown): Digest => digestOf(canonicalBytes(value))

/**
 * UNTRUSTED: `bytes` come from whoever sent the document. Afterwards: they are UTF-8, at most `limit`, and
 * byte for byte the canonical form of the returned value, so duplicate keys, unsafe numbers, lone
 * surrogates, byte-order marks and white space are all refused (RFC 8785, RFC 7493).
 */
export function parseCanonical(
  bytes: Uint8Array,
  limit = MAX_DOCUMENT_BYTES,
): { readonly value: unknown } | Refusal {
  if (bytes.length > limit) return refuse('TOO_LARGE', '/')
  const text = decodeUtf8(bytes)
  if (text === null) return refuse('MALFORMED', '/', 'the document is not UTF-8')
  const value = decodeJson(text)
  if (value === undefined) return refuse('MALFORMED', '/', 'the document is not JSON')
  const unfit = unfitIn(value, 0)
  if (unfit !== null)
    return refuse('NOT_CANONICAL', unfit, 'not a safe integer or well-formed text')
  return isCanonical(value, text) ? { value } : refuse('NOT_CANONICAL', '/')
}

/**
 * Of what is fit, RFC 8785 writes every value as ECMAScript does and the keys in order. Keys that are numbers
 * ECMAScript orders in its own way; a text with such keys is asked of the other writer.
 */
const isCanonical = (value: unknown, text: string): boolean =>
  (isSorted(value) && JSON.stringify(value) === text) || canonical(value) === text

function isSorted(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isSorted)
  let before = ''
  for (const key in value) {
    if (key < before || !isSorted((value as Record<string, unknown>)[key])) return false
    before = key
  }
  return true
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return UTF8.decode(bytes)
  } catch {
    return null
  }
}

function decodeJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The JSON pointer of the first value that has no agreed canonical form, or null. */
function unfitIn(value: unknown, depth: number): string | null {
  if (depth > MAX_DEPTH) return ''
  if (typeof value === 'number') return Number.isSafeInteger(value) ? null : ''
  if (typeof value === 'string') return value.isWellFormed() ? null : ''
  if (typeof value !== 'object' || value === null) return null
  for (const [key, child] of Object.entries(value)) {
    // A parser that assigns keys would lose `__proto__`, and what was signed would not be what is read.
    if (!key.isWellFormed() || key === '__proto__') return '/?'
    const unfit = unfitIn(child, depth + 1)
    if (unfit !== null) return `/${pointerPart(key)}${unfit}`
  }
  return null
}

/** UNTRUSTED: a key may be any text; what is repeated of it is short and plain (RFC 6901 escapes). */
const pointerPart = (key: string): string =>
  /^[\w.:-]{1,40}$/.test(key) ? key.replace(/~/g, '~0').replace(/\//g, '~1') : '?'
