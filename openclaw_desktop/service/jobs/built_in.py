"""The jobs that we bring, each off until the user switches it on: when they run by default, and what they do.

Owns the list, and what a run of each comes to. Must not know how a schedule is kept. Loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypedDict, cast
from zoneinfo import ZoneInfo

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.labels import SYSTEM
from openclaw_desktop.core.notices import Priority
from openclaw_desktop.core.protocols import RunPrompt
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.scheduler.jobs import Job, JobUrgency, Missed, Run, RunOutcome
from openclaw_desktop.service.api import ConsolidationView
from openclaw_desktop.service.jobs.briefs import Briefs, Past, Told
from openclaw_desktop.service.jobs.heartbeat import Heartbeat, is_silent
from openclaw_desktop.service.jobs.looks import Kind
from openclaw_desktop.service.jobs.prompts import JobPrompts, turn_of
from openclaw_desktop.storage.atomic import write_atomically

HEARTBEAT = "heartbeat"
HEARTBEAT_STEP = "every 30 minutes"
CONSOLIDATION_WAIT_S = 20 * 3600.0
LONGEST_MARKS = 2000


class _Entry(TypedDict):
    run: str
    before: list[str]
    now: list[str]


_NO_MARKS: _Entry = {"run": "", "before": [], "now": []}


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """One of them. `when`: words of its usual schedule, or a length such as 30m; `says`: what it does, in words.

    `needs`: the kind of account without which it has nothing to look at.
    """

    name: str
    title: str
    says: str
    when: str
    notify: Priority = "normal"
    missed: Missed = Missed("within", 4 * 3600.0)
    urgency: JobUrgency = "due"
    on_ac: bool = False
    when_idle: bool = False
    wait_s: float | None = None
    repeatable: bool = True
    timeout_s: float = 300.0
    needs: Kind | None = None


def built_ins() -> tuple[BuiltIn, ...]:
    """Return the list, as it is shown."""
    return (
        BuiltIn("morning-brief", tr("Morning brief"), tr("what today holds: calendar, what is due, mail"),
                "every day at 08:00"),
        BuiltIn("end-of-day", tr("End of the day"), tr("what is left over, and what tomorrow begins with"),
                "every day at 18:00"),
        BuiltIn("mail-triage", tr("E-mail triage"), tr("new mails that are worth a look, and how many others"),
                "every 30 minutes", missed=Missed("skip"), needs="mail"),
        BuiltIn("calendar-ahead", tr("Calendar look-ahead"), tr("the coming seven days, and what overlaps"),
                "every day at 17:00", notify="low", needs="calendar"),
        BuiltIn("consolidation", tr("Consolidation"), tr("reads what was said for facts, while nobody is disturbed"),
                "every day at 03:00", notify="silent", urgency="background", on_ac=True, when_idle=True,
                wait_s=CONSOLIDATION_WAIT_S, missed=Missed("once"), timeout_s=1800.0),
        BuiltIn("backup", tr("Backup"), tr("a copy of the memory, besides those that are made by themselves"),
                "every day at 13:00", notify="silent", missed=Missed("once"), timeout_s=1800.0),
        BuiltIn(HEARTBEAT, tr("Heartbeat"), tr("looks after your checklist, and speaks only where something matters"),
                HEARTBEAT_STEP, missed=Missed("skip"), timeout_s=900.0),
    )  # fmt: skip


def built_in_named(name: str) -> BuiltIn:
    """Return the one of that name; raises UserError."""
    for known in built_ins():
        if known.name == name:
            return known
    raise UserError(
        "no_built_in",
        tr("There is no built-in job {name}.", name=visible(name[:60])),
        tr("There are: {names}", names=", ".join(known.name for known in built_ins())),
        ExitCode.USAGE,
    )


class Marks:
    """What jobs have seen, as marks that say nothing of it: a small file, one entry a job.

    A run that is made again, as it failed or was cut off, sees what there was before it: what its first attempt saw may
    never have been told.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Jobs run at the same time, each change in a thread of its own.
        self._lock = threading.Lock()

    async def get(self, job_id: str, run_id: str) -> tuple[str, ...]:
        """Return the marks of a job from before this run; () where there are none."""
        entry = (await asyncio.to_thread(self._read)).get(job_id, _NO_MARKS)
        return tuple(entry["before"] if entry["run"] == run_id else entry["now"])

    async def put(self, job_id: str, run_id: str, marks: tuple[str, ...]) -> None:
        """Keep what this run of a job has seen, in the place of earlier marks."""

        def put() -> None:
            with self._lock:
                known = self._read()
                entry = known.get(job_id, _NO_MARKS)
                before = entry["before"] if entry["run"] == run_id else entry["now"]
                known[job_id] = {"run": run_id, "before": before, "now": list(marks)[:LONGEST_MARKS]}
                write_atomically(self._path, json.dumps(known).encode())

        await asyncio.to_thread(put)

    async def keep_only(self, job_ids: set[str]) -> None:
        """Forget the marks of jobs that are gone."""

        def keep() -> None:
            with self._lock:
                known = self._read()
                kept = {job: entry for job, entry in known.items() if job in job_ids}
                if kept != known:
                    write_atomically(self._path, json.dumps(kept).encode())

        await asyncio.to_thread(keep)

    def _read(self) -> dict[str, _Entry]:
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {
            job: cast(_Entry, entry)
            for job, entry in found.items()
            if isinstance(entry, dict) and entry.keys() == _NO_MARKS.keys()
        }


@dataclass(frozen=True, slots=True)
class BuiltInParts:
    """What they work with. `past`: what came of jobs since a moment; `zone`: the user's."""

    briefs: Briefs
    heartbeat: Heartbeat
    prompts: JobPrompts
    marks: Marks
    consolidate: Callable[[], Awaitable[ConsolidationView]]
    back_up: Callable[[], Awaitable[Path]]
    past: Callable[[datetime], Awaitable[Past]]
    clock: Clock
    zone: Callable[[], ZoneInfo]


class BuiltInJobs:
    """Runs them."""

    def __init__(self, parts: BuiltInParts) -> None:
        self._parts = parts
        self._does: Mapping[str, Callable[[Job, Run], Awaitable[RunOutcome]]] = {
            "morning-brief": self._morning,
            "end-of-day": self._evening,
            "mail-triage": self._triage,
            "calendar-ahead": self._ahead,
            "consolidation": self._consolidate,
            "backup": self._back_up,
            HEARTBEAT: self._beat,
        }

    async def run(self, name: str, job: Job, run: Run) -> RunOutcome:
        """Do one; raises UserError."""
        return await self._does[built_in_named(name).name](job, run)

    async def _morning(self, job: Job, run: Run) -> RunOutcome:
        now = self._now()
        past = await self._parts.past(now - timedelta(days=1))
        return await self._tell(job, run, await self._parts.briefs.morning(now, _turn(run), past))

    async def _evening(self, job: Job, run: Run) -> RunOutcome:
        now = self._now()
        past = await self._parts.past(now.replace(hour=0, minute=0, second=0, microsecond=0))
        return await self._tell(job, run, await self._parts.briefs.evening(now, _turn(run), past))

    async def _ahead(self, job: Job, run: Run) -> RunOutcome:
        return await self._come_of(job, run, await self._parts.briefs.ahead(self._now(), _turn(run)))

    async def _triage(self, job: Job, run: Run) -> RunOutcome:
        told = await self._parts.briefs.mail(_turn(run), await self._parts.marks.get(job.id, run.id))
        return await self._come_of(job, run, told)

    async def _come_of(self, job: Job, run: Run, told: Told) -> RunOutcome:
        """Return how a run ends that found what `told` says; what keeps it from looking is told once."""
        seen = told.seen
        if told.problem:
            mark = hashlib.sha256(told.problem.encode()).hexdigest()
            new = mark not in await self._parts.marks.get(job.id, run.id)
            outcome = RunOutcome("failed", told.problem, SYSTEM, deliver=new)
            seen = (mark, *seen)
        else:
            outcome = _quiet(told.quiet) if told.quiet else await self._tell(job, run, told)
        await self._parts.marks.put(job.id, run.id, seen)
        return outcome

    async def _consolidate(self, job: Job, run: Run) -> RunOutcome:
        done = await self._parts.consolidate()
        return RunOutcome("done", tr("Read {count} turns.", count=done.read), SYSTEM, deliver=False)

    async def _back_up(self, job: Job, run: Run) -> RunOutcome:
        path = await self._parts.back_up()
        return RunOutcome("done", tr("Copied to {path}.", path=visible(str(path))), SYSTEM, deliver=False)

    async def _beat(self, job: Job, run: Run) -> RunOutcome:
        heartbeat = self._parts.heartbeat
        items = await heartbeat.checklist()
        if not items:
            return _quiet(tr("The checklist is empty: {path}", path=visible(str(heartbeat.path))))
        prompt, mark = await heartbeat.look(items, self._now(), _turn(run))
        before = await self._parts.marks.get(job.id, run.id)
        if (mark,) == before:
            return _quiet(tr("Nothing is new since the beat before."))
        ask: RunPrompt = self._parts.prompts
        done = await ask(prompt.text, prompt.label, turn_id=_turn(run), job=job.id, timeout_s=job.plan.timeout_s)
        if done.error:
            # What keeps it from beating, such as a missing model, is told once and not every half hour.
            failed = hashlib.sha256(done.error.encode()).hexdigest()
            await self._parts.marks.put(job.id, run.id, (failed,))
            return RunOutcome(
                "failed", done.error, SYSTEM, again=done.again, deliver=before != (failed,), session_id=done.session_id
            )
        await self._parts.marks.put(job.id, run.id, (mark,))
        silent = is_silent(done.text) and not done.parked
        return RunOutcome(
            "done", "" if silent else done.text, done.label, tr("There was nothing to tell.") if silent else "",
            deliver=not silent, turn_id=_turn(run), session_id=done.session_id,
        )  # fmt: skip

    async def _tell(self, job: Job, run: Run, told: Told) -> RunOutcome:
        session_id = await self._parts.prompts.keep(_turn(run), built_in_title(job), told.text, told.label)
        return RunOutcome("done", told.text, told.label, turn_id=_turn(run), session_id=session_id)

    def _now(self) -> datetime:
        return self._parts.clock.now().astimezone(self._parts.zone())


def built_in_title(job: Job) -> str:
    """Return the title of the built-in job that `job` is, else its name."""
    return next((known.title for known in built_ins() if known.name == job.plan.work.get("name")), job.name)


def _turn(run: Run) -> str:
    return turn_of(run)


def _quiet(reason: str) -> RunOutcome:
    return RunOutcome("skipped", reason=reason, deliver=False)
