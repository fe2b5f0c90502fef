"""`openclaw-agent doctor --bundle FILE.zip`: what somebody who helps needs to see, and nothing of the user's.

Owns what goes in. Numbers and states, never texts: only what is listed here by name is taken. Must not know who reads
it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from openclaw_desktop import __version__
from openclaw_desktop.cli import output
from openclaw_desktop.cli.log_lines import describe_line, read_file
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.redaction import stacks_only
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.service.lifecycle.crash_reports import list_reports
from openclaw_desktop.service.status_views import Finding, Status
from openclaw_desktop.storage.settings import load_settings
from openclaw_desktop.system.paths import Home

LINES = 2000
# The only texts that are taken out of the status: each is one of a few words of ours.
WORDS = frozenset(("version", "mode", "state", "source", "level", "key", "layers"))
LIBRARIES = (
    "apsw-sqlite3mc",
    "llama-cpp-python",
    "PySide6-Essentials",
    "qasync",
    "psutil",
    "onnxruntime",
    "numpy",
    "mcp",
)


@dataclasses.dataclass(frozen=True, slots=True)
class BundleFile:
    """One file of a bundle, and what it holds."""

    name: str
    what: str
    bytes: int


def make_bundle(home: Home, arguments: argparse.Namespace, findings: Sequence[Finding], status: Status | None) -> int:
    """Show what goes in, write the file and return the exit code; an existing file is never overwritten."""
    target: Path = arguments.bundle.expanduser().absolute()
    parts = gather(home, findings, status)
    files = [BundleFile(name, what, len(text.encode())) for name, (what, text) in parts.items()]
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, (_, text) in parts.items():
                archive.writestr(name, text)
    except OSError as error:
        raise UserError(
            "bundle_not_written",
            tr("{path} can't be written: {reason}.", path=visible(str(target)), reason=error.strerror or error),
            tr("Name a file that is not there yet, in a folder of yours."),
        ) from error
    if arguments.json:
        output.print_json({"bundle": str(target), "files": files})
    else:
        width = max(len(file.name) for file in files)
        lines = [f"  {file.name:{width}}  {file.bytes:8,} B  {file.what}" for file in files]
        output.say("\n".join([tr("{path} holds:", path=target), *lines]) + "\n")
        output.tell(tr("No message, memory or secret is in it. Look through it before you hand it on."))
    return ExitCode.FAILED if any(finding.level == "error" for finding in findings) else ExitCode.DONE


def gather(home: Home, findings: Sequence[Finding], status: Status | None) -> dict[str, tuple[str, str]]:
    """Return the files of a bundle by name: what each is, and its text."""
    checks = [{"check": one.check, "level": one.level, "repaired": one.repaired} for one in findings]
    parts = {
        "system.json": (tr("versions and the machine"), _json(_system())),
        "doctor.json": (tr("what the doctor found, without its sentences"), _json(checks)),
        "settings.json": (tr("settings that are numbers, and which others are set"), _json(_settings(home))),
        "agent.log": (tr("the log's last lines"), _log(home)),
    }
    if status is not None:
        parts["status.json"] = (tr("the status, without names and paths"), _json(_numbers(dataclasses.asdict(status))))
    for number, path in enumerate(list_reports(home.logs), start=1):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
            moment = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
        except OSError:
            continue
        parts[f"crash-{number}.txt"] = (tr("where the program was when it ended"), f"{moment}\n{stacks_only(text)}\n")
    return parts


def _system() -> dict[str, Any]:
    libraries: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            libraries[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            libraries[name] = None
    session = os.environ.get("XDG_SESSION_TYPE")
    return {
        "program": __version__,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": os.cpu_count(),
        "session": session if session in ("x11", "wayland") else None,
        "libraries": libraries,
    }


def _settings(home: Home) -> dict[str, Any]:
    try:
        settings = dataclasses.asdict(load_settings(home.settings_file))
    except UserError as error:
        return {"problem": error.failure.code}
    return _settings_of(settings)


def _settings_of(values: dict[str, Any]) -> dict[str, Any]:
    """Keep numbers; of a text only whether there is one."""
    kept: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            kept[name] = _settings_of(value)
        else:
            kept[name] = value if isinstance(value, (int, float, bool)) or value is None else "set"
    return kept


def _numbers(value: Any, name: str = "") -> Any:
    """Return what of a status is numbers, truths and the words of `WORDS`; the rest is left out."""
    if isinstance(value, dict):
        kept = {key: _numbers(inner, key) for key, inner in value.items() if key.isidentifier() and key.isascii()}
        return {key: inner for key, inner in kept.items() if inner is not None}
    if isinstance(value, (bool, int, float)):
        return value
    if name in WORDS and isinstance(value, str):
        return value[:40]
    if name in WORDS and isinstance(value, (tuple, list)):
        return [str(inner)[:40] for inner in value]
    return len(value) if isinstance(value, (tuple, list)) else None


def _log(home: Home) -> str:
    return "".join(f"{describe_line(line)}\n" for line in read_file(home)[-LINES:])


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
