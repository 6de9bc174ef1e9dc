-- Who makes an authority: the database's owner installs the first bundle of an empty store, and that of a new root by
-- its ceremony; every other one is activated by the connector, at the end of a case that approved exactly it.
delete from entry_writers where kind = 'authority' and role = 'cs_api';
insert into entry_writers (kind, type, role) values ('authority', 'AuthorityInstalled', 'pg_database_owner');
revoke insert on authority from cs_api;
revoke insert, update on authority_head from cs_api;
-- SELECT ... FOR SHARE needs UPDATE on some column.
grant update (single) on authority_head to cs_api;
revoke insert, delete on live_owners from cs_api;
revoke insert on registered from cs_api;
