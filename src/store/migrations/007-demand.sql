-- What a partner hands in on demand, beside its entries: it may have to be erased, and its digest stays.
create table documents_side (
  digest text primary key,
  bytes bytea not null check (octet_length(bytes) between 1 and 49152)
);
grant select, insert, delete on documents_side to cs_api;
grant select on documents_side to cs_connector;

-- Until when an open case waits for what it waits for; null when it waits for nobody. Deadlines pass with Temporal away.
alter table cases add column due_until text;
create index cases_by_deadline on cases (due_until) where phase = 'open' and due_until is not null;
