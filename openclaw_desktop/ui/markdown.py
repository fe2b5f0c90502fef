"""Markdown from a model, made harmless: no HTML, no image is ever loaded, every link shows where it leads.

Owns how an answer's text becomes a document. Must not know the widget that shows it. Main thread.
"""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtGui import QColor, QFont, QTextBlock, QTextBlockFormat, QTextCharFormat, QTextCursor, QTextDocument

from openclaw_desktop.core.text import tr, visible, without_controls
from openclaw_desktop.ui.theme import Theme

LINE_HEIGHT_PERCENT = 118
SAFE_SCHEMES = ("http", "https")
_DIALECT = QTextDocument.MarkdownFeature.MarkdownNoHTML | QTextDocument.MarkdownFeature.MarkdownDialectGitHub
_FENCES = ("```", "~~~")


def is_safe_link(url: QUrl) -> bool:
    """Say whether a click on `url` may open it."""
    return url.scheme() in SAFE_SCHEMES and bool(url.host())


def keep_line_breaks(text: str) -> str:
    """Return `text` with each line feed outside a code block kept as one; Markdown would join the lines."""
    lines = text.split("\n")
    fenced = False
    for index, line in enumerate(lines):
        if line.lstrip().startswith(_FENCES):
            fenced = not fenced
        elif not fenced and line.strip() and index + 1 < len(lines) and lines[index + 1].strip():
            lines[index] = line.rstrip() + "  "
    return "\n".join(lines)


def fill_document(document: QTextDocument, text: str, theme: Theme) -> None:
    """Replace what `document` holds by the Markdown in `text`."""
    text = keep_line_breaks(without_controls(text))
    # A line feed in front: Qt takes text between two leading "---" for metadata and hides it.
    document.setMarkdown("\n" + text if text.startswith("---") else text, _DIALECT)
    block = document.begin()
    while block.isValid():
        _tame_block(block, theme)
        block = block.next()


def _tame_block(block: QTextBlock, theme: Theme) -> None:
    form = block.blockFormat()
    if not form.nonBreakableLines():
        # Not for code, whose background would show as stripes.
        form.setLineHeight(LINE_HEIGHT_PERCENT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        QTextCursor(block).setBlockFormat(form)
    if form.nonBreakableLines() or form.headingLevel():
        cursor = QTextCursor(block)
        if form.headingLevel():
            cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
            heading = QTextCharFormat()
            heading.setFontWeight(QFont.Weight.DemiBold)
            # Qt's headings shout; in a chat a bold line is enough.
            heading.setProperty(QTextCharFormat.Property.FontSizeAdjustment, 1 if form.headingLevel() <= 2 else 0)
            cursor.mergeCharFormat(heading)
        if form.nonBreakableLines():
            # Long lines of code wrap: the chat has no horizontal scroll bar.
            form.setNonBreakableLines(False)
            form.setBackground(QColor(theme.code))
            cursor.setBlockFormat(form)
    # Backwards, because what is replaced moves what comes after it.
    for position, length, char_format in reversed(_special_parts(block)):
        cursor = QTextCursor(block)
        cursor.setPosition(position)
        cursor.setPosition(position + length, QTextCursor.MoveMode.KeepAnchor)
        if char_format.isImageFormat():
            name = char_format.toImageFormat().name()
            cursor.insertText(tr("[image not loaded: {target}]", target=visible(name)), _quiet(theme))
        else:
            _show_link(cursor, QUrl(char_format.anchorHref()), theme)


def _special_parts(block: QTextBlock) -> list[tuple[int, int, QTextCharFormat]]:
    parts = []
    iterator = block.begin()
    while not iterator.atEnd():
        fragment = iterator.fragment()
        char_format = fragment.charFormat()
        if char_format.isImageFormat() or char_format.isAnchor():
            parts.append((fragment.position(), fragment.length(), char_format))
        iterator += 1
    return parts


def _quiet(theme: Theme) -> QTextCharFormat:
    char_format = QTextCharFormat()
    char_format.setForeground(QColor(theme.subdued))
    return char_format


def _show_link(cursor: QTextCursor, url: QUrl, theme: Theme) -> None:
    text = cursor.selectedText()
    look = QTextCharFormat()
    if is_safe_link(url):
        look.setForeground(QColor(theme.accent))
        target = url.host()
        told = QUrl.fromUserInput(text).host() == target
    else:
        # Nothing would open: plain text says so better than a dead link.
        look.setAnchor(False)
        look.setAnchorHref("")
        look.setFontUnderline(False)
        look.setForeground(QColor(theme.text))
        target = url.toString()
        told = text in target
    cursor.mergeCharFormat(look)
    if not told:
        cursor.setPosition(cursor.selectionEnd())
        cursor.insertText(f" ({visible(target)})", _quiet(theme))
