"""A recovery code on the screen, and the ways to take it elsewhere: by hand, the clipboard, a file, a printer.

Owns that card. Keeps the code nowhere else. Must not know what the code opens. Main thread; a file is written in a
thread.
"""

from __future__ import annotations

import asyncio
import logging

from PySide6.QtCore import QFileDevice, QIODevice, QMimeData, QSaveFile, Qt, Signal
from PySide6.QtGui import QFontDatabase, QGuiApplication, QTextDocument
from PySide6.QtPrintSupport import QPrintDialog, QPrinter
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QVBoxLayout
from shiboken6 import Shiboken

from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.ui.labels import make_button, make_label, set_tone

log = logging.getLogger(__name__)

FILE_NAME = "openclaw-recovery-code.txt"
# KDE's clipboard history keeps nothing that is marked so.
CLIPBOARD_HINT = "x-kde-passwordManagerHint"


def code_text(code: str) -> str:
    """Return the code as it is saved and printed: with what it is for."""
    return "\n".join(
        (
            tr("OpenCLaw recovery code"),
            "",
            code,
            "",
            tr("It opens the memory of OpenCLaw when the keyring of the computer is lost. Keep it apart from that "
               "computer."),
            "",
        )
    )  # fmt: skip


def save_code(path: str, code: str) -> str:
    """Write the code into a file that only its owner may read; return why that failed, "" where it did not."""
    file = QSaveFile(path)
    if not file.open(QIODevice.OpenModeFlag.WriteOnly):
        return file.errorString()
    # Before there is anything in it; a disk without owners can't do it.
    file.setPermissions(QFileDevice.Permission.ReadOwner | QFileDevice.Permission.WriteOwner)
    file.write(code_text(code).encode())
    return "" if file.commit() else file.errorString()


def print_code(printer: QPrinter, code: str) -> None:
    """Print the code."""
    document = QTextDocument()
    document.setDefaultFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
    document.setPlainText(code_text(code))
    document.print_(printer)


def take_back(code: str) -> None:
    """Empty the clipboard where it still holds the code: made in Python, that would crash the end of the program."""
    if QGuiApplication.clipboard().text() == code:
        QGuiApplication.clipboard().clear()


class CodeCard(QFrame):
    """The code, large enough to be copied by hand, and its buttons; `grown` where it has become taller."""

    grown = Signal()

    def __init__(self, code: str) -> None:
        super().__init__()
        self.setObjectName("card")
        self._code = code
        self._tasks = TaskSet()
        shown = make_label(code, name="recovery_code", wrap=False)
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPointSizeF(shown.font().pointSizeF() * 1.15)
        shown.setFont(font)
        shown.setAlignment(Qt.AlignmentFlag.AlignCenter)
        shown.setAccessibleName(tr("Recovery code"))
        flags = Qt.TextInteractionFlag
        shown.setTextInteractionFlags(flags.TextSelectableByMouse | flags.TextSelectableByKeyboard)
        self._done = make_label(name="code_done", tone="quiet")
        self._done.hide()
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        for name, text, act in (
            ("copy_code", tr("Copy"), self._copy),
            ("save_code", tr("Save…"), self._choose_file),
            ("print_code", tr("Print…"), self._choose_printer),
        ):
            button = make_button(text, name=name)
            button.clicked.connect(act)
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 14, 14, 12)
        column.setSpacing(12)
        column.addWidget(shown)
        column.addLayout(row)
        column.addWidget(self._done)

    def _copy(self) -> None:
        content = QMimeData()
        content.setText(self._code)
        content.setData(CLIPBOARD_HINT, b"secret")
        QGuiApplication.clipboard().setMimeData(content)
        if (application := QGuiApplication.instance()) is not None:
            code = self._code  # the card may be gone by then
            application.aboutToQuit.connect(lambda: take_back(code))
        self._tell(tr("Copied. Paste it where you keep passwords."))

    def _choose_file(self) -> None:
        # Opened, not run: the loop goes on.
        dialog = QFileDialog(self, tr("Save the recovery code"), FILE_NAME)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self._tasks.start(self.save(path), "saving the recovery code"))
        dialog.open()

    async def save(self, path: str) -> None:
        """Save the code at `path` and say how that went."""
        reason = await asyncio.to_thread(save_code, path, self._code)
        if not Shiboken.isValid(self):
            # The window was closed meanwhile: there is nowhere left to say it.
            if reason:
                log.warning("the recovery code was not saved: %s", reason)
            return
        if reason:
            self._tell(tr("It can't be saved there: {reason}. Choose another place.", reason=reason), problem=True)
        else:
            self._tell(tr("Saved as {path}. Move it off this computer.", path=path))

    def _choose_printer(self) -> None:
        printer = QPrinter()
        dialog = QPrintDialog(printer, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setModal(True)
        dialog.accepted.connect(lambda: self._print(printer))
        dialog.show()

    def _print(self, printer: QPrinter) -> None:
        print_code(printer, self._code)
        if printer.printerState() == QPrinter.PrinterState.Error:
            self._tell(tr("The printer did not take it. Try again, or save it."), problem=True)
        else:
            self._tell(tr("Sent to the printer."))

    def _tell(self, sentence: str, *, problem: bool = False) -> None:
        set_tone(self._done, "danger", problem)
        self._done.setText(sentence)
        self._done.show()
        self.grown.emit()
