"""The verbs `task add / list / show / run / pause / resume / remove / runs / built-in / enable / disable`.

Owns their words, and how a job is read from the command line. Must not know when a job runs, nor how it is done.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from openclaw_desktop.cli import output
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible, visible_lines
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.jobs.views import JobView, NewJob, RunView, TriggerKind

KINDS: tuple[TriggerKind, ...] = ("cron", "every", "at", "words", "on")


async def add_job(service: AgentService, arguments: argparse.Namespace) -> int:
    """Keep a job, and say what was understood: the next three times."""
    kind = next(kind for kind in KINDS if getattr(arguments, kind) is not None)
    tool, given = _call(arguments.tool)
    check, check_given = _call(arguments.check)
    job = await service.add_job(
        NewJob(
            arguments.name, kind, getattr(arguments, kind), arguments.tz, arguments.missed, arguments.timeout,
            arguments.retries, arguments.on_ac, arguments.when_idle, arguments.notify, arguments.prompt, tool, given,
            arguments.remind, check, check_given, arguments.check_if,
        )
    )  # fmt: skip
    return _shown(arguments, job, tr("Scheduled {name}.", name=job.name))


def _call(words: Sequence[str] | None) -> tuple[str, dict[str, Any]]:
    """Return a tool and its arguments; raises UserError where those are no JSON object."""
    if words is None:
        return "", {}
    try:
        given = json.loads(words[1])
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise UserError(
            "bad_arguments",
            tr("The arguments of {tool} are no JSON object.", tool=visible(words[0])),
            tr("""Write them as '{{"action": "list"}}'."""),
            ExitCode.USAGE,
        )
    return words[0], given


async def list_jobs(service: AgentService, arguments: argparse.Namespace) -> int:
    """List the jobs."""
    jobs = await service.list_jobs()
    if arguments.json:
        output.print_json({"jobs": jobs})
    elif jobs:
        output.say("\n".join(_line(job) for job in jobs) + "\n")
    else:
        output.tell(tr("Nothing is scheduled. What there is to switch on: openclaw-agent task built-in"))
    return ExitCode.DONE


async def show_job(service: AgentService, arguments: argparse.Namespace) -> int:
    """Show one with its last runs."""
    job = await service.show_job(arguments.job)
    if arguments.json:
        output.print_json(job)
        return ExitCode.DONE
    lines = [
        _line(job),
        job.does,
        tr("zone {zone}, missed runs: {missed}, {seconds} s a run, {retries} retries",
           zone=job.zone, missed=job.missed, seconds=f"{job.timeout_s:g}", retries=job.retries),
    ]  # fmt: skip
    lines += [tr("only on mains")] if job.on_ac else []
    lines += [tr("only while nobody is at the machine")] if job.when_idle else []
    if job.untrusted:
        origins = visible(", ".join(job.origins))
        lines.append(
            tr("made from text that you did not write ({origins}): what it may do is limited", origins=origins)
        )
    if job.energy_wh:
        lines.append(tr("about {wh} Wh so far (estimated)", wh=f"{job.energy_wh:.3g}"))
    lines += [tr("next: {when}", when=_moment(moment)) for moment in job.next]
    lines += [_run_line(run) for run in job.runs]
    output.say("\n".join(lines) + "\n")
    return ExitCode.DONE


async def run_job(service: AgentService, arguments: argparse.Namespace) -> int:
    """Run one now, and show how it ended."""
    run = await service.run_job(arguments.job)
    if arguments.json:
        output.print_json(run)
    else:
        if run.said:
            output.say(visible_lines(run.said) + "\n")
        if run.state != "done" or not run.said:
            output.tell(f"{run.state}: {run.reason}" if run.reason else run.state)
    return ExitCode.DONE if run.state in ("done", "skipped") else ExitCode.FAILED


async def pause_job(service: AgentService, arguments: argparse.Namespace) -> int:
    """Let one rest."""
    job = await service.pause_job(arguments.job)
    return _shown(arguments, job, tr("{name} rests.", name=job.name))


async def resume_job(service: AgentService, arguments: argparse.Namespace) -> int:
    """Go on with one."""
    job = await service.resume_job(arguments.job)
    return _shown(arguments, job, tr("{name} goes on.", name=job.name))


async def remove_job(service: AgentService, arguments: argparse.Namespace) -> int:
    """Remove one."""
    name = await service.remove_job(arguments.job)
    if arguments.json:
        output.print_json({"removed": name})
    else:
        output.say(tr("Removed {name}.", name=name) + "\n")
    return ExitCode.DONE


async def show_runs(service: AgentService, arguments: argparse.Namespace) -> int:
    """List runs, the newest first."""
    runs = await service.job_runs(arguments.job, arguments.n)
    if arguments.json:
        output.print_json({"runs": runs})
    elif runs:
        output.say("\n".join(_run_line(run, named=not arguments.job) for run in runs) + "\n")
    else:
        output.tell(tr("Nothing has run yet."))
    return ExitCode.DONE


async def list_built_in(service: AgentService, arguments: argparse.Namespace) -> int:
    """List the jobs that are there to be switched on."""
    known = await service.list_built_in_jobs()
    if arguments.json:
        output.print_json({"built_in": known})
    else:
        lines = [f"{one.name:15} {tr('on') if one.on else tr('off'):4} {one.when}\n  {one.says}" for one in known]
        output.say("\n".join(lines) + "\n")
        output.tell(tr("Switch one on with: openclaw-agent task enable NAME"))
    return ExitCode.DONE


async def enable_job(service: AgentService, arguments: argparse.Namespace) -> int:
    """Switch one on."""
    job = await service.enable_job(arguments.job, arguments.when, _whole_path(arguments.checklist))
    return _shown(arguments, job, tr("{name} is on.", name=job.name))


async def disable_job(service: AgentService, arguments: argparse.Namespace) -> int:
    """Switch one off."""
    job = await service.disable_job(arguments.job)
    return _shown(arguments, job, tr("{name} is off.", name=job.name))


def _whole_path(path: str) -> str:
    """Return `path` absolute, as the agent may run in another folder."""
    return str(Path(path).expanduser().absolute()) if path else ""


def _shown(arguments: argparse.Namespace, job: JobView, sentence: str) -> int:
    if arguments.json:
        output.print_json(job)
        return ExitCode.DONE
    coming = tr(" Next: {times}.", times="; ".join(map(_moment, job.next)) + _elsewhere(job)) if job.next else ""
    output.say(f"{sentence} {job.heard or job.when}{coming}\n")
    if job.problem:
        output.tell(job.problem)
    return ExitCode.DONE


def _line(job: JobView) -> str:
    if job.problem:
        return f"{visible(job.name):24} {job.problem} " + tr(
            "To give it up: openclaw-agent task remove {id}", id=job.id
        )
    state = (job.waits or (tr("over") if job.over else "")) if job.enabled else tr("paused")
    following = tr("next {when}", when=_moment(job.next[0])) + _elsewhere(job) if job.next else ""
    extra = ", ".join(part for part in (following, state) if part)
    return f"{visible(job.name):24} {job.when}" + (f" ({extra})" if extra else "")


def _elsewhere(job: JobView) -> str:
    """Return where it is that a job's times are told by another clock than this machine's."""
    moments = [datetime.fromisoformat(text) for text in job.next]
    if all(moment.utcoffset() == moment.astimezone().utcoffset() for moment in moments):
        return ""
    return tr(" in {zone}", zone=visible(job.zone))


def _run_line(run: RunView, *, named: bool = False) -> str:
    times = f"{_moment(run.due_at)}" + (tr(" and {count} more", count=run.count - 1) if run.count > 1 else "")
    said = run.reason or run.said.splitlines()[0][:100] if run.reason or run.said else ""
    name = f"{visible(run.job)}: " if named else ""
    return f"{times} {name}{run.state}" + (f", {visible(said)}" if said else "")


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%a %Y-%m-%d %H:%M}" if text else ""


VERBS: dict[str, Callable[[AgentService, argparse.Namespace], Awaitable[int]]] = {
    "task add": add_job,
    "task list": list_jobs,
    "task show": show_job,
    "task run": run_job,
    "task pause": pause_job,
    "task resume": resume_job,
    "task remove": remove_job,
    "task runs": show_runs,
    "task built-in": list_built_in,
    "task enable": enable_job,
    "task disable": disable_job,
}
