"""The file tools: read a text file, list a folder. The work is done in the jailed tool worker.

Owns their schemas and receipts. Must not open a file itself. Loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, ToolResult
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.tools.execution import with_arguments
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.workers.tool_host import CallFailed

READ_LIMIT_BYTES = 256 << 10
LIST_LIMIT = 200
TIMEOUT_S = 10.0


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
    """What both tools share: one path, made canonical before the gate sees it."""

    def __init__(self, jail: JailedCalls, finder: PathFinder) -> None:
        self._jail = jail
        self._finder = finder

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the canonical path."""
        return with_arguments(call, path=str(await self._finder.find(call.arguments["path"], scene)))


class ReadFileTool(_PathTool):
    """Reads a text file."""

    spec = ToolSpec("read_file", "read a text file of the user", _PATH_SCHEMA, "read", "file:read", ("path",))

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return the file's text, cut to what a prompt can hold; it is untrusted, wherever it lies."""
        path = Path(call.arguments["path"])
        result = await _call(self._jail, "files.read", {"path": str(path), "limit_bytes": READ_LIMIT_BYTES}, path)
        text = clip(str(result["text"]), scene.result_tokens)
        if result["truncated"] or text != result["text"]:
            text += tr("\n[cut: the file has {size} bytes]", size=f"{result['size_bytes']:,}")
        receipt = Receipt("file.read", tr("read {name}", name=visible(path.name)), call.id, str(path))
        return ToolResult(text, Label("untrusted", "private", (f"file:{path}",)), (receipt,))


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


async def _call(jail: JailedCalls, function: str, arguments: Mapping[str, Any], path: Path) -> Any:
    try:
        return await jail.call(function, arguments, read=(path,), timeout_s=TIMEOUT_S)
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
