"""The chat window: built once, then shown and hidden.

Owns the window, where it stands and its keys. Must not know the agent (`chat.py` joins the two). Main thread.
"""

from __future__ import annotations

import time
from itertools import pairwise

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QCursor,
    QGuiApplication,
    QKeySequence,
    QMouseEvent,
    QPainterPath,
    QRegion,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from openclaw_desktop.core.text import tr, without_controls
from openclaw_desktop.ui.composer import Composer
from openclaw_desktop.ui.header import Header
from openclaw_desktop.ui.labels import make_label, make_tool, paint_tools
from openclaw_desktop.ui.theme import current_theme, make_palette, style_sheet
from openclaw_desktop.ui.transcript import Transcript
from openclaw_desktop.ui.welcome import Welcome

SIZE_PX = QSize(440, 600)
LEAST_SIZE_PX = QSize(320, 360)
MARGIN_PX = 12
EDGE_PX = 6
RADIUS_PX = 12
# A click on the tray icon takes the focus away before it arrives here: that window was in front all the same.
JUST_LEFT_S = 0.3


def place_popup(size: QSize, available: QRect, icon: QRect, screen: QRect | None = None) -> QRect:
    """Return where a window of `size` goes: in the corner of the screen nearest to the tray icon, not over it.

    Most Linux desktops don't tell where the icon is: what is not `available` of the `screen` tells where panels are.
    """
    room = available.adjusted(MARGIN_PX, MARGIN_PX, -MARGIN_PX, -MARGIN_PX)
    if icon.isValid():
        at_top = icon.center().y() < available.center().y()
        at_left = icon.center().x() < available.center().x()
    else:
        screen = screen or available
        # Of a panel at the top and a dock elsewhere, the panel has the tray.
        at_top = available.top() > screen.top()
        across = at_top or available.bottom() < screen.bottom()
        at_left = available.left() > screen.left() and not across
    rect = _put_in_corner(size, room, at_top, at_left)
    if rect.intersects(icon):
        # The tray reserves no room for itself.
        if at_top:
            room.setTop(icon.bottom() + MARGIN_PX)
        else:
            room.setBottom(icon.top() - MARGIN_PX)
        rect = _put_in_corner(size, room, at_top, at_left)
    return rect


def _put_in_corner(size: QSize, room: QRect, at_top: bool, at_left: bool) -> QRect:
    rect = QRect(QPoint(0, 0), size.boundedTo(room.size()))
    rect.moveBottomRight(room.bottomRight())
    if at_top:
        rect.moveTop(room.top())
    if at_left:
        rect.moveLeft(room.left())
    return rect


class Popup(QFrame):
    """Header, conversation and composer in one slim window without a frame."""

    new_chat_requested = Signal()
    inbox_requested = Signal()
    shown = Signal()
    came_to_front = Signal()

    def __init__(self) -> None:
        super().__init__(None, Qt.WindowType.Tool | Qt.WindowType.FramelessWindowHint)
        self._left_s = 0.0
        self.setObjectName("popup")
        self.setWindowTitle(tr("OpenCLaw"))
        self.setAccessibleName(tr("OpenCLaw chat"))
        self.setAttribute(Qt.WidgetAttribute.WA_MacAlwaysShowToolWindow)
        self.setMinimumSize(LEAST_SIZE_PX)
        self.resize(SIZE_PX)
        self.setMouseTracking(True)
        # X11 may have no compositor, and would then show black corners: there the corners are cut off.
        self._masked = QGuiApplication.platformName() == "xcb"
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground, not self._masked)
        self.composer = Composer()
        self.header = Header()
        self.transcript = Transcript()
        self.welcome = Welcome()
        self._sentences: list[str] = []
        self._banner = self._make_banner()
        self._pages = QStackedWidget()
        self._pages.addWidget(self.welcome)
        self._pages.addWidget(self.transcript)
        body = QWidget()
        # Its own pointer, or it would inherit the one that the rim shows.
        body.setCursor(Qt.CursorShape.ArrowCursor)
        rim = QVBoxLayout(self)
        # The rim stays free for resizing with the mouse.
        rim.setContentsMargins(EDGE_PX, EDGE_PX, EDGE_PX, EDGE_PX)
        rim.addWidget(body)
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.header, self._banner, self._pages, self.composer):
            column.addWidget(widget, 1 if widget is self._pages else 0)
        self.header.hide_button.clicked.connect(self.hide)
        self.header.new_button.clicked.connect(self.new_chat_requested)
        self.header.inbox_button.clicked.connect(self.inbox_requested)
        for keys, wish in ((QKeySequence("Esc"), self.hide), (QKeySequence("Ctrl+N"), self.new_chat_requested.emit)):
            QShortcut(keys, self).activated.connect(wish)
        order = (
            self.composer.edit,
            self.composer.send_button,
            self.composer.stop_button,
            self.header.inbox_button,
            self.header.new_button,
            self.header.hide_button,
        )
        for first, second in pairwise(order):
            QWidget.setTabOrder(first, second)
        self.dress()

    def _make_banner(self) -> QFrame:
        banner = QFrame()
        banner.setObjectName("banner")
        self._banner_text = make_label(name="banner_text", tone="quiet")
        close = make_tool("close", tr("Hide this line"), name="banner_close", size_px=14)
        close.clicked.connect(self._clear_banner)
        row = QHBoxLayout(banner)
        row.setContentsMargins(14, 6, 8, 6)
        row.addWidget(self._banner_text, 1)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        banner.hide()
        return banner

    @property
    def banner(self) -> str:
        """The sentence below the header, "" where there is none."""
        return self._banner_text.text()

    def show_banner(self, sentence: str) -> None:
        """Show a sentence below the header, after what is there."""
        if sentence not in self._sentences:
            self._sentences.append(sentence)
            self._fill_banner()

    def drop_banner(self, sentence: str) -> None:
        """Take a sentence away that is no longer true."""
        if sentence in self._sentences:
            self._sentences.remove(sentence)
            self._fill_banner()

    def _clear_banner(self) -> None:
        self._sentences.clear()
        self._fill_banner()

    def _fill_banner(self) -> None:
        self._banner_text.setText(without_controls("\n".join(self._sentences)))
        self._banner.setVisible(bool(self._sentences))

    def show_conversation(self, conversation: bool) -> None:
        """Show the transcript, or the page for when there is none."""
        self._pages.setCurrentWidget(self.transcript if conversation else self.welcome)

    def present(self, icon: QRect | None = None) -> None:
        """Show the window near the tray, in front, with the keys going to the composer."""
        if not self.isVisible():
            screen = QGuiApplication.screenAt(QCursor.pos()) or QGuiApplication.primaryScreen()
            self.setGeometry(place_popup(self.size(), screen.availableGeometry(), icon or QRect(), screen.geometry()))
            self.show()
            self.shown.emit()
        self.raise_()
        self.activateWindow()
        self.composer.edit.setFocus()

    def is_in_front(self) -> bool:
        """Say whether the window has the focus, or had it until the click that asks."""
        return self.isVisible() and (self.isActiveWindow() or time.monotonic() - self._left_s < JUST_LEFT_S)

    def prepare(self) -> None:
        """Do beforehand what the first showing would have to do: fonts, styles, layout, the native window."""
        self.winId()
        self.ensurePolished()
        self.grab()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the corners round."""
        super().resizeEvent(event)
        if self._masked:
            path = QPainterPath()
            path.addRoundedRect(QRectF(self.rect()), RADIUS_PX, RADIUS_PX)
            self.setMask(QRegion(path.toFillPolygon().toPolygon()))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Hide instead: the window lives as long as the program."""
        event.ignore()
        self.hide()

    def changeEvent(self, event: QEvent) -> None:
        """Note when the focus comes and leaves."""
        super().changeEvent(event)
        if event.type() != QEvent.Type.ActivationChange:
            return
        if self.isActiveWindow():
            self.came_to_front.emit()
        else:
            self._left_s = time.monotonic()

    def dress(self) -> None:
        """Put on the colours that fit the desktop's palette."""
        theme = current_theme()
        self.setPalette(make_palette(theme))
        self.setStyleSheet(style_sheet(theme))
        paint_tools(self)
        self.header.repaint_state()
        self.transcript.repaint_text()

    def _edges_at(self, position: QPoint) -> Qt.Edge:
        edges = Qt.Edge(0)
        if position.x() < EDGE_PX:
            edges |= Qt.Edge.LeftEdge
        if position.x() >= self.width() - EDGE_PX:
            edges |= Qt.Edge.RightEdge
        if position.y() < EDGE_PX:
            edges |= Qt.Edge.TopEdge
        if position.y() >= self.height() - EDGE_PX:
            edges |= Qt.Edge.BottomEdge
        return edges

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show over the rim that it can be dragged."""
        edges = self._edges_at(event.position().toPoint())
        across = bool(edges & (Qt.Edge.LeftEdge | Qt.Edge.RightEdge))
        along = bool(edges & (Qt.Edge.TopEdge | Qt.Edge.BottomEdge))
        falling = edges in (Qt.Edge.LeftEdge | Qt.Edge.TopEdge, Qt.Edge.RightEdge | Qt.Edge.BottomEdge)
        if across and along:
            self.setCursor(Qt.CursorShape.SizeFDiagCursor if falling else Qt.CursorShape.SizeBDiagCursor)
        elif across or along:
            self.setCursor(Qt.CursorShape.SizeHorCursor if across else Qt.CursorShape.SizeVerCursor)
        else:
            self.unsetCursor()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to resize at the rim."""
        edges = self._edges_at(event.position().toPoint())
        handle = self.windowHandle()
        if edges and handle is not None and event.button() == Qt.MouseButton.LeftButton:
            handle.startSystemResize(edges)
