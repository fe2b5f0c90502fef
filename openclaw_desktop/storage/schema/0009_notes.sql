-- The user's own small things: notes, to-dos and habits, each with the label of what it was made from.
create table notes (
  rowid integer primary key,
  id text not null unique,
  text text not null,
  created_at text not null,
  changed_at text not null,
  integrity text not null check (integrity in ('user', 'system', 'untrusted')),
  confidentiality text not null check (confidentiality in ('public', 'private', 'secret')),
  origins text not null default '[]'
) strict;

create virtual table notes_fts using fts5 (
  text, content = 'notes', content_rowid = 'rowid', tokenize = "porter unicode61 remove_diacritics 2"
);
insert into notes_fts (notes_fts, rank) values ('secure-delete', 1);
create trigger notes_added after insert on notes begin
  insert into notes_fts (rowid, text) values (new.rowid, new.text);
end;
create trigger notes_removed after delete on notes begin
  insert into notes_fts (notes_fts, rowid, text) values ('delete', old.rowid, old.text);
end;
create trigger notes_changed after update of text on notes begin
  insert into notes_fts (notes_fts, rowid, text) values ('delete', old.rowid, old.text);
  insert into notes_fts (rowid, text) values (new.rowid, new.text);
end;

-- `due_at`: a moment with its offset; `list`: "shopping" and the like, '' for the one of every day.
create table todos (
  id text primary key,
  text text not null,
  list text not null default '',
  due_at text,
  done_at text,
  created_at text not null,
  integrity text not null check (integrity in ('user', 'system', 'untrusted')),
  confidentiality text not null check (confidentiality in ('public', 'private', 'secret')),
  origins text not null default '[]'
) strict;
create index todos_by_list on todos (list, done_at);

create table habits (
  id text primary key,
  name text not null unique collate nocase,
  created_at text not null,
  integrity text not null check (integrity in ('user', 'system', 'untrusted')),
  confidentiality text not null check (confidentiality in ('public', 'private', 'secret')),
  origins text not null default '[]'
) strict;

-- The user's own days, as ISO dates of the zone that they were in.
create table habit_days (
  habit_id text not null references habits (id) on delete cascade,
  day text not null,
  primary key (habit_id, day)
) strict, without rowid;
