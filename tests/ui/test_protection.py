"""The tray's first start: asked once, protected by default, and the code is in the user's hands before it is gone."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtPrintSupport import QPrinter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QFileDialog, QLabel, QPushButton
from scripted_service import CODE, UNDECIDED, ScriptedService
from shiboken6 import Shiboken
from ui_bench import on_loop, until

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.ui import recovery_code
from openclaw_desktop.ui.application import Front
from openclaw_desktop.ui.desktop import Desktop
from openclaw_desktop.ui.protection import offer_protection
from openclaw_desktop.ui.recovery_code import CLIPBOARD_HINT, CodeCard, print_code, save_code, take_back
from openclaw_desktop.ui.tray import Tray
from openclaw_desktop.ui.window import Window


def find_window(name: str = "protection") -> Window | None:
    shown = (widget for widget in QApplication.topLevelWidgets() if widget.objectName() == name)
    return next((widget for widget in shown if widget.isVisible()), None)


def press(name: str) -> None:
    window = find_window()
    assert window is not None
    button = window.findChild(QPushButton, name)
    assert button.isEnabled()
    button.click()


def tick(name: str) -> None:
    window = find_window()
    assert window is not None
    window.findChild(QCheckBox, name).click()


def says(name: str) -> str:
    window = find_window()
    assert window is not None
    return "\n".join(label.text() for label in window.findChildren(QLabel, name) if not label.isHidden())


@asynccontextmanager
async def asking(service: ScriptedService) -> AsyncIterator[asyncio.Task[None]]:
    """The question on the screen, whatever becomes of it."""
    service.protection = UNDECIDED
    task = asyncio.ensure_future(offer_protection(service))
    await until(lambda: find_window() or task.done())
    assert find_window() is not None
    yield task
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
    assert find_window() is None, "it goes with its task"


@asynccontextmanager
async def reminded(service: ScriptedService) -> AsyncIterator[asyncio.Task[None]]:
    service.protection = replace(service.protection, code_kept=False)
    task = asyncio.ensure_future(offer_protection(service))
    await until(lambda: find_window() or task.done())
    yield task
    assert task.done() and find_window() is None


async def show_code() -> None:
    press("continue")
    await until(lambda: says("recovery_code"))


@on_loop
async def test_it_is_on_by_default_and_the_code_has_to_be_kept(service: ScriptedService) -> None:
    async with asking(service) as task:
        press("continue")
        await until(lambda: says("recovery_code") == CODE)
        assert service.changes == [("on", "keyring")]
        window = find_window()
        assert not window.findChild(QPushButton, "done").isEnabled()
        tick("kept")
        press("done")
        await task
    assert service.changes == [("on", "keyring"), ("code_kept", None)]


@pytest.mark.parametrize("untick", [False, True])
@on_loop
async def test_not_now_is_the_users_choice(service: ScriptedService, untick: bool) -> None:
    async with asking(service) as task:
        if untick:
            tick("wanted")
        press("continue" if untick else "later")
        await task
    assert service.changes == [("off", None)]


@on_loop
async def test_a_window_that_is_closed_decides_nothing(service: ScriptedService) -> None:
    async with asking(service) as task:
        find_window().close()
        await task
    assert service.changes == []


@on_loop
async def test_what_was_decided_is_not_asked_again(service: ScriptedService) -> None:
    for view in (replace(UNDECIDED, chosen=True), replace(UNDECIDED, encrypted=True, key="credential file")):
        service.protection = view
        await offer_protection(service)
    assert find_window() is None
    assert service.changes == []


@on_loop
async def test_without_a_keyring_nothing_is_asked(service: ScriptedService) -> None:
    service.protection = UNDECIDED
    service.keyring_error = UserError("keyring_absent", "There is no keyring here.")
    await offer_protection(service)
    assert find_window() is None
    assert service.changes == []


@on_loop
async def test_what_fails_is_a_sentence_and_can_be_tried_again(service: ScriptedService) -> None:
    service.change_error = UserError("keyring_locked", "The keyring is locked.", "Nothing was changed.")
    async with asking(service):
        press("continue")
        await until(lambda: says("window_note") == "The keyring is locked. Nothing was changed.")
        service.change_error = None
        await show_code()
    assert service.changes == [("on", "keyring")]


@on_loop
async def test_closing_without_the_code_is_asked_about_once(service: ScriptedService) -> None:
    async with asking(service) as task:
        await show_code()
        QTest.keyClick(find_window(), Qt.Key.Key_Escape)
        await until(lambda: "Have you kept the code?" in says("window_note"))
        assert says("recovery_code") == CODE
        find_window().close()
        await task


@on_loop
async def test_a_code_that_nobody_saw_is_made_anew_and_shown(service: ScriptedService) -> None:
    async with reminded(service) as task:
        assert "You have no recovery code" in says("headline")
        press("continue")
        await until(lambda: says("recovery_code") == CODE)
        assert service.changes == [("new_code", None)]
        tick("kept")
        press("done")
        await task
    assert service.changes == [("new_code", None), ("code_kept", None)]


@on_loop
async def test_not_now_and_a_code_that_was_not_kept_remind_again(service: ScriptedService) -> None:
    async with reminded(service) as task:
        press("later")
        await task
    assert service.changes == []
    service.change_error = UserError("disk_full", "The disk is full.", "Free some space.")
    async with reminded(service) as task:
        press("continue")
        await until(lambda: "The disk is full." in says("window_note"))
        service.change_error = None
        press("continue")
        await until(lambda: says("recovery_code") == CODE)
        find_window().close()
        await until(lambda: "Have you kept the code?" in says("window_note"))
        find_window().close()
        await task
    assert service.changes == [("new_code", None)], "nobody said that it is kept"


@on_loop
async def test_a_close_while_it_encrypts_does_not_lose_the_code(service: ScriptedService) -> None:
    going_on, change = asyncio.Event(), service.change_encryption

    async def slow(*words: str) -> object:
        await going_on.wait()
        return await change(*words)

    service.change_encryption = slow  # type: ignore[method-assign,assignment]
    async with asking(service):
        press("continue")
        await until(lambda: "Writing the memory anew" in says("window_note"))
        find_window().close()
        going_on.set()
        await until(lambda: says("recovery_code") == CODE)
        assert "Have you kept" not in says("window_note")


@on_loop
async def test_files_that_were_left_are_named(service: ScriptedService) -> None:
    service.left = ("/elsewhere/openclaw-1.db",)
    async with asking(service):
        await show_code()
        assert "/elsewhere/openclaw-1.db" in says("window_note")


@on_loop
async def test_the_code_is_copied_and_saved_for_its_owner_alone(service: ScriptedService, tmp_path: Path) -> None:
    async with asking(service):
        await show_code()
        window = find_window()
        shown = window.findChild(QLabel, "recovery_code")
        assert shown.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
        height = window.height()
        press("copy_code")
        assert QGuiApplication.clipboard().text() == CODE
        assert CLIPBOARD_HINT in QGuiApplication.clipboard().mimeData().formats()
        take_back(CODE)  # as the end of the program does
        assert QGuiApplication.clipboard().text() == ""
        assert window.height() > height, "what is said has room"

        press("save_code")
        dialog = window.findChild(QFileDialog)
        path = tmp_path / "code.txt"
        path.write_text("older")
        path.chmod(0o644)
        dialog.fileSelected.emit(str(path))
        await until(lambda: str(path) in says("code_done"))
        assert CODE in path.read_text(encoding="utf-8")
        if sys.platform != "win32":
            assert path.stat().st_mode & 0o777 == 0o600
        card = window.findChild(CodeCard)
        await card.save(str(tmp_path / "nowhere" / "code.txt"))
        assert says("code_done").startswith("It can't be saved there:")


@on_loop
async def test_a_save_that_ends_after_the_window_is_no_failure(
    service: ScriptedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = threading.Event()

    def slow(path: str, code: str) -> str:
        going_on.wait()
        return save_code(path, code)

    monkeypatch.setattr(recovery_code, "save_code", slow)
    path = tmp_path / "code.txt"
    async with asking(service) as task:
        await show_code()
        window = find_window()
        card = window.findChild(CodeCard)
        press("save_code")
        window.findChild(QFileDialog).fileSelected.emit(str(path))
        (saving,) = (one for one in asyncio.all_tasks() if one.get_name() == "saving the recovery code")
        tick("kept")
        press("done")
        await task
    await until(lambda: not Shiboken.isValid(card))
    going_on.set()
    await saving
    assert CODE in path.read_text(encoding="utf-8")


def test_the_code_is_printed(qapp: QApplication, tmp_path: Path) -> None:
    printer = QPrinter()
    printer.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
    printer.setOutputFileName(str(tmp_path / "code.pdf"))
    print_code(printer, CODE)
    assert (tmp_path / "code.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("attached", [False, True])
@on_loop
async def test_a_start_at_login_asks_with_the_first_look_at_the_chat(service: ScriptedService, attached: bool) -> None:
    service.protection = UNDECIDED
    desktop = Desktop(Tray(), hidden=True, show_first=False)

    async def build() -> Front:
        return Front(service, shutdown, attached=attached)

    async def shutdown() -> None:
        pass

    running = asyncio.ensure_future(desktop.run(build))
    await until(lambda: desktop.popup.header.state != "Starting…")
    assert find_window() is None, "no window by itself"
    desktop.show()
    if attached:
        for _ in range(20):
            await asyncio.sleep(0)
        assert find_window() is None, "an agent elsewhere is set up where it runs"
    else:
        await until(find_window)
    desktop.quit()
    await running
    assert find_window() is None
    desktop.popup.deleteLater()
