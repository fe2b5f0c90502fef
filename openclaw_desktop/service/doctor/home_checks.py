"""What a doctor looks at in the folders of one home, and how it mends them.

Owns the checks of modes, socket, log, leftovers, old workers and reports. A repair changes nothing that the user made.
Must not know the agent's parts. Blocking: it runs in a thread.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.service.lifecycle.crash_reports import list_reports
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.storage.settings import load_settings
from openclaw_desktop.system.paths import Home, prepare

if sys.platform != "win32":
    import resource

LOGS_BYTES = 50 << 20
# What is younger may be in the making; a worker so old and without a parent is nobody's any more.
LEFTOVER_S = 3600.0
STRAY_S = 600.0
RECENT_S = 7 * 86_400.0
FEWEST_DESCRIPTORS = 256
# `write_atomically` makes these.
_HALF_WRITTEN = re.compile(r"^\.[\w.-]+\.[a-z0-9_]{8}$")
_ROLES = {"inference", "embed", "tools", "parsers", "program", "mcp"}


def check_home(home: Home, repair: bool, *, serving: bool) -> list[Finding]:
    """Return what is found; with `repair` put right what can be. `serving`: the agent of this home runs here."""
    return [
        _check_modes(home, repair),
        _check_socket(home, repair, serving=serving),
        _check_settings(home),
        _check_logs(home, repair),
        _check_reports(home),
        _check_leftovers(home, repair),
        _check_strays(repair),
        *_check_descriptors(),
    ]


def _check_modes(home: Home, repair: bool) -> Finding:
    open_to_others = [path for path in _ours(home) if _is_open(path)]
    if open_to_others and repair:
        prepare(home)
        for path in open_to_others:
            with contextlib.suppress(OSError):
                if not path.is_symlink() and _is_open(path):
                    path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)
        left = [path for path in open_to_others if _is_open(path)]
        if not left:
            sentence = tr("{count} files were open to others; now they are yours alone.", count=len(open_to_others))
            return Finding("home", "ok", sentence, repaired=True)
        open_to_others = left
    if open_to_others:
        return Finding(
            "home",
            "warning",
            tr("Others on this machine may read {path}.", path=visible(str(open_to_others[0]))),
            tr("openclaw-agent doctor --fix closes that."),
        )
    return Finding("home", "ok", tr("The folders at {home} can be used.", home=home.root or home.data))


def _ours(home: Home) -> Iterator[Path]:
    for folder in home.folders:
        yield folder
        if folder not in (home.models, home.backups):
            with contextlib.suppress(OSError):
                yield from (path for path in folder.iterdir() if path.is_file() and not path.is_symlink())


def _is_open(path: Path) -> bool:
    if sys.platform == "win32":
        return False
    with contextlib.suppress(OSError):
        found = path.stat()
        return not path.is_symlink() and found.st_uid == os.geteuid() and bool(stat.S_IMODE(found.st_mode) & 0o077)
    return False


def _check_socket(home: Home, repair: bool, *, serving: bool) -> Finding:
    there = home.socket.exists()
    if serving:
        if there:
            return Finding("socket", "ok", tr("Commands reach the agent."))
        return Finding(
            "socket",
            "error",
            tr("The agent's socket is gone, so commands don't reach it."),
            tr("End the agent and start it again."),
        )
    if there and repair:
        with contextlib.suppress(OSError):
            home.socket.unlink()
            return Finding("socket", "ok", tr("A socket that a killed agent had left is removed."), repaired=True)
    if there:
        return Finding(
            "socket", "ok", tr("A killed agent left its socket; the next start takes it away."),
        )  # fmt: skip
    return Finding("socket", "ok", tr("No agent is running for this home."))


def _check_settings(home: Home) -> Finding:
    try:
        load_settings(home.settings_file)
    except UserError as error:
        return Finding("settings", "error", error.failure.sentence, error.failure.advice)
    return Finding("settings", "ok", tr("The settings are understood."))


def _check_logs(home: Home, repair: bool) -> Finding:
    size = _size_of(home.logs)
    if size > LOGS_BYTES and repair:
        for report in list_reports(home.logs)[:-1]:
            with contextlib.suppress(OSError):
                report.unlink()
        before, size = size, _size_of(home.logs)
        if size <= LOGS_BYTES:
            freed = (before - size) // 1_000_000
            return Finding("logs", "ok", tr("Old crash reports are deleted: {mb} MB.", mb=freed), repaired=True)
    if size > LOGS_BYTES:
        return Finding(
            "logs",
            "warning",
            tr("The logs take {mb} MB in {folder}.", mb=size // 1_000_000, folder=visible(str(home.logs))),
            tr("What is in there may be deleted while the agent is ended."),
        )
    return Finding("logs", "ok", tr("The logs take {kb} kB.", kb=size // 1_000))


def _size_of(folder: Path) -> int:
    total = 0
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            with contextlib.suppress(OSError):
                total += path.lstat().st_size
    return total


def _check_reports(home: Home) -> Finding:
    now = time.time()
    recent = []
    for path in list_reports(home.logs):
        with contextlib.suppress(OSError):
            if now - path.stat().st_mtime < RECENT_S:
                recent.append(path)
    if not recent:
        return Finding("crashes", "ok", tr("Nothing of the agent ended by itself in the last seven days."))
    return Finding(
        "crashes",
        "warning",
        tr("Parts of the agent ended by themselves {count} times in the last seven days.", count=len(recent)),
        tr("The newest report: {path}. To hand it on: openclaw-agent doctor --bundle FILE.zip", path=recent[-1]),
    )


def _check_leftovers(home: Home, repair: bool) -> Finding:
    found = []
    now = time.time()
    for folder in (home.data, home.config, home.run):
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                if _HALF_WRITTEN.match(path.name) and path.is_file() and now - path.lstat().st_mtime > LEFTOVER_S:
                    found.append(path)
    if found and repair:
        for path in found:
            with contextlib.suppress(OSError):
                path.unlink()
        return Finding(
            "leftovers", "ok", tr("{count} half-written files are deleted.", count=len(found)), repaired=True
        )
    if found:
        return Finding(
            "leftovers",
            "warning",
            tr("{count} files were left half written by a kill.", count=len(found)),
            tr("openclaw-agent doctor --fix deletes them."),
        )
    return Finding("leftovers", "ok", tr("Nothing half written was left behind."))


def _check_strays(repair: bool) -> Finding:
    strays = list(find_strays(psutil.process_iter(["cmdline", "ppid", "create_time", "uids"])))
    if strays and repair:
        for process in strays:
            with contextlib.suppress(psutil.Error):
                process.kill()
        return Finding(
            "workers", "ok", tr("{count} workers without an agent are ended.", count=len(strays)), repaired=True
        )
    if strays:
        return Finding(
            "workers",
            "warning",
            tr("{count} workers run without an agent.", count=len(strays)),
            tr("openclaw-agent doctor --fix ends them."),
        )
    return Finding("workers", "ok", tr("No worker runs without an agent."))


def find_strays(processes: Iterable[psutil.Process]) -> Iterator[psutil.Process]:
    """Return our user's workers whose agent is gone for a while: process 1 or a service manager has taken them over."""
    now = time.time()
    for process in processes:
        info = process.info
        words = info["cmdline"] or []
        if len(words) < 3 or words[-2] != "worker" or words[-1] not in _ROLES or not _is_ours(words):
            continue
        if sys.platform != "win32" and (info["uids"] is None or info["uids"].real != os.getuid()):
            continue
        if now - info["create_time"] > STRAY_S and _is_orphan(info["ppid"]):
            yield process


def _is_ours(words: list[str]) -> bool:
    return "openclaw_desktop.cli.agent" in words or Path(words[0]).stem in ("openclaw-agent", "openclaw-desktop")


def _is_orphan(parent: int) -> bool:
    if parent == 1:
        return True
    try:
        return psutil.Process(parent).name() in ("systemd", "init", "launchd")
    except psutil.Error:
        return True


def _check_descriptors() -> list[Finding]:
    if sys.platform != "win32":
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if 0 <= soft < FEWEST_DESCRIPTORS:
            sentence = tr("The agent may open only {count} files at once.", count=soft)
            advice = tr("Raise that limit: ulimit -n 1024, or LimitNOFILE= in its unit.")
            return [Finding("descriptors", "warning", sentence, advice)]
        return [Finding("descriptors", "ok", tr("The agent may open {count} files at once.", count=soft))]
    return []
