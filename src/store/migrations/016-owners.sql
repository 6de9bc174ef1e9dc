-- Who answers for each identity and each outcome under the authority in force: one row each, so one person each. Whoever
-- is no live person of the enterprise has no row.
create table live_owners (
  of text primary key,
  owner_id text not null
);
insert into live_owners (of, owner_id)
  with parts as (
    select convert_from(decode(a.bundle #>> '{sections,ownership,payload}', 'base64'), 'UTF8')::jsonb as ownership,
           convert_from(decode(a.bundle #>> '{sections,people,payload}', 'base64'), 'UTF8')::jsonb as people
      from authority a join authority_head h on h.version = a.version),
  owned as (
    select i ->> 'identityId' as of, i ->> 'ownerId' as owner_id
      from parts, jsonb_array_elements(ownership -> 'identities') i
    union all
    select o ->> 'objectiveId' || ' ' || w.key, w.value
      from parts, jsonb_array_elements(ownership -> 'objectives') o, jsonb_each_text(o -> 'owners') w)
  select owned.of, owned.owner_id
    from owned, parts, jsonb_array_elements(people -> 'persons') p, jsonb_array_elements(people -> 'companies') c
   where p ->> 'personId' = owned.owner_id and p ->> 'status' = 'active'
     and c ->> 'companyId' = p ->> 'companyId' and c ->> 'kind' = 'enterprise';
grant select, insert, delete on live_owners to cs_api, cs_connector;
grant select on live_owners to cs_worker, cs_keeper;

-- No owner, no work: what a partner changes for an identity begins under its one live owner.
create function owned_work() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from live_owners where of = new.scope_id and owner_id = new.owner_id) then
    raise exception 'nobody who is there owns %', new.scope_id using errcode = '23503';
  end if;
  return new;
end
$$;
create trigger owned_work before insert on cases for each row
  when (new.kind in ('rotate', 'provision', 'reinstate') and new.phase = 'open')
  execute function owned_work();
