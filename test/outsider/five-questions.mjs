/**
 * five-questions: who approved, under which policy, when, with what rollback plan, and what really happened, out of one
 * packet, or of each packet in a folder, and with nothing of the project that made it: `node five-questions.mjs packet.zip [--log-key <vkey>]`.
 * It checks as it reads: every entry is in the log under the packet's one signed head (RFC 6962), the case is whole and
 * in order, each decision is signed by a key of the person who decided, and over exactly the plan that it prints. It judges
 * nothing: whether that person was allowed to is what the full verifier asks. Ends with 1 where something does not hold.
 */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Whatever does not hold. */
class Wrong extends Error {}

const insist = (holds, what) => {
  if (!holds) throw new Wrong(what)
}

// A packet is a ZIP of stored files: local headers, a directory, its end.

function unzip(bytes) {
  const end = bytes.length - 22
  insist(end >= 0 && bytes.readUInt32LE(end) === 0x06054b50, 'not a ZIP archive of a packet')
  const files = new Map()
  let at = bytes.readUInt32LE(end + 16)
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    insist(bytes.readUInt16LE(at + 10) === 0, 'a packet is not compressed')
    const size = bytes.readUInt32LE(at + 24)
    const nameLength = bytes.readUInt16LE(at + 28)
    const local = bytes.readUInt32LE(at + 42)
    const name = bytes.toString('utf8', at + 46, at + 46 + nameLength)
    const from = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28)
    insist(!files.has(name), `${name} is there twice`)
    files.set(name, bytes.subarray(from, from + size))
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32)
  }
  return files
}

// The log: RFC 6962 hashes, C2SP checkpoints, vkeys and tlog-proofs.

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()
const leafHash = (data) => sha256(Buffer.from([0]), data)
const nodeHash = (left, right) => sha256(Buffer.from([1]), left, right)
const entryHash = (bytes) => `sha256:${leafHash(bytes).toString('hex')}`

/** RFC 9162, 2.1.3.2. */
function isIncluded({ leaf, index, size, root, proof }) {
  let [fn, sn, hash] = [index, size - 1, leaf]
  for (const sibling of proof) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(sibling, hash)
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn >> 1, sn >> 1]
    } else hash = nodeHash(hash, sibling)
    ;[fn, sn] = [fn >> 1, sn >> 1]
  }
  return sn === 0 && hash.equals(root)
}

function readCheckpoint(note) {
  const [origin, size, root] = note.split('\n')
  return { origin, size: Number(size), root: Buffer.from(root, 'base64') }
}

const ed25519 = (raw) =>
  createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]),
    format: 'der',
    type: 'spki',
  })

/** `<name>+<key id>+<base64 of 1 and the key>`, and the note's line of that name and id. */
function isSignedBy(note, vkey) {
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey) ?? []
  const key = Buffer.from(encoded ?? '', 'base64')
  if (key.length !== 33 || key[0] !== 1) return false
  const end = note.indexOf('\n\n') + 1
  return note
    .slice(end + 1)
    .split('\n')
    .filter((line) => line.startsWith(`\u2014 ${name} `))
    .map((line) => Buffer.from(line.split(' ')[2], 'base64'))
    .filter((signed) => signed.toString('hex', 0, 4) === id)
    .some((signed) =>
      verify(null, Buffer.from(note.slice(0, end)), ed25519(key.subarray(1)), signed.subarray(4)),
    )
}

function insistProved({ files, name, bytes }) {
  const file = name.replace(/^entries/, 'proofs').replace(/json$/, 'tlog-proof')
  const [head, checkpoint] = splitOnce(String(files.get(file) ?? ''), '\n\n')
  const [version, index, ...proof] = head.split('\n')
  const note = String(files.get('checkpoint'))
  insist(version === 'c2sp.org/tlog-proof@v1' && checkpoint === note, `${name} has no proof`)
  const { size, root } = readCheckpoint(note)
  const record = Buffer.from(`{"entry":"${entryHash(bytes)}","v":1}`)
  const found = isIncluded({
    leaf: leafHash(record),
    index: Number(index.split(' ')[1]),
    ...{ size, root },
    proof: proof.map((hash) => Buffer.from(hash, 'base64')),
  })
  insist(found, `${name} is not in the log`)
}

function splitOnce(text, by) {
  const at = text.indexOf(by)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + by.length)]
}

/** The entries of a folder, whole and in order, each in the log. */
function entriesIn(files, folder) {
  const names = [...files.keys()].filter((name) => name.startsWith(folder) && /json$/.test(name))
  let prev = null
  return names.sort().map((name, place) => {
    const bytes = files.get(name)
    const entry = JSON.parse(String(bytes))
    insist(entry.seq === place + 1 && entry.prev === prev, `${name} does not follow`)
    insistProved({ files, name, bytes })
    prev = entryHash(bytes)
    return entry
  })
}

// Who signed: DSSE envelopes by keys of the authority that the entry names.

/** RFC 8785, for documents of texts, truth values, whole numbers, lists and records. */
const canonical = (value) =>
  JSON.stringify(value, (_, part) =>
    part === null || typeof part !== 'object' || Array.isArray(part)
      ? part
      : Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1))),
  )
const digestOf = (value) => `sha256:${sha256(Buffer.from(canonical(value))).toString('hex')}`
const payloadOf = (envelope) => JSON.parse(String(Buffer.from(envelope.payload, 'base64')))

function authorityOf(files, { hash }) {
  const bytes = files.get(`authority/${hash.replace('sha256:', '')}.json`)
  insist(bytes !== undefined, `the authority ${hash} is not in the packet`)
  return JSON.parse(String(bytes))
}

/** How the signature is checked: by hand for keys, left to the full verifier for passkeys, which sign WebAuthn's bytes. */
function signedBy({ files, authority, envelope, personId }) {
  const { sections } = authorityOf(files, authority)
  const person = payloadOf(sections.people).persons.find((one) => one.personId === personId)
  const key = person?.keys.find((one) =>
    envelope.signatures.some(({ keyid }) => keyid === one.keyId),
  )
  insist(key !== undefined, `no key of ${personId} signed`)
  const { keyid, sig } = envelope.signatures.find((one) => one.keyid === key.keyId)
  if (key.alg !== 'ed25519' || key.relyingParty !== null) return `signed with the passkey ${keyid}`
  const payload = Buffer.from(envelope.payload, 'base64')
  const { payloadType } = envelope
  const head = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `
  const message = Buffer.concat([Buffer.from(head), payload])
  const raw = Buffer.from(key.publicKey, 'base64')
  const good = verify(null, message, ed25519(raw), Buffer.from(sig, 'base64'))
  insist(good, `the signature of ${personId} with ${keyid} does not hold`)
  return `signature checked with ${keyid}`
}

// The five answers.

const eventsOf = (entries, ...types) =>
  entries.filter(({ body }) => types.includes(body.type)).map(({ at, body }) => ({ ...body, at }))

function whoApproved(files, entries, plan) {
  const decided = eventsOf(entries, 'DecisionAdmitted').map(
    ({ at, authority, envelope, ...said }) => {
      const { verdict, stepId, personId, onBehalfOf, planHash } = payloadOf(envelope)
      insist(planHash === digestOf(plan), `${personId} signed for another plan`)
      insist(
        personId === said.signedBy && stepId === said.stepId && verdict === said.verdict,
        'an entry says what nobody signed',
      )
      const how = signedBy({ files, authority, envelope, personId })
      const whom = onBehalfOf === null ? personId : `${personId} for ${onBehalfOf}`
      return `${whom}: ${verdict} ${stepId} at ${at}, ${how}.`
    },
  )
  const inAdvance = eventsOf(entries, 'Granted').filter(({ mandateId }) => mandateId !== null)
  return [...decided, ...inAdvance.flatMap((granted) => signersOf(files, granted))]
}

/** Of a decision in advance, by keys of the authority under which it was used. */
function signersOf(files, { mandateId, stepId, authority }) {
  const [given] = eventsOf(entriesIn(files, `mandates/${mandateId}/`), 'MandateGiven')
  insist(given !== undefined, `the mandate ${mandateId} is not in the packet`)
  const { envelope, at } = given
  return payloadOf(envelope).signers.map((personId) => {
    const how = signedBy({ files, authority, envelope, personId })
    return `${personId}: approve ${stepId} in advance, by mandate ${mandateId} given at ${at}, ${how}.`
  })
}

const underWhichPolicy = (entries) =>
  eventsOf(entries, 'GateOpened').map(({ stepId, resolved: { pack, requirement } }) => {
    const groups = requirement.groups.map(
      ({ need, name, persons }) => `${need} of ${name} (${persons.join(', ')})`,
    )
    return `${stepId}: ${pack.packId} version ${pack.version}, ${pack.hash}: ${groups.join(' and ') || 'nobody'}.`
  })

const when = (entries) =>
  eventsOf(entries, 'CaseOpened', 'Granted', 'StepPerformed', 'StepFailed', 'CaseClosed').map(
    ({ at, type, stepId, outcome }) =>
      `${at} ${type}${stepId ? ` ${stepId}` : ''}${outcome ? `: ${outcome}` : ''}.`,
  )

const withWhatRollback = (plan) =>
  (plan?.steps ?? []).map(({ stepId, rollback }) => `${stepId}: ${rollback}`)

const whatReallyHappened = (entries) =>
  eventsOf(entries, 'OperationObserved', 'ClaimContradicted', 'FindingRecorded').map(
    ({ type, at, stepId, op, outcome, code, facts, detail }) =>
      type === 'OperationObserved'
        ? `${at} ${stepId}/${op}: ${outcome}${code ? ` (${code})` : ''}${facts.length > 0 ? `, seen: ${facts.join(', ')}` : ''}.`
        : `${at} ${type}${code ? ` ${code}` : ''}${detail ? `: ${detail}` : ''}.`,
  )

function answers(files) {
  const entries = entriesIn(files, 'entries/')
  insist(entries.length > 0, 'the packet has no entries')
  const [planned] = eventsOf(entries, 'Planned')
  const plan = planned?.plan
  return {
    'Who approved?': whoApproved(files, entries, plan),
    'Under which policy?': underWhichPolicy(entries),
    'When?': when(entries),
    'With what rollback plan?': withWhatRollback(plan),
    'What really happened?': whatReallyHappened(entries),
  }
}

/** One packet, or every one of a folder. */
function main([place, ...options]) {
  if (!statSync(place).isDirectory()) return askPacket(place, options)
  const names = readdirSync(place).filter((name) => name.endsWith('.zip'))
  insist(names.length > 0, 'the folder holds no packet')
  for (const name of names.sort()) {
    console.log(name)
    askPacket(join(place, name), options)
  }
}

function askPacket(file, [option, vkey]) {
  const files = unzip(readFileSync(file))
  const note = String(files.get('checkpoint') ?? '')
  const { origin, size } = readCheckpoint(note)
  if (option === '--log-key') insist(isSignedBy(note, vkey ?? ''), 'the log did not sign this head')
  const by =
    option === '--log-key' ? 'signed by the given key' : 'signature NOT checked: no --log-key'
  const answered = answers(files)
  console.log(`${origin}, ${size} entries, ${by}`)
  for (const [question, lines] of Object.entries(answered)) {
    console.log(question)
    for (const line of lines.length > 0 ? lines : ['nothing is recorded.']) console.log(`  ${line}`)
  }
}

try {
  main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Wrong ? error.message : `not a packet: ${error.message}`)
  process.exitCode = 1
}
