-- Jobs and their runs. Moments are ISO 8601 in UTC with milliseconds, so that text sorts as time.

-- `trigger`, `work`, `rules`: JSON. `accounted_to`: up to here each time has its run or is written down as missed;
-- `seen_to`: as far as that ever was, before the clock was put back; `pruned_to`: up to here old runs may be gone.
create table jobs (
  id text primary key,
  name text not null unique collate nocase,
  trigger text not null,
  zone text not null,
  work text not null,
  rules text not null,
  enabled integer not null default 1 check (enabled in (0, 1)),
  created_at text not null,
  accounted_to text not null,
  seen_to text not null,
  pruned_to text not null,
  due_at text,
  integrity text not null check (integrity in ('user', 'system', 'untrusted')),
  confidentiality text not null check (confidentiality in ('public', 'private', 'secret')),
  origins text not null default '[]'
) strict;
create index jobs_by_due on jobs (due_at) where enabled and due_at is not null;

-- `slot`: which of the job's times this is; that it is unique is what keeps a time from being run twice. `count`: how
-- many times a row of missed ones stands for, from `due_at` to `last_due_at`.
create table job_runs (
  rowid integer primary key,
  id text not null unique,
  job_id text not null references jobs (id) on delete cascade,
  slot text not null,
  due_at text not null,
  last_due_at text not null,
  count integer not null default 1 check (count > 0),
  state text not null check (state in ('claimed', 'running', 'done', 'failed', 'missed', 'skipped', 'unknown')),
  reason text not null default '',
  attempts integer not null default 0,
  key text not null,
  ready_at text not null,
  lease_owner text not null default '',
  lease_until text,
  claimed_at text not null,
  started_at text,
  ended_at text,
  said text not null default '',
  integrity text not null check (integrity in ('user', 'system', 'untrusted')),
  confidentiality text not null check (confidentiality in ('public', 'private', 'secret')),
  origins text not null default '[]',
  turn_id text not null default '',
  session_id text,
  delivery text not null default 'none' check (delivery in ('none', 'pending', 'delivered', 'failed')),
  notice_id text not null default '',
  checked integer not null default 0 check (checked in (0, 1)),
  unique (job_id, slot)
) strict;
-- SQLite takes an index with a condition only for a query that has the very same one: "in" would serve no "=".
create index job_runs_claimed on job_runs (ready_at) where state = 'claimed';
create index job_runs_running on job_runs (lease_until) where state = 'running';
create index job_runs_untold on job_runs (delivery);
create index job_runs_missed on job_runs (count) where state = 'missed' and not checked;
create index job_runs_unknown on job_runs (job_id) where state = 'unknown' and not checked;
