"""A piece of read-only text that is as tall as its content.

Owns how the text of one message is laid out, selected and clicked. Must not know what the text is part of. Main thread.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QSize, QSizeF, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QTextOption, QWheelEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser

from openclaw_desktop.core.text import without_controls
from openclaw_desktop.ui.labels import set_tip
from openclaw_desktop.ui.markdown import fill_document, is_safe_link
from openclaw_desktop.ui.theme import current_theme

WIDE_PX = 4000
MEASURED_CHARS = 200
MEASURED_LINES = 200
INDENT_PX = 22


class TextPane(QTextBrowser):
    """Selectable text without scroll bars; the transcript around it scrolls."""

    def __init__(self) -> None:
        super().__init__()
        self._natural_px = WIDE_PX
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
            | Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.setTabChangesFocus(True)
        self.setOpenLinks(False)
        self.setUndoRedoEnabled(False)
        self.anchorClicked.connect(self._open_link)
        self.highlighted.connect(self._show_target)
        self.document().setDocumentMargin(0)
        self.document().setIndentWidth(INDENT_PX)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)

    def show_plain(self, text: str) -> None:
        """Show `text` as it is."""
        text = without_controls(text)
        self.setPlainText(text)
        # The document's own ideal width is that of the wrapped text, so the natural one is measured here.
        lines = (line[:MEASURED_CHARS] for line in text.split("\n")[:MEASURED_LINES])
        self._natural_px = max(self.fontMetrics().horizontalAdvance(line) for line in lines) + 4
        self.updateGeometry()

    def show_markdown(self, text: str) -> None:
        """Show `text` as Markdown without HTML and images."""
        fill_document(self.document(), text, current_theme())

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """Load nothing, ever: neither a picture from the network nor a file of the user."""
        return None

    def sizeHint(self) -> QSize:
        """Return the width that the text would like and the height that it has."""
        return QSize(self._natural_px, self.height())

    def minimumSizeHint(self) -> QSize:
        """Return next to nothing: text wraps."""
        return QSize(24, self.height())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the transcript."""
        event.ignore()

    def _fit(self, size: QSizeF) -> None:
        self.setFixedHeight(max(1, math.ceil(size.height())))

    def _open_link(self, url: QUrl) -> None:
        if is_safe_link(url):
            QDesktopServices.openUrl(url)

    def _show_target(self, url: QUrl) -> None:
        set_tip(self, url.toString())
