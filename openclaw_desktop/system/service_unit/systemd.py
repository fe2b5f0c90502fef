"""Units of systemd: how they are written, and how their manager is told. Source: systemd.service(5), systemd.syntax(7).

Owns the files and their quoting. Must not know what is started. Blocking; a start waits until the agent is ready.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.system.autostart.entry_file import check_words, remove_entry, write_entry

UNIT = "openclaw-agent.service"
SYSTEM_TEMPLATE = "openclaw-agent-system.service"
CONTROL_S = 200.0
# What a shell may have set and the service manager has not: without them the agent would look elsewhere.
CARRIED = ("OPENCLAW_MODELS", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
# Of each core so much: a runaway leaves the rest of the machine something.
CORE_PERCENT = 90

Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True, slots=True)
class UnitState:
    """What the manager says. Each None where it can't be asked."""

    enabled: bool | None
    active: bool | None


def run_program(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; raises OSError, subprocess.TimeoutExpired."""
    return subprocess.run(
        words, capture_output=True, text=True, timeout=CONTROL_S, stdin=subprocess.DEVNULL, check=False
    )


def unit_text(template: str, command: Sequence[str], environment: Mapping[str, str], cores: int) -> str:
    """Return the unit that runs `command`; raises UserError for a path that no unit can hold."""
    words = [*command, *environment.values()]
    check_words(words)
    # The first word names the file to run: systemd puts no variables into it.
    quoted = [_quoted(command[0]), *(_quoted(word).replace("$", "$$") for word in command[1:])]
    lines = [f"Environment={_quoted(f'{name}={value}')}" for name, value in sorted(environment.items())]
    values = {
        "@COMMAND@": " ".join(quoted),
        "@ENVIRONMENT@": "\n".join(lines),
        "@CPU_QUOTA@": str(max(1, cores) * CORE_PERCENT),
    }
    text = resource_path("launch", template).read_text(encoding="utf-8")
    text = re.sub(r"@[A-Z_]+@", lambda found: values[found[0]], text)
    return re.sub(r"\n\n(?=[^\[#\n])", "\n", text)  # the place of an environment that is empty


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def program_of(path: Path) -> str:
    """Return the program that the unit at `path` runs; "" where that can't be read."""
    try:
        found = re.search(r'^ExecStart="((?:[^"\\]|\\.)*)"', path.read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, ValueError):
        return ""
    return re.sub(r"\\(.)", r"\1", found[1]).replace("%%", "%") if found else ""


class _Unit:
    """What both kinds share."""

    scope: tuple[str, ...] = ()

    def __init__(self, path: Path, run: Run) -> None:
        self._path = path
        self._run = run

    @property
    def place(self) -> str:
        """The unit's file."""
        return str(self._path)

    def installed(self) -> bool:
        """Return whether the file is there."""
        return self._path.is_file()

    def program(self) -> str:
        """Return the program that it runs."""
        return program_of(self._path)

    def state(self) -> UnitState:
        """Ask the manager."""
        try:
            enabled = self._run(["systemctl", *self.scope, "is-enabled", UNIT]).stdout.strip()
            active = self._run(["systemctl", *self.scope, "is-active", UNIT]).stdout.strip()
        except (OSError, subprocess.TimeoutExpired):
            return UnitState(None, None)
        # Without a manager there is no word at all for what is active.
        return UnitState(
            enabled == "enabled" if enabled else None, active in ("active", "activating") if active else None
        )

    def start(self) -> None:
        """Start it and wait until it is ready; raises UserError."""
        self._control("restart", UNIT)

    def _control(self, *words: str) -> None:
        try:
            done = self._run(["systemctl", *self.scope, *words])
        except FileNotFoundError as error:
            raise _no_manager() from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(
                "service_not_told",
                tr("systemd did not do it: {reason}.", reason=type(error).__name__),
                tr("See journalctl --user -u openclaw-agent"),
            ) from error
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [str(done.returncode)]
            raise UserError(
                "service_not_told",
                tr("systemd did not do it: {reason}", reason=visible(lines[0])[:300]),
                tr("See journalctl {scope} -u openclaw-agent", scope=" ".join(self.scope) or "--system"),
            )

    def _forget(self) -> bool:
        if not self.installed():
            return False
        for words in (("disable", "--now", UNIT), ("reset-failed", UNIT)):
            try:
                self._run(["systemctl", *self.scope, *words])
            except (OSError, subprocess.TimeoutExpired):
                break  # no manager: then nothing of it runs
        return True


@dataclass(frozen=True, slots=True)
class UserUnitPlace:
    """Where a user's own units lie."""

    folder: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> UserUnitPlace:
        """Return the folder that systemd reads for this user."""
        return cls(Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user")


class UserUnit(_Unit):
    """`LaunchEntry` as a unit of the user's own manager."""

    scope = ("--user",)

    def __init__(self, place: UserUnitPlace, environ: Mapping[str, str], run: Run = run_program) -> None:
        super().__init__(place.folder / UNIT, run)
        self._environ = environ

    def reachable(self) -> bool:
        """Return whether there is such a manager."""
        if sys.platform != "linux" or shutil.which("systemctl") is None:
            return False
        try:
            return self._run(["systemctl", "--user", "show", "--property=Version"]).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

    def install(self, command: Sequence[str]) -> bool:
        """Write the unit and have it start at login; raises UserError where there is no such manager."""
        if not self.reachable():
            raise _no_manager()
        environment = {name: self._environ[name] for name in CARRIED if self._environ.get(name)}
        text = unit_text(UNIT, command, environment, os.cpu_count() or 1)
        changed = write_entry(self._path, text.encode())
        self._control("daemon-reload")
        self._control("enable", UNIT)
        return changed

    def remove(self) -> bool:
        """Stop it and take the unit away."""
        if not self._forget():
            return False
        remove_entry(self._path)
        if self.reachable():
            self._control("daemon-reload")
        return True


class SystemUnit(_Unit):
    """`LaunchEntry` as a unit of the machine, with a user of its own. `root`: of the file system."""

    def __init__(self, root: Path = Path("/"), run: Run = run_program, *, is_root: bool | None = None) -> None:
        super().__init__(root / "etc" / "systemd" / "system" / UNIT, run)
        self._users = root / "etc" / "sysusers.d" / "openclaw.conf"
        self._folders = root / "etc" / "tmpfiles.d" / "openclaw.conf"
        self._is_root = (sys.platform != "win32" and os.geteuid() == 0) if is_root is None else is_root

    def install(self, command: Sequence[str]) -> bool:
        """Make the user and the folder, write the unit and have it start with the machine; raises UserError."""
        self._check_root("install")
        check_readable(command[0])
        text = unit_text(SYSTEM_TEMPLATE, command, {}, os.cpu_count() or 1)
        for path, template in ((self._users, "openclaw.sysusers"), (self._folders, "openclaw.tmpfiles")):
            write_entry(path, resource_path("launch", template).read_bytes())
        self._do("systemd-sysusers", str(self._users))
        self._do("systemd-tmpfiles", "--create", str(self._folders))
        changed = write_entry(self._path, text.encode())
        self._control("daemon-reload")
        self._control("enable", UNIT)
        return changed

    def remove(self) -> bool:
        """Stop it and take the unit away; its user and what it kept stay."""
        if not self.installed():
            return False
        self._check_root("remove")
        self._forget()
        for path in (self._path, self._users, self._folders):
            remove_entry(path)
        self._control("daemon-reload")
        return True

    def _check_root(self, action: str) -> None:
        if not self._is_root:
            raise UserError(
                "needs_root",
                tr("Only root may change the services of this machine."),
                tr("sudo openclaw-agent service {action} --system", action=action),
                ExitCode.DENIED,
            )

    def _do(self, *words: str) -> None:
        try:
            done = self._run(words)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _no_manager() from error
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [str(done.returncode)]
            raise UserError(
                "service_not_told", tr("{program}: {reason}", program=words[0], reason=visible(lines[0])[:300])
            )


def check_readable(program: str) -> None:
    """Raise UserError where another user can't run the program: it lies in somebody's own folder."""
    path = Path(program)
    hidden = any(path.is_relative_to(folder) for folder in ("/home", "/root", "/run/user"))
    try:
        closed = [folder for folder in path.parents if not folder.stat().st_mode & 0o001]
        closed += [] if path.stat().st_mode & 0o005 == 0o005 else [path]
    except OSError:
        closed = [path]
    if hidden or closed:
        raise UserError(
            "program_not_readable",
            tr("The program lies at {path}, where the user openclaw can't reach it.", path=visible(program)),
            tr("Install it for all first, such as under /opt/openclaw, and run that one's openclaw-agent."),
        )


def _no_manager() -> UserError:
    return UserError(
        "no_service_manager",
        tr("There is no systemd here that starts services for you."),
        tr("For the tray at login: openclaw-agent service install --tray. Else run: openclaw-agent serve"),
    )
