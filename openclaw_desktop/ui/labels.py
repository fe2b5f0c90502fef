"""Small building blocks of the windows: labels and buttons with a name, plain text and a voice for screen readers.

Owns how they are made. Must not know what they are for. Main thread.
"""

from __future__ import annotations

from html import escape
from typing import Literal

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton, QStyle, QStyleOptionButton, QToolButton, QWidget

from openclaw_desktop.core.text import visible
from openclaw_desktop.ui.glyphs import Glyph, draw_glyph
from openclaw_desktop.ui.theme import current_theme

Tone = Literal["quiet", "danger", "warning", "primary", "example", "marked"]


def make_label(text: str = "", *, name: str = "", tone: Tone | None = None, wrap: bool = True) -> QLabel:
    """Return a label that shows `text` as plain text, whatever it holds."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    label.setWordWrap(wrap)
    label.setObjectName(name)
    if tone is not None:
        label.setProperty(tone, True)
    return label


def set_tip(widget: QWidget, text: str) -> None:
    """Give `widget` a tooltip that shows `text` as it is: Qt would take what looks like HTML for HTML."""
    widget.setToolTip(f"<qt>{escape(visible(text))}</qt>" if text else "")


def make_button(text: str, *, name: str, tone: Tone | None = None) -> QPushButton:
    """Return a push button; an ampersand in `text` is shown, not taken for a shortcut."""
    button = QPushButton(text.replace("&", "&&"))
    button.setObjectName(name)
    button.setAccessibleName(text)
    button.setAutoDefault(False)
    if tone is not None:
        button.setProperty(tone, True)
    return button


class CheckBox(QCheckBox):
    """A check box whose box has the theme's colours: the style's own one is hardly seen on a dark window."""

    def __init__(self, text: str, *, name: str) -> None:
        super().__init__(text)
        self.setObjectName(name)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box over the style's own."""
        super().paintEvent(event)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        rect = self.style().subElementRect(QStyle.SubElement.SE_CheckBoxIndicator, option, self)
        theme, on = current_theme(), self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(rect, QColor(theme.window))
        painter.setBrush(QColor(theme.accent if on else theme.surface))
        painter.setPen(QPen(QColor(theme.accent if on or self.hasFocus() else theme.subdued), 1.0))
        painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 3.5, 3.5)
        if on:
            draw_glyph("check", theme.on_accent, size_px=rect.width()).paint(painter, rect)


def make_tool(glyph: Glyph, text: str, *, name: str, size_px: int = 16) -> QToolButton:
    """Return a button that shows a symbol alone, with `text` as tooltip and for screen readers."""
    button = QToolButton()
    button.setObjectName(name)
    button.setToolTip(text)
    button.setAccessibleName(text)
    button.setIconSize(QSize(size_px, size_px))
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.setProperty("glyph", glyph)
    paint_tool(button)
    return button


def paint_tool(button: QToolButton) -> None:
    """Draw the button's symbol in the colours of the theme."""
    theme = current_theme()
    glyph = button.property("glyph")
    filled = glyph in ("send", "stop")
    marked = bool(button.property("marked"))
    colour = theme.on_accent if filled else theme.accent if marked else theme.subdued
    button.setIcon(draw_glyph(glyph, colour, theme.subdued, button.iconSize().width()))


def paint_tools(root: QWidget) -> None:
    """Draw every symbol below `root` anew, after the theme changed."""
    for button in root.findChildren(QToolButton):
        if button.property("glyph"):
            paint_tool(button)


def set_tone(widget: QWidget, tone: Tone, on: bool) -> None:
    """Switch a tone of the style sheet on or off."""
    if bool(widget.property(tone)) != on:
        widget.setProperty(tone, on)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
