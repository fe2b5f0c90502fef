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
select rowid, id, tier, kind, text, speaker, date_words, source, session_id, turn_id, created_at,
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

-- Vectors in lists around centroids. `layout`: how this engine's table is laid out; `state`: what it is used for.
alter table vector_engines add column layout integer not null default 0;
alter table vector_engines add column state text not null default 'filling';
alter table vector_engines add column trained_rows integer not null default 0;
create table vector_lists (
  engine_id integer not null references vector_engines (id) on delete cascade,
  list integer not null,
  centroid blob not null,
  primary key (engine_id, list)
) strict, without rowid;
