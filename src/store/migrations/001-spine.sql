-- The evidence store. One role per process; what makes a row evidence is enforced here and proved by
-- the ledger. Nothing in these tables is believed by the gate unless it is signed or chained.

create table streams (
  stream text primary key,
  seq integer not null default 0,
  head text
);

-- Entries are only ever added. `hash` is the RFC 6962 leaf hash of `bytes`.
create table entries (
  stream text not null references streams (stream),
  seq integer not null check (seq > 0),
  hash text not null unique,
  type text not null,
  bytes bytea not null check (octet_length(bytes) <= 65536),
  primary key (stream, seq)
);

-- What the sequencer has not integrated yet; written with the entry, deleted with the integration.
create table unsequenced (
  id bigint generated always as identity primary key,
  hash text not null references entries (hash)
);

create table leaves (
  index bigint primary key,
  hash text not null unique references entries (hash)
);

create table tiles (
  level smallint not null,
  index bigint not null,
  data bytea not null check (octet_length(data) % 32 = 0 and octet_length(data) <= 8192),
  primary key (level, index)
);

create table checkpoints (
  size bigint primary key,
  note text not null
);

-- One row per case: what lists and locks need. The case itself is the fold of its entries.
create table cases (
  case_id text primary key references streams (stream),
  kind text not null,
  identity_id text not null,
  system_id text not null,
  company_id text not null,
  owner_id text not null,
  objective_id text not null,
  policy text not null,
  tier text not null,
  phase text not null default 'open' check (phase in ('open', 'closed')),
  due text not null default 'plan',
  waiting_on text[] not null default '{system}'
);
create unique index one_open_case_per_identity on cases (identity_id) where phase = 'open';
create index cases_newest_first on cases (right(case_id, 26) desc);
create index cases_by_waiting on cases using gin (waiting_on) where phase = 'open';

-- A fence row exists for every scope from the first case on, so that the gate can hold it FOR SHARE.
create table fences (
  kind text not null check (kind in ('partner', 'system', 'identity')),
  id text not null,
  epoch integer not null default 0,
  primary key (kind, id)
);

-- Written by the connector only, in the gate's transaction. A round is a new opening of the same gate.
create table grants (
  grant_id text primary key,
  fencing_token bigint generated always as identity unique,
  case_id text not null references cases (case_id),
  step_id text not null,
  plan_hash text not null,
  round integer not null,
  unique (case_id, step_id, plan_hash, round)
);

-- Secrets at rest, encrypted by the connector before they get here; no other role can read them.
create table secrets (
  ref text primary key,
  case_id text,
  box jsonb not null
);
create table credentials (
  identity_id text not null,
  credential text not null,
  secret_ref text not null references secrets (ref),
  primary key (identity_id, credential)
);
-- Sealed to the consumer: nobody else can open them.
create table sealed (
  grant_id text not null,
  consumer_id text not null,
  jwe text not null,
  primary key (grant_id, consumer_id)
);

create table outbox (
  id bigint generated always as identity primary key,
  case_id text not null,
  signal text not null check (signal in ('decide', 'changed')),
  payload jsonb not null,
  attempts integer not null default 0,
  not_before timestamptz not null default now()
);

create table authority (
  version integer primary key,
  bundle jsonb not null
);
create table authority_head (
  single boolean primary key default true check (single),
  version integer not null references authority (version)
);
create table packs (
  hash text primary key,
  files jsonb not null
);

create table requests (
  principal text not null,
  key text not null,
  digest text not null,
  case_id text,
  primary key (principal, key)
);

-- The erasable side store: names, addresses and reasons. Entries hold salted commitments only.
create table persons_side (
  person_id text primary key,
  salt text not null,
  name text not null,
  address text not null
);
create table reasons_side (
  digest text primary key,
  salt text not null,
  reason text not null
);

create function now_iso() returns text language sql volatile as $$
  select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- Locks the stream for this transaction, then reads clock and entries: what is read is what is locked.
create function lock_stream(the_stream text, make boolean)
returns table (seq integer, head text, at text, entries bytea[]) language plpgsql volatile as $$
begin
  if make then insert into streams (stream) values (the_stream) on conflict do nothing; end if;
  perform 1 from streams s where s.stream = the_stream for update;
  return query
    select s.seq, s.head, now_iso(),
           coalesce((select array_agg(e.bytes order by e.seq) from entries e where e.stream = the_stream), '{}')
      from streams s where s.stream = the_stream;
end $$;

-- Adds chained entries to a locked stream. Refuses unless they follow what is there.
create function append_entries(
  the_stream text, after integer, hashes text[], types text[], contents bytea[]
) returns void language plpgsql volatile as $$
declare
  n integer := cardinality(hashes);
begin
  update streams s set seq = after + n, head = hashes[n] where s.stream = the_stream and s.seq = after;
  if not found then raise exception 'stream % moved', the_stream using errcode = '40001'; end if;
  insert into entries (stream, seq, hash, type, bytes)
    select the_stream, after + i, hashes[i], types[i], contents[i] from generate_series(1, n) i;
  insert into unsequenced (hash) select hashes[i] from generate_series(1, n) i;
  perform pg_notify('entries', '');
end $$;

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'evidence is only ever added' using errcode = '42501';
end $$;
create trigger entries_are_kept before update or delete or truncate on entries
  for each statement execute function refuse_change();
create trigger grants_are_kept before update or delete or truncate on grants
  for each statement execute function refuse_change();

-- Entries that only a connector may write. The attestation inside is what a verifier believes.
create function only_the_connector() returns trigger language plpgsql as $$
begin
  if new.type in ('Planned', 'GateOpened', 'GateRefused', 'Granted', 'OperationObserved', 'TaskOffered',
                  'ClaimContradicted', 'StepPerformed', 'StepFailed', 'StepUndone')
     and not pg_has_role(current_user, 'cs_connector', 'member') then
    raise exception 'only the connector writes %', new.type using errcode = '42501';
  end if;
  return new;
end $$;
create trigger connector_entries before insert on entries
  for each row execute function only_the_connector();

grant usage on schema public to cs_api, cs_worker, cs_keeper, cs_connector;
grant select, insert, update on streams to cs_api, cs_worker, cs_keeper, cs_connector;
grant select, insert on entries to cs_api, cs_worker, cs_keeper, cs_connector;
grant insert on unsequenced to cs_api, cs_worker, cs_keeper, cs_connector;
grant select, insert, update on cases to cs_api, cs_worker, cs_keeper, cs_connector;
grant select, insert on outbox to cs_api, cs_worker, cs_keeper, cs_connector;
grant select on leaves, tiles, checkpoints, authority, authority_head, packs, fences, grants
  to cs_api, cs_worker, cs_keeper, cs_connector;

grant insert, update on fences, authority_head to cs_api;
grant insert on authority, packs to cs_api;
grant select, insert, update on requests to cs_api;
grant select, insert, delete on persons_side, reasons_side to cs_api;
grant select on sealed to cs_api;

grant select, delete on unsequenced to cs_keeper;
grant insert on leaves, checkpoints to cs_keeper;
grant insert, update on tiles to cs_keeper;
grant update, delete on outbox to cs_keeper;

-- SELECT ... FOR SHARE needs UPDATE on some column; the connector may lock fences, never raise or clear one.
grant update (kind) on fences to cs_connector;
grant update (single) on authority_head to cs_connector;
grant insert on grants to cs_connector;
grant select, insert on secrets, sealed to cs_connector;
grant select, insert, update on credentials to cs_connector;
