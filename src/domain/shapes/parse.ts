/**
 * `parseAs` reads a value of unknown form as one shape. What comes back has exactly the fields of its
 * version, or is a refusal that names the place by JSON pointer (RFC 6901) and repeats no value.
 */
import type { z } from 'zod'
import { type Refusal, refuse } from '../refusal.js'

type Issue = z.core.$ZodIssue

/** Length to which `where` is cut: what entries hold. */
const MAX_WHERE = 200

/** UNTRUSTED: the value may come from anybody. NEWER_VERSION for a version that is not known yet, UNKNOWN_FIELD for a field too many, MALFORMED for anything else. */
export const parseAs =
  <Schema extends z.ZodType>(schema: Schema) =>
  (value: unknown): z.output<Schema> | Refusal => {
    const parsed = schema.safeParse(value)
    if (parsed.success) return parsed.data
    const [issue] = parsed.error.issues
    if (issue === undefined) return refuse('MALFORMED', '')
    if (parsed.error.issues.some((one) => isNewer(value, one))) return refuse('NEWER_VERSION', '/v')
    const where = pointer(issue.path)
    return isUnknownField(issue)
      ? refuse('UNKNOWN_FIELD', where)
      : refuse('MALFORMED', where, issue.message.slice(0, MAX_WHERE))
  }

/** Shapes know one version of a document; what has a higher one was made by a later release. */
const isNewer = (value: unknown, { path }: Issue): boolean =>
  path.length === 1 &&
  path[0] === 'v' &&
  typeof value === 'object' &&
  value !== null &&
  'v' in value &&
  typeof value.v === 'number' &&
  value.v > 1

/** A union's value has a field too many when one of its branches objects to nothing else. */
const isUnknownField = (issue: Issue): boolean =>
  issue.code === 'unrecognized_keys' ||
  (issue.code === 'invalid_union' &&
    issue.errors.some((branch) => branch.length > 0 && branch.every(isUnknownField)))

const pointer = (path: readonly PropertyKey[]): string =>
  path
    .map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
    .slice(0, MAX_WHERE)
