"""The tools that see the screen: which windows there are, and a picture of one of them, when asked.

Owns the folder of pictures, the agent's own, and how a window is found by the user's words. The titles of windows are
others' text. Must not know how a picture is taken. Loop; files are written in a thread.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, ToolResult
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.system.screenshot import Screenshots, ScreenWindow
from openclaw_desktop.system.screenshot.picture import Picture

CAPABILITY = "screen:capture"
PICTURES_KEPT = 100
TITLE_CHARS = 200
_LABEL = Label("untrusted", "private", ("screen",))


class ListWindowsTool:
    """Lists the windows on the screen."""

    spec = ToolSpec(
        "list_windows",
        "list the windows that are open on the screen, by title",
        {"type": "object", "properties": {}, "additionalProperties": False},
        "read",
        CAPABILITY,
        timeout_s=30.0,
    )

    def __init__(self, screen: Screenshots) -> None:
        self._screen = screen

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call: there is but one screen."""
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return one window a line, the uppermost first."""
        windows = await self._screen.windows()
        whole = "\n".join(_described(window) for window in windows) or tr("No window is open.")
        text = clip(whole, scene.result_tokens)
        cut = tr("\n[cut: there are more]") if text != whole else ""
        data = [
            {"title": visible(w.title), "application": visible(w.application), "width": w.width, "height": w.height}
            for w in windows
        ]
        receipt = Receipt("windows.listed", tr("looked which windows are open"), call.id)
        return ToolResult(text + cut, _LABEL, (receipt,), data)


class TakeScreenshotTool:
    """Takes a picture of one window and keeps it in the agent's own folder."""

    spec = ToolSpec(
        "take_screenshot",
        "take a picture of one window of the screen, only when the user asks for it",
        {
            "type": "object",
            "properties": {
                "window": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": TITLE_CHARS,
                    "description": "words of its title, or its program",
                }
            },
            "required": ["window"],
            "additionalProperties": False,
        },
        "read",
        CAPABILITY,
        ("window",),
        timeout_s=140.0,
        undoable=True,
    )

    def __init__(self, screen: Screenshots, folder: Path, clock: Clock) -> None:
        self._screen = screen
        self._folder = folder
        self._clock = clock

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the one window that the words mean; raises UserError where it is none or several."""
        if scene.incognito:
            raise UserError(
                "incognito",
                tr("In a chat of which nothing is kept no picture is taken, as it would be a file."),
                tr("Ask in another chat."),
            )
        if self._screen.user_chooses:
            return ToolCall(call.id, call.name, {"window": tr("what you choose in the desktop's own dialog")})
        found = _find(call.arguments["window"], await self._screen.windows())
        shown = _described(found)
        return ToolCall(call.id, call.name, {"window": shown, "id": found.id})

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Take the picture, keep it, and say where it is, how large, and of what."""
        try:
            picture = await self._screen.capture(int(call.arguments.get("id", 0)))
            path = await asyncio.to_thread(self._keep, picture)
        except UserError as error:
            if error.failure.exit_code == ExitCode.DENIED:
                raise
            # The call holds the window's title by now, and the model reads that even where it failed.
            return ToolResult("", _LABEL, error=error.failure.text)
        title = visible(picture.title)[:TITLE_CHARS] or tr("the chosen window")
        text = tr(
            "Took a picture of {title}: {width} x {height} pixels, {size} kB. It is in {path}",
            title=title, width=picture.width, height=picture.height, size=max(1, len(picture.png) // 1000), path=path,
        )  # fmt: skip
        if picture.covered:
            text += tr("\nWhat other windows covered of it is black.")
        data = {"path": str(path), "width": picture.width, "height": picture.height, "title": title}
        receipt = Receipt("screenshot.taken", tr("took a screenshot"), call.id, str(path))
        return ToolResult(text, _LABEL, (receipt,), data, undo={"name": path.name})

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Delete the picture; raises UserError where it is gone already."""
        name = str(token["name"])
        try:
            await asyncio.to_thread((self._folder / Path(name).name).unlink)
        except OSError:
            raise UserError("changed_since", tr("That picture is not there any more.")) from None
        return tr("The picture is deleted.")

    def _keep(self, picture: Picture) -> Path:
        """Write the picture where nobody else looks; of many the oldest go."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A name that comes once: what took a picture back must never find another one under it.
            path = self._folder / f"{self._clock.now():%Y-%m-%d-%H%M%S}-{secrets.token_hex(4)}.png"
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(file, "wb") as opened:
                    opened.write(picture.png)
            except OSError:  # such as a full disk: half a picture is none
                path.unlink(missing_ok=True)
                raise
            kept = sorted(self._folder.glob("*.png"), key=lambda one: (one.stat().st_mtime_ns, one.name))
            for old in kept[:-PICTURES_KEPT]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(
                "not_kept",
                tr("The picture could not be kept: {reason}.", reason=error.strerror or type(error).__name__),
            ) from error
        return path


def _find(words: str, windows: Sequence[ScreenWindow]) -> ScreenWindow:
    """Return the one window that is meant: by its whole title or program, else by words of either."""
    wanted = words.strip().casefold()
    whole = [w for w in windows if wanted in (w.title.casefold(), w.application.casefold(), _described(w).casefold())]
    parts = [w for w in windows if all(part in f"{w.title} {w.application}".casefold() for part in wanted.split())]
    found = whole or parts
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(
            "no_such_window",
            tr("No open window is called {window}.", window=visible(words)),
            tr("Say a part of its title, or its program. Ask which windows are open."),
            ExitCode.USAGE,
        )
    raise UserError(
        "which_window",
        tr("{count} open windows are called {window}.", count=len(found), window=visible(words)),
        tr("Say more of the title. Ask which windows are open."),
        ExitCode.USAGE,
    )


def _described(window: ScreenWindow) -> str:
    title = visible(window.title)[:TITLE_CHARS] or tr("[no title]")
    program = f"{visible(window.application)[:60]}: " if window.application else ""
    return f"{program}{title} ({window.width} x {window.height})"


PLAIN: tuple[PlainForm, ...] = (
    PlainForm(
        re.compile(
            r"(?:please )?(?:take|make) (?:me )?a (?:screenshot|screen shot|picture) of (?:the |my )?"
            r"[\"“'`]?(?P<window>[^\"”'`?.,;:]{1,100}?)[\"”'`]? window(?: please)?[.?!]*",
            re.IGNORECASE,
        ),
        "take_screenshot",
        lambda match: {"window": match["window"].strip()},
    ),
    PlainForm(
        re.compile(
            r"(?:please )?(?:take|make) (?:me )?a (?:screenshot|screen shot) of (?:the |my )?"
            r"[\"“'`]?(?P<window>[^\s\"”'`?.,;:]{1,60})[\"”'`]?(?: please)?[.?!]*",
            re.IGNORECASE,
        ),
        "take_screenshot",
        lambda match: {"window": match["window"]},
    ),
    PlainForm(
        re.compile(r"(?:which|what) windows are open(?: on (?:my|the) screen)?[?.!]*", re.IGNORECASE),
        "list_windows",
        lambda match: {},
    ),
)
