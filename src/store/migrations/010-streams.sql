-- Who may write which entry, and that an entry is what its row says and follows what is there. A role that is
-- taken over can still say what its process may say, and nothing else; the signatures inside are judged as ever.
create table entry_writers (
  kind text not null check (kind in ('case', 'fence', 'mandate', 'requests', 'authority', 'findings', 'kit', 'ops')),
  type text not null,
  role text not null,
  primary key (kind, type, role)
);
grant select on entry_writers to cs_api, cs_worker, cs_keeper, cs_connector;

insert into entry_writers (kind, type, role)
  select kind, type, role
    from (values
      ('case', '{CaseOpened}', '{cs_api,cs_keeper,cs_connector}'),
      ('case', '{DecisionAdmitted,DecisionRefused,RefusalsCounted,GateDeclined}', '{cs_api,cs_worker}'),
      ('case', '{GateSatisfied,CaseClosed}', '{cs_api,cs_worker,cs_keeper,cs_connector}'),
      ('case', '{GateEscalated,GateExpired,TaskExpired}', '{cs_worker,cs_keeper}'),
      ('case', '{TaskLeased,ClaimRecorded}', '{cs_api}'),
      ('case', '{CaseFenced}', '{cs_worker,cs_connector}'),
      ('case', '{WorkflowRecovered}', '{cs_api,cs_worker,cs_keeper}'),
      ('case', '{FindingRecorded}', '{cs_api,cs_worker,cs_keeper,cs_connector}'),
      ('case', '{Planned,GateOpened,GateRefused,Granted,OperationObserved,TaskOffered}', '{cs_connector}'),
      ('case', '{ClaimContradicted,StepPerformed,StepFailed,StepUndone}', '{cs_connector}'),
      ('fence', '{Fenced}', '{cs_api}'),
      ('fence', '{FenceLifted}', '{cs_connector}'),
      ('mandate', '{MandateGiven,MandateRevoked}', '{cs_api}'),
      ('mandate', '{MandateUsed}', '{cs_connector}'),
      ('requests', '{RequestRefused}', '{cs_api,cs_keeper,cs_connector}'),
      ('authority', '{AuthorityInstalled}', '{cs_api,cs_connector}'),
      ('kit', '{KitUsed}', '{cs_api}'),
      ('ops', '{OperatorActed}', '{cs_api}'),
      ('findings', '{FindingRecorded}', '{cs_api,cs_worker,cs_keeper,cs_connector}')
    ) as said (kind, types, roles),
    unnest(types::text[]) as type,
    unnest(roles::text[]) as role;

create function stream_kind(stream text) returns text language sql immutable as $$
  select case when stream ~ '^(fence|mandate|requests|findings|kit):' then split_part(stream, ':', 1)
              when stream in ('authority', 'ops') then stream
              else 'case' end
$$;

create function only_its_writers() returns trigger language plpgsql as $$
begin
  if not exists (
    select from entry_writers w
     where w.kind = stream_kind(new.stream) and w.type = new.type and pg_has_role(current_user, w.role, 'member'))
  then
    raise exception '% may not write % into %', current_user, new.type, new.stream using errcode = '42501';
  end if;
  return new;
end $$;
drop trigger connector_entries on entries;
drop function only_the_connector();
create trigger entries_by_their_writers before insert on entries
  for each row execute function only_its_writers();

-- The entry's bytes say what its row says; it follows the head of its stream and is the new one.
create function chain_entry() returns trigger
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  said json := convert_from(new.bytes, 'UTF8')::json;
begin
  if new.hash is distinct from 'sha256:' || encode(sha256('\x00'::bytea || new.bytes), 'hex')
     or (said -> 'stream')::text is distinct from to_json(new.stream)::text
     or (said -> 'seq')::text is distinct from new.seq::text
     or (said -> 'body' -> 'type')::text is distinct from to_json(new.type)::text then
    raise exception 'not the entry that its row says' using errcode = '23514';
  end if;
  update streams s set seq = new.seq, head = new.hash
   where s.stream = new.stream and s.seq = new.seq - 1
     and coalesce(to_json(s.head)::text, 'null') = (said -> 'prev')::text;
  if not found then raise exception 'stream % moved', new.stream using errcode = '40001'; end if;
  return new;
end $$;
create trigger entries_are_chained before insert on entries
  for each row execute function chain_entry();

-- Every entry is sequenced, once; every fence raised counts in the row that gates hold.
create function sequence_entries() returns trigger
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into unsequenced (hash) select hash from added order by stream, seq;
  insert into fences as f (kind, id, epoch)
    select split_part(stream, ':', 2), split_part(stream, ':', 3), count(*) from added
     where stream_kind(stream) = 'fence' and type = 'Fenced' group by stream
    on conflict (kind, id) do update set epoch = f.epoch + excluded.epoch;
  return null;
end $$;
create trigger entries_are_sequenced after insert on entries referencing new table as added
  for each statement execute function sequence_entries();

create or replace function append_entries(
  the_stream text, after integer, hashes text[], types text[], contents bytea[]
) returns void language plpgsql volatile as $$
begin
  insert into entries (stream, seq, hash, type, bytes)
    select the_stream, after + i, hashes[i], types[i], contents[i]
      from generate_series(1, cardinality(hashes)) i order by i;
  perform pg_notify('entries', case when 'Granted' = any(types) then 'awaited' else '' end);
end $$;

-- What is left to the roles: to make a stream, to lock it, to make a fence's row, to hold it.
revoke insert, update on streams from cs_api, cs_worker, cs_keeper, cs_connector;
grant insert (stream), update (stream) on streams to cs_api, cs_worker, cs_keeper, cs_connector;
revoke insert on unsequenced from cs_api, cs_worker, cs_keeper, cs_connector;
revoke insert, update on fences from cs_api;
grant insert (kind, id), update (kind) on fences to cs_api;

-- Containments ask for one fence by its id.
create index fences_raised on entries (type) where type = 'Fenced';

-- Refused messages since the last entry that counted them.
alter table cases add column uncounted integer not null default 0;
