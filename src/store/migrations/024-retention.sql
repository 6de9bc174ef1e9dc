-- What policy lets go of closed cases, and the holds that keep it: who says so, and who may delete it.
insert into entry_writers (kind, type, role) values
  ('ops', 'HoldPlaced', 'cs_api'),
  ('ops', 'HoldReleased', 'cs_api'),
  ('ops', 'CasesPurged', 'cs_api');
grant delete on sealed to cs_api;

-- Boxes of closed cases that no credential needs any more: the API may have them deleted, and never read one.
create function purge_secrets(the_cases text[]) returns integer
  language sql security definer set search_path = public, pg_temp as $$
  with gone as (
    delete from secrets s using cases c
     where c.case_id = s.case_id and c.case_id = any(the_cases) and c.phase = 'closed'
       and not exists (select from credentials k where k.secret_ref = s.ref)
    returning 1)
  select count(*)::integer from gone
$$;
revoke execute on function purge_secrets(text[]) from public;
grant execute on function purge_secrets(text[]) to cs_api;
