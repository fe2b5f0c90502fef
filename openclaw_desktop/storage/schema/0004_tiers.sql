-- Memory in tiers: what a memory is known by, where it came from, how long it holds, and what became of it.
drop trigger memories_added;
drop trigger memories_removed;
drop table memories_fts;
drop index memories_by_turn;
alter table memories rename to memories_before;

-- `created_at`: when it was said; `observed_at`: when it was stored. `created_s` is the former in Unix seconds, for
-- ranges. `neighbours`: the text said just before and after in the same session, so that an answer is found by its
-- question. `superseded_by`: the memory that took its place.
create table memories (
  rowid integer primary key,
  id text not null unique,
  tier text not null check (tier in ('short', 'medium', 'long')),
  kind text not null check (kind in ('turn', 'fact', 'summary')),
  text text not null,
  speaker text not null default '',
  neighbours text not null default '',
  date_words text not null default '',
  source text not null default '',
  session_id text,
  turn_id text,
  created_at text not null,
  created_s integer not null,
  observed_at text not null,
  valid_from text,
  valid_to text,
  expires_at text,
  importance real not null default 0.5,
  confidence real not null default 1.0,
  pinned integer not null default 0,
  access_count integer not null default 0,
  last_access_at text,
  integrity text not null check (integrity in ('user', 'system', 'untrusted')),
  confidentiality text not null check (confidentiality in ('public', 'private', 'secret')),
  origins text not null default '[]',
  purpose text not null default 'assist',
  superseded_by integer references memories (rowid) on delete set null
) strict;
insert into memories (rowid, id, tier, kind, text, speaker, date_words, source, session_id, turn_id, created_at,
  created_s, observed_at, importance, access_count, last_access_at, integrity, confidentiality, origins, purpose)
select rowid, id, case when kind = 'fact' and importance >= 0.7 then 'medium' else tier end, kind, text, speaker,
  date_words, source, session_id, turn_id, created_at,
  coalesce(unixepoch(created_at), 0), created_at, importance, access_count, last_access_at, integrity,
  confidentiality, origins, purpose
from memories_before;
drop table memories_before;
create index memories_by_turn on memories (turn_id) where turn_id is not null;
create index memories_by_session on memories (session_id, rowid) where session_id is not null;
create index memories_by_time on memories (created_s);
create index memories_by_tier on memories (tier, kind, created_s);
create index memories_by_successor on memories (superseded_by) where superseded_by is not null;
create index memories_by_expiry on memories (expires_at) where expires_at is not null;

create virtual table memories_fts using fts5 (
  text, speaker, neighbours, date_words,
  content = 'memories', content_rowid = 'rowid', tokenize = "porter unicode61 remove_diacritics 2"
);
insert into memories_fts (memories_fts, rank) values ('secure-delete', 1);
insert into memories_fts (memories_fts) values ('rebuild');
create trigger memories_added after insert on memories begin
  insert into memories_fts (rowid, text, speaker, neighbours, date_words)
  values (new.rowid, new.text, new.speaker, new.neighbours, new.date_words);
end;
create trigger memories_removed after delete on memories begin
  insert into memories_fts (memories_fts, rowid, text, speaker, neighbours, date_words)
  values ('delete', old.rowid, old.text, old.speaker, old.neighbours, old.date_words);
end;
create trigger memories_changed after update of text, speaker, neighbours, date_words on memories begin
  insert into memories_fts (memories_fts, rowid, text, speaker, neighbours, date_words)
  values ('delete', old.rowid, old.text, old.speaker, old.neighbours, old.date_words);
  insert into memories_fts (rowid, text, speaker, neighbours, date_words)
  values (new.rowid, new.text, new.speaker, new.neighbours, new.date_words);
end;

-- Who speaks in the memories, so that a name in a question is known for one. Gone with the last memory of theirs.
create table speakers (
  name text primary key collate nocase,
  memories integer not null
) strict, without rowid;
insert into speakers (name, memories) select speaker, count(*) from memories where speaker <> '' group by 1 collate nocase;
create trigger speakers_heard after insert on memories when new.speaker <> '' begin
  insert into speakers (name, memories) values (new.speaker, 1) on conflict (name) do update set memories = memories + 1;
end;
create trigger speakers_silenced after delete on memories when old.speaker <> '' begin
  update speakers set memories = memories - 1 where name = old.speaker;
  delete from speakers where name = old.speaker and memories < 1;
end;
create trigger speakers_renamed after update of speaker on memories when old.speaker <> new.speaker begin
  update speakers set memories = memories - 1 where name = old.speaker;
  delete from speakers where name = old.speaker and memories < 1;
  insert into speakers (name, memories) select new.speaker, 1 where new.speaker <> ''
    on conflict (name) do update set memories = memories + 1;
end;

-- The memories that a derived one was made of.
create table memory_sources (
  memory_rowid integer not null references memories (rowid) on delete cascade,
  source_rowid integer not null references memories (rowid) on delete cascade,
  primary key (memory_rowid, source_rowid)
) strict, without rowid;
create index memory_sources_by_source on memory_sources (source_rowid);

-- What was done to memories other than saying them, so that it can be shown and taken back. `before` and `after` are
-- the changed columns as JSON; they go with the memory when it is erased.
create table memory_runs (
  id integer primary key,
  kind text not null check (kind in ('consolidation', 'correction', 'edit', 'import')),
  started_at text not null,
  finished_at text,
  undone_at text,
  note text not null default ''
) strict;
create table memory_changes (
  id integer primary key,
  run_id integer not null references memory_runs (id) on delete cascade,
  memory_id text not null,
  action text not null,
  before text,
  after text
) strict;
create index memory_changes_by_run on memory_changes (run_id, id);
create index memory_changes_by_memory on memory_changes (memory_id);

-- How far background work has come, and other marks of the memory's own.
create table memory_state (
  key text primary key,
  value text not null
) strict, without rowid;

-- How many memories hold a common word, so that a search begins with its rarest ones.
create table term_counts (
  term text primary key,
  documents integer not null
) strict, without rowid;

-- Which memories were erased, by their ids alone: a copy of the file from before must not bring them back.
create table erased_memories (
  memory_id text primary key,
  erased_at text not null
) strict, without rowid;

-- A chat nobody has spoken in for long is archived: found by search, and not offered to go on with.
alter table conversations add column archived_at text;

-- Vectors of all engines, one byte a dimension, in lists: those near one another lie side by side in the file, so that
-- a search reads a few lists alone. List 0: not yet in one, read by every search; -1: of texts without a meaning, empty.
create table vectors (
  engine_id integer not null references vector_engines (id) on delete cascade,
  list integer not null,
  memory_rowid integer not null references memories (rowid) on delete cascade,
  vector blob not null,
  primary key (engine_id, list, memory_rowid)
) strict, without rowid;
create index vectors_by_memory on vectors (memory_rowid, engine_id);

-- `generation`: lists of an older one are being emptied into the newest. `size`: about how many vectors it holds.
create table vector_lists (
  engine_id integer not null references vector_engines (id) on delete cascade,
  generation integer not null,
  list integer not null,
  size integer not null default 0,
  centroid blob not null,
  primary key (engine_id, generation, list)
) strict, without rowid;

-- `layout` 0: vectors of an earlier version are still in a table of their own, `vectors_<id>`. `state`: filling, serving
-- or retired. `filled_to`: memories up to this rowid have been looked at. `trained_rows`: how many vectors there were
-- when its lists were made. `probes`: how many lists a search reads. `unverified`: its lists changed since recall was
-- compared with an exact search.
alter table vector_engines add column layout integer not null default 0;
alter table vector_engines add column state text not null default 'filling';
alter table vector_engines add column filled_to integer not null default 0;
alter table vector_engines add column trained_rows integer not null default 0;
alter table vector_engines add column generation integer not null default 0;
alter table vector_engines add column probes integer not null default 32;
alter table vector_engines add column unverified integer not null default 0;

-- Memories that lack a vector, or whose vector is of a text that was changed.
create table vector_queue (
  memory_rowid integer primary key references memories (rowid) on delete cascade
) strict;
create trigger memories_unembedded after insert on memories begin
  insert or ignore into vector_queue (memory_rowid) values (new.rowid);
end;
create trigger memories_reworded after update of text on memories begin
  delete from vectors where memory_rowid = new.rowid;
  insert or ignore into vector_queue (memory_rowid) values (new.rowid);
end;

-- When the file was last looked after, by job, in Unix seconds.
create table upkeep (
  job text primary key,
  done_s integer not null
) strict, without rowid;

-- What consolidation has yet to read: the user's turns and all facts, each new, changed, or to be read again. With a
-- queue no row is read twice or missed, whatever is erased and whichever rowid comes again.
create table reading_queue (
  memory_rowid integer primary key references memories (rowid) on delete cascade
) strict;
insert into reading_queue (memory_rowid)
select rowid from memories where kind = 'fact' or (kind = 'turn' and speaker = 'user');

-- What a fact says: (user, lives, porto). Slot '' has all of its sense, so that another that says the same is found.
-- `weight`: how much that matters by its kind, or by a model's judgement.
create table memory_claims (
  memory_rowid integer not null references memories (rowid) on delete cascade,
  subject text not null,
  slot text not null,
  value text not null,
  denied integer not null default 0,
  weight real not null default 0,
  primary key (memory_rowid, subject, slot, value)
) strict, without rowid;
create index memory_claims_by_slot on memory_claims (subject, slot, value);

create trigger memories_unread after insert on memories
when new.kind = 'fact' or (new.kind = 'turn' and new.speaker = 'user') begin
  insert or ignore into reading_queue (memory_rowid) values (new.rowid);
end;
create trigger memories_rephrased after update of text on memories begin
  delete from memory_claims where memory_rowid = new.rowid;
  insert or ignore into reading_queue (memory_rowid)
  select new.rowid where new.kind = 'fact' or (new.kind = 'turn' and new.speaker = 'user');
end;

-- What consolidation did, as keyed hashes without a word of it: what the user took back (`run_id` null) is not done
-- again.
create table memory_deeds (
  deed blob primary key,
  run_id integer references memory_runs (id) on delete cascade
) strict, without rowid;
create index memory_deeds_by_run on memory_deeds (run_id) where run_id is not null;
