"""The few symbols on buttons, drawn as lines so that they are sharp in every size and colour.

Owns their shapes on a grid of 20 by 20. Must not know who shows them. Main thread.
"""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

Glyph = Literal["new", "close", "send", "stop", "copy", "retry", "check", "inbox", "up", "down"]
GRID = 20


_THUMB = (
    ((7, 9), (10, 3.5), (11.6, 4.6), (11, 8.2), (15.8, 8.2), (14.6, 15.5), (7, 15.5), (7, 9)),
    ((4.2, 9), (4.2, 15.5)),
)


def _lines(*lines: tuple[tuple[float, float], ...]) -> QPainterPath:
    path = QPainterPath()
    for line in lines:
        path.addPolygon(QPolygonF([QPointF(x, y) for x, y in line]))
    return path


def _shape(glyph: Glyph) -> QPainterPath:
    match glyph:
        case "new":
            return _lines(((10, 4), (10, 16)), ((4, 10), (16, 10)))
        case "close":
            return _lines(((5, 5), (15, 15)), ((15, 5), (5, 15)))
        case "send":
            return _lines(((10, 16), (10, 4.5)), ((5, 9.5), (10, 4.5), (15, 9.5)))
        case "stop":
            path = QPainterPath()
            path.addRoundedRect(QRectF(6, 6, 8, 8), 1.5, 1.5)
            return path
        case "check":
            return _lines(((4.5, 10.5), (8.5, 14.5), (15.5, 6)))
        case "inbox":
            tray = ((3.5, 11), (7, 11), (8.2, 13.2), (11.8, 13.2), (13, 11), (16.5, 11))
            return _lines(tray, ((3.5, 11), (6, 5), (14, 5), (16.5, 11), (16.5, 15.5), (3.5, 15.5), (3.5, 11)))
        case "up":
            return _lines(*_THUMB)
        case "down":
            return _lines(*(tuple((x, GRID - y) for x, y in line) for line in _THUMB))
        case "copy":
            path = QPainterPath()
            path.addRoundedRect(QRectF(7, 7, 9, 9), 2, 2)
            path.addPath(_lines(((12.5, 4), (4, 4), (4, 12.5))))
            return path
        case "retry":
            path = QPainterPath()
            path.arcMoveTo(QRectF(4, 4, 12, 12), 60)
            path.arcTo(QRectF(4, 4, 12, 12), 60, 290)
            path.addPath(_lines(((13, 1.8), (13.2, 5), (9.8, 5.2))))
            return path


def draw_glyph(glyph: Glyph, colour: str, disabled_colour: str | None = None, size_px: int = GRID) -> QIcon:
    """Return `glyph` as an icon in `colour`, and in `disabled_colour` where its button can't be used."""
    icon = QIcon()
    icon.addPixmap(_paint(glyph, colour, size_px))
    if disabled_colour is not None:
        icon.addPixmap(_paint(glyph, disabled_colour, size_px), QIcon.Mode.Disabled)
    return icon


def _paint(glyph: Glyph, colour: str, size_px: int) -> QPixmap:
    ratio = QGuiApplication.primaryScreen().devicePixelRatio()
    pixmap = QPixmap(round(size_px * ratio), round(size_px * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(size_px / GRID, size_px / GRID)
    pen = QPen(QColor(colour), 1.7, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    if glyph == "stop":
        painter.fillPath(_shape(glyph), QColor(colour))
    painter.strokePath(_shape(glyph), pen)
    painter.end()
    return pixmap
