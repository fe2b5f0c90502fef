"""From the start of the process to the icon in the tray, as fast as it goes, then on to the rest.

Owns the QApplication, the log of unhandled exceptions and the order of the start. Must not know how the agent is
built: `cli/desktop.py` hands that over. Main thread. Everything that is not needed for the icon is imported after it
shows: asyncio, qasync and the popup cost more time than the icon itself.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QEvent, QEventLoop, QTimer, Signal
from PySide6.QtWidgets import QApplication

from openclaw_desktop.ui.tray import Tray, load_icon

if TYPE_CHECKING:
    from openclaw_desktop.service.api import AgentService
    from openclaw_desktop.service.memory.backups import CopyOffer

log = logging.getLogger(__name__)

PANEL_READS_MS = 50


@dataclass(frozen=True, slots=True)
class Front:
    """What the tray is given once the agent is there.

    `shutdown` stops the agent (or lets go of a remote one) while the loop still runs. `register_hotkey` takes what the
    key does, called with its timestamp, and returns a sentence for the user where no hotkey works, else "".
    `activate` asks the window manager to give a window (its id, the timestamp of the key) the focus.
    `attached`: the agent runs in another process.
    """

    service: AgentService
    shutdown: Callable[[], Awaitable[None]]
    register_hotkey: Callable[[Callable[[int], None]], str] | None = None
    activate: Callable[[int, int], None] | None = None
    attached: bool = False


class Rescue(Protocol):
    """What helps where the memory can't be opened. Each raises UserError.

    `code`: the recovery code as the user typed it, which then opens file and copies in the place of their key.
    """

    async def start(self, code: str | None) -> Front:
        """Try again."""
        ...

    async def offer(self, code: str | None) -> CopyOffer | None:
        """Return the newest whole backup; None where there is none."""
        ...

    async def restore(self, name: str, code: str | None) -> str:
        """Put the backup of that name in the place of the damaged memory; return what came of that, or ""."""
        ...

    async def begin_empty(self, code: str | None) -> None:
        """Begin an empty memory beside the damaged one."""
        ...


class Application(QApplication):
    """Qt's application, which leaves in order when somebody else (the session, Cmd-Q) asks it to quit.

    Windows with a palette of their own aren't told of a new one; the application is.
    """

    quit_requested = Signal()
    palette_changed = Signal()

    def event(self, event: QEvent) -> bool:
        """Turn Qt's own quit into a request: ending the loop here would cut off the agent's shutdown."""
        if event.type() == QEvent.Type.ApplicationPaletteChange:
            self.palette_changed.emit()
        if event.type() == QEvent.Type.Quit:
            event.ignore()
            self.quit_requested.emit()
            return True
        return super().event(event)


def log_unhandled(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Log what a Qt slot raised; the tray lives on."""
    log.error("unhandled exception", exc_info=(kind, error, traceback))


def choose_platform_theme(environ: MutableMapping[str, str]) -> None:
    """Keep GTK out of the process where Qt would load it for its theme: 70 ms of the start and 10 MB for one font.

    Qt's own "gnome" theme reads light or dark from the desktop's portal. A theme that the user chose stays, and so does
    the one of desktops that Qt draws without GTK.
    """
    desktops = set(environ.get("XDG_CURRENT_DESKTOP", "").upper().split(":"))
    if sys.platform == "linux" and not desktops & {"KDE", "LXQT"}:
        environ.setdefault("QT_QPA_PLATFORMTHEME", "gnome")


def run_desktop(
    build: Callable[[], Awaitable[Front]],
    *,
    hidden: bool,
    show_first: bool,
    icon_shown: Callable[[], None] | None = None,
    make_rescue: Callable[[], Rescue] | None = None,
) -> int:
    """Run the tray until the user quits and return the exit code.

    The icon shows first (then `icon_shown` is called), then the chat where `show_first`, and only then `build` is
    awaited; where it raises UserError the chat shows the sentence, and a window what `make_rescue` can do. Without a
    tray host the chat opens with a hint, unless `hidden`. A `build` that is cancelled, because the user quits before it
    is done, cleans up after itself.
    """
    sys.excepthook = log_unhandled
    choose_platform_theme(os.environ)
    application = Application(sys.argv[:1])
    application.setQuitOnLastWindowClosed(False)
    application.setApplicationName("OpenCLaw")
    application.setDesktopFileName("openclaw-desktop")
    application.setWindowIcon(load_icon("idle"))
    tray = Tray()
    tray.show()
    # The panel reads the icon from this process over D-Bus: it has to be answered before the slow imports below.
    answering = QEventLoop()
    QTimer.singleShot(PANEL_READS_MS, answering.quit)
    answering.exec()
    if icon_shown is not None:
        icon_shown()

    # After the icon: asyncio, qasync and the popup take longer to import than the icon takes to show.
    from openclaw_desktop.ui.desktop import run_loop
    from openclaw_desktop.ui.screen_loss import end_with_screen

    end_with_screen()
    return run_loop(application, tray, build, make_rescue, hidden=hidden, show_first=show_first)
