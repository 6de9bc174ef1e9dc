-- What a review saw on a target is a connector's word and nobody else's.
insert into entry_writers (kind, type, role) values ('case', 'TargetSeen', 'cs_connector');
