-- Persons whose name, address and reasons were erased: nothing of theirs is kept again.
create table erased_persons (person_id text primary key);
grant select, insert on erased_persons to cs_api;
insert into entry_writers (kind, type, role) values ('ops', 'PersonErased', 'cs_api');
