"""The exact calls of a question on the screen, to the letter.

Owns how their lines are laid out and coloured. Must not know what is asked or answered. Nothing here is formatted by
the text that it shows: what a value holds is set in, in another font, and can pass for no line of ours. Main thread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QTextEdit

from openclaw_desktop.service.walls.question_lines import Kind, Line
from openclaw_desktop.ui.theme import Theme, current_theme

VALUE_INDENT_PX = 14
# Border and padding, as the style sheet has them, on both sides.
FRAME_PX = 10


class LinesView(QTextEdit):
    """Read-only, as tall as what it shows; what is around it scrolls."""

    def __init__(self, lines: Sequence[Line], width_px: int, *, name: str, voice: str) -> None:
        """`voice`: what a screen reader calls it."""
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(voice)
        self.setReadOnly(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setTabChangesFocus(True)
        self.setUndoRedoEnabled(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        # A long line wraps: what would stand beyond an edge would be approved unseen.
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._fill(lines, current_theme())
        self.document().documentLayout().documentSizeChanged.connect(lambda _size: self._grow())
        self.fit(width_px)

    def fit(self, width_px: int) -> None:
        """Be as wide as that and as tall as the text is, in the font that the window's style gives."""
        self.ensurePolished()
        self.setFixedWidth(width_px)
        self.document().setTextWidth(self.width() - FRAME_PX)
        self._grow()

    def _grow(self) -> None:
        self.setFixedHeight(math.ceil(self.document().size().height()) + FRAME_PX)

    def _fill(self, lines: Sequence[Line], theme: Theme) -> None:
        cursor = QTextCursor(self.document())
        for index, line in enumerate(lines):
            block, form = _look(line.kind, theme)
            block.setTopMargin(_room_above(line.kind, lines[index - 1].kind) if index else 0)
            if index:
                cursor.insertBlock(block, form)
            else:
                cursor.setBlockFormat(block)
            cursor.insertText(line.text, form)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to what is around it."""
        event.ignore()


def _room_above(kind: Kind, before: Kind) -> int:
    if kind == "call":
        return 12
    return 4 if kind in ("name", "foreign") or (kind != "value" and before in ("name", "value")) else 0


def _look(kind: Kind, theme: Theme) -> tuple[QTextBlockFormat, QTextCharFormat]:
    block, form = QTextBlockFormat(), QTextCharFormat()
    colours = {"foreign": theme.warning, "name": theme.subdued, "file": theme.subdued, "place": theme.subdued}
    form.setForeground(QColor(colours.get(kind, theme.text)))
    if kind in ("call", "name", "foreign", "note"):
        if kind == "call":
            form.setFontWeight(QFont.Weight.DemiBold)
        return block, form
    form.setFontFamilies(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).families())
    form.setFontStyleHint(QFont.StyleHint.Monospace)
    if kind == "value":
        block.setLeftMargin(VALUE_INDENT_PX)
    if kind in ("added", "removed"):
        block.setBackground(QColor(theme.added if kind == "added" else theme.removed))
        form.setForeground(QColor(theme.on_added if kind == "added" else theme.on_removed))
    return block, form
