"""`openclaw-agent task next`: when a schedule in words, or a cron line, is due.

Owns the output of that verb. It needs no agent, no home and no model.
"""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from openclaw_desktop.cli import output
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.scheduler.narration import describe_moment
from openclaw_desktop.scheduler.words import Unclear, understand
from openclaw_desktop.system.region import find_zone, is_day_first, zone_named


def show_next(arguments: argparse.Namespace) -> int:
    """Print what the words mean and the coming times; raises UserError where they are unclear."""
    zone = find_zone() if arguments.tz is None else zone_named(arguments.tz)
    after = datetime.now(UTC).astimezone(zone) if arguments.after is None else _moment(arguments.after, zone)
    understood = understand(arguments.expression, after, zone, is_day_first(os.environ))
    if isinstance(understood, Unclear):
        raise UserError(understood.code, understood.sentence, understood.advice, ExitCode.USAGE)
    times = understood.next_times(after, arguments.n)
    if arguments.json:
        iso = [moment.isoformat(timespec="seconds") for moment in times]
        output.print_json({"times": iso, "understood": understood.sentence})
    else:
        output.say("\n".join([understood.sentence, *map(describe_moment, times)]) + "\n")
    return ExitCode.DONE


def _moment(text: str, zone: ZoneInfo) -> datetime:
    """Return the moment of an ISO 8601 text; without an offset it is the zone's."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(
            "bad_moment",
            tr("“{text}” is no moment in ISO 8601.", text=visible(text)),
            tr("Write it as 2026-11-23T09:00 or 2026-11-23T09:00+01:00."),
            ExitCode.USAGE,
        ) from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(zone)
