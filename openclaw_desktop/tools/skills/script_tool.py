"""The tool that runs a script of a skill: asked about each time, and in the jail of plugins.

Owns which file may run and how: by its ending or its first line, with a list of words, out of a copy of exactly the
bytes that were approved. One changed byte of the skill and nothing runs (R13). Must not know how a skill is kept, nor
how a jail is made. Loop; files are read and copied in a thread.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, ToolResult
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.tools.commands import checked_words, program_text, stopped_sentence, typed_words
from openclaw_desktop.tools.skills.shelf import SCRIPTS, Shelf, Skill
from openclaw_desktop.tools.work_folder import CHANGES, WorkFolders
from openclaw_desktop.workers.programs import Program, ProgramResult
from openclaw_desktop.workers.python_jail import python_jail, script_program
from openclaw_desktop.workers.sandbox import temporary
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail
from openclaw_desktop.workers.sandbox.proof import FULL_LEVEL, Proof
from openclaw_desktop.workers.tool_host import CallFailed

DEFAULT_TIMEOUT_S, LONGEST_TIMEOUT_S = 60, 300
OUTPUT_LIMIT_BYTES = 200_000
SHOWN_CHARS = 12_000
PYTHON, OWN_FIRST_LINE = "python", "its own first line"
_SEARCHED = "/usr/local/bin:/usr/bin:/bin"
_BY_ENDING: Mapping[str, str] = {
    ".sh": "sh", ".bash": "bash", ".js": "node", ".mjs": "node", ".rb": "ruby", ".pl": "perl",
}  # fmt: skip


class RunsScripts(Protocol):
    """Runs programs in their jail, and knows what that jail is worth."""

    async def run(self, program: Program) -> ProgramResult:
        """Return what came of it; raises CallFailed."""
        ...

    async def prove(self) -> Proof:
        """Return what the self-test shows; raises CallFailed."""
        ...


class RunSkillScriptTool:
    """Runs one script of an approved skill."""

    spec = ToolSpec(
        "run_skill_script",
        "run a script of a skill, as the skill's instructions say",
        {
            "type": "object",
            "properties": {
                "skill": {"type": "string", "minLength": 1, "maxLength": 64},
                "script": {"type": "string", "minLength": 1, "maxLength": 300},
                "arguments": {
                    "type": "array",
                    "maxItems": 100,
                    "items": {"type": "string", "maxLength": 4000},
                    "description": "words for the script, one each",
                },
                "folder": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1000,
                    "description": "the folder of the user that it works in",
                },
                "timeout_s": {"type": "integer", "minimum": 1, "maximum": LONGEST_TIMEOUT_S},
            },
            "required": ["skill", "script"],
            "additionalProperties": False,
        },
        "guarded",
        "skill:run",
        ("skill", "script", "arguments", "folder"),
        timeout_s=LONGEST_TIMEOUT_S + 60.0,
    )

    def __init__(self, shelf: Shelf, programs: RunsScripts, folders: WorkFolders) -> None:
        self._shelf = shelf
        self._programs = programs
        self._folders = folders
        self._proved = False

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the script's whole name, what runs it, the folder and the hash of the whole skill.

        Raises UserError where the skill is not as it was approved, or has no such script.
        """
        asked = call.arguments
        skill, files = await asyncio.to_thread(self._shelf.read, asked["skill"])
        script = asked["script"].removeprefix("./")
        script = script if script.startswith(SCRIPTS) else SCRIPTS + script
        if script not in files:
            # Their names are the skill's own words: an error must not bring those in as if they were ours.
            raise UserError(
                "no_such_script",
                tr("The skill {name} has no {script}.", name=skill.name, script=visible(script[:200])),
                tr("Read its SKILL.md: it names its scripts."),
            )
        words = checked_words(asked.get("arguments", ()))
        frozen: dict[str, object] = {
            "skill": skill.name,
            "script": script,
            "arguments": words,
            "run_by": await asyncio.to_thread(_runner, script, files[script]),
            "sha256": skill.sha256,
            "timeout_s": int(asked.get("timeout_s", DEFAULT_TIMEOUT_S)),
        }
        if asked.get("folder"):
            folder, access = await self._folders.find(asked["folder"], scene)
            frozen |= {"folder": str(folder), "access": access}
        return ToolCall(call.id, call.name, frozen)

    async def preview(self, call: ToolCall, scene: CallScene) -> str:
        """Return what the jail leaves open to the script, and the script itself."""
        asked = call.arguments
        _, files = await self._approved(call)
        script = files[asked["script"]].decode("utf-8", "replace")
        lines = [
            tr("It sees no folder of yours.")
            if "folder" not in asked
            else tr("It may change what is in this folder.")
            if asked["access"] == CHANGES
            else tr("It may only read in this folder."),
            tr("It has no network."),
            "",
            script[:SHOWN_CHARS],
        ]
        if len(script) > SHOWN_CHARS:
            more = len(script) - SHOWN_CHARS
            lines.append(tr("[the script is longer: {count} more characters are not shown here]", count=more))
        return "\n".join(lines)

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Run the frozen script and return its exit code and what it wrote: untrusted text."""
        asked = call.arguments
        skill, files = await self._approved(call)
        await self._require_jail()
        try:
            copy = await asyncio.to_thread(_copy, files)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise UserError(
                "not_ready",
                tr("The script could not be made ready: {reason}.", reason=reason),
                tr("See that there is room in the folder for temporary files, and try again."),
            ) from error
        name, timeout_s = PurePosixPath(asked["script"]).name, int(asked["timeout_s"])
        try:
            result = await self._programs.run(_program(copy, asked))
        except CallFailed as failure:
            sentence = tr("{name} was not run: {reason}", name=visible(name), reason=str(failure))
            raise UserError(failure.code, sentence) from failure
        finally:
            await asyncio.to_thread(shutil.rmtree, copy, ignore_errors=True)
        receipt = Receipt(
            "skill.script_run",
            tr("ran {script} of the skill {name}", script=visible(name), name=skill.name),
            call.id,
            f"{skill.name}/{asked['script']}",
        )
        data = {"exit_code": result.exit_code, "stdout": result.stdout, "stderr": result.stderr, "ended": result.ended}
        stopped = "" if result.ended == "exit" else stopped_sentence(result.ended, visible(name), timeout_s)
        label = Label("untrusted", "private", (f"skill:{skill.name}",))
        return ToolResult(program_text(result, stopped, scene.result_tokens), label, (receipt,), data, stopped)

    async def _approved(self, call: ToolCall) -> tuple[Skill, dict[str, bytes]]:
        """Return the skill that the call was frozen with, and its files; raises UserError where it is another."""
        skill, files = await asyncio.to_thread(self._shelf.read, call.arguments["skill"])
        if skill.sha256 != call.arguments["sha256"]:
            raise UserError(
                "skill_changed",
                tr("The skill {name} is another one than you were asked about, so nothing was run.", name=skill.name),
                "",
                ExitCode.DENIED,
            )
        return skill, files

    async def _require_jail(self) -> None:
        """Raise UserError where the jail is not proved whole: others' programs run at level 3 alone."""
        if self._proved:
            return
        try:
            proof = await self._programs.prove()
        except CallFailed as failure:
            proof = Proof(0, (), str(failure), ())
        if proof.level < FULL_LEVEL:
            raise UserError(
                "jail_too_weak",
                tr("Scripts of skills need a jail of level 3; here it reaches {level}: {reason}.", level=proof.level,
                   reason=proof.reason),
                tr("openclaw-agent sandbox check says what it lacks."),
                ExitCode.DENIED,
            )  # fmt: skip
        self._proved = True


def _runner(script: str, content: bytes) -> str:
    """Return what runs a script: PYTHON, OWN_FIRST_LINE, or the path of a program; raises UserError."""
    ending = PurePosixPath(script).suffix.lower()
    if ending == ".py":
        return PYTHON
    if content.startswith(b"#!/"):
        return OWN_FIRST_LINE
    found = shutil.which(_BY_ENDING[ending], path=_SEARCHED) if ending in _BY_ENDING else None
    if found is None:
        raise UserError(
            "no_way_to_run",
            tr("Nothing here runs {script}.", script=visible(script[:200])),
            tr("It needs the ending of a language that is installed, or a first line that names its program."),
        )
    return str(Path(found).resolve())


def _copy(files: Mapping[str, bytes]) -> Path:
    """Write the skill's files where only this run looks, and return the folder."""
    folder = Path(temporary.make("skill"))
    try:
        for path, content in files.items():
            target = folder / path
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o700 if path.startswith(SCRIPTS) else 0o600)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _program(copy: Path, asked: Mapping[str, object]) -> Program:
    """Return what is started: words alone, with nothing but the copy and the granted folder in sight."""
    script, words = copy / str(asked["script"]), [str(word) for word in asked["arguments"]]  # type: ignore[attr-defined]
    folder, timeout_s = str(asked.get("folder", "")), float(str(asked["timeout_s"]))
    read = [str(copy), *([folder] if folder and asked["access"] != CHANGES else [])]
    write = [folder] if folder and asked["access"] == CHANGES else []
    cwd = folder or str(copy)
    if asked["run_by"] == PYTHON:
        program = script_program(script, words, python_jail(read, write), cwd, timeout_s)
    else:
        own = asked["run_by"] == OWN_FIRST_LINE
        jail = ProgramJail(
            tuple(read), tuple(write), (str(copy),) if own else (), any_program=True, address_bytes=0
        )  # fmt: skip
        argv = (str(script), *words) if own else (str(asked["run_by"]), str(script), *words)
        program = Program(argv, jail, cwd, timeout_s=timeout_s)
    environment = {**program.environment, "SKILL_ROOT": str(copy)}
    return dataclasses.replace(program, environment=environment, output_limit_bytes=OUTPUT_LIMIT_BYTES)


def _run_typed(match: re.Match[str]) -> Mapping[str, Any] | None:
    typed = {"skill": match["skill"].lower(), "script": match["script"]}
    if match["folder"]:
        typed["folder"] = match["folder"].strip()
    if match["words"] is None:
        return typed
    words = typed_words(match["words"])
    return {**typed, "arguments": words} if words else None


PLAIN = (
    PlainForm(
        re.compile(
            r"(?:please )?run (?:the )?(?:script )?(?P<script>[\w-][\w./-]{0,200}\.\w{1,8}) (?:of|from) the skill"
            r" (?P<skill>[a-z0-9][a-z0-9-]{0,63})(?: with [`\"“](?P<words>[^`\"“”\n]{1,500})[`\"”])?"
            r"(?: in (?:the folder )?[\"“'`]?(?P<folder>[~/.\w][\w./~ -]*?)[\"”'`]?)?[.!]*",
            re.IGNORECASE,
        ),
        "run_skill_script",
        _run_typed,
    ),
)
