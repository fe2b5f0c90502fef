"""The tools that look at files: read one, list a folder, find by name or by what is said. The work is done in a jail.

Owns their schemas and receipts. Must not open a file itself. Loop.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, ToolResult
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.tools.execution import with_arguments
from openclaw_desktop.tools.file_labels import FileLabels
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.workers.tool_host import CallFailed

READ_LIMIT_BYTES = 256 << 10
LIST_LIMIT = 200
FIND_LIMIT = 100
TIMEOUT_S = 10.0
DOCUMENT_TIMEOUT_S = 30.0


class JailedCalls(Protocol):
    """Runs a function in the jailed worker that may read `read` and nothing else."""

    async def call(
        self, function: str, arguments: Mapping[str, Any], *, read: tuple[Path, ...], timeout_s: float
    ) -> Any:
        """Return the function's JSON result; raises CallFailed."""
        ...


_PATH_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"path": {"type": "string", "minLength": 1, "maxLength": 1000}},
    "required": ["path"],
    "additionalProperties": False,
}


class _PathTool:
    """What these tools share: one path, made canonical before the gate sees it."""

    def __init__(self, jail: JailedCalls, finder: PathFinder) -> None:
        self._jail = jail
        self._finder = finder

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the canonical path."""
        return with_arguments(call, path=str(await self._finder.find(call.arguments["path"], scene)))


class ReadFileTool(_PathTool):
    """Reads a text, a PDF, a document or a sheet."""

    spec = ToolSpec(
        "read_file",
        "read a file of the user: text, PDF, Word document or spreadsheet",
        {
            "type": "object",
            "properties": {
                "path": _PATH_SCHEMA["properties"]["path"],
                "from": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
                "to": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
                "sheet": {"type": "string", "maxLength": 100},
            },
            "required": ["path"],
            "additionalProperties": False,
        },
        "read",
        "file:read",
        ("path",),
        timeout_s=40.0,
    )

    def __init__(
        self,
        jail: JailedCalls,
        finder: PathFinder,
        labels: FileLabels | None = None,
        parsers: JailedCalls | None = None,
    ) -> None:
        """`labels`: whose text it is, else untrusted; `parsers`: who reads what is no plain text."""
        super().__init__(jail, finder)
        self._labels = labels
        self._parsers = parsers

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return the file's text, cut to what a prompt can hold, with the label of whose text it is."""
        path = Path(call.arguments["path"])
        receipt = Receipt("file.read", tr("read {name}", name=visible(path.name)), call.id, str(path))
        try:
            result = await self._jail.call(
                "files.read", {"path": str(path), "limit_bytes": READ_LIMIT_BYTES}, read=(path,), timeout_s=TIMEOUT_S
            )
        except CallFailed as failure:
            if failure.code != "not_text" or self._parsers is None:
                raise UserError(failure.code, _explain(failure, path)) from failure
            text, note = await self._read_document(call, path)
            sha256 = (await _call(self._jail, "files.hash", {"path": str(path)}, path))["sha256"]
        else:
            sha256 = result["sha256"]
            text, note = str(result["text"]), tr("\n[cut: the file has {size} bytes]", size=f"{result['size_bytes']:,}")
            note = note if result["truncated"] or clip(text, scene.result_tokens) != text else ""
        label = Label("untrusted", "private", (f"file:{path}",))
        if self._labels is not None and sha256 is not None:  # what is too large to be known by its hash is nobody's own
            label = await self._labels.label_of(path, sha256)
        return ToolResult(clip(text, scene.result_tokens) + note, label, (receipt,))

    async def _read_document(self, call: ToolCall, path: Path) -> tuple[str, str]:
        """Return the text of a PDF, a document or a sheet, and what it has besides."""
        assert self._parsers is not None
        asked = call.arguments
        arguments = {
            "path": str(path), "first": asked.get("from", 1), "last": asked.get("to", 0),
            "sheet": asked.get("sheet", ""),
        }  # fmt: skip
        try:
            found = await self._parsers.call("documents.read", arguments, read=(path,), timeout_s=DOCUMENT_TIMEOUT_S)
        except CallFailed as failure:
            if failure.code == "not_document":
                failure = CallFailed("not_text", failure.message)
            raise UserError(failure.code, _explain(failure, path)) from failure
        note = tr("\n[cut: ask for a part of it, by pages or rows]") if found["truncated"] else ""
        if found["kind"] == "pdf":
            note += tr("\n[{count} pages]", count=found["parts"])
        elif isinstance(found["parts"], list) and len(found["parts"]) > 1:
            note += tr("\n[sheets: {names}]", names=", ".join(visible(name) for name in found["parts"])[:300])
        return str(found["text"]), note


class ListFolderTool(_PathTool):
    """Lists a folder."""

    spec = ToolSpec(
        "list_folder", "list the files in a folder of the user", _PATH_SCHEMA, "read", "file:read", ("path",)
    )

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return one entry a line; names are untrusted text too."""
        path = Path(call.arguments["path"])
        result = await _call(self._jail, "files.list", {"path": str(path), "limit": LIST_LIMIT}, path)
        lines = [f"{entry['name']}{'/' if entry['kind'] == 'folder' else ''}" for entry in result["entries"]]
        if result["truncated"]:
            lines.append(tr("[cut after {count} entries]", count=LIST_LIMIT))
        receipt = Receipt(
            "folder.listed", tr("listed {name}", name=visible(path.name or str(path))), call.id, str(path)
        )
        text = clip("\n".join(lines), scene.result_tokens) or tr("[the folder is empty]")
        return ToolResult(text, Label("untrusted", "private", (f"folder:{path}",)), (receipt,))


class FindFilesTool(_PathTool):
    """Finds files by name and by what they say."""

    spec = ToolSpec(
        "find_files",
        "find files in a folder of the user by name or by the text in them",
        {
            "type": "object",
            "properties": {
                "path": _PATH_SCHEMA["properties"]["path"],
                "name": {"type": "string", "maxLength": 200},
                "text": {"type": "string", "maxLength": 200},
            },
            "required": ["path"],
            "additionalProperties": False,
        },
        "read",
        "file:read",
        ("path",),
        timeout_s=40.0,
    )

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return one file a line, each with the lines that say the text; names and lines are untrusted."""
        path, asked = Path(call.arguments["path"]), call.arguments
        if not (asked.get("name") or asked.get("text")):
            raise UserError("nothing_given", tr("Say what the name or the text has in it."))
        arguments = {
            "folder": str(path), "name": asked.get("name", ""), "text": asked.get("text", ""), "limit": FIND_LIMIT,
        }  # fmt: skip
        result = await _call(self._jail, "files.find", arguments, path, DOCUMENT_TIMEOUT_S)
        lines = []
        for entry in result["found"]:
            lines.append(f"{visible(entry['path'])}{'/' if entry['kind'] == 'folder' else ''}")
            lines += [f"  {line['number']}: {line['text']}" for line in entry["lines"]]
        if result["truncated"]:
            lines.append(tr("[the search stopped here: there may be more]"))
        receipt = Receipt(
            "files.found", tr("searched {name}", name=visible(path.name or str(path))), call.id, str(path)
        )
        text = clip("\n".join(lines), scene.result_tokens) or tr("Nothing was found.")
        return ToolResult(text, Label("untrusted", "private", (f"folder:{path}",)), (receipt,), result["found"])


async def _call(
    jail: JailedCalls, function: str, arguments: Mapping[str, Any], path: Path, timeout_s: float = TIMEOUT_S
) -> Any:
    try:
        return await jail.call(function, arguments, read=(path,), timeout_s=timeout_s)
    except CallFailed as failure:
        raise UserError(failure.code, _explain(failure, path)) from failure


def _explain(failure: CallFailed, path: Path) -> str:
    name = visible(path.name)
    match failure.code:
        case "not_text":
            return tr("{name} is not a text file.", name=name)
        case "timeout":
            return tr(
                "Reading {name} took longer than {seconds} seconds and was stopped.", name=name, seconds=int(TIMEOUT_S)
            )
        case _:
            return tr("{name} could not be read: {reason}.", name=name, reason=str(failure).rstrip("."))


PLAIN = (
    PlainForm(
        re.compile(
            r"(?:please )?(?:find|search for|look for) (?:all )?(?:the |my )?files (?:named|called)"
            r" [\"“'`]?(?P<name>[^\"”'`?]{1,100}?)"
            r"[\"”'`]? (?:in|under|below) (?:my |the )?(?:folder )?(?P<path>[~/\w][\w/~. -]*?)(?: folder)?[.?!]*",
            re.I,
        ),
        "find_files",
        lambda match: {"path": match["path"].strip(), "name": match["name"].strip()},
    ),
    PlainForm(
        re.compile(
            r"(?:please )?search (?:my |the )?(?:folder )?(?P<path>(?:documents|downloads|desktop"
            r"|[~/][\w/~. -]*?)) (?:folder )?"
            r"for [\"“'`]?(?P<text>[^\"”'`?]{1,100}?)[\"”'`]?[.?!]*",
            re.I,
        ),
        "find_files",
        lambda match: {
            "path": match["path"].strip().title() if match["path"].isalpha() else match["path"].strip(),
            "text": match["text"].strip(),
        },
    ),
)
