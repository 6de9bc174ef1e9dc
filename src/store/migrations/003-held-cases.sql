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

-- As before, and the sequencer hears whether somebody waits for the proof: a grant is used only when it is proved.
create or replace function append_entries(
  the_stream text, after integer, hashes text[], types text[], contents bytea[]
) returns void language plpgsql volatile as $$
declare
  n integer := cardinality(hashes);
begin
  update streams s set seq = after + n, head = hashes[n] where s.stream = the_stream and s.seq = after;
  if not found then raise exception 'stream % moved', the_stream using errcode = '40001'; end if;
  insert into entries (stream, seq, hash, type, bytes)
    select the_stream, after + i, hashes[i], types[i], contents[i] from generate_series(1, n) i;
  insert into unsequenced (hash) select hashes[i] from generate_series(1, n) i;
  perform pg_notify('entries', case when 'Granted' = any(types) then 'awaited' else '' end);
end $$;
