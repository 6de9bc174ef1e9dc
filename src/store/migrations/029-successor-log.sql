-- A log that lost entries is followed by another one, opened by the owner of the database under two officers' signatures;
-- what the targets show of the entries that are gone is the connector's to say. Why nothing is signed is a state of the keeper.
alter table entry_writers drop constraint entry_writers_kind_check;
alter table entry_writers add constraint entry_writers_kind_check check (kind in
  ('case', 'fence', 'mandate', 'requests', 'authority', 'findings', 'kit', 'ops', 'emergency-use', 'process', 'log'));

create or replace function stream_kind(stream text) returns text language sql immutable as $$
  select case when stream ~ '^(fence|mandate|requests|findings|kit|emergency-use|process|log):' then split_part(stream, ':', 1)
              when stream in ('authority', 'ops') then stream
              else 'case' end
$$;

insert into entry_writers (kind, type, role) values
  ('log', 'LogSucceeded', 'pg_database_owner'),
  ('case', 'CaseResumed', 'pg_database_owner'),
  ('case', 'CaseClosed', 'pg_database_owner'),
  ('ops', 'TargetsReconciled', 'cs_connector');

create table log_refused (
  single boolean primary key default true check (single),
  words text not null,
  since timestamptz not null default clock_timestamp()
);
grant select on log_refused to cs_api, cs_worker, cs_keeper, cs_connector;
grant insert, update, delete on log_refused to cs_keeper;
