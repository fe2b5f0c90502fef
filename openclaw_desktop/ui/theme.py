"""Colours, one set for light desktops and one for dark, and the style sheet made of them.

Owns every colour and radius of the windows. Must not know the widgets beyond their names. Main thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Template

from PySide6.QtGui import QColor, QGuiApplication, QPalette


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of one look."""

    window: str
    surface: str
    hover: str
    border: str
    text: str
    subdued: str
    accent: str
    on_accent: str
    bubble: str
    on_bubble: str
    code: str
    danger: str
    warning: str
    added: str
    on_added: str
    removed: str
    on_removed: str


LIGHT = Theme(
    window="#f7f7f5",
    surface="#ffffff",
    hover="#ebebe7",
    border="#e2e2dd",
    text="#1d2021",
    subdued="#62676b",
    accent="#0b7468",
    on_accent="#ffffff",
    bubble="#d8efea",
    on_bubble="#0e332e",
    code="#f0f0ec",
    danger="#b42318",
    warning="#8d5900",
    added="#dcf2e1",
    on_added="#0c4a26",
    removed="#fbe2df",
    on_removed="#7d1a11",
)
DARK = Theme(
    window="#1b1d1f",
    surface="#25282b",
    hover="#313539",
    border="#34383c",
    text="#e9eaea",
    subdued="#9ba1a6",
    accent="#37bfae",
    on_accent="#04211d",
    bubble="#1d4944",
    on_bubble="#e2f6f2",
    code="#1f2224",
    danger="#f58a7f",
    warning="#e5b454",
    added="#1d3a29",
    on_added="#b9efca",
    removed="#472523",
    on_removed="#f9bdb5",
)

_SHEET = Template("""
#popup, QDialog { background: $window; color: $text; }
#popup { border: 1px solid $border; border-radius: 12px; }
QLabel { color: $text; background: transparent; }
QLabel[quiet="true"] { color: $subdued; }
QLabel[danger="true"] { color: $danger; }
QLabel[warning="true"] { color: $warning; }
QLabel#headline { font-weight: 600; }
QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; border: none; }
QTextBrowser { background: transparent; border: none; color: $text;
               selection-background-color: $accent; selection-color: $on_accent; }
#header { border: none; border-bottom: 1px solid $border; }
#user_bubble { background: $bubble; border-radius: 12px; }
#user_bubble QTextBrowser { color: $on_bubble; }
#answer_bubble, #card { background: $surface; border: 1px solid $border; border-radius: 12px; }
#failure { background: $surface; border: 1px solid $danger; border-radius: 12px; }
#banner { border: none; border-bottom: 1px solid $border; }
#chip { background: $hover; border-radius: 9px; padding: 2px 8px; color: $text; }
#chip[danger="true"] { color: $danger; }
#composer_panel { background: $surface; border: 1px solid $border; border-radius: 14px; }
#composer_panel[focused="true"] { border: 1px solid $accent; }
QPlainTextEdit { background: transparent; border: none; color: $text;
                 selection-background-color: $accent; selection-color: $on_accent; }
QTextEdit#question_target, QTextEdit#question_details {
    background: $code; border: 1px solid $border; border-radius: 8px; padding: 4px; color: $text;
    selection-background-color: $accent; selection-color: $on_accent; }
QTextEdit#question_target:focus, QTextEdit#question_details:focus { border: 1px solid $accent; }
QToolButton { border: none; border-radius: 8px; padding: 4px; background: transparent; color: $subdued; }
QToolButton:hover { background: $hover; }
QToolButton:pressed { background: $border; }
QToolButton:focus { border: 1px solid $accent; }
QToolButton#inbox { color: $warning; font-weight: 600; }
QToolButton[marked="true"] { background: $hover; }
QPushButton#untrusted { border: none; background: transparent; color: $warning; padding: 2px 0; text-align: left; }
QPushButton#untrusted:hover { text-decoration: underline; }
QPushButton#untrusted:focus { text-decoration: underline; }
QToolButton#send, QToolButton#stop { background: $accent; border-radius: 15px; padding: 0; }
QToolButton#send:disabled { background: $hover; }
QToolButton#send:focus, QToolButton#stop:focus { border: 2px solid $text; }
QLabel#recovery_code { background: $code; border: 1px solid $border; border-radius: 8px; padding: 12px 4px;
                       selection-background-color: $accent; selection-color: $on_accent; }
QLineEdit { background: $surface; color: $text; border: 1px solid $border; border-radius: 8px; padding: 8px 10px;
            selection-background-color: $accent; selection-color: $on_accent; }
QLineEdit:focus { border: 1px solid $accent; }
QCheckBox { color: $text; spacing: 9px; }
QCheckBox::indicator { width: 15px; height: 15px; }
QPushButton { background: $surface; color: $text; border: 1px solid $border; border-radius: 8px; padding: 7px 14px; }
QPushButton:hover { background: $hover; }
QPushButton:disabled { color: $subdued; }
QPushButton:focus { border: 1px solid $accent; }
QPushButton#tab { border: none; border-bottom: 2px solid transparent; border-radius: 0; background: transparent;
                  color: $subdued; padding: 6px 10px; }
QPushButton#tab:hover { color: $text; }
QPushButton#tab:checked { color: $text; border-bottom: 2px solid $accent; }
QPushButton#tab:focus { color: $text; border: 1px solid $accent; }
QPushButton[primary="true"] { background: $accent; color: $on_accent; border: 1px solid $accent; }
QPushButton[primary="true"]:disabled { background: $hover; color: $subdued; border: 1px solid $border; }
QPushButton[primary="true"]:focus { border: 1px solid $text; }
QPushButton[example="true"] { text-align: left; padding: 10px 14px; border-radius: 12px; }
QProgressBar { background: $hover; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 2px; }
QScrollBar::handle:vertical { background: $border; border-radius: 3px; min-height: 28px; }
QScrollBar::handle:vertical:hover { background: $subdued; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page
    { background: none; border: none; height: 0; }
QToolTip { background: $surface; color: $text; border: 1px solid $border; padding: 4px; }
""")


def current_theme() -> Theme:
    """Return the look that fits the desktop's palette."""
    window = QGuiApplication.palette().color(QPalette.ColorRole.Window)
    return DARK if window.lightness() < 128 else LIGHT


def style_sheet(theme: Theme) -> str:
    """Return the style sheet of every window in `theme`."""
    return _SHEET.substitute({name: getattr(theme, name) for name in Theme.__slots__})


def make_palette(theme: Theme) -> QPalette:
    """Return the palette for what a style sheet doesn't reach: placeholders, links, the text cursor."""
    palette = QPalette(QGuiApplication.palette())
    for role, colour in (
        (QPalette.ColorRole.Window, theme.window),
        (QPalette.ColorRole.Base, theme.surface),
        (QPalette.ColorRole.Text, theme.text),
        (QPalette.ColorRole.WindowText, theme.text),
        (QPalette.ColorRole.PlaceholderText, theme.subdued),
        (QPalette.ColorRole.Link, theme.accent),
        (QPalette.ColorRole.Highlight, theme.accent),
        (QPalette.ColorRole.HighlightedText, theme.on_accent),
    ):
        palette.setColor(role, QColor(colour))
    return palette
