-- A case is about an identity, a partner or the enterprise. What it has for itself while it is open is a key of
-- which there is one at a time; null: nothing.
alter table cases
  add column scope_kind text not null default 'identity',
  add column scope_id text,
  add column holds text;
update cases set scope_id = identity_id,
  holds = case when kind = 'contain' then 'containment of ' || identity_id else identity_id end;
alter table cases
  alter column scope_kind drop default,
  alter column scope_id set not null,
  alter column system_id drop not null,
  alter column objective_id drop not null,
  drop column identity_id;
create unique index one_holder_at_a_time on cases (holds) where phase = 'open';
create index cases_by_scope on cases (scope_id, kind);
