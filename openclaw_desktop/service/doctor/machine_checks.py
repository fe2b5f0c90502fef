"""What a doctor looks at on the machine: clock, zone, power, who is there, and the desktop's notices and tray.

Owns these checks; none of them repairs. Must not know the agent's parts. Blocking: it runs in a thread.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from openclaw_desktop.core.text import tr
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.system.battery import read_power
from openclaw_desktop.system.desktop_bus import owners
from openclaw_desktop.system.region import find_zone

NOTICES, TRAYS = "org.freedesktop.Notifications", "org.kde.StatusNotifierWatcher"
# A clock may be a little off; a day is more than any zone explains.
CLOCK_SLACK = timedelta(days=1)
# What adjtimex(2) returns where nothing keeps the clock right.
_UNSYNCHRONISED = 5


def check_machine(idle_s: float | None, newest: str | None, *, tray: bool) -> list[Finding]:
    """Return what is found.

    `idle_s`: since the last input, None where nothing tells. `newest`: when the newest memory was kept (ISO 8601).
    `tray`: the agent has a window.
    """
    return [
        check_clock(datetime.now(UTC), newest, _built_at(), synchronised()),
        check_zone(),
        _check_power(),
        _check_idle(idle_s, tray=tray),
        *_check_desktop(tray=tray),
    ]


def check_clock(now: datetime, newest: str | None, built_at: datetime | None, kept: bool | None) -> Finding:
    """Return whether the clock can be right. `kept`: whether a time server keeps it; None: not told."""
    before = None
    if newest is not None:
        before = datetime.fromisoformat(newest)
        before = before if before.tzinfo else before.replace(tzinfo=UTC)
    if before is not None and before > now + CLOCK_SLACK:
        return Finding(
            "clock",
            "warning",
            tr(
                "The clock says {now}, but something was kept on {day}.",
                now=f"{now:%Y-%m-%d}",
                day=f"{before:%Y-%m-%d}",
            ),
            tr("Set the clock, or let a time server keep it: timedatectl set-ntp true"),
        )
    if built_at is not None and built_at > now + CLOCK_SLACK:
        return Finding(
            "clock",
            "warning",
            tr("The clock says {now}, which is before this program was installed.", now=f"{now:%Y-%m-%d}"),
            tr("Set the clock, or let a time server keep it: timedatectl set-ntp true"),
        )
    if kept is False:
        return Finding("clock", "ok", tr("The clock is plausible; no time server is known to keep it."))
    return Finding("clock", "ok", tr("The clock is plausible."))


def _built_at() -> datetime | None:
    try:
        return datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    except OSError:
        return None


def synchronised() -> bool | None:
    """Return whether the kernel's clock is kept right by somebody; None where it does not tell."""
    if sys.platform != "linux":
        return None
    try:
        # All zeros: nothing is changed. The buffer is larger than any system's struct timex.
        return int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))) != _UNSYNCHRONISED
    except (OSError, AttributeError):
        return None


def check_zone() -> Finding:
    """Return whether the system's zone is known."""
    zone = str(find_zone())
    offset_s = time.localtime().tm_gmtoff
    if zone == "UTC" and offset_s:
        return Finding(
            "zone",
            "warning",
            tr(
                "The system's time zone is unknown, so times are taken as UTC, {hours} hours off.",
                hours=offset_s / 3600,
            ),
            tr("Set it: timedatectl set-timezone ZONE"),
        )
    return Finding("zone", "ok", tr("Times are those of {zone}.", zone=zone))


def _check_power() -> Finding:
    power = read_power()
    if power.source == "unknown":
        return Finding("battery", "ok", tr("This machine does not tell what feeds it: it counts as on mains."))
    if power.battery_percent is None:
        return Finding("battery", "ok", tr("On mains, without a battery."))
    return Finding(
        "battery",
        "ok",
        tr("Source: {source}, {percent} %.", source=power.source, percent=f"{power.battery_percent:.0f}"),
    )


def _check_idle(idle_s: float | None, *, tray: bool) -> Finding:
    if idle_s is not None:
        return Finding("idle", "ok", tr("Nobody has touched this machine for {count} seconds.", count=round(idle_s)))
    sentence = tr("Whether somebody is at the machine is not told here.")
    advice = tr("Work that waits for that goes by your chats alone.")
    return Finding("idle", "warning" if tray else "ok", sentence, advice)


def _check_desktop(*, tray: bool) -> list[Finding]:
    found = owners((NOTICES, TRAYS), os.environ)
    if found is None:
        sentence = tr("There is no desktop session here: notices wait in the inbox and in openclaw-agent.")
        return [Finding("notices", "warning" if tray and sys.platform == "linux" else "ok", sentence)]
    findings = [
        Finding("notices", "ok", tr("The desktop shows notices."))
        if found[NOTICES]
        else Finding(
            "notices",
            "warning",
            tr("No program shows notices on this desktop; they wait in the agent's own list."),
            tr("Install one, such as dunst or mako."),
        )
    ]
    if tray:
        findings.append(
            Finding("tray", "ok", tr("The desktop has a place for tray icons."))
            if found[TRAYS]
            else Finding(
                "tray",
                "warning",
                tr("The desktop has no place for tray icons of today's kind; the icon may be missing."),
                tr("On GNOME, the extension AppIndicator brings it. The hotkey works without."),
            )
        )
    return findings
