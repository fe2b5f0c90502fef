"""What joins the page of the notices to the agent: it is kept up to date, and what the user wants reaches the agent.

Owns what is asked of the agent and when. Must not know how anything is drawn. Main thread, loop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from PySide6.QtCore import QObject, Signal

from openclaw_desktop.core.events import NoticeFollowed, NoticesChanged
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.ui.failures import describe_error
from openclaw_desktop.ui.inbox import InboxWindow
from openclaw_desktop.ui.notices import OVER

HOUR_S = 3600.0
INBOX_TOPIC = "inbox"


class NoticesDesk(QObject):
    """Follows the agent's notices."""

    unseen_changed = Signal(int)
    quiet_changed = Signal(object)
    chat_wanted = Signal(str)
    inbox_wanted = Signal()
    page_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._service: AgentService | None = None
        self._tasks = TaskSet()
        self._window: InboxWindow | None = None
        self._quiet_until: str | None = None
        # The notice that the user followed here: it is over by that, and is what they want to read.
        self._followed = ""
        self._is_reading = self._is_stale = False

    def take_window(self, window: InboxWindow) -> None:
        """Fill the page of `window` whenever it is shown."""
        self._window = window
        page = window.notices
        window.notices_shown.connect(self._refresh)
        window.closed.connect(self._forget)
        page.wanted.connect(self._do)
        page.weighed.connect(lambda topic, wish: self._ask(lambda service: service.weigh_topic(topic, wish)))
        page.all_away.connect(lambda: self._ask(lambda service: service.dismiss_notices(())))
        page.quiet_wanted.connect(self.be_quiet)
        page.show_quiet(self._quiet_until)

    async def attach(self, service: AgentService) -> None:
        """Begin to follow the agent's notices."""
        self._service = service
        try:
            status = await service.notices_status()
        except Exception as error:
            describe_error(error, "reading the notices")
            return
        self._show_counts(status.unseen, status.quiet_until)

    def follow(self, event: NoticesChanged) -> None:
        """Show what has changed."""
        self._show_counts(event.unseen, event.quiet_until)
        self._refresh()

    def go(self, event: NoticeFollowed) -> None:
        """Show where a notice leads that the user followed."""
        if event.session_id is not None:
            self.chat_wanted.emit(event.session_id)
        elif event.topic == INBOX_TOPIC:
            self.inbox_wanted.emit()
        else:
            self._followed = event.notice_id
            self.page_wanted.emit()
            self._refresh()

    def be_quiet(self, quiet: bool) -> None:
        """Have nothing shown for an hour, or end that."""
        self._ask(lambda service: service.quiet_notices(HOUR_S if quiet else None))

    async def close(self) -> None:
        """End what runs here."""
        await self._tasks.stop()
        self._window = None

    def _show_counts(self, unseen: int, quiet_until: str | None) -> None:
        self._quiet_until = quiet_until
        self.unseen_changed.emit(unseen)
        self.quiet_changed.emit(quiet_until)
        if self._window is not None:
            self._window.show_unseen(unseen)
            self._window.notices.show_quiet(quiet_until)

    def _do(self, notice_id: str, wish: str) -> None:
        if wish == "open":
            self._ask(lambda service: service.open_notice(notice_id))
        elif wish == "later":
            self._ask(lambda service: service.snooze_notice(notice_id, HOUR_S))
        else:
            self._ask(lambda service: service.dismiss_notices((notice_id,)))

    def _ask(self, command: Callable[[AgentService], Awaitable[object]]) -> None:
        if self._service is not None:
            self._tasks.start(self._ask_agent(self._service, command), "a wish about notices")

    async def _ask_agent(self, service: AgentService, command: Callable[[AgentService], Awaitable[object]]) -> None:
        try:
            await command(service)
        except Exception as error:
            self._say(describe_error(error, "a wish about notices").text)
        else:
            self._say("")
        self._refresh()

    def _forget(self) -> None:
        self._followed = ""

    def _refresh(self) -> None:
        if self._service is None or self._window is None or not self._window.shows_notices:
            return
        self._is_stale = True
        # However many changes come at once, they are read one time after the other.
        if not self._is_reading:
            self._is_reading = True
            self._tasks.start(self._read_all(self._service, self._window), "reading the notices")

    async def _read_all(self, service: AgentService, window: InboxWindow) -> None:
        try:
            while self._is_stale and window.shows_notices:
                self._is_stale = False
                await self._read(service, window)
        except Exception as error:
            self._say(describe_error(error, "reading the notices").text)
        finally:
            self._is_reading = False

    async def _read(self, service: AgentService, window: InboxWindow) -> None:
        found = await service.list_notices(everything=bool(self._followed))
        if not window.shows_notices:
            return
        shown = [notice for notice in found if notice.state not in OVER or notice.id == self._followed]
        # What was followed stands first: it is what the window was opened for.
        shown.sort(key=lambda notice: notice.id != self._followed)
        window.notices.show_notices(shown)
        if unseen := tuple(notice.id for notice in shown if notice.unseen):
            # They are on the screen now; the agent tells the new counts.
            await service.see_notices(unseen)

    def _say(self, sentence: str) -> None:
        if self._window is not None:
            self._window.say(sentence)
