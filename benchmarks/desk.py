"""The desktop on which the programs are measured, and the programs themselves.

Owns the session (that of the tests), the homes and the waiting until an agent is up. Must not measure.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.results import Options, Unavailable
from openclaw_desktop.service.remote import RemoteService

BIN = Path(sys.executable).parent
TRAY, AGENT = BIN / "openclaw-desktop", BIN / "openclaw-agent"
UP_LIMIT_S = 60.0
# Nothing announces the agent's socket to strangers.
LOOK_S = 0.05
SMALL_MODEL, LARGE_MODEL = "smollm2-135m", "qwen2.5-coder-1.5b"


def _tests_session() -> ModuleType:
    path = ROOT / "tests" / "desktop" / "session.py"
    spec = importlib.util.spec_from_file_location("benchmarks_desktop_session", path)
    if spec is None or spec.loader is None:
        raise Unavailable(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def desktop(options: Options) -> Iterator[Any]:
    """Yield a `DesktopSession` with a panel whose `env` knows the models."""
    module = _tests_session()
    needed = (*module.PROGRAMS, "xfce4-panel", "dbus-monitor")
    if missing := [program for program in needed if shutil.which(program) is None]:
        raise Unavailable(f"not installed: {', '.join(missing)}")
    with module.DesktopSession("xfce") as session:
        session.env["OPENCLAW_MODELS"] = os.pathsep.join(map(str, options.model_folders))
        yield session


@contextlib.contextmanager
def bare_folder(options: Options) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield a folder and an environment for programs without a screen."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    env = kept | {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "share")}
    env["OPENCLAW_MODELS"] = os.pathsep.join(map(str, options.model_folders))
    try:
        yield folder, env
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def warm_home(home: Path, env: dict[str, str], model: str | None = None) -> Path:
    """Make `home` as the first start leaves it: folders, database, the models' files known; `model` is chosen.

    That it is not encrypted is decided: else the tray asks a keyring, and the user.
    """
    command_line(home, env, "status", "--json")
    command_line(home, env, "memory", "decrypt")
    if model is not None:
        command_line(home, env, "model", "use", model)
    return home


def command_line(home: Path, env: dict[str, str], *words: str) -> str:
    """Run `openclaw-agent` to its end and return what it printed."""
    done = subprocess.run(
        (AGENT, *words, "--home", home), env=env, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode != 0:
        raise Unavailable(f"openclaw-agent {' '.join(words)} failed: {done.stderr.strip()}")
    return done.stdout


def socket_of(home: Path) -> Path:
    """Return where the agent of `home` listens."""
    return home / "run" / "agent.sock"


async def attach(home: Path) -> RemoteService:
    """Return a front end's connection to the agent of `home`, waiting until it is up."""
    deadline_s = time.monotonic() + UP_LIMIT_S
    while (remote := await RemoteService.connect(socket_of(home))) is None:
        if time.monotonic() > deadline_s:
            raise Unavailable(f"no agent within {UP_LIMIT_S:.0f} s: {log_of(home)}")
        await asyncio.sleep(LOOK_S)
    return remote


def wait_until_settled(home: Path, env: dict[str, str]) -> dict[str, Any]:
    """Wait until the tray's agent has looked for models and proved its jail, and return its status."""

    async def reach() -> None:
        await (await attach(home)).close()

    asyncio.run(reach())
    status = json.loads(command_line(home, env, "status", "--json"))
    if status["mode"] is None:
        raise Unavailable(f"the agent ended: {log_of(home)}")
    return dict(status)


def log_of(home: Path) -> str:
    """Return the end of the tray's log."""
    log = home / "logs" / "agent.log"
    return log.read_text(errors="replace")[-2000:] if log.exists() else "no log"
