"""What starts the agent by itself: one thing at a time.

Owns that there is never more than one, and what is said of each. Must not know how one is written (`system`). Blocking;
it needs no running agent.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.system.autostart import LaunchEntry, choose_autostart
from openclaw_desktop.system.paths import Home
from openclaw_desktop.system.program import program_command
from openclaw_desktop.system.service_unit import UNIT, SystemUnit, UserUnit, UserUnitPlace

# "service": a unit of the user's own manager. "system": one of the machine. "tray": at login, with the window.
LaunchKind = Literal["service", "system", "tray"]


@dataclass(frozen=True, slots=True)
class LaunchView:
    """One way to start by itself. `enabled`, `active`: what systemd says, None where it isn't asked or can't be."""

    kind: LaunchKind
    installed: bool
    place: str
    program: str = ""
    enabled: bool | None = None
    active: bool | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Launched:
    """What `install` did. `changed`: False where it was so already. `replaced`: what was taken away for it."""

    kind: LaunchKind
    place: str
    changed: bool
    replaced: tuple[LaunchKind, ...] = ()


def launch_files(environ: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Return the user's files that start the agent, there or not: no tool may touch them, as they outlive its walls."""
    environ = os.environ if environ is None else environ
    if sys.platform == "win32":
        return ()
    unit = UserUnitPlace.of(environ).folder / UNIT
    return (Path(choose_autostart(environ).place), *((unit, Path(f"{unit}.d")) if sys.platform == "linux" else ()))


class LaunchDesk:
    """Installs, removes and looks after the ways to start."""

    def __init__(
        self,
        home: Home,
        environ: Mapping[str, str] | None = None,
        *,
        service: UserUnit | None = None,
        system: SystemUnit | None = None,
        tray: LaunchEntry | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        self._home = home
        self.service = service or UserUnit(UserUnitPlace.of(environ), environ)
        self.system = system or SystemUnit()
        self.tray = tray or choose_autostart(environ)

    def _entries(self) -> dict[LaunchKind, LaunchEntry]:
        linux: dict[LaunchKind, LaunchEntry] = {"service": self.service, "system": self.system}
        return {**(linux if sys.platform == "linux" else {}), "tray": self.tray}

    def installed(self) -> tuple[LaunchKind, ...]:
        """Return what is installed; one at the most, unless somebody wrote files by hand."""
        return tuple(kind for kind, entry in self._entries().items() if entry.installed())

    def views(self) -> tuple[LaunchView, ...]:
        """Return every way that this system has."""
        return tuple(self._view(kind, entry) for kind, entry in self._entries().items())

    def _view(self, kind: LaunchKind, entry: LaunchEntry) -> LaunchView:
        if not entry.installed():
            return LaunchView(kind, False, entry.place)
        state = entry.state() if isinstance(entry, (UserUnit, SystemUnit)) else None
        enabled, active = (state.enabled, state.active) if state is not None else (None, None)
        return LaunchView(kind, True, entry.place, entry.program(), enabled, active, _problem(entry, enabled))

    def install(self, kind: LaunchKind) -> Launched:
        """Have the agent started that way, and no other; raises UserError, and then all is as it was."""
        entry = self._entry(kind)
        before = [other for other in self.installed() if other != kind]
        if "system" in before:
            raise UserError(
                "one_launch",
                tr("This machine starts an agent of its own already ({place}).", place=self.system.place),
                tr("Take that away first: sudo openclaw-agent service remove --system"),
            )
        changed = entry.install(self._command(kind))
        for other in before:  # after the new one is there: a refusal takes nothing away
            self._entry(other).remove()
        return Launched(kind, entry.place, changed, tuple(before))

    def remove(self, kind: LaunchKind) -> bool:
        """Have the agent no longer started that way; False where it was not. Raises UserError."""
        return self._entry(kind).remove()

    def findings(self, repair: bool) -> list[Finding]:
        """Look whether what is installed can start; with `repair` it is written anew with this program."""
        views = [view for view in self.views() if view.installed]
        if not views:
            return [Finding("launch", "ok", tr("Nothing starts the agent by itself."))]
        found = []
        if len(views) > 1:
            places = ", ".join(view.place for view in views)
            sentence = tr("Several things start the agent: {places}.", places=places)
            found.append(Finding("launch", "warning", sentence, tr("Keep one: openclaw-agent service remove")))
        for view in views:
            if view.problem and repair and view.kind != "system":
                self._entry(view.kind).install(self._command(view.kind))
                sentence = tr("{place} starts this program now.", place=view.place)
                found.append(Finding("launch", "ok", sentence, repaired=True))
            elif view.problem:
                found.append(Finding("launch", "warning", view.problem, tr("openclaw-agent doctor --fix mends it.")))
            else:
                found.append(Finding("launch", "ok", tr("{place} starts the agent.", place=view.place)))
        return found

    def _entry(self, kind: LaunchKind) -> LaunchEntry:
        entry = self._entries().get(kind)
        if entry is None:
            raise UserError(
                "no_service_manager",
                tr("There are no services of systemd on this system."),
                tr("For the tray at login: openclaw-agent service install --tray"),
                ExitCode.USAGE,
            )
        return entry

    def _command(self, kind: LaunchKind) -> list[str]:
        home = ["--home", str(self._home.root)] if self._home.root is not None and kind != "system" else []
        if kind == "tray":
            return [*program_command("openclaw-desktop"), "--hidden", *home]
        return [*program_command("openclaw-agent"), "serve", *home]


def _problem(entry: LaunchEntry, enabled: bool | None) -> str:
    program = entry.program()
    if not program or not Path(program).is_file():
        return tr("{place} starts {program}, which is not there.", place=entry.place, program=visible(program) or "?")
    if enabled is False:
        return tr("{place} is written but not switched on.", place=entry.place)
    return ""
