-- Cases that a process holds: which tuples they were read from, so that only what came after is read again.

-- Whoever changes a row, whatever of it, makes a tuple of another transaction at another place. A case of which
-- the first `held` entries are not the very tuples named is read whole.
create function read_case(the_case text, held integer, tuples text)
returns table (at text, kept integer, seq integer, bytes bytea, tuple text) language plpgsql volatile as $$
declare
  since integer := 0;
begin
  if held > 0 and tuples = (select string_agg(concat(e.xmin, e.ctid), ' ' order by e.seq)
                              from entries e where e.stream = the_case and e.seq <= held)
  then since := held; end if;
  return query
    select now_iso(), since, e.seq, e.bytes, concat(e.xmin, e.ctid)
      from streams s left join entries e on e.stream = s.stream and e.seq > since
     where s.stream = the_case order by e.seq;
end $$;

create function lock_case(the_case text, held integer, tuples text)
returns table (at text, kept integer, seq integer, bytes bytea, tuple text) language plpgsql volatile as $$
begin
  perform 1 from streams s where s.stream = the_case for update;
  return query select * from read_case(the_case, held, tuples);
end $$;
