-- The stream of all uses of emergency access: written by a connector alone.
alter table entry_writers drop constraint entry_writers_kind_check;
alter table entry_writers add constraint entry_writers_kind_check check (
  kind in ('case', 'fence', 'mandate', 'requests', 'authority', 'findings', 'kit', 'ops', 'emergency-use'));
insert into entry_writers (kind, type, role) values
  ('emergency-use', 'EmergencyUsed', 'cs_connector'),
  ('emergency-use', 'EmergencySettled', 'cs_connector');

create or replace function stream_kind(stream text) returns text language sql immutable as $$
  select case when stream ~ '^(fence|mandate|requests|findings|kit|emergency-use):' then split_part(stream, ':', 1)
              when stream in ('authority', 'ops') then stream
              else 'case' end
$$;
