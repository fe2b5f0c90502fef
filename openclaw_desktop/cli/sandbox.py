"""The verbs `sandbox check` and `sandbox exec`.

Owns their words, and the way from a script's own streams to its jail. Needs neither agent nor home.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from openclaw_desktop.cli import output
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.workers.fork_server import ABI_VARIABLE, NAMESPACES_VARIABLE
from openclaw_desktop.workers.process import clean_environment, worker_command
from openclaw_desktop.workers.python_jail import python_jail, script_program
from openclaw_desktop.workers.sandbox import tree
from openclaw_desktop.workers.sandbox.landlock import LATEST_ABI
from openclaw_desktop.workers.sandbox.proof import FULL_LEVEL, Proof
from openclaw_desktop.workers.tool_host import CallFailed, ToolHost

_MASKS = (ABI_VARIABLE, NAMESPACES_VARIABLE)


def check(arguments: argparse.Namespace) -> int:
    """Try every hostile act in both jails and say what that proved."""
    proof = asyncio.run(_prove())
    if arguments.json:
        output.print_json(
            {
                "level": proof.level,
                "layers": proof.layers,
                "reason": proof.reason,
                "probes": [{"name": name, "held": name not in proof.escaped} for name in proof.tried],
            }
        )
    else:
        output.say(_describe(proof) + "\n")
    return ExitCode.DONE if proof.level >= FULL_LEVEL else ExitCode.FAILED


def _describe(proof: Proof) -> str:
    lines = [tr("Level {level} of 3: {layers}.", level=proof.level, layers=", ".join(proof.layers) or tr("no jail"))]
    held = len(proof.tried) - len(proof.escaped)
    lines.append(tr("{held} of {count} hostile acts were stopped.", held=held, count=len(proof.tried)))
    lines += [tr("Not stopped: {name}", name=name) for name in proof.escaped]
    if proof.reason:
        lines.append(proof.reason)
    return "\n".join(lines)


def execute(arguments: argparse.Namespace) -> int:
    """Run a Python script in the jail of plugins; its output and exit code are the script's."""
    script = _granted(arguments.script)
    if not script.is_file():
        raise UserError("not_file", tr("{path} is not a file.", path=visible(str(script))))
    words = [arguments.script, *arguments.read, *arguments.write]
    read = [str(script), *(str(_granted(path)) for path in arguments.read)]
    write = [str(_granted(path)) for path in arguments.write]
    proof = asyncio.run(_prove())
    if proof.level < FULL_LEVEL:
        raise UserError(
            "jail_too_weak",
            tr("The jail reaches level {level} of 3 here, so nothing was run.", level=proof.level),
            tr("openclaw-agent sandbox check says what it lacks: {reason}", reason=proof.reason),
            ExitCode.DENIED,
        )
    jail = python_jail(
        read,
        write,
        names=[os.path.normpath(Path(word).expanduser().absolute()) for word in words],
        landlock_abi=int(os.environ.get(ABI_VARIABLE, LATEST_ABI)),
    )
    if os.environ.get(NAMESPACES_VARIABLE) == "0":
        jail = dataclasses.replace(jail, namespaces=False)
    program = script_program(script, arguments.arguments, jail, str(Path.cwd()), arguments.timeout or 0.0)
    return _attend(program.as_message())


async def _prove() -> Proof:
    host = ToolHost(environment={name: os.environ[name] for name in _MASKS if name in os.environ})
    try:
        return await host.prove()
    except CallFailed as failure:
        return Proof(0, (), failure.message, ())
    finally:
        await host.stop()


def _granted(path: str) -> Path:
    try:
        return Path(path).expanduser().resolve(strict=True)
    except (OSError, RuntimeError):
        raise UserError("no_such_file", tr("There is no {path}.", path=visible(path))) from None


def _attend(message: dict[str, Any]) -> int:
    """Start the program's keeper with our own streams, and return the program's exit code."""
    tree.adopt_orphans()
    ours, theirs = socket.socketpair()
    signal.signal(signal.SIGTERM, _interrupt)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        with theirs:
            keeper = subprocess.Popen(
                [*worker_command("program"), str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                env=clean_environment(),
                start_new_session=True,
            )
        told = b""
        with ours:
            try:
                ours.sendall(json.dumps(message).encode() + b"\n")
                while chunk := ours.recv(4096):
                    told += chunk
            except KeyboardInterrupt:
                ours.shutdown(socket.SHUT_WR)  # the keeper ends it with all that it started
                while ours.recv(4096):
                    pass
                return 128 + signal.SIGINT
            except ConnectionError:  # the keeper was killed
                pass
        keeper.wait()
    finally:
        tree.kill_strays(())
    return _exit_code([json.loads(line) for line in told.splitlines()])


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _exit_code(messages: list[dict[str, Any]]) -> int:
    for message in messages:
        if "error" in message:
            raise UserError(
                message["error"]["code"],
                tr(
                    "The script was not run: its jail could not be set up ({reason}).",
                    reason=message["error"]["message"],
                ),
                "",
                ExitCode.DENIED,
            )
    if not messages or "ended" not in messages[-1]:
        raise UserError("died", tr("The jail ended before the script did; the script was ended with it."))
    ended, code = messages[-1]["ended"], int(messages[-1]["exit_code"])
    if ended != "exit":
        output.tell(_why(ended))
        return code or ExitCode.FAILED
    return code


def _why(ended: str) -> str:
    match ended:
        case "time":
            return tr("The script took too long and was stopped.")
        case "memory":
            return tr("The script used more memory than it may and was stopped.")
        case "processes":
            return tr("The script started more processes than it may and was stopped.")
        case "disk":
            return tr("The script wrote more to the disk than it may and was stopped.")
        case _:
            return tr("The script was stopped.")
