-- Windows open and close by the database's clock, as deadlines pass.
insert into entry_writers (kind, type, role)
  select 'case', type, role
    from unnest('{WindowOpened,WindowClosed}'::text[]) as type,
         unnest('{cs_worker,cs_keeper}'::text[]) as role;
