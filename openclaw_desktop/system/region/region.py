"""The user's time zone, and whether dates there begin with the day.

Owns asking the system. Must not know what is scheduled. Any thread.
"""

from __future__ import annotations

import locale
import logging
import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import tzlocal

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible

_log = logging.getLogger(__name__)

# Territories whose short date in the Unicode CLDR (read through Babel 2.18) has the month before the day. Left out on
# purpose: those that write the year first there, but day/month where it is missing (Canada, Sweden, South Africa …).
MONTH_FIRST = frozenset(
    ["AS", "CN", "GU", "HU", "JP", "KP", "KR", "LT", "MH", "MN", "MP", "PA", "PH", "PR", "TW", "UM", "US", "VI"]
)


def find_zone() -> ZoneInfo:
    """Return the system's time zone; UTC where the system names none that is known."""
    try:
        return tzlocal.get_localzone()
    except (ZoneInfoNotFoundError, LookupError, ValueError, OSError) as error:
        _log.warning("the system's time zone is unknown (%s): UTC is used", error)
        return ZoneInfo("UTC")


def zone_named(name: str) -> ZoneInfo:
    """Return the zone of an IANA name such as Europe/Berlin; raises UserError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UserError(
            "unknown_zone",
            tr("There is no time zone {name}.", name=visible(name)),
            tr("Zones are named like Europe/Berlin or America/New_York."),
            ExitCode.USAGE,
        ) from None


def is_day_first(environ: Mapping[str, str]) -> bool:
    """Return whether 3/4 is the third of April to this user: LC_ALL, LC_TIME, LANG, else the system's own locale."""
    name = environ.get("LC_ALL") or environ.get("LC_TIME") or environ.get("LANG") or locale.getlocale()[0] or ""
    territory = re.match(r"[A-Za-z]+[_-](?:[A-Z][a-z]{3}[_-])?([A-Z]{2})\b", name.partition(".")[0])
    if territory is None and name.endswith("United States"):  # Windows' own names
        return False
    return territory is None or territory[1] not in MONTH_FIRST
