"""How a server is started: its command and the bridge that speaks MCP with it, together in one jail.

Owns which folders a command needs to run, and what of the machine its jail leaves. Must not know what is said. Loop;
looks at a few files.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.tools.mcp.form import Server
from openclaw_desktop.workers.process import worker_command
from openclaw_desktop.workers.programs import Program
from openclaw_desktop.workers.python_jail import python_jail
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail, existing

# The port of the jail's own loopback, where the broker's proxy listens.
PROXY_PORT = 8118
_SYSTEM = tuple(map(Path, ("/", "/usr", "/usr/local", "/bin", "/sbin")))
_SCRIPTS = (".py", ".pyz", ".js", ".mjs", ".cjs", ".ts", ".rb", ".sh", ".jar")
_AUTHORITIES = ("/etc/ssl/certs", "/etc/pki", "/etc/ca-certificates", "/usr/share/ca-certificates")
_LINKS = 8
# Our package may lie in a folder that the jail does not let be listed: it is named, not looked for.
# What is loaded stays, so that looking for what could go (a sixth of the time that it takes) waits for the end of that.
_BOOT = """
import gc, importlib.util, sys
gc.disable()
spec = importlib.util.spec_from_file_location(
    "openclaw_desktop", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]])
sys.modules["openclaw_desktop"] = package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
from openclaw_desktop.tools.mcp.bridge import run
gc.freeze()
gc.enable()
sys.exit(run())
"""


def bridge_program(server: Server, own: Sequence[Path]) -> Program:
    """Return the program that runs the bridge to `server`, and its command beside it; raises UserError.

    `own`: the agent's own folders, which no server may touch.
    """
    check_folders((*server.read, *server.write), own)
    jail = python_jail(server.read, server.write)
    environment = {"PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    if server.command:
        program = find_program(server.command[0])
        read, run = _needed(program, server.command[1:], own)
        authorities = existing(_AUTHORITIES) if server.network == "hosts" else ()
        jail = ProgramJail(
            (*jail.read, *read, *authorities),
            jail.write,
            # The bridge's Python may be a link in a folder of its own.
            (*jail.run, os.path.realpath(Path(sys.executable).parent), *run),
            any_program=True,
            network={"none": "none", "hosts": "proxy", "full": "full"}[server.network],  # type: ignore[arg-type]
            port=PROXY_PORT if server.network == "hosts" else 0,
            address_bytes=0,
        )
    jail = replace(jail, address_bytes=0)
    return Program(_bridge_command(), jail, environment=environment)


def opening(server: Server, secrets: Mapping[str, str], proxy_url: str = "") -> dict[str, Any]:
    """Return what the bridge is told first. `secrets`: the values of the variables that name one."""
    if server.url:
        return {"kind": "http", "url": server.url}
    program = find_program(server.command[0])
    path = os.pathsep.join((str(program.parent), "/usr/local/bin", "/usr/bin", "/bin"))
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY") if proxy_url else ()
    environment = {"PATH": path, "NODE_USE_ENV_PROXY": "1", **dict.fromkeys(names, proxy_url), **server.env, **secrets}
    return {"kind": "stdio", "argv": [str(program), *server.command[1:]], "env": environment}


def find_program(word: str) -> Path:
    """Return where a command's program lies, links unresolved; raises UserError where there is none."""
    searched = os.pathsep.join((os.environ.get("PATH", os.defpath), str(Path.home() / ".local/bin"), "/usr/local/bin"))
    found = str(_expanded(word)) if "/" in word else shutil.which(word, path=searched)
    if not found or not _holds(Path(found).is_file) or not os.access(found, os.X_OK):
        raise UserError(
            "mcp_no_program",
            tr("There is no program {name} on this machine.", name=visible(word[:200])),
            tr("Install it first, or give its whole path; nothing is fetched by itself."),
        )
    return Path(found).absolute()


def check_folders(paths: Sequence[str], own: Sequence[Path]) -> None:
    """Raise UserError where one of `paths` is, holds or lies in the agent's own folders."""
    for path in map(_real, map(Path, paths)):
        if any(path.is_relative_to(folder) or folder.is_relative_to(path) for folder in map(_real, own)):
            raise UserError(
                "own_folder",
                tr("{path} holds the agent's own files, so no server may have it.", path=visible(str(path))),
                tr("Choose a folder that holds only what the server is about."),
                ExitCode.DENIED,
            )


def named_paths(server: Server) -> tuple[str, ...]:
    """Return the paths among a command's arguments that its jail does not let it read."""
    found = [_expanded(word) for word in server.command[1:] if word.startswith(("/", "~/"))]
    open_to_it = [Path(path) for path in (*server.read, *server.write)]
    return tuple(
        str(path)
        for path in found
        if _holds(path.exists)
        and not _is_script(path)
        and not any(_real(path).is_relative_to(one) for one in open_to_it)
    )


def script_places(arguments: Sequence[str], own: Sequence[Path]) -> tuple[str, ...]:
    """Return what a command may read because scripts are among its arguments: their folders, or they alone."""
    scripts = [_real(script) for script in map(_expanded, arguments) if _is_script(script)]
    folders = [_real(folder) for folder in own]
    kept = [script for script in scripts if not any(script.is_relative_to(folder) for folder in folders)]
    return existing(list(dict.fromkeys(str(_script_place(script, own)) for script in kept)))


def _bridge_command() -> tuple[str, ...]:
    if getattr(sys, "frozen", False):
        return tuple(worker_command("mcp"))
    return (sys.executable, "-s", "-B", "-P", "-c", _BOOT, str(Path(__file__).parents[2]))


def _needed(program: Path, arguments: Sequence[str], own: Sequence[Path]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what the command must read and run of what is not the system's: programs, their libraries, its script."""
    read: list[Path] = []
    run: list[Path] = []
    for place in _programs(program):
        folder = place.parent
        prefix = folder.parent if folder.name in ("bin", "Scripts") else folder
        if prefix in _SYSTEM or folder in _SYSTEM:
            continue
        read.append(prefix / "pyvenv.cfg")
        # Libraries beside programs: nothing else of that folder, which may be ~/.local.
        run += [folder, prefix / "lib", prefix / "lib64", prefix / "libexec"] if prefix != folder else [place]
    blocked = [_real(folder) for folder in own]
    kept = [path for path in run if not any(one.is_relative_to(_real(path)) for one in blocked)]
    return (
        (*existing([str(path) for path in read]), *script_places(arguments, own)),
        existing([str(path) for path in kept]),
    )


def _programs(program: Path) -> Iterator[Path]:
    """Yield the program, what it is a link to, and what runs it, if it is a script."""
    for _ in range(_LINKS):
        yield program
        try:
            if program.is_symlink():
                program = Path(os.path.normpath(program.parent / program.readlink()))
                continue
            with program.open("rb") as file:
                first = file.readline(500)
        except OSError:  # such as one that may be run and not read
            return
        words = first[2:].decode("utf-8", "replace").split() if first.startswith(b"#!") else []
        if words and Path(words[0]).name == "env":
            words = [found] if len(words) > 1 and (found := shutil.which(words[-1])) else []
        if not words or not _holds(Path(words[0]).is_file):
            return
        program = Path(words[0])


def _is_script(path: Path) -> bool:
    """Return whether there is a script: a link that only calls itself one would open the folder of something else."""
    named = path.is_absolute() and path.suffix in _SCRIPTS
    return named and _holds(path.is_file) and _real(path).suffix in _SCRIPTS


def _expanded(word: str) -> Path:
    try:
        return Path(word).expanduser()
    except RuntimeError:  # the home of somebody who is not there
        return Path(word)


def _holds(look: Callable[[], bool]) -> bool:
    """Return what `look` sees; False where it may not look, or where the words that a command has are no path."""
    try:
        return look()
    except (OSError, ValueError):
        return False


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _script_place(script: Path, own: Sequence[Path]) -> Path:
    """Return the folder of a script, where its other parts are; the script alone where that folder holds too much."""
    folder = script.parent
    wide = (_real(Path.home()), *map(_real, own))
    return script if any(one.is_relative_to(folder) for one in wide) else folder
