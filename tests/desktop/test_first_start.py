"""The first start of the tray with a real keyring: asked once, encrypted, the code in hand; and the code opens it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("X11 needs Linux", allow_module_level=True)
pytest.importorskip("Xlib", reason="the desktop dependencies are not installed")
pytest.importorskip("PySide6", reason="the desktop dependencies are not installed")

from keyring_daemon import Keyring
from screen import Area, Screen, until
from session import PROGRAMS, DesktopSession
from tray_program import TrayProgram

if missing := [name for name in (*PROGRAMS, "xfce4-panel", "gnome-keyring-daemon", "gdbus") if not shutil.which(name)]:
    pytest.skip(f"not installed: {', '.join(missing)}", allow_module_level=True)

FIRST = "Protect your memory"
CODE = "Keep this recovery code"
LOCKED = "Your memory is locked"
DAMAGED = "Your memory is damaged"
FACT = "The spare key lies under canary-8c41d7"
MAGIC = b"SQLite format 3"
CLIPBOARD = """
from PySide6.QtWidgets import QApplication
application = QApplication(["clipboard"])
print(application.clipboard().text())
"""


@pytest.fixture
def screen() -> Iterator[Screen]:
    with DesktopSession("xfce") as session, Screen(session) as screen:
        screen.point_away()
        yield screen


@pytest.fixture
def keyring(screen: Screen) -> Iterator[Keyring]:
    keyring = Keyring(screen.session)
    keyring.start("test")
    yield keyring
    keyring.end()


@pytest.fixture
def tray(screen: Screen, tmp_path: Path) -> Iterator[TrayProgram]:
    """The program for a new home, without a model."""
    (tmp_path / "models").mkdir()
    program = TrayProgram(screen, tmp_path / "home", tmp_path / "models")
    yield program
    program.end()


def wait_for_window(screen: Screen, title: str) -> Area:
    return until(lambda: screen.find_window(title), f"the window {title!r} is shown")


def press(screen: Screen, title: str, text: str) -> None:
    """Click the button, once it is there."""
    screen.click(screen.wait_for_text(text, wait_for_window(screen, title)))
    screen.point_away()


def wait_gone(screen: Screen, title: str) -> None:
    until(lambda: screen.find_window(title) is None, f"the window {title!r} is gone")


def first_start(tray: TrayProgram) -> str:
    """Go through the first start as it is offered, and return the recovery code; the program runs on."""
    screen = tray.screen
    press(screen, FIRST, "Continue")
    press(screen, CODE, "Copy")
    screen.wait_for_text("Copied. Paste it where you keep passwords.", wait_for_window(screen, CODE))
    code = screen.session.run(sys.executable, "-c", CLIPBOARD)
    press(screen, CODE, "I have kept the code")
    press(screen, CODE, "Done")
    wait_gone(screen, CODE)
    return code


def end(tray: TrayProgram, program: object) -> None:
    family = tray.family(program)
    program.terminate()
    assert program.wait(20) == 0, tray.log
    tray.wait_gone(family)


def readable(tray: TrayProgram) -> list[Path]:
    files = [path for path in tray.home.rglob("*") if path.is_file()]
    return [path for path in files if b"canary-8c41d7" in path.read_bytes()]


def test_the_first_start_protects_the_memory_and_the_next_asks_nothing(keyring: Keyring, tray: TrayProgram) -> None:
    program = tray.start()
    tray.ask_agent("remember", FACT)
    wait_for_window(tray.screen, FIRST)
    assert tray.screen.active_title() != FIRST, "it takes no keys that are meant for another window"
    code = first_start(tray)
    assert len(code) == 34
    status = tray.status()
    assert (status.memory.encrypted, status.memory.key) == (True, "keyring")
    assert not (tray.home / "data" / "openclaw.db").read_bytes().startswith(MAGIC)
    end(tray, program)
    assert readable(tray) == []
    assert "Traceback" not in tray.log and code not in tray.log

    tray.start("--toggle-chat")
    # The chat is there, and the question would have been before it could be typed into.
    tray.screen.wait_for_text("Ask or tell me something", tray.popup_area)
    assert tray.screen.find_window(FIRST) is None
    assert FACT in str(tray.ask_agent("recall", "spare key"))


def test_not_now_is_remembered(keyring: Keyring, tray: TrayProgram) -> None:
    program = tray.start()
    press(tray.screen, FIRST, "Not now")
    wait_gone(tray.screen, FIRST)
    until(lambda: "as was chosen" in tray.status().memory.key_reason, "the choice is noted")
    end(tray, program)
    assert (tray.home / "data" / "openclaw.db").read_bytes().startswith(MAGIC)
    assert keyring.items() == "(@ao [], @ao [])"
    tray.start("--toggle-chat")
    tray.screen.wait_for_text("Ask or tell me something", tray.popup_area)
    assert tray.screen.find_window(FIRST) is None


def test_a_lost_keyring_asks_for_the_code(keyring: Keyring, tray: TrayProgram) -> None:
    screen = tray.screen
    program = tray.start()
    tray.ask_agent("remember", FACT)
    code = first_start(tray)
    end(tray, program)
    keyring.end()
    shutil.rmtree(Path(screen.session.env["XDG_DATA_HOME"], "keyrings"))
    keyring.start("other")

    program = tray.start_at_once()
    wait_for_window(screen, LOCKED)
    until(lambda: screen.active_title() == LOCKED, "the window has the keyboard")
    screen.type("7K2M-9QXR")
    screen.session.press("Return")
    screen.wait_for_text(
        "That is no recovery code: a letter is wrong, missing or too many. It", screen.find_window(LOCKED)
    )
    screen.session.press("ctrl+a")
    screen.type(code.lower())
    screen.session.press("Return")
    wait_gone(screen, LOCKED)
    until(lambda: tray.status() is not None, "the agent answers")
    assert FACT in str(tray.ask_agent("recall", "spare key"))
    until(lambda: "memory-file-key" in keyring_text(keyring), "the key is back")
    end(tray, program)
    tray.start("--toggle-chat")
    tray.screen.wait_for_text("Ask or tell me something", tray.popup_area)
    assert screen.find_window(LOCKED) is None


def test_a_damaged_memory_is_kept_aside_and_the_newest_good_backup_restored(tray: TrayProgram) -> None:
    screen = tray.screen
    tray.ask_agent("memory", "decrypt")  # decided: nothing is asked about encryption
    tray.ask_agent("remember", FACT)
    tray.ask_agent("backup", "create")
    file = tray.home / "data" / "openclaw.db"
    content = bytearray(file.read_bytes())
    content[3 * 4096 : 9 * 4096] = b"x" * (6 * 4096)
    file.write_bytes(content)
    file.with_name("openclaw.db.suspect").touch()

    tray.start_at_once()
    window = wait_for_window(screen, DAMAGED)
    screen.wait_for_text("Memories in it: 1.", window)
    assert not file.exists()
    press(screen, DAMAGED, "Restore")
    wait_gone(screen, DAMAGED)
    until(lambda: tray.status() is not None, "the agent answers")
    assert FACT in str(tray.ask_agent("recall", "spare key"))
    (aside,) = file.parent.glob("openclaw.db.damaged-*Z")
    assert aside.read_bytes() == bytes(content), "nothing was deleted"


def keyring_text(keyring: Keyring) -> str:
    session = keyring.session
    found = session.run(
        "gdbus", "call", "--session", "--dest", "org.freedesktop.secrets", "--object-path",
        "/org/freedesktop/secrets", "--method", "org.freedesktop.Secret.Service.SearchItems",
        "{'username': 'memory-file-key'}",
    )  # fmt: skip
    return "memory-file-key" if "/org/freedesktop/secrets/collection" in found else ""
