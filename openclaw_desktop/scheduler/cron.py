"""Cron lines of five fields and their nicknames ("@daily"), for people who write them.

Owns telling a cron line from words. The fields themselves are cronsim's. Must not know words. Pure.
"""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.scheduler.cron_times import check_line
from openclaw_desktop.scheduler.parts import Doubt, Setting
from openclaw_desktop.scheduler.schedules import CronLine

_NICKNAMES = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_FIELDS = re.compile(r"[\d*][^\s]*\s+[\d*][^\s]*(?:\s+[\d*?LA-Za-z][^\s]*){3}")


def find_cron(text: str, setting: Setting) -> CronLine | None:
    """Return the cron line that `text` is, None for words; raises Doubt for one with a wrong field."""
    line = " ".join(text.split())
    if line.startswith("@"):
        if (known := _NICKNAMES.get(line.lower())) is None:
            raise Doubt(
                tr("There is no such nickname."), tr("Known are @hourly, @daily, @weekly, @monthly and @yearly.")
            )
        return CronLine(known, setting.zone)
    if not _FIELDS.fullmatch(line) or ("*" not in line and not re.search(r"\d\s+\d", line)):
        return None
    if "*" not in line and re.search(r"[a-zA-Z]{4,}", line):
        return None  # "10 30 in the morning" is words
    try:
        check_line(line, setting.zone, setting.now)
    except ValueError:
        raise Doubt(tr("This cron line is wrong, or never due."), _advice()) from None
    return CronLine(line, setting.zone)


def read_cron(text: str, now: datetime, zone: ZoneInfo) -> CronLine:
    """Return the cron line that `text` must be; raises UserError where it is wrong or never due after `now`."""
    line = " ".join(text.split())
    line = _NICKNAMES.get(line.lower(), line)
    try:
        check_line(line, zone, now)
    except ValueError:
        raise UserError(
            "bad_cron",
            tr("“{line}”: this cron line is wrong, or never due.", line=visible(line[:80])),
            _advice(),
            ExitCode.USAGE,
        ) from None
    return CronLine(line, zone)


def _advice() -> str:
    return tr("Its fields are minute, hour, day, month, weekday: 0 9 * * 1-5.")
