/**
 * download: the CLI's release archive, by the protocol of the Temporal SDKs: temporal.download
 * names the archive of a version for a platform and the file to take out of it.
 *
 * Promise: the destination appears complete or not at all. No network is an ordinary outcome.
 */
import { execFile } from 'node:child_process'
import { chmodSync, createWriteStream, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { promisify } from 'node:util'
import { z } from 'zod'

export type Fetched = { kind: 'done' } | { kind: 'failed'; reason: string }

export type Download = {
  /** `https://host` of the service. */
  from: string
  version: string
  /** The binary's final path. */
  to: string
  progress: (line: string) => void
}

const ANSWER_WITHIN_MS = 5_000
const ARCHIVE_WITHIN_MS = 300_000

const archiveInfo = z.object({ archiveUrl: z.url(), fileToExtract: z.string().regex(/^[\w.-]+$/) })

const run = promisify(execFile)

/** Downloads one binary. Never throws for a network or archive problem: that is a reason. */
export const downloadTemporal = async (download: Download): Promise<Fetched> => {
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch as string]
  if (arch === undefined) return { kind: 'failed', reason: `no release for ${process.arch}` }
  mkdirSync(path.dirname(download.to), { recursive: true })
  const folder = mkdtempSync(`${download.to}-download-`)
  try {
    await fetchInto({ ...download, arch, folder })
    return { kind: 'done' }
  } catch (error) {
    return { kind: 'failed', reason: reasonOf(error) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const fetchInto = async (input: Download & { arch: string; folder: string }): Promise<void> => {
  const asked = new URL(`/cli/v${input.version}`, input.from)
  asked.search = new URLSearchParams({
    arch: input.arch,
    platform: process.platform,
    format: 'tar.gz',
  }).toString()
  const answer = await get({ url: asked, withinMs: ANSWER_WITHIN_MS })
  // UNTRUSTED: the answer names a file to extract; the pattern keeps it inside our folder.
  const info = archiveInfo.parse(await answer.json())
  const archive = path.join(input.folder, 'archive.tar.gz')
  const response = await get({ url: new URL(info.archiveUrl), withinMs: ARCHIVE_WITHIN_MS })
  await pipeline(counted({ response, progress: input.progress }), createWriteStream(archive))
  await run('tar', ['-xzf', archive, '-C', input.folder, info.fileToExtract])
  const binary = path.join(input.folder, info.fileToExtract)
  chmodSync(binary, 0o755)
  renameSync(binary, input.to)
}

const get = async (input: { url: URL; withinMs: number }): Promise<Response> => {
  const response = await fetch(input.url, { signal: AbortSignal.timeout(input.withinMs) })
  if (!response.ok) throw new Error(`${input.url.host} answered ${response.status}`)
  return response
}

const MEGABYTE = 1_000_000

const counted = async function* (input: {
  response: Response
  progress: (line: string) => void
}): AsyncGenerator<Uint8Array> {
  if (input.response.body === null) throw new Error('an empty archive')
  let received = 0
  let said = 0
  for await (const chunk of Readable.fromWeb(input.response.body as ReadableStream<Uint8Array>)) {
    received += chunk.length
    if (received - said >= MEGABYTE) {
      said = received
      input.progress(`downloading the Temporal server: ${Math.floor(received / MEGABYTE)} MB`)
    }
    yield chunk
  }
}

// `fetch` says only "fetch failed"; its cause says why.
const reasonOf = (error: unknown): string => {
  if (error instanceof z.ZodError) return 'the answer names no archive'
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? error.cause.message : error.message
  return cause.split('\n')[0]?.slice(0, 120) ?? error.name
}
