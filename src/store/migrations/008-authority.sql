-- A signed bundle that somebody proposes to make the authority. Storing is not believing.
create table proposals (
  hash text primary key,
  bundle jsonb not null
);
grant select, insert on proposals to cs_api;
grant select on proposals to cs_connector, cs_worker, cs_keeper;

-- The connector activates what was approved.
grant insert on authority to cs_connector;
grant update (version) on authority_head to cs_connector;

-- What somebody reports about persons, such as a directory's list of leavers. Believed by nothing; it is listed.
create table reported_persons (
  person_id text primary key,
  status text not null check (status in ('present', 'gone')),
  reported_by text not null,
  at text not null
);
grant select, insert, update on reported_persons to cs_api;
grant select on reported_persons to cs_keeper;
