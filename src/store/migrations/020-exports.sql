-- Who took evidence away.
insert into entry_writers (kind, type, role) values ('ops', 'EvidenceExported', 'cs_api');
