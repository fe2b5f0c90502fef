-- How the agent did, numbers alone: the values of `resolution_s` seconds from `at_s` (Unix time) on, summed up. Fine rows
-- fold into hours, those into days.
create table metrics (
  name text not null,
  resolution_s integer not null,
  at_s integer not null,
  samples integer not null,
  total real not null,
  lowest real not null,
  highest real not null,
  primary key (name, resolution_s, at_s)
) strict, without rowid;

-- When somebody was at the machine, by hour of the week (0 is Monday, in the user's own time): seconds seen and seconds
-- with somebody there, both halved every four weeks; `week` is the last one that was added to.
create table presence_hours (
  weekday integer not null,
  hour integer not null,
  week integer not null,
  seen_s real not null,
  present_s real not null,
  primary key (weekday, hour)
) strict, without rowid;
