/** The options that all commands of people and partners have, and the client they lead to. */
import { Command } from 'commander'
import { type ApiClient, createClient } from './client.js'

export interface Common {
  readonly profile?: string
  readonly json?: boolean
}

export const withProfile = (name: string): Command =>
  new Command(name)
    .option('--profile <file>', 'who you are and where the API is (or COUNTERSIGN_PROFILE)')
    .option('--json', 'one JSON document on stdout')

export const clientFor = ({ profile }: Common): Promise<ApiClient> => createClient({ profile })
