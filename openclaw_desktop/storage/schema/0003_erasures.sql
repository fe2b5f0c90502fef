-- Erasures that are not done yet: a row from the transaction that erased until no trace is left anywhere, so that what
-- a kill cuts short is finished at the next start.
create table erasures (
  id integer primary key
) strict;
