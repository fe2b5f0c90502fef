-- The runs of one job in the order in which they were taken up: what is old among them is found without a sort.
create index job_runs_by_job on job_runs (job_id);
-- When the user was last told that a run of the job had waited until its next time came.
alter table jobs add column waited_told_at text;
