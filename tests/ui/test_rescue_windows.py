"""The tray where the memory can't be opened: a code, a backup, an empty one; each failure is a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton
from scripted_service import CODE, ScriptedService
from ui_bench import on_loop, until

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.service.memory.backups import CopyOffer
from openclaw_desktop.ui.application import Front
from openclaw_desktop.ui.desktop import Desktop
from openclaw_desktop.ui.tray import Tray
from openclaw_desktop.ui.welcome import Welcome
from openclaw_desktop.ui.window import Window

LOCKED = UserError("key_gone", "Its key is not in the keyring.", "Run: openclaw-agent memory recover")
DAMAGED = UserError("database_damaged", "openclaw.db is damaged. It is kept as openclaw.db.damaged-1.", "Restore.")
WRONG = UserError("code_wrong", "That is not the recovery code.", "Nothing was changed.")
OFFER = CopyOffer("openclaw-1-daily.db", "2026-03-01T10:30:00+00:00", 4711)


class ScriptedRescue:
    """A home that opens once what is wrong with it is put right; what was asked for is noted."""

    def __init__(self, service: ScriptedService, wrong: UserError) -> None:
        self.service = service
        self.wrong: UserError | None = wrong
        self.copy: CopyOffer | None = OFFER
        self.restore_error: UserError | None = None
        self.offer_error: UserError | None = None
        self.damaged = False
        self.asked: list[str | None] = []
        self.codes: list[str | None] = []

    async def build(self) -> Front:
        if self.wrong is not None:
            raise self.wrong
        return Front(self.service, self.shutdown)

    async def shutdown(self) -> None:
        self.asked.append("shut down")

    async def start(self, code: str | None) -> Front:
        self.asked.append(code)
        if code is not None:
            if code != CODE:
                raise WRONG
            self.wrong = DAMAGED if self.damaged else None
        return await self.build()

    async def offer(self, code: str | None) -> CopyOffer | None:
        self.codes.append(code)
        if self.offer_error is not None:
            raise self.offer_error
        return self.copy

    async def restore(self, name: str, code: str | None) -> str:
        self.codes.append(code)
        if self.restore_error is not None:
            raise self.restore_error
        self.asked.append(f"restore {name}")
        self.wrong, self.damaged = None, False
        return "From the damaged file came 3 memories."

    async def begin_empty(self, code: str | None) -> None:
        self.codes.append(code)
        self.asked.append("empty")
        self.wrong, self.damaged = None, False


class Start:
    """A tray that starts."""

    def __init__(self, rescue: ScriptedRescue) -> None:
        self.desktop = Desktop(Tray(), hidden=False, show_first=False)
        self.running = asyncio.ensure_future(self.desktop.run(rescue.build, lambda: rescue))

    @property
    def runs(self) -> bool:
        return self.desktop.popup.composer.edit.placeholderText() == "Ask or tell me something"

    @property
    def banner(self) -> str:
        return self.desktop.popup.banner


@asynccontextmanager
async def starting(rescue: ScriptedRescue) -> AsyncIterator[Start]:
    start = Start(rescue)
    yield start
    start.desktop.quit()
    await start.running
    assert find("unlock") is None and find("damaged") is None
    start.desktop.popup.deleteLater()


def find(name: str) -> Window | None:
    shown = (widget for widget in QApplication.topLevelWidgets() if widget.objectName() == name)
    return next((widget for widget in shown if widget.isVisible()), None)


async def shown(name: str) -> Window:
    await until(lambda: find(name))
    return find(name)


def said(window: Window) -> str:
    return "\n".join(label.text() for label in window.findChildren(QLabel) if not label.isHidden())


def press(window: Window, name: str) -> None:
    button = window.findChild(QPushButton, name)
    assert button.isEnabled()
    button.click()


@on_loop
async def test_the_code_opens_the_memory_and_the_key_is_put_back(service: ScriptedService) -> None:
    rescue = ScriptedRescue(service, LOCKED)
    async with starting(rescue) as start:
        window = await shown("unlock")
        assert "Its key is not in the keyring." in said(window)
        assert not window.findChild(QPushButton, "open").isEnabled()
        window.findChild(QLineEdit, "code").setText("7K2M")
        press(window, "open")
        await until(lambda: "That is not the recovery code. Nothing was changed." in said(window))
        assert window.findChild(QLineEdit, "code").text() == "7K2M", "it can be put right"
        assert not start.runs
        window.findChild(QLineEdit, "code").setText(CODE)
        window.findChild(QLineEdit, "code").returnPressed.emit()
        await until(lambda: start.runs)
        await until(lambda: service.changes == [("keep", None)])
        await until(lambda: "back in its place" in start.banner)
        assert find("unlock") is None
        assert rescue.asked == ["7K2M", CODE]
    assert start.running.result() == 0
    assert rescue.asked[-1] == "shut down"


@on_loop
async def test_a_key_that_can_not_be_put_back_is_told(service: ScriptedService) -> None:
    service.change_error = UserError("keyring_absent", "There is no keyring here.")
    async with starting(ScriptedRescue(service, LOCKED)) as start:
        window = await shown("unlock")
        window.findChild(QLineEdit, "code").setText(CODE)
        press(window, "open")
        await until(lambda: "the next start asks for the code again. There is no keyring here." in start.banner)
        await until(lambda: start.runs)


@on_loop
async def test_a_keyring_that_came_back_is_asked_again(service: ScriptedService) -> None:
    rescue = ScriptedRescue(service, LOCKED)
    async with starting(rescue) as start:
        window = await shown("unlock")
        press(window, "again")
        await until(lambda: window.findChild(QPushButton, "again").isEnabled() and rescue.asked == [None])
        rescue.wrong = None
        press(window, "again")
        await until(lambda: start.runs)
    assert service.changes == [], "nothing has to be put back"


@pytest.mark.parametrize("how", ["quit", "close"])
@pytest.mark.parametrize(("wrong", "name"), [(LOCKED, "unlock"), (DAMAGED, "damaged")])
@on_loop
async def test_quit_leaves_everything_as_it_is(service: ScriptedService, how: str, wrong: UserError, name: str) -> None:
    rescue = ScriptedRescue(service, wrong)
    start = Start(rescue)
    window = await shown(name)
    if how == "quit":
        press(window, "quit")
    else:
        window.close()
    assert await start.running == 1
    assert rescue.asked == []
    assert find(name) is None
    start.desktop.popup.deleteLater()


@on_loop
async def test_the_newest_good_backup_is_offered_and_restored(service: ScriptedService) -> None:
    rescue = ScriptedRescue(service, DAMAGED)
    async with starting(rescue) as start:
        window = await shown("damaged")
        await until(lambda: window.findChild(QPushButton, "restore"))
        assert "It is kept as openclaw.db.damaged-1." in said(window)
        assert "Memories in it: 4711." in said(window)
        assert "2026" in said(window) or "26" in said(window)
        press(window, "restore")
        await until(lambda: start.runs)
        assert "The memory is that of" in start.banner
        assert start.banner.endswith(" again. From the damaged file came 3 memories.")
        assert rescue.asked == ["restore openclaw-1-daily.db", None]
        assert start.desktop.popup.header.state != "not working"
    assert start.running.result() == 0


@on_loop
async def test_without_a_good_backup_an_empty_memory_is_begun_on_the_users_word(service: ScriptedService) -> None:
    rescue = ScriptedRescue(service, DAMAGED)
    rescue.copy = None
    async with starting(rescue) as start:
        window = await shown("damaged")
        await until(lambda: "There is no good backup." in said(window))
        assert window.findChild(QPushButton, "restore") is None
        assert rescue.asked == []
        press(window, "empty")
        await until(lambda: start.runs)
        assert "The memory is empty." in start.banner
        assert rescue.asked == ["empty", None]


@on_loop
async def test_a_restore_that_fails_is_a_sentence(service: ScriptedService) -> None:
    rescue = ScriptedRescue(service, DAMAGED)
    rescue.restore_error = UserError("disk_full", "The disk is full.", "Free some room.")
    async with starting(rescue) as start:
        window = await shown("damaged")
        await until(lambda: window.findChild(QPushButton, "restore"))
        press(window, "restore")
        await until(lambda: "The disk is full. Free some room." in said(window))
        assert not start.runs
        rescue.restore_error = None
        press(window, "restore")
        await until(lambda: start.runs)


@on_loop
async def test_backups_that_can_not_be_read_are_not_called_missing(service: ScriptedService) -> None:
    rescue = ScriptedRescue(service, DAMAGED)
    rescue.offer_error = UserError("backups_missing", "The backups folder is not there.", "Connect its disk.")
    async with starting(rescue):
        window = await shown("damaged")
        await until(lambda: "The backups folder is not there. Connect its disk." in said(window))
        assert "There is no good backup" not in said(window)
        assert window.findChild(QPushButton, "empty").isEnabled()


@on_loop
async def test_a_restored_memory_whose_key_is_lost_asks_for_the_code(service: ScriptedService) -> None:
    rescue = ScriptedRescue(service, DAMAGED)

    async def restore(name: str, code: str | None) -> str:
        rescue.wrong = LOCKED
        return ""

    rescue.restore = restore  # type: ignore[method-assign]
    async with starting(rescue) as start:
        window = await shown("damaged")
        await until(lambda: window.findChild(QPushButton, "restore"))
        press(window, "restore")
        window = await shown("unlock")
        assert find("damaged") is None
        window.findChild(QLineEdit, "code").setText(CODE)
        press(window, "open")
        await until(lambda: start.runs)


@pytest.mark.parametrize("way", ["restore", "empty"])
@on_loop
async def test_what_the_code_opens_may_be_damaged_and_the_code_goes_on_with_it(
    service: ScriptedService, way: str
) -> None:
    rescue = ScriptedRescue(service, LOCKED)
    rescue.damaged = True
    async with starting(rescue) as start:
        window = await shown("unlock")
        window.findChild(QLineEdit, "code").setText(CODE)
        press(window, "open")
        window = await shown("damaged")
        assert find("unlock") is None
        await until(lambda: window.findChild(QPushButton, "restore"))
        press(window, way)
        await until(lambda: service.changes == [("keep", None)])
        await until(lambda: "The memory is" in start.banner and "back in its place" in start.banner)
        await until(lambda: start.runs)
        assert rescue.codes == [CODE, CODE]


@on_loop
async def test_what_no_window_helps_with_stays_a_sentence_in_the_chat(service: ScriptedService) -> None:
    rescue = ScriptedRescue(service, UserError("disk_full", "The disk is full.", "Free some room.", 3))
    async with starting(rescue) as start:
        page = start.desktop.popup.findChild(Welcome)
        await until(lambda: any(label.text() == "The disk is full." for label in page.findChildren(QLabel)))
        assert find("unlock") is None and find("damaged") is None
    assert start.running.result() == 3
