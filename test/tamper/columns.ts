/**
 * Every column of the store: how it is altered and what names the alteration, or why it is no evidence. The list is
 * compared with the information schema, so that a new column is either found when altered or has a reason here.
 */
import type { Evidence } from '../support/evidence.js'

/** `set`: an SQL expression for the column; `where`: which row; `named`: what has to stand among the findings. */
export interface Altered {
  readonly set: string
  readonly where: string
  readonly named: string | RegExp
}
/** Why nobody believes the column. */
export type NoEvidence = string
export type Columns = Readonly<Record<string, Readonly<Record<string, Altered | NoEvidence>>>>

const FOUND = 'what can be done with it is asked of signed entries; a row helps to find them'
const DELIVERY = 'when it is delivered again; a lost or doubled signal changes nothing'
const NOTICE = 'what people were told, made of the entries; no decision is taken from it'
const REPORTED = 'a report of somebody else’s, believed by nothing'
const HEALTH = 'how a witness does, for people; its cosignatures are checked'
const CLOCK = 'what a process measured last, for people; when its clock went off is an entry'
const SECRET =
  'encrypted and authenticated under its name: altered, it opens no login, which the connector finds at its use'
const ENFORCED = 'what is enforced on writing; what was written is judged by its signatures'
const ERASABLE = 'where to write to; nothing is committed to it'
const ERASED = 'keeps a name from coming back; that somebody was erased is an entry'
const KEY = 'makes a retry safe; another key opens another case, with entries of its own'
const PROPOSED = 'verified again whenever it is compared, and when it is activated'

export function columns(of: Evidence): Columns {
  const { rotation, containment } = of
  const entry7 = `stream = '${rotation}' and seq = 7`
  const leaf5 = 'index = 5'
  const row = (column: string, set: string): Altered => ({
    set,
    where: `case_id = '${rotation}'`,
    named: `${rotation} /row/${column}`,
  })
  const granted = (set: string): Altered => ({
    set,
    where: `case_id = '${rotation}' and step_id = 'issue'`,
    named: `${rotation} /7`,
  })
  const sealed = (set: string): Altered => ({
    set,
    where: 'true',
    named: RegExp(`${rotation} /\\d+`),
  })
  const page = (set: string): Altered => ({
    set,
    where: 'ctid = (select min(ctid) from page_items)',
    named: /recertify:\S+ \/page/,
  })
  const queued = (set: string): Altered => ({
    set,
    where: `id = (select min(id) from outbox where signal = 'decide')`,
    named: /\/outbox\/\d+/,
  })
  const fence = 'fence:identity:nhi_ledger'
  return {
    streams: {
      stream: {
        set: `'${rotation}x'`,
        where: `stream = '${rotation}'`,
        named: `${rotation}x /end`,
      },
      seq: { set: 'seq - 1', where: `stream = '${rotation}'`, named: `${rotation} /end` },
      head: {
        set: `'sha256:' || repeat('0', 64)`,
        where: `stream = '${rotation}'`,
        named: `${rotation} /end`,
      },
    },
    entries: {
      stream: {
        set: `'${containment}'`,
        where: `stream = '${rotation}' and seq = 36`,
        named: RegExp(`${containment} /\\d+`),
      },
      seq: { set: '1007', where: entry7, named: `${rotation} /7` },
      hash: { set: `'sha256:' || repeat('0', 64)`, where: entry7, named: `${rotation} /7` },
      type: { set: `'Planned'`, where: entry7, named: `${rotation} /7/type` },
      bytes: {
        set: 'set_byte(bytes, 40, get_byte(bytes, 40) # 1)',
        where: entry7,
        named: `${rotation} /7`,
      },
    },
    unsequenced: {
      id: 'the order in which entries of different streams come into the log; within a stream it is checked there',
      hash: {
        set: `'sha256:' || repeat('0', 64)`,
        where: 'id = (select min(id) from unsequenced)',
        named: /recertify:\S+ \/1/,
      },
    },
    leaves: {
      index: { set: '100005', where: leaf5, named: 'log /leaves/5' },
      hash: { set: `'sha256:' || repeat('0', 64)`, where: leaf5, named: 'log /leaves/5' },
    },
    tiles: {
      level: { set: '3', where: 'level = 0', named: 'log /tiles/0/0' },
      index: { set: '9', where: 'level = 0', named: 'log /tiles/0/0' },
      data: {
        set: 'set_byte(data, 160, get_byte(data, 160) # 1)',
        where: 'level = 0',
        named: 'log /leaves/5',
      },
    },
    checkpoints: {
      size: {
        set: 'size + 1000',
        where: 'size = (select min(size) from checkpoints)',
        named: /log \/checkpoints\/10\d\d/,
      },
      note: {
        set: `replace(note, 'bank.test/log', 'bank.test/lag')`,
        where: 'size = (select max(size) from checkpoints)',
        named: /log \/checkpoints\/\d+/,
      },
      at: 'when this process published it; the times of witnesses are signed',
    },
    cosignatures: {
      size: {
        set: '(select max(size) from checkpoints)',
        where: 'true',
        named: /log \/cosignatures\/\d+/,
      },
      witness: {
        set: `replace(witness, 'w1', 'w2')`,
        where: 'true',
        named: /log \/cosignatures\/\d+/,
      },
      line: {
        set: `'\u2014 witness.test/w1 ' || repeat('A', 100) || chr(10)`,
        where: 'true',
        named: /log \/cosignatures\/\d+/,
      },
    },
    quorums: {
      size: {
        set: '(select max(size) from checkpoints)',
        where: 'true',
        named: /log \/quorums\/\d+/,
      },
    },
    witnesses: {
      witness: HEALTH,
      name: HEALTH,
      size: HEALTH,
      cosigned_at: HEALTH,
      fault: HEALTH,
      failing_since: HEALTH,
    },
    cases: {
      case_id: {
        set: `'${rotation}x'`,
        where: `case_id = '${rotation}'`,
        named: `${rotation} /row`,
      },
      kind: row('kind', `'contain'`),
      scope_kind: row('scope_kind', `'partner'`),
      scope_id: row('scope_id', `'nhi_vault'`),
      holds: row('holds', `'nhi_vault'`),
      system_id: row('system_id', 'null'),
      company_id: row('company_id', `'com_zeta'`),
      owner_id: row('owner_id', `'per_ben'`),
      objective_id: row('objective_id', 'null'),
      policy: row('policy', `'demo@2'`),
      tier: row('tier', `'tier3'`),
      phase: row('phase', `'open'`),
      due: row('due', `'plan'`),
      waiting_on: row('waiting_on', `'{nobody}'`),
      outcome: row('outcome', `'declined'`),
      due_until: row('due_until', `'2098-01-01T00:00:00.000Z'`),
      uncounted:
        'how many messages were refused since the last entry that counts them; it is in no evidence (034)',
    },
    clocks: { instance: CLOCK, process: CLOCK, skew_ms: CLOCK, at: CLOCK },
    fences: {
      kind: { set: `'partner'`, where: `id = 'nhi_ledger'`, named: `${fence} /row` },
      id: { set: `'nhi_other'`, where: `id = 'nhi_ledger'`, named: `${fence} /row` },
      epoch: { set: '0', where: `id = 'nhi_ledger'`, named: `${fence} /row` },
    },
    grants: {
      grant_id: granted(`repeat('0', 26)`),
      fencing_token: granted('default'),
      case_id: granted(`'${containment}'`),
      step_id: granted(`'other'`),
      plan_hash: granted(`'sha256:' || repeat('0', 64)`),
      round: granted('9'),
    },
    secrets: { ref: SECRET, case_id: SECRET, box: SECRET },
    credentials: { identity_id: SECRET, credential: SECRET, secret_ref: SECRET },
    sealed: {
      grant_id: sealed(`repeat('0', 26)`),
      consumer_id: sealed(`'cns_other'`),
      jwe: sealed(`jwe || 'A'`),
    },
    notice_cursor: { single: NOTICE, index: NOTICE },
    notices: {
      ...{ id: NOTICE, recipient: NOTICE, case_id: NOTICE, not_before: NOTICE, body: NOTICE },
    },
    notice_deliveries: {
      ...{ notice_id: NOTICE, channel: NOTICE, state: NOTICE, attempts: NOTICE },
      ...{ not_before: NOTICE, fault: NOTICE, done_at: NOTICE },
    },
    outbox: {
      id: DELIVERY,
      case_id: queued(`'${containment}'`),
      signal: queued(`'changed'`),
      payload: queued(`jsonb_set(payload, '{envelope,payload}', '"e30="')`),
      attempts: DELIVERY,
      not_before: DELIVERY,
    },
    authority: {
      version: { set: '7', where: 'true', named: 'authority /bundles/1' },
      bundle: {
        set: `jsonb_set(bundle, '{sections,people,payload}', '"e30="')`,
        where: 'true',
        named: 'authority /bundles/1',
      },
    },
    authority_head: {
      single: 'there is one row, and the table allows no other value',
      version: { set: '7', where: 'true', named: 'authority /head' },
    },
    packs: {
      hash: {
        set: `'sha256:' || repeat('0', 64)`,
        where: 'true',
        named: /authority \/packs\/sha256:/,
      },
      files: {
        set: `'{"pack.yaml": "loose"}'`,
        where: 'true',
        named: /authority \/packs\/sha256:/,
      },
    },
    requests: {
      principal: KEY,
      key: KEY,
      digest: {
        set: `'sha256:' || repeat('0', 64)`,
        where: `case_id = '${rotation}'`,
        named: RegExp(`${rotation} /requests/`),
      },
      case_id: {
        set: `'${containment}'`,
        where: `case_id = '${rotation}'`,
        named: RegExp(`${containment} /requests/`),
      },
    },
    persons_side: {
      person_id: { set: `'per_ben'`, where: 'true', named: 'persons /per_ben' },
      salt: { set: `'pepper'`, where: 'true', named: 'persons /per_ana' },
      name: { set: `'Anna'`, where: 'true', named: 'persons /per_ana' },
      address: ERASABLE,
    },
    reasons_side: {
      digest: { set: `'sha256:' || repeat('0', 64)`, where: 'true', named: /reasons \/sha256:0+/ },
      salt: { set: `'pepper'`, where: 'true', named: /reasons \/sha256:/ },
      reason: { set: `'Another'`, where: 'true', named: /reasons \/sha256:/ },
    },
    documents_side: {
      digest: {
        set: `'sha256:' || repeat('0', 64)`,
        where: 'true',
        named: /documents \/sha256:0+/,
      },
      bytes: { set: `'another'`, where: 'true', named: /documents \/sha256:/ },
    },
    mandates: {
      mandate_id: { set: `repeat('0', 26)`, where: 'true', named: /mandate:\S+ \/row/ },
      not_after: { set: `'2098-01-01T00:00:00.000Z'`, where: 'true', named: /mandate:\S+ \/row/ },
    },
    page_items: {
      identity_id: page(`'nhi_other'`),
      case_id: page(`'${rotation}'`),
      owner_id: page(`'per_zed'`),
      campaign_id: page(`'other'`),
      page: page('9'),
    },
    registered: {
      identity_id: {
        set: `'nhi_other'`,
        where: `identity_id = 'nhi_vault'`,
        named: 'authority /registered/nhi_vault',
      },
      at: {
        set: `'2020-01-01T00:00:00.000Z'`,
        where: `identity_id = 'nhi_vault'`,
        named: 'authority /registered/nhi_vault',
      },
    },
    live_owners: {
      of: { set: `'nhi_other'`, where: `of = 'nhi_vault'`, named: 'authority /owners/nhi_vault' },
      owner_id: {
        set: `'per_zed'`,
        where: `of = 'nhi_vault'`,
        named: 'authority /owners/nhi_vault',
      },
    },
    proposals: { hash: PROPOSED, bundle: PROPOSED },
    reported_persons: {
      person_id: REPORTED,
      status: REPORTED,
      reported_by: REPORTED,
      at: REPORTED,
    },
    erased_persons: { person_id: ERASED },
    entry_writers: { kind: ENFORCED, type: ENFORCED, role: ENFORCED },
    migrations: { name: FOUND },
    log_refused: { single: HEALTH, words: HEALTH, since: HEALTH },
  }
}
