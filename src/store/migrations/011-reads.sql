-- What is asked of all cases is found by an index, so that the answer costs as much after many cases as after few.

-- The items of every page of a campaign. A row helps to find the page; what the page says is in its entries.
create table page_items (
  identity_id text not null,
  case_id text not null references cases (case_id),
  owner_id text not null,
  campaign_id text not null,
  page integer not null,
  primary key (identity_id, case_id)
);
create index page_items_newest_first on page_items (identity_id, right(case_id, 26) desc);
create index page_items_by_campaign on page_items (campaign_id, page);
insert into page_items (identity_id, case_id, owner_id, campaign_id, page)
  select i.id, c.case_id, o.asked ->> 'ownerId', o.asked ->> 'campaignId', (o.asked ->> 'page')::integer
    from cases c
    join lateral (select convert_from(e.bytes, 'UTF8')::jsonb #> '{body,asked}' as asked
                    from entries e where e.stream = c.case_id and e.seq = 1) o on true
   cross join lateral jsonb_array_elements_text(o.asked -> 'identities') i (id)
   where c.kind = 'recertify';
grant select, insert on page_items to cs_api, cs_worker, cs_keeper, cs_connector;

-- When a bundle that registers the identity was first installed.
create table registered (
  identity_id text primary key,
  at text not null
);
insert into registered (identity_id, at)
  select i ->> 'identityId', min(convert_from(e.bytes, 'UTF8')::jsonb ->> 'at')
    from entries e
    join authority a on a.version = (convert_from(e.bytes, 'UTF8')::jsonb #>> '{body,version}')::integer
   cross join lateral jsonb_array_elements(
     convert_from(decode(a.bundle #>> '{sections,ownership,payload}', 'base64'), 'UTF8')::jsonb -> 'identities') i
   where e.stream = 'authority' and e.type = 'AuthorityInstalled'
   group by 1;
grant select, insert on registered to cs_api, cs_connector;
grant select on registered to cs_worker, cs_keeper;

-- The entries that lists and the reconciler look for, whatever their stream holds besides.
create index entries_looked_for on entries (type, stream)
  where type in ('Granted', 'StepPerformed', 'CaseClosed', 'Fenced');
-- The newest case that gave an identity its secret.
create index cases_that_renewed on cases (scope_id, right(case_id, 26) desc)
  where kind in ('rotate', 'provision', 'reinstate') and outcome = 'completed';
