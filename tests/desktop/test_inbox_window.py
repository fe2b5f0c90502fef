"""What parks while nobody is there: a notice, a dot on the icon, the inbox by the tray's menu, and one yes by mouse."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("X11 needs Linux", allow_module_level=True)
pytest.importorskip("Xlib", reason="the desktop dependencies are not installed")
pytest.importorskip("PySide6", reason="the desktop dependencies are not installed")

from screen import Area, Screen, until
from session import DEADLINE_S, PROGRAMS, DesktopSession
from tray_program import QUESTION, TrayProgram

if missing := [name for name in (*PROGRAMS, "xfce4-panel", "gdbus", "dunst") if shutil.which(name) is None]:
    pytest.skip(f"not installed: {', '.join(missing)}", allow_module_level=True)

INBOX = "OpenCLaw: waiting for you"
# The third row of the menu.
INBOX_ROW_PX = 66


@pytest.fixture
def screen() -> Iterator[Screen]:
    """A desktop whose panel shows a tray, with a notification daemon."""
    with DesktopSession("xfce") as session, Screen(session) as screen:
        session.start("dunst")
        bus = "org.freedesktop.Notifications"
        session.run("gdbus", "wait", "--session", "--timeout", f"{DEADLINE_S:.0f}", bus)
        yield screen


@pytest.fixture
def tray(screen: Screen, tmp_path: Path, smollm2: Path) -> Iterator[TrayProgram]:
    program = TrayProgram(screen, tmp_path / "home", smollm2)
    # The bus may start a keyring: whether the memory is encrypted is decided, so that no window asks.
    program.ask_agent("memory", "decrypt")
    yield program
    program.end()


def notices(screen: Screen) -> list[str]:
    """Return what the notification daemon has shown and put away, newest first."""
    shown = json.loads(screen.session.run("dunstctl", "history"))["data"]
    return [notice["summary"]["data"] for group in shown for notice in group]


def test_what_parks_is_told_and_done_after_a_yes_by_mouse(tray: TrayProgram, screen: Screen) -> None:
    letter = Path(screen.session.env["HOME"], "letter.txt")
    letter.write_text("see you on Monday\n")
    tray.start()
    icon = until(screen.find_icon, "the icon is in the panel")
    words = json.dumps({"path": str(letter), "text": "see you on Friday\n", "mode": "replace"})
    for _ in range(2):
        assert tray.agent("tool", "call", "write_file", words).wait(DEADLINE_S) == 4
    until(lambda: screen.session.run("dunstctl", "count", "displayed") == "1", "the notice is shown")
    screen.session.run("dunstctl", "close-all")
    until(lambda: notices(screen), "the notice is put away")
    assert notices(screen) == ["A task waits for your answer: write_file"]
    assert screen.find_icon() is not None, "the icon is still our own"

    screen.click(icon, button=3)
    menu: Area = until(screen.find_menu, "the menu is open")
    screen.click((menu.x + 40, menu.y + INBOX_ROW_PX))
    window = until(lambda: screen.find_window(INBOX), "the inbox is open")
    screen.wait_for_text(str(letter), window)
    screen.click(screen.wait_for_text("Look at it…", window))
    question = until(lambda: screen.find_window(QUESTION), "the whole call is shown")
    yes = screen.wait_for_text("Do exactly this", question)
    assert letter.read_text() == "see you on Monday\n"

    def is_answered() -> bool:
        # Until its guard ends the button does nothing.
        screen.click(yes)
        return screen.find_window(QUESTION) is None

    until(is_answered, "the click counts")
    screen.point_away()
    until(lambda: letter.read_text() == "see you on Friday\n", "it is done")
    screen.wait_for_text("wrote letter.txt", window)
    told = until(lambda: [m.text for m in tray.answers() if "You allowed it" in m.text], "its chat tells of it")
    assert len(told) == 1
    assert "Traceback" not in tray.log
