-- What the model cost: sums of numbers, never a word of what was said. `day` is the user's own day. Rows older than 90
-- days lose their turn and become sums of a day.
create table ledger (
  day text not null,
  turn_id text not null default '',
  job text not null default '',
  lane text not null,
  model text not null,
  calls integer not null,
  prompt_tokens integer not null,
  cached_tokens integer not null,
  completion_tokens integer not null,
  seconds real not null,
  cpu_seconds real not null,
  wh real not null,
  primary key (day, turn_id, job, lane, model)
) strict, without rowid;

-- What is left of messages that no longer fit a prompt: the sentences chosen of each, '' where none was. It goes with
-- its message.
create table session_summaries (
  message_id integer primary key references messages (id) on delete cascade,
  text text not null
) strict;
