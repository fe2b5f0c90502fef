"""The tools over the user's desktop: the clipboard, and opening a file or an address.

Owns their schemas, and which files are never opened: what would run when it is opened. Must not know the programs that
do it. Loop.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, ToolResult
from openclaw_desktop.core.text import tr, visible, without_controls
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.security.broker.hosts import parse_url
from openclaw_desktop.system.clipboard import Clipboard
from openclaw_desktop.tools.execution import with_arguments
from openclaw_desktop.tools.path_finder import PathFinder

TEXT_CHARS = 200_000
_NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
# Opening one of these runs it, or changes settings (R17), on one system or another.
_RUNS = frozenset(
    (  # noqa: SIM905 - sixty quotes read worse
        ".desktop .sh .bash .zsh .fish .csh .py .pyw .pl .rb .js .mjs .vbs .vbe .wsf .wsh .ps1 .psm1 .bat .cmd"
        " .com .exe .msi .msix .scr .pif .cpl .hta .reg .lnk .url .jar .jnlp .appimage .run .bin .app .command"
        " .workflow .scpt .applescript .dmg .pkg .deb .rpm .flatpakref .flatpakrepo .snap .service .iso .inf"
        " .gadget .terminal .webloc .action .mobileconfig .xpi .crx .docm .xlsm .pptm .dotm"
    ).split()
)


class Opens(Protocol):
    """Opens something in its own program."""

    async def open(self, target: str) -> None:
        """Open it; raises UserError."""
        ...


class ReadClipboardTool:
    """Reads the clipboard."""

    spec = ToolSpec(
        "read_clipboard", "read the text that the user has copied to the clipboard", _NOTHING, "read", "clipboard:read"
    )

    def __init__(self, clipboard: Clipboard) -> None:
        self._clipboard = clipboard

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call: there is but one clipboard."""
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return its text; anybody's words may have been copied."""
        text = without_controls(await self._clipboard.read())
        shown = clip(text, scene.result_tokens)
        if shown != text:
            shown += tr("\n[cut: the clipboard holds {count} characters]", count=f"{len(text):,}")
        receipt = Receipt("clipboard.read", tr("read the clipboard"), call.id)
        return ToolResult(
            shown or tr("The clipboard holds no text."), Label("untrusted", "private", ("clipboard",)), (receipt,)
        )


class WriteClipboardTool:
    """Writes the clipboard."""

    spec = ToolSpec(
        "write_clipboard",
        "put a text on the user's clipboard",
        {
            "type": "object",
            "properties": {"text": {"type": "string", "minLength": 1, "maxLength": TEXT_CHARS}},
            "required": ["text"],
            "additionalProperties": False,
        },
        "local-reversible",
        "clipboard:write",
        undoable=True,
    )

    def __init__(self, clipboard: Clipboard) -> None:
        self._clipboard = clipboard

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call: there is but one clipboard."""
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Put the text there; `undo` puts back what was there before."""
        before = await self._clipboard.read()
        await self._clipboard.write(call.arguments["text"])
        receipt = Receipt("clipboard.written", tr("put it on the clipboard"), call.id)
        undo = {"before": before[:TEXT_CHARS], "after": call.arguments["text"]}
        return ToolResult(tr("It is on the clipboard."), scene.context, (receipt,), undo=undo)

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Put back what was there; raises UserError where something else has been copied since."""
        if await self._clipboard.read() != token["after"]:
            raise UserError("changed_since", tr("Something else was copied since, so the clipboard was left as it is."))
        await self._clipboard.write(token["before"])
        return tr("The clipboard holds what it held before.")


class OpenFileTool:
    """Opens a file in its own program."""

    spec = ToolSpec(
        "open_file",
        "open a file or folder of the user in its own program, on the screen",
        {
            "type": "object",
            "properties": {"path": {"type": "string", "minLength": 1, "maxLength": 1000}},
            "required": ["path"],
            "additionalProperties": False,
        },
        "local-irreversible",
        "file:read",
        ("path",),
        timeout_s=20.0,
    )

    def __init__(self, opener: Opens, finder: PathFinder) -> None:
        self._opener = opener
        self._finder = finder

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the canonical path; raises UserError for what would run."""
        path = await self._finder.find(call.arguments["path"], scene)
        if await asyncio.to_thread(_would_run, path):
            raise UserError(
                "would_run",
                tr("{name} is a program, or holds one: opening it would run it.", name=visible(path.name)),
                tr("Start it yourself if you trust it."),
                ExitCode.DENIED,
            )
        return with_arguments(call, path=str(path))

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Open it."""
        path = Path(call.arguments["path"])
        await self._opener.open(str(path))
        receipt = Receipt("file.opened", tr("opened {name}", name=visible(path.name)), call.id, str(path))
        return ToolResult(tr("Opened {path}", path=visible(str(path))), scene.context, (receipt,))


class OpenAddressTool:
    """Opens an address in the browser."""

    spec = ToolSpec(
        "open_address",
        "open a web address in the user's browser, on the screen",
        {
            "type": "object",
            "properties": {"url": {"type": "string", "minLength": 1, "maxLength": 4000}},
            "required": ["url"],
            "additionalProperties": False,
        },
        "outbound",
        "browser:open",
        ("url",),
        timeout_s=20.0,
    )

    def __init__(self, opener: Opens) -> None:
        self._opener = opener

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the address in its one form: http and https alone."""
        return with_arguments(call, url=parse_url(call.arguments["url"]).url)

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Open it."""
        url = call.arguments["url"]
        await self._opener.open(url)
        receipt = Receipt("address.opened", tr("opened {url}", url=visible(url)), call.id, url)
        return ToolResult(tr("Opened {url}", url=visible(url)), scene.context, (receipt,))


def _would_run(path: Path) -> bool:
    if path.is_dir():
        return path.suffix.lower() in _RUNS  # a program of macOS is a folder
    if path.suffix.lower() in _RUNS or os.access(path, os.X_OK):
        return True
    with path.open("rb") as file:
        return file.read(4).startswith((b"#!", b"\x7fELF", b"MZ"))


_NAMED = r"[\"“'`]?(?P<path>[~/\w.-][\w./~ -]*?)[\"”'`]?"
PLAIN = (
    PlainForm(
        re.compile(
            rf"(?:please )?open (?:the (?:file|folder) )?{_NAMED} (?:(?:in|with) (?:its|the|my)"
            r"(?: own| usual| default)? (?:program|app|application|viewer|editor|file manager)"
            r"|on (?:the|my) screen)[.!]*",
            re.I,
        ),
        "open_file",
        lambda match: {"path": match["path"].strip()},
    ),
    PlainForm(
        re.compile(r"(?:please )?open (?P<url>https?://[^\s<>\"]+?)[.?!]?(?: please)?[.?!]?", re.I),
        "open_address",
        lambda match: {"url": match["url"]},
    ),
    PlainForm(
        re.compile(r"what(?:'s| is) (?:on|in) (?:my|the) clipboard[?.!]*", re.I), "read_clipboard", lambda match: {}
    ),
    PlainForm(
        re.compile(r"(?:please )?copy [\"“](?P<text>[^\"”]{1,2000})[\"”] to (?:my|the) clipboard[.!]*", re.I),
        "write_clipboard",
        lambda match: {"text": match["text"]},
    ),
)
