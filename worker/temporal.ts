/**
 * The client's way to Temporal: connected at first use and again after a failure, so that a process can
 * start and work without it. Payloads go through the codec; the connection authorises nothing.
 */
import { Client, Connection } from '@temporalio/client'
import { dataConverter } from '../src/codec/data-converter.js'
import type { TemporalConfig } from '../src/config.js'

export interface LazyClient {
  /** Rejects while Temporal cannot be reached. */
  readonly get: () => Promise<Client>
  readonly close: () => Promise<void>
}

const CONNECT_WITHIN_MS = 5000

export function lazyClient(config: TemporalConfig, identity: string): LazyClient {
  let connecting: Promise<Client> | null = null
  const connect = async (): Promise<Client> => {
    const { address, namespace, codecKeys } = config
    const connection = await Connection.connect({ address, connectTimeout: CONNECT_WITHIN_MS })
    return new Client({
      connection,
      namespace,
      identity,
      dataConverter: dataConverter({ keys: codecKeys }),
    })
  }
  return {
    get: async () => {
      connecting ??= connect()
      try {
        return await connecting
      } catch (error) {
        connecting = null
        throw error
      }
    },
    close: async () => {
      const client = await connecting?.catch(() => null)
      await client?.connection.close()
    },
  }
}
