-- A containment does not wait for the case that has the identity: each identity may have one open case of
-- people's work and one open containment.
drop index one_open_case_per_identity;
create unique index one_open_case_per_identity on cases (identity_id)
  where phase = 'open' and kind <> 'contain';
create unique index one_open_containment_per_identity on cases (identity_id)
  where phase = 'open' and kind = 'contain';

-- Decisions in advance. What counts is the mandate's own stream; a row helps to find it.
create table mandates (
  mandate_id text primary key,
  not_after text not null
);
grant select, insert on mandates to cs_api;
grant select on mandates to cs_connector, cs_worker, cs_keeper;

create or replace function only_the_connector() returns trigger language plpgsql as $$
begin
  if new.type in ('Planned', 'GateOpened', 'GateRefused', 'Granted', 'OperationObserved', 'TaskOffered',
                  'ClaimContradicted', 'StepPerformed', 'StepFailed', 'StepUndone', 'MandateUsed', 'FenceLifted')
     and not pg_has_role(current_user, 'cs_connector', 'member') then
    raise exception 'only the connector writes %', new.type using errcode = '42501';
  end if;
  return new;
end $$;

-- The keeper opens cases that open by themselves.
grant select, insert on requests to cs_keeper;
-- SELECT ... FOR SHARE needs UPDATE on some column.
grant update (single) on authority_head to cs_keeper;

-- How a closed case ended, for lists.
alter table cases add column outcome text;
