-- What a search looks at first: of each list of vectors, every memory's rowid (8 bytes, the highest first) and one bit a
-- dimension, set where the vector is above 0 (the lowest bit first). Made of `vectors` and thrown away with what it is
-- made of: a list without a row is read itself. A vector that comes is added; one that goes takes its list's row along,
-- so that none of its bits are left, and the background makes it anew.
-- With a rowid: SQLite would read all of each row that it passes by to find the one of a list in a table without.
create table vector_codes (
  id integer primary key,
  engine_id integer not null references vector_engines (id) on delete cascade,
  list integer not null,
  entries blob not null,
  unique (engine_id, list)
) strict;

create trigger vectors_coded after insert on vectors begin
  update vector_codes set entries = cast(
    entries || unhex(printf('%016X', new.memory_rowid)) || vec_quantize_binary(vec_int8(new.vector)) as blob)
  where engine_id = new.engine_id and list = new.list;
end;
create trigger vectors_uncoded after delete on vectors begin
  delete from vector_codes where engine_id = old.engine_id and list = old.list;
end;
create trigger vectors_recoded after update on vectors begin
  delete from vector_codes where engine_id = old.engine_id and list = old.list;
  update vector_codes set entries = cast(
    entries || unhex(printf('%016X', new.memory_rowid)) || vec_quantize_binary(vec_int8(new.vector)) as blob)
  where engine_id = new.engine_id and list = new.list;
end;
create trigger vector_lists_uncoded after delete on vector_lists begin
  delete from vector_codes where engine_id = old.engine_id and list = old.list;
end;

-- How often the lists themselves came or went: whoever keeps their centroids in memory reads them again then.
alter table vector_engines add column shape integer not null default 0;
create trigger vector_lists_added after insert on vector_lists begin
  update vector_engines set shape = shape + 1 where id = new.engine_id;
end;
create trigger vector_lists_dropped after delete on vector_lists begin
  update vector_engines set shape = shape + 1 where id = old.engine_id;
end;
