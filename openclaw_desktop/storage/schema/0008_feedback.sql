-- What the user thinks of an answer: 1 it was good, -1 it was bad, 0 neither, and in their own words. It goes with the
-- answer's row, so that whatever erases that erases this.
create table answer_feedback (
  memory_rowid integer primary key references memories (rowid) on delete cascade,
  mark integer not null check (mark in (-1, 0, 1)),
  note text not null default '',
  given_at text not null
) strict;
