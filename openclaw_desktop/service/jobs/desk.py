"""The user's jobs, as front ends and the tools use them: added, listed, paused, run, removed.

Owns what is made of a wanted job, what is shown of jobs and runs, and how they stand. Must not know when runs begin,
nor any front end. Loop.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, cast
from zoneinfo import ZoneInfo

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.scheduler.job_store import JobStore
from openclaw_desktop.scheduler.jobs import Job, JobPlan, JobUrgency, Missed, Run, read_missed
from openclaw_desktop.scheduler.ledger import Ledger
from openclaw_desktop.scheduler.narration import narrate_times
from openclaw_desktop.scheduler.triggers import Trigger, at, cron, every, is_length, on_event
from openclaw_desktop.scheduler.words import Unclear, Understood, understand
from openclaw_desktop.service.jobs.briefs import Past
from openclaw_desktop.service.jobs.built_in import HEARTBEAT, BuiltIn, Marks, built_in_named, built_ins
from openclaw_desktop.service.jobs.heartbeat import Heartbeat
from openclaw_desktop.service.jobs.looks import Kind
from openclaw_desktop.service.jobs.shown import (
    coming,
    is_over,
    iso,
    job_view,
    run_view,
    unreadable_view,
    waiting_sentence,
    when_words,
    work_of,
)
from openclaw_desktop.service.jobs.views import (
    BuiltInView,
    HeartbeatStatus,
    JobsStatus,
    JobView,
    NewJob,
    RunView,
    TriggerKind,
)
from openclaw_desktop.service.jobs.work import Work, make_check
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.service.user_text import user_text
from openclaw_desktop.system.region import find_zone, is_day_first, zone_named
from openclaw_desktop.tools.job_tools import Heard, JobChange, KnownJob

RUNS_SHOWN = 10
NAME_CHARS = 60
RUNS_LOOKED_AT = 200


# The watt-hours that a job took so far, by its id.
EnergyOf = Callable[[str], Awaitable[float]]


class Clockwork(Protocol):
    """What runs the jobs."""

    def poke(self) -> None:
        """Note that a job changed."""
        ...

    async def run_to_end(self, job_id: str) -> Run:
        """Run a job outside its times and return how it ended."""
        ...

    async def cut_off(self, job_id: str) -> None:
        """Cancel what of this job is going on."""
        ...


class JobsDesk:
    """Answers for the jobs. `problem_of`: what is wrong with the arguments of a tool; None where there is none such."""

    def __init__(
        self,
        store: JobStore,
        ledger: Ledger,
        clock: Clock,
        problem_of: Callable[[str, Mapping[str, Any]], str | None],
        zone: Callable[[], ZoneInfo] = find_zone,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._problem_of = problem_of
        self._zone = zone
        self._clockwork: Clockwork | None = None
        self._heartbeat: Heartbeat | None = None
        self._marks: Marks | None = None
        self._energy_wh: EnergyOf | None = None
        self._lacks: Callable[[Kind], str] | None = None

    def use(
        self,
        clockwork: Clockwork,
        heartbeat: Heartbeat,
        marks: Marks,
        energy_wh: EnergyOf,
        lacks: Callable[[Kind], str],
    ) -> None:
        """Take what runs the jobs, which is built of what these are listed among; and what a job took so far.

        `lacks`: says that there is no account of a kind, "" where there is one.
        """
        self._clockwork, self._heartbeat, self._marks = clockwork, heartbeat, marks
        self._energy_wh, self._lacks = energy_wh, lacks

    # What front ends ask.

    async def add(self, wanted: NewJob) -> JobView:
        """Keep a job; see `JobCommands.add_job`."""
        zone = self._zone() if not wanted.zone else zone_named(wanted.zone)
        trigger = self._trigger(wanted.kind, wanted.when, zone)
        work = self._work(wanted)
        plan = JobPlan(
            " ".join(wanted.name.split()), trigger, str(zone), work.as_data(), read_missed(wanted.missed),
            wanted.timeout_s, wanted.retries, on_ac=wanted.on_ac, when_idle=wanted.when_idle, urgency=_urgency(work),
            repeatable=work.kind == "remind", notify=wanted.notify,
        )  # fmt: skip
        return await self._added(await self._keep(plan, USER), wanted.when if wanted.kind == "words" else "", zone)

    async def list(self) -> tuple[JobView, ...]:
        """Return the jobs, the soonest first, those that can't be read at the end."""
        waits = {job.id: run.reason for job, run in await self._ledger.waiting()}
        jobs, names, now, zone = await self._store.all(), await self._store.names(), self._clock.now(), self._zone()
        views = [job_view(job, now, zone, waits.get(job.id, "")) for job in _by_time(jobs)]
        read = {job.id for job in jobs}
        return (*views, *(unreadable_view(job_id, name) for job_id, name in names.items() if job_id not in read))

    async def show(self, words: str) -> JobView:
        """Return a job with its runs; see `JobCommands.show_job`."""
        job = await self._find(words)
        view = await self._view(job, await self._ledger.runs(job.id, RUNS_SHOWN))
        await self._ledger.note_checked(job.id)
        return view if self._energy_wh is None else replace(view, energy_wh=await self._energy_wh(job.id))

    async def run(self, words: str) -> RunView:
        """Run a job now."""
        assert self._clockwork is not None
        job = await self._find(words)
        return run_view(job.name, await self._clockwork.run_to_end(job.id))

    async def pause(self, words: str) -> JobView:
        """Let a job rest."""
        job = await self._store.pause((await self._find(words)).id)
        self._poke()
        return await self._view(job)

    async def resume(self, words: str) -> JobView:
        """Go on with a job."""
        job = await self._store.resume((await self._find(words)).id)
        self._poke()
        return await self._view(job)

    async def _find(self, words: str) -> Job:
        try:
            return await self._store.find(words)
        except UserError as error:
            name = words.strip()
            if error.failure.code != "no_such_job" or name not in {known.name for known in built_ins()}:
                raise
            advice = tr("Switch it on: openclaw-agent task enable {name}", name=name)
            raise UserError("not_on", tr("{name} is not switched on.", name=name), advice, ExitCode.USAGE) from error

    async def remove(self, words: str) -> str:
        """Remove a job with its runs, also one that can't be read."""
        job_id, name = await self._store.named(words)
        if self._clockwork is not None:
            await self._clockwork.cut_off(job_id)
        await self._store.remove(job_id)
        self._poke()
        if self._marks is not None:
            await self._marks.keep_only(set(await self._store.names()))
        return name

    async def runs(self, words: str, limit: int) -> tuple[RunView, ...]:
        """Return the newest runs of a job, or of all where `words` is ""."""
        names = await self._store.names()
        job_id = (await self._store.named(words))[0] if words else None
        found = await self._ledger.runs(job_id, limit)
        for looked_at in {run.job_id for run in found if run.state in ("missed", "unknown") and not run.checked}:
            await self._ledger.note_checked(looked_at)
        return tuple(run_view(names.get(run.job_id, ""), run) for run in found)

    # The jobs that we bring.

    async def built_in(self) -> tuple[BuiltInView, ...]:
        """Return the jobs that we bring, and which of them are on."""
        kept = await self._built_in_jobs()
        return tuple(
            BuiltInView(
                known.name, known.title, known.says, when_words(kept[known.name]) if known.name in kept else known.when,
                known.name in kept and kept[known.name].enabled, kept[known.name].id if known.name in kept else "",
            )
            for known in built_ins()
        )  # fmt: skip

    async def enable(self, name: str, when: str, checklist: str) -> JobView:
        """Switch a job on that we bring; see `JobCommands.enable_job`."""
        known = built_in_named(name)
        if checklist and name != HEARTBEAT:
            raise UserError("no_checklist", tr("Only the heartbeat has a checklist."), exit_code=ExitCode.USAGE)
        if name == HEARTBEAT and self._heartbeat is not None:
            await self._heartbeat.put(Path(checklist) if checklist else None)
        job = (await self._built_in_jobs()).get(name)
        lacks = "" if known.needs is None or self._lacks is None else self._lacks(known.needs)
        if job is None:
            job = await self._keep(self._plan_of(known, when or known.when), USER)
        else:
            if when:
                plan = replace(job.plan, trigger=self._plan_of(known, when).trigger)
                job = await self._store.change(job.id, plan, job.label)
            job = await self._store.resume(job.id)
            self._poke()
        view = await self._added(job, "" if is_length(when) else when, self._zone())
        return replace(view, problem=lacks)

    async def disable(self, name: str) -> JobView:
        """Switch it off."""
        built_in_named(name)
        job = (await self._built_in_jobs()).get(name)
        if job is None:
            raise UserError("not_on", tr("{name} is not switched on.", name=name), exit_code=ExitCode.USAGE)
        return await self.pause(job.id)

    async def _built_in_jobs(self) -> dict[str, Job]:
        return {
            str(job.plan.work["name"]): job
            for job in await self._store.all()
            if job.plan.work.get("do") == "built-in"
        }  # fmt: skip

    def _plan_of(self, known: BuiltIn, when: str) -> JobPlan:
        zone = self._zone()
        trigger = self._trigger("every" if is_length(when) else "words", when, zone)
        return JobPlan(
            known.name, trigger, str(zone), Work("built-in", name=known.name).as_data(), known.missed, known.timeout_s,
            1, on_ac=known.on_ac, when_idle=known.when_idle, urgency=known.urgency, wait_s=known.wait_s,
            repeatable=known.repeatable, notify=known.notify,
        )  # fmt: skip

    # How jobs stand.

    async def status(self) -> JobsStatus:
        """Return how jobs stand."""
        counts, jobs, following = await self._ledger.counts(), await self._store.all(), await self._ledger.next_due()
        waiting = await self._ledger.waiting() if counts.waiting else ()
        next_job, next_run = ("", "") if following is None else (following[0].name, self._iso(following[1]))
        return JobsStatus(
            len(jobs), next_job, next_run, counts.missed, counts.unknown, counts.running, counts.waiting,
            waiting_sentence([run.reason for _, run in waiting]), await self._heartbeat_status(),
        )  # fmt: skip

    async def findings(self) -> tuple[Finding, ...]:
        """Return what a doctor says of the jobs."""
        status = await self.status()
        if unreadable := [view for view in await self.list() if view.problem]:
            return (
                Finding(
                    "jobs",
                    "error",
                    tr("{count} jobs can't be read and don't run.", count=len(unreadable)),
                    tr("Their time zone may be unknown here: update the program. Or remove them: openclaw-agent task"
                       " list names them, openclaw-agent task remove takes them out."),
                ),
            )  # fmt: skip
        if status.unknown:
            return (
                Finding(
                    "jobs",
                    "warning",
                    tr("{count} runs were cut off, and whether they did what they do can't be told.",
                       count=status.unknown),
                    tr("See which: openclaw-agent task runs"),
                ),
            )  # fmt: skip
        if status.missed:
            sentence = tr("{count} runs of jobs were missed.", count=status.missed)
            return (Finding("jobs", "warning", sentence, tr("See which: openclaw-agent task runs")),)
        return (Finding("jobs", "ok", tr("Scheduled jobs: {count}.", count=status.jobs)),) if status.jobs else ()

    async def _heartbeat_status(self) -> HeartbeatStatus:
        job = (await self._built_in_jobs()).get(HEARTBEAT)
        if job is None:
            return HeartbeatStatus()
        last = next((run for run in await self._ledger.runs(job.id, RUNS_SHOWN) if run.ended_at is not None), None)
        said = "" if last is None else last.reason or last.said or last.state
        return HeartbeatStatus(
            job.enabled, "" if last is None else self._iso(last.ended_at), said,
            self._iso(job.due_at) if job.enabled else "",
        )  # fmt: skip

    async def past(self, since: datetime) -> Past:
        """Return what came of the jobs since then."""
        names = await self._store.names()
        runs = [run for run in await self._ledger.runs(None, RUNS_LOOKED_AT) if run.due_at >= since]
        bad = [names.get(run.job_id, "") for run in runs if run.state in ("failed", "missed", "unknown")]
        done = sum(run.state == "done" and bool(run.said) for run in runs)
        return Past(done, tuple(dict.fromkeys(filter(None, bad))))

    # What the tools ask (`tools.job_tools.Jobs`).

    def hear(self, when: str) -> Heard:
        """Return what words of a time mean; raises UserError."""
        zone, now = self._zone(), self._clock.now()
        understood = self._understand(when, zone)
        times = understood.next_times(now)
        if not times:
            raise UserError("past", tr("No time of that is still to come."), exit_code=ExitCode.USAGE)
        sentence = f"{understood.sentence} {narrate_times(times)}".strip()
        return Heard(sentence, now.astimezone(zone).date().isoformat() if len(times) == 1 else "")

    async def remind(self, when: str, text: str, label: Label) -> KnownJob:
        """Keep a reminder."""
        return await self._keep_asked(when, Work("remind", text=user_text(text)), label)

    async def plan(self, when: str, text: str, label: Label) -> KnownJob:
        """Keep a job that asks `text` at its times."""
        return await self._keep_asked(when, Work("prompt", text=user_text(text)), label)

    async def known(self) -> Sequence[KnownJob]:
        """Return the jobs, the soonest first."""
        return [self._known(job) for job in _by_time(await self._store.all()) if not is_over(job)]

    async def find(self, words: str) -> KnownJob:
        """Return the one that `words` name."""
        return self._known(await self._store.find(words))

    async def change(self, job_id: str, change: JobChange) -> str:
        """Pause, resume, remove or run one."""
        match change:
            case "pause":
                return tr("{name} rests until it is resumed.", name=(await self.pause(job_id)).name)
            case "resume":
                view = await self.resume(job_id)
                return tr("{name} goes on. {when}", name=view.name, when=view.when)
            case "remove":
                return tr("Removed: {name}", name=await self.remove(job_id))
            case "run":
                run = await self.run(job_id)
                return f"{run.job}: {run.said or run.reason or run.state}"

    async def _keep_asked(self, when: str, work: Work, label: Label) -> KnownJob:
        zone = self._zone()
        trigger = self._trigger("words", when, zone)
        taken = {job.name.casefold() for job in await self._store.all()}
        plan = JobPlan(
            _free_name(work.text, taken), trigger, str(zone), work.as_data(), Missed("once"), urgency=_urgency(work),
            repeatable=work.kind == "remind", notify="high" if work.kind == "remind" else "normal",
        )  # fmt: skip
        return self._known(await self._keep(plan, label))

    def _known(self, job: Job) -> KnownJob:
        following = coming(job, self._clock.now(), 1) if job.enabled else ()
        state = "" if job.enabled else tr(" (paused)")
        said = f"{visible(job.name)}{state}: {when_words(job)}"
        work = work_of(job)
        # The name of what was typed is its own words.
        said += "" if work is None or work.text.startswith(job.name.rstrip("…")) else f" {work.describe()}"
        return KnownJob(job.id, job.name, said, following[0] if following else "", job.enabled, job.label)

    # How a job is made and shown.

    async def _keep(self, plan: JobPlan, label: Label) -> Job:
        job = await self._store.add(plan, label)
        self._poke()
        return job

    def _poke(self) -> None:
        if self._clockwork is not None:
            self._clockwork.poke()

    def _trigger(self, kind: TriggerKind, when: str, zone: ZoneInfo) -> Trigger:
        """Return what `when` of that kind means; raises UserError."""
        now = self._clock.now()
        match kind:
            case "cron":
                return cron(when, now, zone)
            case "every":
                return every(when, now, zone)
            case "at":
                return at(when, zone)
            case "on":
                return on_event(when)
        return cast(Trigger, self._understand(when, zone).schedule)

    def _understand(self, when: str, zone: ZoneInfo) -> Understood:
        understood = understand(when, self._clock.now().astimezone(zone), zone, is_day_first(os.environ))
        if isinstance(understood, Unclear):
            raise UserError(understood.code, understood.sentence, understood.advice, ExitCode.USAGE)
        return understood

    async def _added(self, job: Job, words: str, zone: ZoneInfo) -> JobView:
        """Return a job that was just made of `words`, with what was assumed of them."""
        view = await self._view(job)
        return replace(view, heard=self._understand(words, zone).sentence) if words else view

    def _work(self, wanted: NewJob) -> Work:
        check = None
        if wanted.check:
            self._check_call(wanted.check, wanted.check_arguments)
            check = make_check(wanted.check, wanted.check_arguments, wanted.check_if)
        given = [kind for kind in ("prompt", "tool", "remind") if getattr(wanted, kind)]
        if len(given) != 1:
            raise UserError(
                "no_work",
                tr("A job does one thing."),
                tr("Give it one of --prompt TEXT, --tool NAME ARGS_JSON and --remind TEXT."),
                ExitCode.USAGE,
            )
        if wanted.prompt:
            return Work("prompt", text=user_text(wanted.prompt), check=check)
        if wanted.remind:
            return Work("remind", text=user_text(wanted.remind), check=check)
        self._check_call(wanted.tool, wanted.arguments)
        return Work("tool", name=wanted.tool, arguments=dict(wanted.arguments), check=check)

    def _check_call(self, name: str, arguments: Mapping[str, Any]) -> None:
        problem = self._problem_of(name, arguments)
        if problem is None:
            raise UserError(
                "no_such_tool",
                tr("There is no tool {name}.", name=visible(name[:80])),
                tr("See which there are: openclaw-agent tool list"),
                ExitCode.USAGE,
            )
        if problem:
            raise UserError(
                "bad_arguments",
                tr(
                    "{tool} can't be called like that: {reason}.",
                    tool=visible(name[:80]),
                    reason=visible(problem[:300]),
                ),
                exit_code=ExitCode.USAGE,
            )

    async def _view(self, job: Job, runs: Sequence[Run] = ()) -> JobView:
        waits = next((run.reason for other, run in await self._ledger.waiting() if other.id == job.id), "")
        return job_view(job, self._clock.now(), self._zone(), waits, runs)

    def _iso(self, moment: datetime | None) -> str:
        return iso(moment, self._zone())


def _urgency(work: Work) -> JobUrgency:
    """Return how urgent a run is at its time: a reminder costs the machine nothing, and late it is worth little."""
    return "now" if work.kind == "remind" and work.check is None else "due"


def _by_time(jobs: Sequence[Job]) -> list[Job]:
    return sorted(jobs, key=lambda job: (not job.enabled, job.due_at is None, job.due_at or job.created_at, job.name))


def _free_name(text: str, taken: set[str]) -> str:
    """Return a name for a job out of its words, that no other has."""
    words = visible(" ".join(text.split()))
    name = words if len(words) <= NAME_CHARS else words[: NAME_CHARS - 1].rsplit(" ", 1)[0] + "…"
    number = 2
    free = name
    while free.casefold() in taken:
        free, number = f"{name} ({number})", number + 1
    return free
