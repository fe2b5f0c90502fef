-- What was decided about each call, and what came of it: appended to, never changed, each row bound to the one before.
-- It holds no word of a call's content: `call_seal` and `target_seal` are hashes with the salt in `audit_targets`.
create table audit_log (
  id integer primary key,
  at text not null,
  call_ref text not null,
  turn_id text not null,
  tool text not null,
  capability text not null,
  event text not null check (event in ('decision', 'answer', 'outcome')),
  value text not null,
  reason text not null,
  integrity text not null check (integrity in ('user', 'system', 'untrusted')),
  confidentiality text not null check (confidentiality in ('public', 'private', 'secret')),
  sandbox text not null,
  call_seal text not null,
  target_seal text not null,
  previous text not null,
  hash text not null
) strict;
create index audit_log_by_call on audit_log (call_ref);
create trigger audit_log_unchanged before update on audit_log begin
  select raise(abort, 'the audit log is appended to alone');
end;
create trigger audit_log_kept before delete on audit_log begin
  select raise(abort, 'the audit log is appended to alone');
end;

-- What a row of the log was about, in words, and the salt of its seals. Erased, the seals say nothing any more.
create table audit_targets (
  audit_id integer primary key references audit_log (id),
  salt blob not null,
  target text not null
) strict;

-- The last row of the log: rows cut off at its end are missed too.
create table audit_head (
  one integer primary key check (one = 1),
  audit_id integer not null,
  hash text not null
) strict;

-- Calls that wait for an answer of the user's. `arguments`: as the model gave them; `frozen`: as they would run, for
-- tools that reach outside the agent's own data. Both are emptied at the end of an entry.
create table inbox (
  id text primary key,
  session_id text references conversations (id) on delete cascade,
  turn_id text not null,
  tool text not null,
  capability text not null,
  arguments text not null,
  frozen text not null,
  call_hash text not null,
  target text not null,
  preview text not null,
  reason text not null,
  folder text,
  integrity text not null check (integrity in ('user', 'system', 'untrusted')),
  confidentiality text not null check (confidentiality in ('public', 'private', 'secret')),
  origins text not null,
  created_at text not null,
  expires_at text not null,
  answered_at text,
  state text not null check (state in ('open', 'running', 'done', 'failed', 'denied', 'expired', 'unknown')),
  outcome text not null default ''
) strict;
create index inbox_by_state on inbox (state, expires_at);

-- Files that the agent wrote: as long as their bytes are the same, they are worth what they were written from.
create table written_files (
  path text not null,
  sha256 text not null,
  integrity text not null check (integrity in ('user', 'system', 'untrusted')),
  confidentiality text not null check (confidentiality in ('public', 'private', 'secret')),
  origins text not null,
  written_at text not null,
  primary key (path, sha256)
) strict;
create index written_files_by_hash on written_files (sha256);

-- What takes a call back. `token` is emptied once it was used.
create table undo_tokens (
  id text primary key,
  session_id text not null,
  turn_id text not null,
  tool text not null,
  what text not null,
  token text not null,
  integrity text not null check (integrity in ('user', 'system', 'untrusted')),
  confidentiality text not null check (confidentiality in ('public', 'private', 'secret')),
  origins text not null,
  created_at text not null,
  used_at text
) strict;
create index undo_tokens_by_session on undo_tokens (session_id, used_at);
