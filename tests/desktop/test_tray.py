"""The real program on a real desktop: an icon in a panel, the mouse, the keys, a model, and what was left behind."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

if sys.platform != "linux":
    pytest.skip("X11 needs Linux", allow_module_level=True)
pytest.importorskip("Xlib", reason="the desktop dependencies are not installed")
pytest.importorskip("PySide6", reason="the desktop dependencies are not installed")

from screen import Area, Screen, until
from session import PROGRAMS, DesktopSession
from tray_program import HOTKEY, QUESTION, TrayProgram
from Xlib import XK, X
from Xlib.display import Display

if missing := [name for name in (*PROGRAMS, "xfce4-panel", "trayer", "gdbus") if shutil.which(name) is None]:
    pytest.skip(f"not installed: {', '.join(missing)}", allow_module_level=True)

MODEL = "SmolLM2 135M"
FACT = "my sister's birthday is on March 14"
WATCHER = ("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher")
MENU_ROW_PX = 14
CHOICE_S = 20.0


@pytest.fixture(scope="module")
def xfce() -> Iterator[Screen]:
    """A desktop whose panel shows a tray."""
    with DesktopSession("xfce") as session, Screen(session) as screen:
        yield screen


@pytest.fixture
def make(tmp_path: Path, smollm2: Path) -> Iterator[Callable[[Screen], TrayProgram]]:
    """The program for a home of its own, ended after the test."""
    made: list[TrayProgram] = []

    def make_on(screen: Screen) -> TrayProgram:
        made.append(TrayProgram(screen, tmp_path / "home", smollm2))
        # The bus may start a keyring: whether the memory is encrypted is decided, so that no window asks.
        made[-1].ask_agent("memory", "decrypt")
        return made[-1]

    yield make_on
    for program in made:
        program.end()


@pytest.fixture
def tray(xfce: Screen, make: Callable[[Screen], TrayProgram]) -> Iterator[TrayProgram]:
    """The program on the desktop with a panel."""
    xfce.point_away()
    program = make(xfce)
    yield program
    program.end()
    until(lambda: xfce.find_icon() is None, "the panel has noticed that the program ended")


@pytest.fixture
def notes(xfce: Screen) -> Iterator[Path]:
    """A file of the user, for whom nobody granted anything."""
    path = Path(xfce.session.env["HOME"], "notes.txt")
    path.write_text("Milk, bread and 12 eggs.\n")
    yield path
    path.unlink()


def wait_for_icon(screen: Screen) -> Area:
    return until(screen.find_icon, "the icon is in the panel")


def open_menu(screen: Screen) -> Area:
    screen.click(wait_for_icon(screen), button=3)
    return until(screen.find_menu, "the menu is open")


def choose(screen: Screen, place: Literal["first", "last"], happened: Callable[[], object]) -> None:
    """Click a row of the menu until that `happened`.

    A panel builds its menu anew when the program's changes, under the pointer too, and a click may go to neither.
    """

    def choose_once() -> None:
        menu = screen.find_menu() or open_menu(screen)
        screen.click((menu.x + 40, menu.y + MENU_ROW_PX if place == "first" else menu.bottom - MENU_ROW_PX))
        until(happened, f"the {place} row does what it says", CHOICE_S)

    for _ in range(2):
        with contextlib.suppress(AssertionError):
            return choose_once()
    choose_once()


def wait_for_growth(tray: TrayProgram) -> None:
    """Wait until the chat has shown one thing after the other while no answer was stored: text that streams in."""
    seen: set[bytes] = set()

    def has_grown() -> bool:
        picture = tray.screen.look(tray.chat_area).tobytes()
        assert not tray.answers(), f"stored after {len(seen)} pictures"
        seen.add(picture)
        return len(seen) >= 5

    until(has_grown, "the answer grows")


def test_icon_menu_and_quit_by_mouse(tray: TrayProgram) -> None:
    screen = tray.screen
    program = tray.start()
    icon = wait_for_icon(screen)
    items = screen.session.run(
        "gdbus", "call", "--session", "-d", WATCHER[0], "-o", WATCHER[1],
        "-m", "org.freedesktop.DBus.Properties.Get", WATCHER[0], "RegisteredStatusNotifierItems",
    )  # fmt: skip
    assert "StatusNotifierItem" in items
    assert tray.popup is None, "a start with a tray opens no window"

    screen.click(icon)
    popup = tray.popup_area
    assert popup.bottom <= screen.all.height - 32, "the popup covers the panel"
    tray.wait_for_keyboard()
    screen.click(icon)
    tray.wait_hidden()

    choose(screen, "first", lambda: tray.popup)

    family = tray.family(program)
    assert len(family) > 1, "the program has workers"
    choose(screen, "last", lambda: program.poll() is not None)
    assert program.wait() == 0, tray.log
    tray.wait_gone(family)
    assert not tray.socket.exists()
    assert "Traceback" not in tray.log


def test_hotkey_opens_escape_hides_and_the_text_is_kept(tray: TrayProgram) -> None:
    tray.start("--hidden")
    tray.open()
    tray.screen.type("Half a thought")
    tray.screen.wait_for_text("Half a thought", tray.popup_area)
    tray.session.press("Escape")
    tray.wait_hidden()
    tray.session.press(HOTKEY)
    tray.screen.wait_for_text("Half a thought", tray.popup_area)
    tray.session.press(HOTKEY)
    tray.wait_hidden()


def test_answer_streams_and_says_which_model_gave_it(tray: TrayProgram) -> None:
    screen = tray.screen
    tray.start()
    tray.open()
    # Opening it wakes the model.
    screen.wait_for_text(f"{MODEL}, ready", tray.popup_area, size=0.9)
    assert screen.find_text(MODEL, tray.chat_area) is None
    tray.say("Explain what a lighthouse is and how it works")
    wait_for_growth(tray)
    answer = tray.wait_for_answer()
    assert answer.model == "smollm2-135m"
    assert len(answer.text) > 40
    screen.wait_for_text(MODEL, tray.chat_area)


def test_stop_keeps_what_was_written_and_retry_asks_again(tray: TrayProgram) -> None:
    screen = tray.screen
    tray.start()
    tray.open()
    tray.say("Tell me a long story about a lighthouse and its keeper")
    wait_for_growth(tray)
    screen.click(tray.send_button)
    stopped = screen.wait_for_text("stopped", tray.chat_area)
    assert tray.wait_for_answer().text
    until(lambda: (status := tray.status()) and status.model.state == "ready", "the model is free")
    screen.click((tray.popup_area.right - 35, stopped.middle[1]))
    screen.point_away()

    def questions() -> list[str]:
        return [message.text for message in tray.messages() if message.role == "user"]

    assert until(lambda: questions()[1:], "it is asked again") == questions()[:1]


def test_question_about_a_file_is_asked_once(tray: TrayProgram, notes: Path) -> None:
    screen = tray.screen
    tray.start()
    tray.open()
    tray.say("What does my notes.txt say?")
    question = until(lambda: screen.find_window(QUESTION), "the question is asked")
    screen.wait_for_text(str(notes), question)
    choice = screen.wait_for_text("This file", question)
    assert grants(tray) == []

    def is_answered() -> bool:
        # Until its guard ends the button does nothing.
        screen.click(choice)
        return screen.find_window(QUESTION) is None

    until(is_answered, "the click counts")
    screen.point_away()
    answer = tray.wait_for_answer()
    assert "Milk, bread and 12 eggs." in answer.text
    assert answer.receipts == ("read notes.txt",)
    assert answer.untrusted
    screen.wait_for_text("read notes.txt", tray.chat_area)
    screen.wait_for_text("built on text", tray.chat_area)
    assert grants(tray) == [("file:read", str(notes))]

    tray.say("What does my notes.txt say?")
    until(lambda: screen.find_window(QUESTION) is not None or len(tray.answers()) == 2, "an answer or a question")
    assert screen.find_window(QUESTION) is None, "asked for what was granted"
    assert "Milk" in tray.wait_for_answer(2).text


def test_no_reads_nothing(tray: TrayProgram, notes: Path) -> None:
    tray.start()
    tray.open()
    tray.say("What does my notes.txt say?")
    until(lambda: tray.screen.active_title() == QUESTION, "the question has the keyboard")
    tray.session.press("Escape")
    answer = tray.wait_for_answer()
    assert "Milk" not in answer.text
    assert answer.receipts == ()
    assert grants(tray) == []
    until(lambda: tray.screen.find_window(QUESTION) is None, "the question is gone")


def test_keys_typed_as_the_question_comes_answer_nothing(tray: TrayProgram, notes: Path) -> None:
    tray.start()
    tray.open()
    tray.say("What does my notes.txt say?")
    typing = tray.session.start("xdotool", "key", "--delay", "40", *("a", "space", "Return") * 25)
    until(lambda: tray.screen.find_window(QUESTION), "the question is shown")
    assert typing.poll() is None, "the question came after the typing"
    assert typing.wait(60) == 0
    assert tray.screen.find_window(QUESTION) is not None
    assert tray.answers() == []
    assert grants(tray) == []


def test_memory_survives_kill_and_is_told_in_popup_and_terminal(tray: TrayProgram) -> None:
    screen = tray.screen
    program = tray.start()
    tray.open()
    tray.say(f"Remember that {FACT}")
    kept = tray.wait_for_answer()
    assert len(kept.receipts) == 1
    assert kept.receipts[0].startswith("saved")
    family = tray.family(program)
    family[0].kill()
    tray.wait_gone(family)

    tray.start()
    tray.open()
    screen.wait_for_text("Remember that my", tray.chat_area)
    tray.say("When is my sister's birthday?")
    assert "March 14" in tray.wait_for_answer(2).text
    screen.wait_for_text("answered without a model", tray.chat_area)
    assert "March 14" in tray.ask_agent("ask", "When is my sister's birthday?")["answer"]


def test_second_start_raises_the_first(tray: TrayProgram) -> None:
    first = tray.start()
    status = tray.status()
    assert status is not None
    assert status.pid == first.pid
    until(lambda: tray.second_start() == 0 and tray.popup, "the popup is raised")
    assert tray.second_start("--toggle-chat") == 0
    tray.wait_hidden()
    assert tray.second_start("--toggle-chat") == 0
    assert tray.popup_area
    status = tray.status()
    assert status is not None
    assert status.pid == first.pid
    assert first.poll() is None


def test_it_attaches_to_an_agent_without_a_screen(tray: TrayProgram) -> None:
    screen = tray.screen
    agent = tray.agent("serve")
    until(tray.status, "the agent serves")
    program = tray.start("--toggle-chat")
    wait_for_icon(screen)
    screen.wait_for_text("Ask or tell me something", tray.popup_area)
    status = tray.status()
    assert status is not None
    assert (status.pid, status.mode) == (agent.pid, "serve")
    tray.say(f"Remember that {FACT}")
    assert tray.wait_for_answer().receipts
    family = tray.family(program)
    choose(screen, "last", lambda: program.poll() is not None)
    assert program.wait() == 0, tray.log
    tray.wait_gone(family)
    assert tray.status() is not None, "quitting the tray leaves the agent alone"
    assert agent.poll() is None


def test_killed_model_is_a_sentence_and_the_answer_comes(tray: TrayProgram) -> None:
    screen = tray.screen
    program = tray.start()
    tray.open()
    tray.say("Tell me a long story about a lighthouse and its keeper")
    wait_for_growth(tray)
    first = tray.worker(program, "inference")
    first.kill()
    screen.wait_for_text("The system ended the model", tray.chat_area)
    assert tray.wait_for_answer().model == "smollm2-135m"
    assert tray.worker(program, "inference").pid != first.pid
    assert screen.find_icon() is not None
    assert program.poll() is None


def test_taken_hotkey_is_a_sentence(tray: TrayProgram) -> None:
    screen = tray.screen
    other = Display(screen.session.name)
    key = other.keysym_to_keycode(XK.string_to_keysym("space"))
    other.screen().root.grab_key(key, X.ControlMask | X.Mod1Mask, True, X.GrabModeAsync, X.GrabModeAsync)
    other.sync()
    try:
        tray.start("--toggle-chat")
        wait_for_icon(screen)
        screen.wait_for_text("Another program already owns the key", tray.popup_area)
    finally:
        other.close()


def test_tray_that_comes_later(make: Callable[[Screen], TrayProgram]) -> None:
    with DesktopSession("none") as session, Screen(session) as screen:
        tray = make(screen)
        tray.start()
        screen.wait_for_text("This desktop shows no tray icons", tray.popup_area)
        assert screen.find_icon() is None
        session.start_tray("xfce")
        icon = wait_for_icon(screen)
        until(lambda: screen.find_text("This desktop shows no tray icons") is None, "the hint is gone")
        tray.wait_for_keyboard()
        screen.click(icon)
        tray.wait_hidden()


def test_older_kind_of_tray(make: Callable[[Screen], TrayProgram]) -> None:
    with DesktopSession("trayer") as session, Screen(session) as screen:
        tray = make(screen)
        program = tray.start()
        icon = wait_for_icon(screen)
        screen.click((icon.x + 4, icon.y + 8))
        tray.wait_for_keyboard()
        # Elsewhere on the icon: at the same spot, so soon, it would be the second half of a double click.
        screen.click((icon.right - 4, icon.y + 8))
        tray.wait_hidden()
        choose(screen, "last", lambda: program.poll() is not None)
        assert program.wait() == 0, tray.log


def test_a_screen_that_goes_ends_the_tray_and_is_told_once(make: Callable[[Screen], TrayProgram]) -> None:
    with DesktopSession("none", window_manager=False) as session:
        with Screen(session) as screen:
            tray = make(screen)
            program = tray.start("--hidden")
        session.stop_x_server()
        assert program.wait(20) == 0, tray.log
        log = tray.log
        # Qt notices first, or a call to Xlib does.
        told = log.count("the screen has gone"), log.count("found the screen gone")
        assert sorted(told) == [0, 1] and log.count("X11 connection broke") <= 1, log


def grants(tray: TrayProgram) -> list[tuple[str, str]]:
    listed = tray.ask_agent("grant", "list")
    return [(grant["capability"], grant["scope"]) for grant in listed["grants"]]
