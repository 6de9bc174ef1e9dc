-- What people and partners are told. Nothing here is evidence: a notice follows from entries, and says so to whoever
-- derives it again. A delivery is a fact about a channel, and no address stands in either.
create table notice_cursor (
  single boolean primary key default true check (single),
  -- Of the last entry of the log whose notices were made.
  index bigint not null
);

create table notices (
  id text primary key,
  recipient text not null,
  case_id text,
  not_before timestamptz not null,
  body jsonb not null
);
create index notices_by_case on notices (case_id) where case_id is not null;

create table notice_deliveries (
  notice_id text not null references notices (id),
  channel text not null,
  state text not null default 'queued' check (state in ('queued', 'sent', 'moot', 'given-up')),
  attempts integer not null default 0,
  not_before timestamptz not null,
  fault text,
  done_at timestamptz,
  primary key (notice_id, channel)
);
create index notice_deliveries_due on notice_deliveries (not_before) where state = 'queued';

grant select, insert, update on notice_cursor, notices, notice_deliveries to cs_keeper;
grant select on notices, notice_deliveries to cs_api, cs_worker, cs_connector;
-- Where a person is reached; not their name.
grant select (person_id, address) on persons_side to cs_keeper;
