-- Sessions and what was said in them.
create table conversations (
  id text primary key,
  created_at text not null,
  updated_at text not null
) strict;

create table messages (
  id integer primary key,
  conversation_id text not null references conversations (id) on delete cascade,
  turn_id text not null,
  role text not null check (role in ('user', 'assistant')),
  text text not null,
  model text,
  receipts text not null default '[]',
  integrity text not null check (integrity in ('user', 'system', 'untrusted')),
  confidentiality text not null check (confidentiality in ('public', 'private', 'secret')),
  origins text not null default '[]',
  created_at text not null
) strict;
create index messages_by_conversation on messages (conversation_id, id);
create index messages_by_turn on messages (turn_id);

-- The scratch of a session: what its tools returned, for the questions that follow. It expires.
create table working_memory (
  conversation_id text not null references conversations (id) on delete cascade,
  turn_id text not null,
  key text not null,
  value text not null,
  integrity text not null check (integrity in ('user', 'system', 'untrusted')),
  confidentiality text not null check (confidentiality in ('public', 'private', 'secret')),
  origins text not null default '[]',
  created_at text not null,
  expires_at text not null,
  access_count integer not null default 0,
  primary key (conversation_id, turn_id, key)
) strict;
create index working_memory_by_expiry on working_memory (expires_at);

-- What is remembered. `text` is searched with `speaker` and `date_words` beside it.
create table memories (
  rowid integer primary key,
  id text not null unique,
  tier text not null check (tier in ('short', 'medium', 'long')),
  kind text not null check (kind in ('fact', 'turn')),
  text text not null,
  speaker text not null default '',
  date_words text not null default '',
  source text not null default '',
  session_id text,
  turn_id text,
  importance real not null default 0.5,
  integrity text not null check (integrity in ('user', 'system', 'untrusted')),
  confidentiality text not null check (confidentiality in ('public', 'private', 'secret')),
  origins text not null default '[]',
  purpose text not null default 'assist',
  created_at text not null,
  last_access_at text,
  access_count integer not null default 0
) strict;
create index memories_by_turn on memories (turn_id);

create virtual table memories_fts using fts5 (
  text, speaker, date_words,
  content = 'memories', content_rowid = 'rowid', tokenize = "porter unicode61 remove_diacritics 2"
);
insert into memories_fts (memories_fts, rank) values ('secure-delete', 1);
create trigger memories_added after insert on memories begin
  insert into memories_fts (rowid, text, speaker, date_words)
  values (new.rowid, new.text, new.speaker, new.date_words);
end;
create trigger memories_removed after delete on memories begin
  insert into memories_fts (memories_fts, rowid, text, speaker, date_words)
  values ('delete', old.rowid, old.text, old.speaker, old.date_words);
end;

-- Vectors carry what made them, so that a better engine can replace them: one vec0 table an engine, `vectors_<id>`.
create table vector_engines (
  id integer primary key,
  name text not null,
  version text not null,
  dimension integer not null,
  unique (name, version, dimension)
) strict;

-- Standing permissions.
create table grants (
  id text primary key,
  capability text not null,
  scope text not null,
  created_at text not null,
  unique (capability, scope)
) strict;
