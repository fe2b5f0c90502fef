-- What the agent has to tell. Each is kept here before it is shown. `asked`: the class that whoever told it gave;
-- `priority`: the class that it has, and `priority_why` the reason. `toast`: the one that it was on, several of them on
-- one where they were told together. `due_at`: when it is looked at again; null where it waits for nothing in time.
create table notices (
  seq integer primary key,
  id text not null unique,
  topic text not null,
  key text not null default '',
  title text not null,
  body text not null,
  why text not null,
  asked text not null check (asked in ('critical', 'high', 'normal', 'low', 'silent')),
  priority text not null check (priority in ('critical', 'high', 'normal', 'low', 'silent')),
  priority_why text not null,
  actions text not null default '[]',
  session_id text references conversations (id) on delete cascade,
  integrity text not null check (integrity in ('user', 'system', 'untrusted')),
  confidentiality text not null check (confidentiality in ('public', 'private', 'secret')),
  origins text not null default '[]',
  created_at text not null,
  state text not null check (
    state in ('waiting', 'held', 'shown', 'digested', 'opened', 'dismissed', 'snoozed', 'expired')
  ),
  reason text not null default '',
  due_at text,
  toast text,
  shown_at text,
  seen_at text,
  ended_at text
) strict;
create index notices_by_state on notices (state, due_at);
create index notices_by_time on notices (shown_at);
create index notices_by_key on notices (key);

-- What the user did with the last notices of a topic, one letter each, the newest last; `shift`: by how many classes
-- they asked for more (+) or less (-) of it.
create table notice_topics (
  topic text primary key,
  shift integer not null default 0,
  outcomes text not null default ''
) strict, without rowid;

-- When a toast came on the screen: so often the user was interrupted. Kept for a few hours.
create table notice_toasts (
  toast text primary key,
  at text not null
) strict, without rowid;

-- "quiet_until": the moment until which the user wants nothing to be shown; "open_until": until which they want no
-- quiet hours.
create table notice_marks (
  name text primary key,
  value text not null
) strict, without rowid;
