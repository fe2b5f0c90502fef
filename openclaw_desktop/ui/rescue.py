"""What the tray offers where the memory can't be opened: the recovery code, the newest good backup, or an empty one.

Owns those two windows and what follows from their buttons. Must not know how a key, a backup or an agent is handled:
`Rescue` does it. Main thread, loop.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QDateTime, QLocale, Qt
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QLineEdit

from openclaw_desktop.core.errors import Failure, UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.memory.backups import CopyOffer
from openclaw_desktop.ui.application import Front, Rescue
from openclaw_desktop.ui.failures import describe_error
from openclaw_desktop.ui.labels import Tone
from openclaw_desktop.ui.window import CLOSED, Window

CODE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Rescued:
    """An agent after all. `by_code`: the recovery code opened its memory. `notice`: what the user should know."""

    front: Front
    by_code: bool = False
    notice: str = ""


async def bring_back(rescue: Rescue, failure: Failure) -> Rescued | None:
    """Ask until there is an agent; None where the user quits. Raises what no window can help with."""
    while True:
        try:
            if failure.code == "database_damaged":
                return await _replace_memory(rescue, failure)
            if failure.code.startswith("key_") and failure.code != "key_record_damaged":
                return await _ask_code(rescue, failure)
        except UserError as error:
            failure = error.failure
            continue
        raise UserError.from_failure(failure)


async def _ask_code(rescue: Rescue, failure: Failure) -> Rescued | None:
    window = Window("unlock")
    column = window.begin(
        tr("Your memory is locked"), failure.sentence, tr("Type the recovery code that you kept, and it opens.")
    )
    code = QLineEdit()
    code.setObjectName("code")
    code.setAccessibleName(tr("Recovery code"))
    code.setPlaceholderText("7K2M-9QXR-…")
    code.setMaxLength(CODE_CHARS)
    code.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
    column.addWidget(code)
    _, _, open_button = window.offer(
        column,
        ("quit", tr("Quit"), None),
        ("again", tr("Ask the keyring again"), None),
        ("open", tr("Open"), "primary"),
    )
    open_button.setEnabled(False)
    code.textChanged.connect(lambda text: open_button.setEnabled(bool(text.strip())))
    code.returnPressed.connect(open_button.click)
    try:
        window.present()
        code.setFocus()
        while (answer := await window.answer()) not in (CLOSED, "quit"):
            window.set_busy(True)
            window.say(tr("Opening…"))
            typed = code.text() if answer == "open" else None
            try:
                front = await rescue.start(typed)
            except UserError as error:
                if error.failure.code == "database_damaged":
                    window.hide()
                    return await _replace_memory(rescue, error.failure, typed)
                window.set_busy(False)
                window.say(_for_window(error.failure), problem=True)
                code.setFocus()
                code.selectAll()
                continue
            return Rescued(front, by_code=typed is not None)
        return None
    finally:
        window.dismiss()


def _for_window(failure: Failure) -> str:
    # The advice of a key that is not there names the commands; here the window itself is the way.
    return failure.sentence if failure.code.startswith("key_") else failure.text


async def _replace_memory(rescue: Rescue, failure: Failure, code: str | None = None) -> Rescued | None:
    window = Window("damaged")
    try:
        _say_damaged(window, failure, tr("Looking for the newest good backup…"))
        window.present()
        offer, problem = None, ""
        try:
            offer = await rescue.offer(code)
        except Exception as error:
            problem = describe_error(error, "looking for a backup").text
        _offer_choice(window, failure, offer, problem)
        while (answer := await window.answer()) not in (CLOSED, "quit"):
            window.set_busy(True)
            window.say(tr("One moment…"))
            try:
                if answer == "restore" and offer is not None:
                    salvaged = await rescue.restore(offer.name, code)
                    notice = f"{tr('The memory is that of {time} again.', time=_time(offer))} {salvaged}".rstrip()
                else:
                    await rescue.begin_empty(code)
                    notice = tr("The memory is empty. The damaged file and the backups are kept.")
            except Exception as error:
                window.set_busy(False)
                window.say(describe_error(error, "replacing a damaged memory").text, problem=True)
                continue
            return Rescued(await rescue.start(code), by_code=code is not None, notice=notice)
        return None
    finally:
        window.dismiss()


def _say_damaged(window: Window, failure: Failure, sentence: str, *buttons: tuple[str, str, Tone | None]) -> None:
    column = window.begin(tr("Your memory is damaged"), failure.sentence, sentence)
    window.offer(column, ("quit", tr("Quit"), None), *buttons)


def _offer_choice(window: Window, failure: Failure, offer: CopyOffer | None, problem: str) -> None:
    empty: tuple[str, str, Tone | None] = ("empty", tr("Start empty"), None)
    if offer is not None:
        sentence = tr("The newest good backup is of {time}. Memories in it: {count}.", time=_time(offer),
                      count=offer.memories)  # fmt: skip
        _say_damaged(window, failure, sentence, empty, ("restore", tr("Restore"), "primary"))
    else:
        sentence = "" if problem else tr("There is no good backup.")
        _say_damaged(window, failure, f"{sentence} {tr('Starting empty keeps the damaged file.')}".strip(), empty)
        window.say(problem, problem=True)


def _time(offer: CopyOffer) -> str:
    moment = QDateTime.fromString(offer.made_at, Qt.DateFormat.ISODate).toLocalTime()
    return QLocale.system().toString(moment, QLocale.FormatType.ShortFormat)
