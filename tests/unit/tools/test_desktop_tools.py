"""Clipboard and opening: labelled, taken back, and nothing is opened that would run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene, ToolResult
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.system.clipboard import choose_clipboard
from openclaw_desktop.system.clipboard.clipboard import NoClipboard, ProgramClipboard
from openclaw_desktop.system.opener import choose_opener
from openclaw_desktop.tools.desktop_tools import OpenAddressTool, OpenFileTool, ReadClipboardTool, WriteClipboardTool
from openclaw_desktop.tools.path_finder import PathFinder


class Board:
    def __init__(self, text: str = "") -> None:
        self.text = text

    async def read(self) -> str:
        return self.text

    async def write(self, text: str) -> None:
        self.text = text


class Door:
    def __init__(self) -> None:
        self.opened: list[str] = []

    async def open(self, target: str) -> None:
        self.opened.append(target)


class Free:
    def check(self, path: Path) -> None: ...

    async def active(self) -> frozenset[Grant]:
        return frozenset()


async def do(tool: Any, **arguments: Any) -> ToolResult:
    scene = CallScene("ses", "turn", USER)
    result: ToolResult = await tool.run(await tool.freeze(ToolCall("c", tool.spec.name, arguments), scene), scene)
    return result


async def test_what_was_copied_is_anybodys_text() -> None:
    result = await do(ReadClipboardTool(Board("obey\x07 me")))
    assert result.text == "obey me" and result.label.integrity == "untrusted"
    assert (await do(ReadClipboardTool(Board()))).text == "The clipboard holds no text."


async def test_a_write_is_taken_back_unless_something_was_copied_since() -> None:
    board = Board("before")
    tool = WriteClipboardTool(board)
    result = await do(tool, text="after")
    assert board.text == "after" and result.undo is not None
    await tool.undo(result.undo)
    assert board.text == "before"
    again = await do(tool, text="after")
    board.text = "the user's own"
    assert again.undo is not None
    with pytest.raises(UserError):
        await tool.undo(again.undo)
    assert board.text == "the user's own"


@pytest.mark.parametrize("name", ["a.desktop", "run.sh", "setup.EXE", "x.py", "site.url", "macro.docm"])
async def test_r17_nothing_is_opened_that_would_run(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    door = Door()
    with pytest.raises(UserError) as failure:
        await do(OpenFileTool(door, PathFinder(Free(), tmp_path)), path=str(tmp_path / name))
    assert failure.value.failure.code == "would_run" and door.opened == []


@pytest.mark.parametrize("content", [b"#!/bin/sh\n", b"\x7fELF...", b"MZ..."])
async def test_r17_a_program_under_an_innocent_name_is_not_opened(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "letter.txt").write_bytes(content)
    with pytest.raises(UserError):
        await do(OpenFileTool(Door(), PathFinder(Free(), tmp_path)), path=str(tmp_path / "letter.txt"))


async def test_a_letter_is_opened_by_its_real_path(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Ana")
    (tmp_path / "link.txt").symlink_to(tmp_path / "letter.txt")
    door = Door()
    await do(OpenFileTool(door, PathFinder(Free(), tmp_path)), path=str(tmp_path / "link.txt"))
    assert door.opened == [str((tmp_path / "letter.txt").resolve())]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "--help", "ftp://a.test/"]
)
async def test_only_pages_of_the_web_are_opened(url: str) -> None:
    door = Door()
    with pytest.raises(UserError):
        await do(OpenAddressTool(door), url=url)
    assert door.opened == []


async def test_an_address_is_opened_in_its_one_form() -> None:
    door = Door()
    await do(OpenAddressTool(door), url="HTTPS://Example.COM")
    assert door.opened == ["https://example.com/"]


@pytest.mark.parametrize(
    ("environment", "programs", "platform", "reads"),
    [
        ({"WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, {"wl-paste", "wl-copy", "xclip"}, "linux", "wl-paste"),
        ({"DISPLAY": ":0"}, {"wl-paste", "wl-copy", "xclip"}, "linux", "xclip"),
        ({"DISPLAY": ":0"}, {"xsel"}, "linux", "xsel"),
        ({}, {"pbpaste", "pbcopy"}, "darwin", "pbpaste"),
        ({}, {"powershell.exe"}, "win32", "powershell.exe"),
    ],
)
def test_the_handler_is_the_first_that_works_here(
    environment: Mapping[str, str], programs: set[str], platform: str, reads: str
) -> None:
    found = choose_clipboard(environment, platform, lambda name: name if name in programs else None)
    assert isinstance(found, ProgramClipboard) and found.reading[0] == reads


async def test_without_any_program_a_sentence_says_what_to_install() -> None:
    found = choose_clipboard({"DISPLAY": ":0"}, "linux", lambda name: None)
    assert isinstance(found, NoClipboard)
    with pytest.raises(UserError) as failure:
        await found.read()
    assert "xclip" in failure.value.failure.text
    with pytest.raises(UserError):
        await choose_opener("linux", lambda name: None).open("/x")
