"""The user's settings: config/settings.toml, read once into frozen values.

Owns the names, types, ranges and defaults of all settings, and the sentences for what is wrong in the file. A file that
can't be understood is never written over. Must not know who uses a setting. Any thread; a few milliseconds of disk.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import tomlkit
import tomlkit.exceptions

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.storage.atomic import write_atomically

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a setting accepts: a text where `low` is None, else a whole number from `low` to `high`.

    `choices`: of texts only these, and what begins with `prefix`.
    `live`: whoever uses it reads the file each time, so that a change needs no new start.
    """

    low: int | None = None
    high: int = 0
    optional: bool = False
    live: bool = False
    choices: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def expected(self) -> str:
        """What to tell the user."""
        if self.choices:
            return tr("{choices} or {prefix}NAME", choices=", ".join(self.choices), prefix=self.prefix)
        if self.low is None:
            return tr('a text in quotes, such as "text"')
        return tr("a whole number from {low} to {high}", low=self.low, high=self.high)

    def accepts(self, value: object) -> bool:
        """Return whether `value` fits; None fits where the setting may be left open."""
        if value is None:
            return self.optional
        if self.low is None:
            fits = isinstance(value, str) and value.strip() != "" and value.isprintable()
            return fits and (not self.choices or value in self.choices or _names_after(self.prefix, str(value)))
        return type(value) is int and self.low <= value <= self.high

    def read(self, typed: str) -> object:
        """Return what somebody typed as a value of this kind; nothing at all means None."""
        if not typed:
            return None
        return int(typed) if self.low is not None and re.fullmatch(r"-?[0-9]{1,18}", typed) else typed


def _names_after(prefix: str, value: str) -> bool:
    return value.startswith(prefix) and len(value) > len(prefix)


def _setting(default: T, kind: Kind) -> T:
    return field(default=default, metadata={"kind": kind})


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """[model]: which one (None: the one that fits), its window in tokens to begin with, its threads.

    `threads`: None leaves them to the power state. `idle_unload_s`: unloaded after so long without a prompt; 0: never.
    """

    id: str | None = _setting(None, Kind(optional=True))
    context_tokens: int = _setting(4096, Kind(512, 1_048_576))
    threads: int | None = _setting(None, Kind(1, 1024, optional=True))
    idle_unload_s: int = _setting(900, Kind(0, 604_800))


@dataclass(frozen=True, slots=True)
class HotkeySettings:
    """[hotkey]: the key combination that shows and hides the chat."""

    toggle_chat: str = _setting("Ctrl+Alt+Space", Kind())


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """[memory]: the embedding engine, how long turns are recent, when chats are archived, and what is let go.

    `embeddings` None: the built-in one. `keep_turns_days` and `keep_turns_mb` None: what was said is kept for ever.
    `limit_mb` None: the file may grow as far as the disk allows.
    """

    engine_idle_s: int = _setting(600, Kind(0, 604_800))
    embeddings: str | None = _setting(
        None, Kind(optional=True, choices=("minilm", "wordllama", "none"), prefix="endpoint:")
    )
    short_term_days: int = _setting(14, Kind(1, 3650))
    short_term_turns: int = _setting(400, Kind(10, 1_000_000))
    archive_days: int = _setting(30, Kind(1, 36_500))
    keep_turns_days: int | None = _setting(None, Kind(1, 36_500, optional=True))
    keep_turns_mb: int | None = _setting(None, Kind(10, 10_000_000, optional=True))
    limit_mb: int | None = _setting(None, Kind(10, 10_000_000, optional=True))


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """[network]: a proxy's URL (None: HTTPS_PROXY decides), and a folder or URL of model files that is tried first.

    Both are for downloads. `private_hosts`: `host:port`, by commas, of the user's own servers that have a public name.
    """

    proxy: str | None = _setting(None, Kind(optional=True))
    mirror: str | None = _setting(None, Kind(optional=True))
    private_hosts: str | None = _setting(None, Kind(optional=True))


@dataclass(frozen=True, slots=True)
class WebSearchSettings:
    """[web_search]: who searches (searxng or brave; None: nobody), where, and its key as `secret:name`."""

    provider: str | None = _setting(None, Kind(optional=True, live=True))
    url: str | None = _setting(None, Kind(optional=True, live=True))
    secret: str | None = _setting(None, Kind(optional=True, live=True))


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """[backup]: how many hourly and daily backups are kept, where, and in how many times the file's size all together.

    `folder` None: the home's own.
    """

    folder: str | None = _setting(None, Kind(optional=True))
    budget_times: int = _setting(5, Kind(2, 1000))
    keep_hourly: int = _setting(24, Kind(1, 3650))
    keep_daily: int = _setting(14, Kind(1, 3650))


@dataclass(frozen=True, slots=True)
class SecretsSettings:
    """[secrets]: how many seconds the keyring has to answer, its own question for a password included."""

    keyring_wait_s: int = _setting(60, Kind(1, 3600))


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """[budget]: how many tokens a day work may take that nobody waits for; 0: there is none."""

    background_tokens_per_day: int = _setting(100_000, Kind(0, 1_000_000_000))


@dataclass(frozen=True, slots=True)
class EnergySettings:
    """[energy]: the watts that a busy core is taken to draw. An assumption: few machines let it be measured."""

    watts_per_core: int = _setting(10, Kind(1, 1000))


@dataclass(frozen=True, slots=True)
class CostSettings:
    """[cost]: in hundredths of your money, a million tokens from the cloud and a kilowatt-hour; None: not told."""

    cloud_cents_per_mtoken: int | None = _setting(None, Kind(0, 1_000_000, optional=True))
    electricity_cents_per_kwh: int | None = _setting(None, Kind(0, 100_000, optional=True))


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """[notifications]: how often an hour notices may interrupt (0: never), and when they must not at all.

    `quiet_hours`: such as 22:00-07:00, in the IANA `zone` (None: the system's). `digest_at`: when those of little
    weight are told together.
    """

    per_hour: int = _setting(6, Kind(0, 1000))
    quiet_hours: str | None = _setting(None, Kind(optional=True))
    zone: str | None = _setting(None, Kind(optional=True))
    digest_at: str = _setting("17:30", Kind())


@dataclass(frozen=True, slots=True)
class JobSettings:
    """[jobs]: how many ended runs of each job are kept."""

    keep_runs: int = _setting(100, Kind(1, 100_000, live=True))


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, one table of the file each."""

    model: ModelSettings = ModelSettings()
    hotkey: HotkeySettings = HotkeySettings()
    memory: MemorySettings = MemorySettings()
    backup: BackupSettings = BackupSettings()
    secrets: SecretsSettings = SecretsSettings()
    network: NetworkSettings = NetworkSettings()
    web_search: WebSearchSettings = WebSearchSettings()
    budget: BudgetSettings = BudgetSettings()
    energy: EnergySettings = EnergySettings()
    cost: CostSettings = CostSettings()
    notifications: NotificationSettings = NotificationSettings()
    jobs: JobSettings = JobSettings()

    def values(self) -> dict[str, object]:
        """Return every setting by its whole name, such as `model.id`."""
        tables = {table.name: getattr(self, table.name) for table in fields(self)}
        return {
            f"{name}.{key.name}": getattr(table, key.name) for name, table in tables.items() for key in fields(table)
        }


_TABLES: Mapping[str, type[Any]] = get_type_hints(Settings)
_KINDS: Mapping[str, Kind] = {
    f"{name}.{key.name}": key.metadata["kind"] for name, table in _TABLES.items() for key in fields(table)
}


def load_settings(path: Path) -> Settings:
    """Return the settings in the file at `path`, the defaults where there is none; raises UserError."""
    return _parse(_read(path), path)


def find_setting(name: str) -> Kind:
    """Return what the setting of that whole name accepts; raises UserError where there is none."""
    kind = _KINDS.get(name)
    if kind is None:
        raise _unknown(name)
    return kind


def set_setting(path: Path, name: str, value: object) -> Settings:
    """Change one setting in the file, keeping its comments, and return all; raises UserError, then nothing changed.

    None, or an empty text, goes back to the default. A text for a number is read as one (`config set model.threads 4`).
    """
    text = _read(path)
    _parse(text, path)
    kind = find_setting(name)
    if isinstance(value, str):
        value = kind.read(value)
    if value is not None and not kind.accepts(value):
        raise _unfit(name, kind, value)
    try:
        changed = _change(text, name, value)
        settings = _parse(changed, path)
    except tomlkit.exceptions.TOMLKitError as error:
        raise _broken(path, str(error)) from error
    write_atomically(path, changed.encode())
    return settings


def _change(text: str, name: str, value: object) -> str:
    table_name, key = name.split(".")
    document = tomlkit.parse(text)
    if value is None:
        if table_name in document:
            document[table_name].pop(key, None)
    else:
        document.setdefault(table_name, tomlkit.table())[key] = value
    return tomlkit.dumps(document)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise _broken(path, tr("byte {place} is not UTF-8", place=error.start)) from error
    except OSError as error:
        raise UserError(
            "settings_unreadable",
            tr("The settings in {path} can't be read: {reason}.", path=_shown(path), reason=error.strerror or error),
            tr("Make that file readable for yourself, or move it away to start with the defaults."),
        ) from error


def _parse(text: str, path: Path) -> Settings:
    try:
        document = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or a number with thousands of digits
        raise _broken(path, str(error)) from error
    tables: dict[str, Any] = {}
    for table_name, table in document.items():
        if table_name not in _TABLES:
            raise _unknown(table_name, path, _line_of(text, table_name))
        if not isinstance(table, dict):
            raise UserError(
                "setting_invalid",
                tr("The setting {name} in {path} is not a table.", name=table_name, path=_shown(path)),
                tr("Write [{name}] on a line of its own and its settings below.", name=table_name),
                ExitCode.USAGE,
            )
        for key, value in table.items():
            name = f"{table_name}.{key}"
            if name not in _KINDS:
                raise _unknown(name, path, _line_of(text, table_name, key))
            if not _KINDS[name].accepts(value):
                raise _unfit(name, _KINDS[name], value, path, _line_of(text, table_name, key))
        tables[table_name] = _TABLES[table_name](**table)
    return Settings(**tables)


def _line_of(text: str, table: str, key: str | None = None) -> int | None:
    """Return the line that sets `key` in `table` (or begins `table`), None where it is written in a rarer way."""
    assignment = re.compile(rf"\s*[\"']?{re.escape(key or table)}[\"']?\s*=")
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            current = header[1].strip("\"'")
            if key is None and current.split(".")[0] == table:
                return number
        elif current == (table if key else "") and assignment.match(line):
            return number
    return None


def _place(path: Path | None, line: int | None) -> str:
    if path is None:
        return ""
    if line is None:
        return tr(" in {path}", path=_shown(path))
    return tr(" in line {line} of {path}", line=line, path=_shown(path))


def _unknown(name: str, path: Path | None = None, line: int | None = None) -> UserError:
    known = (*_TABLES, *_KINDS) if "." not in name and path else tuple(_KINDS)
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5) or [
        whole for whole in _KINDS if whole.rpartition(".")[2] == name.rpartition(".")[2]
    ]
    return UserError(
        "setting_unknown",
        tr("There is an unknown setting{place}: {name}.", place=_place(path, line), name=visible(name)),
        tr("Did you mean {name}?", name=nearest[0]) if nearest else tr("Known are: {names}.", names=", ".join(_KINDS)),
        ExitCode.USAGE,
    )


def _unfit(name: str, kind: Kind, value: object, path: Path | None = None, line: int | None = None) -> UserError:
    shown = f'"{visible(value)}"' if isinstance(value, str) else visible(str(value))
    return UserError(
        "setting_invalid",
        tr("The setting {name}{place} can't be {value}.", name=name, place=_place(path, line), value=shown),
        tr("It is {expected}.", expected=kind.expected),
        ExitCode.USAGE,
    )


def _broken(path: Path, reason: str) -> UserError:
    return UserError(
        "settings_broken",
        tr("The settings in {path} can't be understood: {reason}.", path=_shown(path), reason=reason),
        tr("Correct that place, or move the file away to start with the defaults; nothing in it was changed."),
        ExitCode.USAGE,
    )


def _shown(path: Path) -> str:
    return visible(str(path))
