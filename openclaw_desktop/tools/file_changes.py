"""The tools that change files: write, move, make a folder, put into the trash. Each can be taken back.

Owns their schemas, previews and undo. The work is done in the jailed worker, which may touch the folders of this one
call; nothing is deleted for good. A text that the agent writes keeps the label of what it was made from. Loop.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, ToolResult
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.labels import join
from openclaw_desktop.tools.execution import with_arguments
from openclaw_desktop.tools.file_labels import FileLabels
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.tools.trash import prepare_trash
from openclaw_desktop.workers.tool_host import CallFailed

TEXT_CHARS = 200_000
PREVIEW_LINES = 400
READ_LIMIT_BYTES = 512 << 10
TIMEOUT_S = 20.0

_PATH = {"type": "string", "minLength": 1, "maxLength": 1000}


class JailedChanges(Protocol):
    """Runs a function in the jailed worker that may read `read`, change `write` and nothing else."""

    async def call(
        self,
        function: str,
        arguments: Mapping[str, Any],
        *,
        read: Sequence[Path] = (),
        write: Sequence[Path] = (),
        timeout_s: float = 10.0,
    ) -> Any:
        """Return the function's JSON result; raises CallFailed."""
        ...


def _on_one_path(name: str, description: str) -> ToolSpec:
    return ToolSpec(
        name,
        description,
        {"type": "object", "properties": {"path": _PATH}, "required": ["path"], "additionalProperties": False},
        "local-reversible",
        "file:write",
        ("path",),
        timeout_s=30.0,
        undoable=True,
    )


class _Change:
    """What these tools share."""

    spec: ToolSpec

    def __init__(self, jail: JailedChanges, finder: PathFinder, labels: FileLabels, data_home: Path) -> None:
        """`data_home`: XDG_DATA_HOME, where the user's trash is."""
        self._jail = jail
        self._finder = finder
        self._labels = labels
        self._data_home = data_home

    async def _do(self, function: str, arguments: Mapping[str, Any], path: Path, *folders: Path) -> Any:
        try:
            return await self._jail.call(function, arguments, write=folders, timeout_s=TIMEOUT_S)
        except CallFailed as failure:
            raise UserError(failure.code, _explain(failure, path)) from failure

    async def _trash_for(self, path: Path) -> Path:
        return await asyncio.to_thread(prepare_trash, path, self._data_home)

    async def _fingerprint(self, path: Path) -> str | None:
        found = (await self._do("files.fingerprint", {"path": str(path)}, path, path.parent))["sha256"]
        return None if found is None else str(found)

    async def _take_back(self, trashed: str, path: Path) -> None:
        source = Path(trashed)
        await self._do(
            "files.take_back", {"trashed": trashed, "path": str(path)}, path, source.parent.parent, path.parent
        )

    async def _put_away(self, path: Path) -> str:
        trash = await self._trash_for(path)
        found = await self._do("files.trash", {"path": str(path), "trash": str(trash)}, path, path.parent, trash)
        return str(found["trashed"])


class WriteFileTool(_Change):
    """Writes a text file."""

    spec = ToolSpec(
        "write_file",
        "write a text file of the user: create a new one, replace one, or append to one",
        {
            "type": "object",
            "properties": {
                "path": _PATH,
                "text": {"type": "string", "maxLength": TEXT_CHARS},
                "mode": {"enum": ["create", "replace", "append"]},
            },
            "required": ["path", "text"],
            "additionalProperties": False,
        },
        "local-reversible",
        "file:write",
        ("path",),
        timeout_s=30.0,
        undoable=True,
    )

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the canonical path and the mode."""
        path = await self._finder.find_new(call.arguments["path"], scene)
        return with_arguments(call, path=str(path), mode=call.arguments.get("mode", "create"))

    async def preview(self, call: ToolCall, scene: CallScene) -> str:
        """Return the change as a unified diff."""
        path, text = Path(call.arguments["path"]), str(call.arguments["text"])
        old = await self._old_text(path)
        new = old + text if call.arguments["mode"] == "append" else text
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), str(path), str(path), lineterm="", n=2)
        shown = [visible(line) for _, line in zip(range(PREVIEW_LINES + 1), lines, strict=False)]
        more = [tr("[the rest is not shown]")] if len(shown) > PREVIEW_LINES else []
        return "\n".join([*shown[:PREVIEW_LINES], *more])

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Write it; a file that was there goes to the trash, from where `undo` fetches it."""
        path, mode = Path(call.arguments["path"]), call.arguments["mode"]
        kept_label = scene.context
        trash = await self._trash_for(path)
        arguments = {"path": str(path), "text": call.arguments["text"], "mode": mode}
        seen = await self._do("files.foresee", arguments, path, path.parent)
        if mode == "append":
            before = await self._labels.label_of(path, seen["sha256_before"])
            kept_label = join([before, kept_label])
        # What it is worth is on the disk before it: a kill in between leaves no text that counts for more.
        settles = await self._labels.foretell(path, seen["sha256"], kept_label)
        arguments |= {"trash": str(trash), "sha256": seen["sha256"]}
        found = await self._do("files.write", arguments, path, path.parent, trash)
        if settles:
            await self._labels.note(path, found["sha256"], kept_label)
        receipt = Receipt("file.written", tr("wrote {name}", name=visible(path.name)), call.id, str(path))
        return ToolResult(
            tr("Written: {path}", path=visible(str(path))), scene.context, (receipt,), {"path": str(path), **found},
            undo={"path": str(path), "sha256": found["sha256"], "before": found["before"]},
        )  # fmt: skip

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Put back what was there; raises UserError where the file has changed since."""
        path = Path(token["path"])
        if await self._fingerprint(path) != token["sha256"]:
            raise UserError(
                "changed_since",
                tr("{name} has changed since, so it was left as it is.", name=visible(path.name)),
                tr("What it was before lies in the trash.") if token["before"] else "",
            )
        await self._put_away(path)
        if token["before"]:
            await self._take_back(token["before"], path)
            return tr("{name} is as it was.", name=visible(path.name))
        return tr("{name} is in the trash.", name=visible(path.name))

    async def _old_text(self, path: Path) -> str:
        try:
            found = await self._jail.call(
                "files.read", {"path": str(path), "limit_bytes": READ_LIMIT_BYTES}, read=(path,), timeout_s=TIMEOUT_S
            )
        except CallFailed:
            return ""  # nothing is there, or nothing that could be shown
        return str(found["text"])


class MakeFolderTool(_Change):
    """Makes a folder."""

    spec = _on_one_path("make_folder", "make a folder for the user")

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the canonical path."""
        return with_arguments(call, path=str(await self._finder.find_new(call.arguments["path"], scene)))

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Make it."""
        path = Path(call.arguments["path"])
        await self._do("files.make_folder", {"path": str(path)}, path, path.parent)
        receipt = Receipt("folder.made", tr("made the folder {name}", name=visible(path.name)), call.id, str(path))
        text = tr("Made the folder {path}", path=visible(str(path)))
        return ToolResult(text, scene.context, (receipt,), {"path": str(path)}, undo={"path": str(path)})

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Put the folder into the trash, with what is in it by now."""
        path = Path(token["path"])
        await self._put_away(path)
        return tr("{name} is in the trash.", name=visible(path.name))


class MoveFileTool(_Change):
    """Moves or renames."""

    spec = ToolSpec(
        "move_file",
        "move or rename a file or folder of the user",
        {
            "type": "object",
            "properties": {"path": _PATH, "to": _PATH},
            "required": ["path", "to"],
            "additionalProperties": False,
        },
        "local-reversible",
        "file:write",
        ("path", "to"),
        timeout_s=30.0,
        undoable=True,
    )

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with both canonical paths; a folder as the target means "into it"."""
        source = await self._finder.find(call.arguments["path"], scene)
        wanted = str(call.arguments["to"])
        near = source.parent if "/" not in wanted and "\\" not in wanted else None
        target = await self._finder.find_new(wanted, scene, near=near)
        if await asyncio.to_thread(target.is_dir):
            target = target / source.name
        return with_arguments(call, path=str(source), to=str(target))

    async def preview(self, call: ToolCall, scene: CallScene) -> str:
        """Return both names."""
        return f"- {visible(call.arguments['path'])}\n+ {visible(call.arguments['to'])}"

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Move it to a name that is free; the label of what the agent wrote goes along."""
        source, target = Path(call.arguments["path"]), Path(call.arguments["to"])
        sha256 = await self._fingerprint(source)
        label = await self._labels.label_of(source, sha256)
        if label.integrity == "untrusted" and await self._labels.is_own(target):
            # What others wrote does not become the user's by lying there: a file is known by its hash, a folder is not.
            if sha256 is None:
                raise UserError(
                    "not_own",
                    tr(
                        "{name} would come into a folder whose texts count as yours, and it is not; nothing was moved.",
                        name=visible(source.name),
                    ),
                    tr("Move its files one by one, or do it yourself."),
                )
            await self._labels.note(target, sha256, label)
        await self._move(source, target)
        receipt = Receipt("file.moved", tr("moved {name}", name=visible(source.name)), call.id, str(target))
        text = tr("Moved {source} to {target}", source=visible(str(source)), target=visible(str(target)))
        undo = {"path": str(source), "to": str(target)}
        return ToolResult(text, scene.context, (receipt,), {"path": str(target)}, undo=undo)

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Move it back."""
        await self._move(Path(token["to"]), Path(token["path"]))
        return tr("{name} is where it was.", name=visible(Path(token["path"]).name))

    async def _move(self, source: Path, target: Path) -> None:
        folders = dict.fromkeys((source.parent, target.parent))
        await self._do("files.move", {"source": str(source), "target": str(target)}, source, *folders)


class TrashFileTool(_Change):
    """Puts something into the trash."""

    spec = _on_one_path("trash_file", "put a file or folder of the user into the trash")

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the canonical path."""
        return with_arguments(call, path=str(await self._finder.find(call.arguments["path"], scene)))

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Move it to the trash."""
        path = Path(call.arguments["path"])
        trashed = await self._put_away(path)
        receipt = Receipt("file.trashed", tr("put {name} into the trash", name=visible(path.name)), call.id, str(path))
        text = tr("In the trash: {path}", path=visible(str(path)))
        undo = {"path": str(path), "trashed": trashed}
        return ToolResult(text, scene.context, (receipt,), {"path": str(path)}, undo=undo)

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Fetch it back from the trash."""
        path = Path(token["path"])
        await self._take_back(token["trashed"], path)
        return tr("{name} is back.", name=visible(path.name))


def _explain(failure: CallFailed, path: Path) -> str:
    name = visible(path.name)
    match failure.code:
        case "exists":
            return tr("There is something of that name already, so nothing was changed ({name}).", name=name)
        case "missing":
            return tr("{name} is not there, so nothing was changed.", name=name)
        case "changed":
            return tr("{name} changed at that very moment, so it was left as it is.", name=name)
        case "timeout":
            return tr("Changing {name} took too long and was stopped.", name=name)
        case _:
            return tr("{name} could not be changed: {reason}.", name=name, reason=str(failure).rstrip("."))


_FILE = r"(?:the file )?[\"“'`]?(?P<path>[~/\w.-][\w./~ -]*?\.\w{1,8})[\"”'`]?"
_TEXT = r"(?:\"(?P<text>[^\"]{1,2000})\"|“(?P<curly>[^”]{1,2000})”)"


def _written(match: re.Match[str], mode: str) -> Mapping[str, Any]:
    return {"path": match["path"].strip(), "text": match["text"] or match["curly"], "mode": mode}


_NAME = r"[\"“'`]?(?P<path>[^\"”'`?*<>|\n]{1,200}?)[\"”'`]?"
PLAIN = (
    PlainForm(
        re.compile(
            rf"(?:please )?(?:write|save|put) {_TEXT} (?:in|into|to)"
            rf"(?: an?(?: new)?(?: text)? file(?: called| named)?)? {_FILE}[.!]*",
            re.I,
        ),
        "write_file",
        lambda match: _written(match, "create"),
    ),
    PlainForm(
        re.compile(
            rf"(?:please )?(?:make|create|write)(?: me)? an? (?:new )?(?:text )?file(?: called| named)? {_FILE}"
            rf" (?:with|saying|that says|containing)(?: the (?:text|words))? {_TEXT}[.!]*",
            re.I,
        ),
        "write_file",
        lambda match: _written(match, "create"),
    ),
    PlainForm(
        re.compile(rf"(?:please )?(?:append|add) {_TEXT} to (?:the end of )?{_FILE}[.!]*", re.I),
        "write_file",
        lambda match: _written(match, "append"),
    ),
    PlainForm(
        re.compile(
            rf"(?:please )?(?:make|create)(?: me)? an? (?:new )?(?:folder|directory)(?: called| named)? {_NAME}[.!]*",
            re.I,
        ),
        "make_folder",
        lambda match: {"path": match["path"].strip()},
    ),
    PlainForm(
        re.compile(
            r"(?:please )?(?:rename|move) (?:the file )?"
            r"[\"“'`]?(?P<path>[~/\w.-][\w./~ -]*?\.\w{1,8})[\"”'`]? (?:to|into)"
            r" (?:the folder )?[\"“'`]?(?P<to>[~/\w.-][\w./~-]*)[\"”'`]?[.!]*",
            re.I,
        ),
        "move_file",
        lambda match: {"path": match["path"].strip(), "to": match["to"].strip(".")},
    ),
    PlainForm(
        re.compile(
            r"(?:please )?(?:delete|trash|bin|put) (?:the file )?"
            r"[\"“'`]?(?P<path>[~/\w.-][\w./~ -]*?\.\w{1,8})[\"”'`]?"
            r"(?: (?:in|into|to) the (?:trash|bin))?[.!]*",
            re.I,
        ),
        "trash_file",
        lambda match: {"path": match["path"].strip()},
    ),
)
