/**
 * namespace: where the product's workflows live on a Temporal server.
 * search attribute: a typed name by which Temporal lists workflows.
 */

import { connect } from 'node:net'
import { setTimeout as timer } from 'node:timers/promises'
import { Connection, isGrpcServiceError } from '@temporalio/client'
import type { ChildExit } from './children.js'

// Numbers of temporal.api.enums.v1.IndexedValueType; the package that names them has no ES exports.
const types: Readonly<Record<string, number>> = {
  Text: 1,
  Keyword: 2,
  Int: 3,
  Double: 4,
  Bool: 5,
  Datetime: 6,
  KeywordList: 7,
}

const SDK_TYPES: Readonly<Record<string, string>> = {
  TEXT: 'Text',
  KEYWORD: 'Keyword',
  KEYWORD_LIST: 'KeywordList',
  DATETIME: 'Datetime',
  INT: 'Int',
  DOUBLE: 'Double',
  BOOL: 'Bool',
}

/** What a server has to have for these keys of the SDK. */
export const searchAttributesOf = (
  keys: readonly { readonly name: string; readonly type: string }[],
): SearchAttributes =>
  Object.fromEntries(keys.map(({ name, type }) => [name, SDK_TYPES[type] ?? type]))

/** Name to type: Text, Keyword, Int, Double, Bool, Datetime or KeywordList. */
export type SearchAttributes = Readonly<Record<string, string>>

export type NamespaceRequest = {
  /** `host:port` */
  address: string
  namespace: string
  searchAttributes: SearchAttributes
  /** Settles when the server has ended, which ends the wait. */
  gone: Promise<ChildExit>
}

const READY_WITHIN_MS = 60_000
const LOOK_AGAIN_MS = 50

/**
 * Afterwards the namespace answers and has every search attribute with its type.
 * Throws when the server ends, stays silent for a minute, or has an attribute with another type.
 */
export const prepareNamespace = async (request: NamespaceRequest): Promise<void> => {
  for (const [name, type] of Object.entries(request.searchAttributes))
    if (types[type] === undefined) throw new Error(`search attribute ${name}: no type "${type}"`)
  const watch = watchUntil(request.gone)
  await until(watch, () => accepts(request.address))
  const connection = await Connection.connect({ address: request.address })
  try {
    await until(watch, () => namespaceAnswers({ connection, namespace: request.namespace }))
    await addMissing({ connection, ...request })
    await until(watch, async () => (await missing({ connection, ...request })).length === 0)
  } finally {
    await connection.close()
  }
}

type Watch = { ended(): ChildExit | undefined; deadline: number }

const watchUntil = (gone: Promise<ChildExit>): Watch => {
  let exit: ChildExit | undefined
  void gone.then((how) => {
    exit = how
  })
  return { ended: () => exit, deadline: performance.now() + READY_WITHIN_MS }
}

const until = async (watch: Watch, condition: () => Promise<boolean>): Promise<void> => {
  while (!(await condition())) {
    const ended = watch.ended()
    if (ended !== undefined) throw new Error(`it ended (${ended.signal ?? `exit ${ended.code}`})`)
    if (performance.now() > watch.deadline)
      throw new Error(`not in service in ${READY_WITHIN_MS / 1000} s`)
    await timer(LOOK_AGAIN_MS)
  }
}

// Asked before the gRPC client connects, because that client waits a second after a refusal.
const accepts = (address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(`tcp://${address}`)
    const socket = connect({ host: hostname, port: Number(port) })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

const NOT_FOUND = 5
const UNAVAILABLE = 14

const namespaceAnswers = async (input: {
  connection: Connection
  namespace: string
}): Promise<boolean> => {
  try {
    await input.connection.workflowService.describeNamespace({ namespace: input.namespace })
    return true
  } catch (error) {
    if (isGrpcServiceError(error) && [NOT_FOUND, UNAVAILABLE].includes(error.code)) return false
    throw error
  }
}

type Attributes = {
  connection: Connection
  namespace: string
  searchAttributes: SearchAttributes
}

const missing = async (input: Attributes): Promise<string[]> => {
  const { customAttributes } = await input.connection.operatorService.listSearchAttributes({
    namespace: input.namespace,
  })
  const wanted = Object.entries(input.searchAttributes)
  for (const [name, type] of wanted) {
    const found = customAttributes?.[name]
    if (found !== undefined && found !== types[type])
      throw new Error(`search attribute ${name} exists with another type than ${type}`)
  }
  return wanted.map(([name]) => name).filter((name) => customAttributes?.[name] === undefined)
}

const addMissing = async (input: Attributes): Promise<void> => {
  const names = await missing(input)
  if (names.length === 0) return
  const searchAttributes = Object.fromEntries(
    Object.entries(input.searchAttributes)
      .filter(([name]) => names.includes(name))
      .map(([name, type]) => [name, types[type] ?? 0]),
  )
  await input.connection.operatorService.addSearchAttributes({
    namespace: input.namespace,
    searchAttributes,
  })
}
