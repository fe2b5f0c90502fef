"""The tray's first start: whether the memory is encrypted, and its recovery code, shown once.

Owns that window and its order; what was decided before is not asked again, but for a code that nobody has seen. Must
not know how anything is encrypted. Main thread, loop.
"""

from __future__ import annotations

import contextlib

from PySide6.QtWidgets import QProgressBar

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.memory.key_views import KeyChange
from openclaw_desktop.ui.failures import describe_error
from openclaw_desktop.ui.labels import CheckBox
from openclaw_desktop.ui.recovery_code import CodeCard
from openclaw_desktop.ui.window import CLOSED, Window

LEFT_SHOWN = 3


async def offer_protection(service: AgentService) -> None:
    """Ask once whether the memory is to be encrypted, where a keyring can hold its key.

    Where it is, and its recovery code was never shown to anybody, offer another one.
    """
    try:
        view = await service.encryption()
        unseen = view.encrypted and view.recovery_code and not view.code_kept
        if not unseen:
            if view.encrypted or view.chosen:
                return
            await service.check_secret_store("keyring")
    except UserError:
        return  # no keyring: `status` and `doctor` say so
    window = Window("protection")
    try:
        change = await (_remind(window, service) if unseen else _choose(window, service))
        if change is not None and change.recovery_code and await _hand_over(window, change):
            with contextlib.suppress(UserError):  # the reminder comes once too often
                await service.change_encryption("code_kept")
    finally:
        window.dismiss()


async def _remind(window: Window, service: AgentService) -> KeyChange | None:
    """Return the new code; None where nobody wants one now, so that the next start asks again."""
    column = window.begin(
        tr("You have no recovery code"),
        tr("Your memory is encrypted. The code that opens it should its key be lost was made, but the program ended "
           "before anybody saw it. Without that code and without the key nobody can open your memory."),
        tr("Another code takes its place at once; it is shown next."),
    )  # fmt: skip
    window.offer(column, ("later", tr("Not now"), None), ("continue", tr("Make another code"), "primary"))
    window.present(take_keys=False)
    while await window.answer() == "continue":
        window.set_busy(True)
        try:
            return await service.change_encryption("new_code")
        except Exception as error:
            window.set_busy(False)
            window.say(describe_error(error, "making a recovery code").text, problem=True)
    return None


async def _choose(window: Window, service: AgentService) -> KeyChange | None:
    """Return what was done; None where nobody decided, so that the next start asks again."""
    column = window.begin(
        tr("Protect your memory"),
        tr("What you tell OpenCLaw is kept in one file on this computer. Encrypted, that file and its backups can be "
           "read by nobody who gets hold of the disk."),
        tr("The key lies in this computer's keyring: there is nothing to type. Should the keyring be lost, a recovery "
           "code opens the file; it comes next."),
    )  # fmt: skip
    wanted = CheckBox(tr("Protect my memory with a key in this computer's keyring"), name="wanted")
    wanted.setChecked(True)
    column.addSpacing(2)
    column.addWidget(wanted)
    working = QProgressBar()
    working.setObjectName("working")
    working.setAccessibleName(tr("Encrypting"))
    working.setTextVisible(False)
    working.setRange(0, 0)
    working.hide()
    column.addWidget(working)
    window.offer(column, ("later", tr("Not now"), None), ("continue", tr("Continue"), "primary"))
    window.present(take_keys=False)
    while (answer := await window.answer()) != CLOSED:
        protect = answer == "continue" and wanted.isChecked()
        window.set_busy(True)
        working.setVisible(protect)
        window.say(tr("Writing the memory anew; the old file stays until the new one is verified…") if protect else "")
        try:
            if protect:
                return await service.change_encryption("on", "keyring")
            return await service.change_encryption("off")
        except Exception as error:
            window.set_busy(False)
            working.hide()
            window.say(describe_error(error, "encrypting the memory").text, problem=True)
    return None


async def _hand_over(window: Window, change: KeyChange) -> bool:
    """Show the code until the user says that it is kept, or closes the window a second time; True where it is."""
    column = window.begin(
        tr("Keep this recovery code"),
        tr("Your memory is encrypted. This code opens it when the keyring is lost. It is shown this once: write it "
           "down, print it or save it, and keep it away from this computer."),
    )  # fmt: skip
    card = CodeCard(change.recovery_code)
    card.grown.connect(window.fit)
    column.addWidget(card)
    kept = CheckBox(tr("I have kept the code"), name="kept")
    column.addWidget(kept)
    (done,) = window.offer(column, ("done", tr("Done"), "primary"))
    done.setEnabled(False)
    kept.toggled.connect(done.setEnabled)
    if change.left:
        names = ", ".join(visible(path) for path in change.left[:LEFT_SHOWN])
        window.say(tr("Left as they were, not encrypted: {names}. Delete them if they must not be read.", names=names))
    window.present()
    warned = False
    while await window.answer() == CLOSED and not warned and not kept.isChecked():
        warned = True
        window.say(
            tr("Have you kept the code? Without it and without the keyring nobody can open the memory. "
               "Another code: openclaw-agent memory recover --new-code"),
            problem=True,
        )  # fmt: skip
    return kept.isChecked()
