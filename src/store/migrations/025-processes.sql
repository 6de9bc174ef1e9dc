-- Each process says in a stream of its own what was started and when its clock was off; no role says it for another.
alter table entry_writers drop constraint entry_writers_kind_check;
alter table entry_writers add constraint entry_writers_kind_check check (
  kind in ('case', 'fence', 'mandate', 'requests', 'authority', 'findings', 'kit', 'ops', 'emergency-use', 'process'));
insert into entry_writers (kind, type, role)
  select 'process', type, role
    from unnest('{ProcessStarted,ClockLooked}'::text[]) as type,
         unnest('{cs_api,cs_worker,cs_keeper,cs_connector}'::text[]) as role;

create or replace function stream_kind(stream text) returns text language sql immutable as $$
  select case when stream ~ '^(fence|mandate|requests|findings|kit|emergency-use|process):' then split_part(stream, ':', 1)
              when stream in ('authority', 'ops') then stream
              else 'case' end
$$;

create or replace function only_its_writers() returns trigger language plpgsql as $$
begin
  if not exists (
    select from entry_writers w
     where w.kind = stream_kind(new.stream) and w.type = new.type and pg_has_role(current_user, w.role, 'member')
       and (w.kind <> 'process' or w.role = 'cs_' || split_part(new.stream, ':', 2)))
  then
    raise exception '% may not write % into %', current_user, new.type, new.stream using errcode = '42501';
  end if;
  return new;
end $$;

-- How far the clock of each running process is from the database's, as it measured last. For people; what passed the bound is an entry.
create table clocks (
  instance text primary key,
  process text not null check (process in ('api', 'worker', 'keeper', 'connector')),
  skew_ms bigint not null,
  at timestamptz not null default clock_timestamp()
);
grant select, insert, update, delete on clocks to cs_api, cs_worker, cs_keeper, cs_connector;
alter table clocks enable row level security;
create policy everybody_reads on clocks for select using (true);
create policy each_its_own on clocks using (pg_has_role(current_user, 'cs_' || process, 'member'));
