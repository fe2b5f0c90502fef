"""What the command line prints: one JSON document on stdout, or plain words.

Owns the form of the output. People's messages go to stderr with `--json`, and failures always.
"""

from __future__ import annotations

import json
import sys

import msgspec

from openclaw_desktop.core.errors import Failure
from openclaw_desktop.core.text import tr, visible_lines, without_controls
from openclaw_desktop.service.api import GrantView, ModelView, RemovedModel
from openclaw_desktop.service.jobs.views import HeartbeatStatus
from openclaw_desktop.service.memory.api import MemoryHit, RecallAnswer
from openclaw_desktop.service.status_views import Finding, SchedulerStatus, Status


def print_json(value: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Print words of the answer, without anything that could steer a terminal."""
    sys.stdout.write(without_controls(text))
    sys.stdout.flush()


def tell(text: str) -> None:
    """Tell a person something on stderr, one line."""
    sys.stderr.write(without_controls(text) + "\n")
    sys.stderr.flush()


def tell_failure(failure: Failure) -> None:
    """Tell what went wrong and what to do."""
    tell(failure.text)


def describe_hit(hit: MemoryHit) -> str:
    """Return one memory as a line; further lines of its text are set in, so that none passes for another memory."""
    why = f"  ({hit.why})" if hit.why else ""
    text = visible_lines(hit.text).replace("\n", "\n    ")
    return f"{hit.id}  {hit.created_at[:10]}  {text}{why}"


def describe_recall(answer: RecallAnswer) -> str:
    """Return the hits, one a line."""
    return "\n".join(describe_hit(hit) for hit in answer.hits)


def describe_model(model: ModelView) -> str:
    """Return one model as a line."""
    mark = "*" if model.chosen else " "
    size = f"{model.size_bytes // 1_000_000:,} MB"
    if model.endpoint:
        where = tr("LEAVES THIS MACHINE") if model.leaves_machine else tr("on this machine")
        return f"{mark} {model.id:45} {where}: {model.endpoint}  {model.problem}".rstrip()
    if model.path:
        place = f"{model.path} ({size})"
    elif model.part_bytes:
        part = f"{model.part_bytes // 1_000_000:,}"
        place = tr("not whole ({part} of {size}; model pull goes on)", part=part, size=size)
    else:
        place = model.problem or tr("not here ({size})", size=size)
    kind = tr("  [embedding]") if model.kind == "embedding" else ""
    return f"{mark} {model.id:22} {model.title:22} {model.licence:12} {place}{kind}"


def leaving_sentence(endpoint: str) -> str:
    """Return what the user must know of a model that is not on this machine."""
    return tr("What it reads (questions, memories, files) leaves this machine and goes to {url}.", url=endpoint)


def describe_removed(removed: RemovedModel) -> str:
    """Return what a removal did."""
    if removed.freed_bytes:
        size = f"{removed.freed_bytes / 1e6:,.0f}"
        sentence = tr("{title} is removed; {size} MB are free again.", title=removed.title, size=size)
    else:
        sentence = tr("{title} is forgotten.", title=removed.title)
    if removed.kept_path:
        sentence += " " + tr("{path} was left where it is.", path=removed.kept_path)
    if removed.was_in_use and removed.answering:
        return sentence + " " + tr("{title} answers from now on.", title=removed.answering)
    return sentence + " " + tr("No model is left to answer.") if removed.was_in_use else sentence


def describe_grant(grant: GrantView) -> str:
    """Return one grant as a line."""
    return f"{grant.id}  {grant.capability}  {grant.scope}"


def describe_finding(finding: Finding) -> str:
    """Return one finding as a line."""
    mark = {"ok": "ok     ", "warning": "warning", "error": "ERROR  "}[finding.level]
    mark = "fixed  " if finding.repaired else mark
    return f"{mark} {finding.check:9} {finding.sentence} {finding.advice}".rstrip()


def _heartbeat_lines(beat: HeartbeatStatus) -> list[str]:
    if not beat.on:
        return []
    last = f", last {beat.last_at}: {visible_lines(beat.last).splitlines()[0]}" if beat.last_at and beat.last else ""
    return [f"heartbeat  next {beat.next_at}{last}"]


def describe_jobs(jobs: SchedulerStatus) -> list[str]:
    """Return what runs by now and what wants to be looked at, as a line; [] where there is nothing to say."""
    lines = [tr("{count} running", count=jobs.running)] if jobs.running else []
    lines += [tr("{count} missed", count=jobs.missed)] if jobs.missed else []
    lines += [tr("{count} cut off that may be done in part", count=jobs.unknown)] if jobs.unknown else []
    if not lines:
        return []
    advice = tr("; see which: openclaw-agent task runs") if jobs.missed or jobs.unknown else ""
    return [f"jobs       {', '.join(lines)}{advice}"]


def describe_status(status: Status) -> str:
    """Return the status as lines."""
    running = f"{status.mode}, process {status.pid}, for {status.uptime_s:.0f} s" if status.mode else "not running"
    model = f"{status.model.name} ({status.model.state})" if status.model.name else "none"
    battery = "" if status.power.battery_percent is None else f", {status.power.battery_percent:.0f} %"
    sandbox = status.sandbox
    lines = [
        f"OpenCLaw Desktop {status.version}: {running}",
        f"home       {status.home}",
        f"model      {model}, {status.model.context_tokens} tokens",
        *([f"           {status.model.ladder}"] if status.model.ladder else []),
        f"memory     {sum(status.memory.count.values())} memories, {status.memory.db_bytes // 1024} KiB, "
        + ("encrypted" if status.memory.encrypted else "not encrypted")
        + (tr(", ITS TEXTS LEAVE THIS MACHINE for their vectors") if status.memory.vectors_leave_machine else ""),
        *([f"           {status.memory.warning}"] if status.memory.warning else []),
        f"sandbox    level {sandbox.level} ({', '.join(sandbox.layers)}) {sandbox.reason}".rstrip(),
        f"power      {status.power.source}{battery}",
        *([f"           {status.power.sentence}"] if status.power.sentence else []),
        *([f"           {status.health.sentence}"] if status.health.sentence else []),
    ]
    if status.memory.key_reason:
        lines.insert(4 + bool(status.model.ladder), f"           {status.memory.key_reason}")
    if status.model.leaves_machine:
        lines.append(f"           {leaving_sentence(status.model.endpoint)}")
    if status.mode:
        sizes = ", ".join(f"{role} {size >> 20} MiB" for role, size in status.health.rss_bytes.items())
        lines += [
            f"processes  {sizes}; {status.health.cpu_percent} % CPU",
            f"next       {status.scheduler.next_job} at {status.scheduler.next_run}",
            *([f"           {status.scheduler.waits}"] if status.scheduler.waits else []),
            *_heartbeat_lines(status.scheduler.heartbeat),
        ]
    lines += describe_jobs(status.scheduler)
    if status.hotkey:
        lines.append(f"hotkey     {status.hotkey}")
    if status.notifications.unseen or status.notifications.quiet_until:
        quiet = status.notifications.quiet_until
        lines.append(
            f"notices    {status.notifications.unseen} not seen, {status.notifications.queued} wait"
            + (f"; quiet until {quiet[:16].replace('T', ' ')}" if quiet else "")
        )
    lines += [f"MCP        {name}: {problem}" for name, problem in status.mcp.down.items()]
    return "\n".join(lines)
