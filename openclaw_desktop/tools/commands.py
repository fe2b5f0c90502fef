"""The tool that runs a command: a list of words, never a line for a shell, in a jail of its own.

Owns what a command may touch: its folder (`work_folder`), as far as that is granted, and no network unless the approval
says so. The question shows the whole list. Loop.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, ToolResult
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.tools.execution import with_arguments
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.tools.work_folder import CHANGES, Grants, WorkFolders
from openclaw_desktop.workers.programs import Ended, Program, ProgramResult
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail
from openclaw_desktop.workers.tool_host import CallFailed

DEFAULT_TIMEOUT_S, LONGEST_TIMEOUT_S = 60, 600
OUTPUT_LIMIT_BYTES = 200_000
_SEARCHED = "/usr/local/bin:/usr/bin:/bin"


class RunsPrograms(Protocol):
    """Runs a program in its jail."""

    async def run(self, program: Program) -> ProgramResult:
        """Return what came of it; raises CallFailed."""
        ...


class RunCommandTool:
    """Runs one command. `own`: the agent's own folders, which no command may have below its feet."""

    spec = ToolSpec(
        name="run_command",
        description="run a command in a folder of the user: a list of words, no shell",
        parameters={
            "type": "object",
            "properties": {
                "argv": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 200,
                    "items": {"type": "string", "maxLength": 4000},
                    "description": "the program and its arguments, one each",
                },
                "folder": {"type": "string", "minLength": 1, "maxLength": 1000},
                "network": {"type": "boolean", "description": "only if it cannot work without"},
                "timeout_s": {"type": "integer", "minimum": 1, "maximum": LONGEST_TIMEOUT_S},
            },
            "required": ["argv", "folder"],
            "additionalProperties": False,
        },
        effect="local-irreversible",
        capability="process:run",
        authority=("argv", "folder", "network"),
        timeout_s=LONGEST_TIMEOUT_S + 30.0,
    )

    def __init__(self, programs: RunsPrograms, finder: PathFinder, grants: Grants, own: Sequence[Path] = ()) -> None:
        self._programs = programs
        self._folders = WorkFolders(finder, grants, own)

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the program's own path, the canonical folder, and what it may do there.

        Raises UserError where there is no such program or folder, and where the folder is not granted.
        """
        folder, access = await self._folders.find(call.arguments["folder"], scene)
        argv = checked_words(call.arguments["argv"])
        # A standing permission for a command is one without the network: only where it is wanted does it stand there.
        wanted = {name: value for name, value in call.arguments.items() if name != "network" or value}
        return with_arguments(
            dataclasses.replace(call, arguments=wanted),
            argv=[_program(argv[0], folder), *argv[1:]],
            folder=str(folder),
            access=access,
            timeout_s=int(call.arguments.get("timeout_s", DEFAULT_TIMEOUT_S)),
        )

    async def preview(self, call: ToolCall, scene: CallScene) -> str:
        """Return what the jail of this command leaves open."""
        lines = [tr("It may change what is in this folder.") if _may_write(call) else tr("It may only read there.")]
        lines.append(
            tr("It may use the network, and no jail holds it there (level 1).")
            if call.arguments.get("network")
            else tr("It has no network.")
        )
        return "\n".join(lines)

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Run the frozen command and return its exit code and what it wrote: untrusted text."""
        arguments, folder = call.arguments, str(call.arguments["folder"])
        jail = ProgramJail(
            read=() if _may_write(call) else (folder,),
            write=(folder,) if _may_write(call) else (),
            any_program=True,
            network="full" if arguments.get("network") else "none",
            address_bytes=0,
        )
        argv, timeout_s = tuple(arguments["argv"]), float(arguments["timeout_s"])
        program = Program(argv, jail, folder, timeout_s=timeout_s, output_limit_bytes=OUTPUT_LIMIT_BYTES)
        name = visible(Path(argv[0]).name)
        try:
            result = await self._programs.run(program)
        except CallFailed as failure:
            sentence = tr("{name} was not run: {reason}", name=name, reason=str(failure))
            raise UserError(failure.code, sentence) from failure
        label = Label("untrusted", "private", (f"command:{argv[0]}",))
        receipt = Receipt("command.run", tr("ran {name}", name=name), call.id, argv[0])
        data = {"exit_code": result.exit_code, "stdout": result.stdout, "stderr": result.stderr, "ended": result.ended}
        error = "" if result.ended == "exit" else stopped_sentence(result.ended, name, int(timeout_s))
        return ToolResult(program_text(result, error, scene.result_tokens), label, (receipt,), data, error)


def _may_write(call: ToolCall) -> bool:
    return bool(call.arguments["access"] == CHANGES)


def _program(word: str, folder: Path) -> str:
    """Return the canonical path of a program: as it is written from `folder`, or where programs are looked for."""
    found = str(folder / word) if "/" in word else shutil.which(word, path=_SEARCHED)
    if not found or not os.path.isfile(found):  # noqa: PTH113 - a path that can't even be looked at is no file
        raise UserError(
            "no_such_program",
            tr("There is no program {name} here.", name=visible(word)),
            tr("Commands are programs, not lines for a shell: each word stands by itself."),
        )
    return str(Path(found).resolve())


def checked_words(words: Iterable[object]) -> list[str]:
    """Return the words of a command; raises UserError for one that no program can be given."""
    found = [str(word) for word in words]
    if any("\0" in word or not _is_text(word) for word in found):
        raise UserError(
            "bad_words",
            tr("A word of the command holds a zero byte or half a character, which no program can be given."),
            tr("Leave that word out, or write it anew."),
            ExitCode.USAGE,
        )
    return found


def _is_text(word: str) -> bool:
    try:
        os.fsencode(word)
    except UnicodeEncodeError:
        return False
    return True


def stopped_sentence(ended: Ended, name: str, timeout_s: int) -> str:
    """Return why a program was ended, in words."""
    match ended:
        case "time":
            return tr("{name} took longer than {seconds} seconds and was stopped.", name=name, seconds=timeout_s)
        case "output":
            return tr("{name} wrote more than can be read and was stopped.", name=name)
        case "memory":
            return tr("{name} used more memory than it may and was stopped.", name=name)
        case "processes":
            return tr("{name} started more processes than it may and was stopped.", name=name)
        case "disk":
            return tr("{name} filled the disk too far and was stopped.", name=name)
        case _:
            return tr("{name} was stopped.", name=name)


def program_text(result: ProgramResult, error: str, tokens: int) -> str:
    """Return what a program wrote, after how it ended, in at most `tokens`."""
    head = error or tr("exit code {code}", code=result.exit_code)
    parts = [head, result.stdout.rstrip("\n")]
    if result.stderr.strip():
        parts.append(tr("[stderr]") + "\n" + result.stderr.rstrip("\n"))
    whole = "\n".join(part for part in parts if part)
    text = clip(whole, tokens)
    return text + tr("\n[cut: there was more]") if text != whole or result.truncated else text


def typed_words(line: str) -> list[str] | None:
    """Return a command as it was typed, word by word; None where it means something to a shell alone."""
    if _OF_SHELLS.search(line):
        return None
    try:
        return shlex.split(line) or None
    except ValueError:
        return None


def _run_typed(match: re.Match[str]) -> Mapping[str, Any] | None:
    argv = typed_words(match["command"])
    return {"argv": argv, "folder": match["folder"].strip()} if argv else None


# Pipes, redirections, variables, patterns, a home's name, settings before a command.
_OF_SHELLS = re.compile(r"[|&;<>$`*?\[\]{}\n\\~#!]|^\s*\w+=")
PLAIN = (
    PlainForm(
        re.compile(
            r"(?:please )?(?:run|execute)(?: the)?(?: command)? [`\"“](?P<command>[^`\"“”\n]{1,500})[`\"”]"
            r" (?:in|inside|at)(?: the)?(?: folder| directory)? [\"“'`]?(?P<folder>[~/.\w][\w./~ -]*?)[\"”'`]?[.!]*",
            re.IGNORECASE,
        ),
        "run_command",
        _run_typed,
    ),
)
