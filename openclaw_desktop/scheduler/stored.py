"""A trigger as text, and back.

Owns the form in which triggers are kept. Whole seconds only: a time of a job is named by its second. Must not know
jobs. Pure.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from openclaw_desktop.scheduler.cron_times import check_fields
from openclaw_desktop.scheduler.schedules import CronLine, Days, Once, Repeats, Steps
from openclaw_desktop.scheduler.triggers import OnEvent, Trigger


def write_trigger(trigger: Trigger) -> str:
    """Return a trigger as JSON; its zone is kept apart."""
    form: dict[str, Any]
    match trigger:
        case CronLine(line=line):
            form = {"kind": "cron", "line": line}
        case Once(moment=moment):
            form = {"kind": "at", "moment": _moment(moment)}
        case Steps():
            form = {
                "kind": "every",
                "start": _moment(trigger.start),
                "seconds": max(1, round(trigger.step.total_seconds())),
                "first": trigger.first,
                "end": _moment(trigger.end),
            }
        case Repeats():
            form = {
                "kind": "days",
                "days": asdict(trigger.days),
                "clock": [clock.isoformat() for clock in trigger.clock],
                "start": trigger.start.isoformat(),
                "end": _moment(trigger.end),
                "running": trigger.running,
            }
        case OnEvent(event=event, path=path):
            form = {"kind": "event", "event": event, "path": path}
    return json.dumps(form, ensure_ascii=False)


@lru_cache(maxsize=512)
def read_trigger(text: str, zone_name: str) -> Trigger:
    """Return the trigger that was written as `text`, in its zone; raises ValueError or KeyError for any other text."""
    form, zone = json.loads(text), ZoneInfo(zone_name)
    match form["kind"]:
        case "cron":
            check_fields(form["line"])
            return CronLine(form["line"], zone)
        case "at":
            return Once(_read_moment(form["moment"], zone))
        case "every":
            end = None if form["end"] is None else _read_moment(form["end"], zone)
            step = timedelta(seconds=form["seconds"])
            return Steps(_read_moment(form["start"], zone), step, form["first"], end)
        case "days":
            end = None if form["end"] is None else _read_moment(form["end"], zone)
            clock = tuple(time.fromisoformat(one) for one in form["clock"])
            start, days = date.fromisoformat(form["start"]), _read_days(form["days"])
            return Repeats(days, clock, start, zone, end, form["running"])
        case "event":
            return OnEvent(form["event"], form["path"])
    raise ValueError(text)


def _read_days(form: dict[str, Any]) -> Days:
    parts: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in form.items()}
    return Days(**parts)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


def _read_moment(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).astimezone(zone)
