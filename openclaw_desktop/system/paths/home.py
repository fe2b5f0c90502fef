"""Where everything of one agent lies.

Owns the names of the folders and the order in which a home is looked for. Must not create or change anything (that is
`prepare`). Any thread.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import appdirs

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible

APP_NAME = "openclaw-desktop"
MARKER_NAME = ".openclaw-desktop"
HOME_VARIABLES = ("OPENCLAW_DESKTOP_HOME", "OPENCLAW_HOME")


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one agent. `root` holds them all where the user chose a home, else it is None."""

    data: Path
    config: Path
    models: Path
    backups: Path
    logs: Path
    run: Path
    root: Path | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder that `prepare` makes."""
        return (self.data, self.config, self.models, self.backups, self.logs, self.run)

    @property
    def skills(self) -> Path:
        """Where installed skills lie; made with the first one."""
        return (self.root or self.data) / "skills"

    @property
    def database(self) -> Path:
        """The one SQLite file."""
        return self.data / "openclaw.db"

    @property
    def settings_file(self) -> Path:
        """The user's settings."""
        return self.config / "settings.toml"

    @property
    def socket(self) -> Path:
        """Where own front ends reach the running agent."""
        return self.run / "agent.sock"

    @property
    def lock_file(self) -> Path:
        """Held by the one agent that runs for this home."""
        return self.run / "agent.lock"

    @property
    def marker(self) -> Path:
        """The file that says that this home is ours."""
        return (self.root or self.data) / MARKER_NAME


def find_home(explicit: Path | None, environ: Mapping[str, str]) -> Home:
    """Return the home: `explicit` (--home), OPENCLAW_DESKTOP_HOME, OPENCLAW_HOME, else the folders of `appdirs`.

    Raises UserError for a relative path. `appdirs` reads XDG_DATA_HOME and XDG_CONFIG_HOME from the process itself.
    """
    if explicit is not None:
        return _home_under(explicit, "--home")
    for variable in HOME_VARIABLES:
        if chosen := environ.get(variable):
            return _home_under(Path(chosen), variable)
    data = _absolute(Path(appdirs.user_data_dir(APP_NAME, appauthor=False)), "XDG_DATA_HOME")
    return Home(
        data=data,
        config=_absolute(Path(appdirs.user_config_dir(APP_NAME, appauthor=False)), "XDG_CONFIG_HOME"),
        models=data / "models",
        backups=data / "backups",
        logs=_absolute(Path(appdirs.user_log_dir(APP_NAME, appauthor=False)), "XDG_CACHE_HOME"),
        # Not below XDG_RUNTIME_DIR: a cron job or a second login has another one, and would start a second agent.
        run=data / "run",
    )


def model_folders(home: Home, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where models are looked for, in order: the home, OPENCLAW_MODELS, the user's default; no folder twice."""
    named = [Path(part).absolute() for part in environ.get("OPENCLAW_MODELS", "").split(os.pathsep) if part]
    default = Path(appdirs.user_data_dir(APP_NAME, appauthor=False)).absolute() / "models"
    found: dict[str, Path] = {}
    for folder in (home.models, *named, default):
        found.setdefault(os.path.realpath(folder), folder)
    return tuple(found.values())


def _home_under(root: Path, source: str) -> Home:
    root = _absolute(root, source)
    return Home(
        data=root / "data",
        config=root / "config",
        models=root / "models",
        backups=root / "backups",
        logs=root / "logs",
        run=root / "run",
        root=root,
    )


def _absolute(path: Path, source: str) -> Path:
    if path.is_absolute():
        return path
    raise UserError(
        "home_relative",
        tr("{source} names the folder {path}, which is not a whole path.", source=source, path=visible(str(path))),
        tr("Write the whole path, such as {example}.", example=Path.home() / "openclaw"),
        ExitCode.USAGE,
    )
