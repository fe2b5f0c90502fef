"""What joins the inbox's window to the agent: what waits is counted and shown, and an answer reaches the agent.

Owns the window and the question about one entry. Must not know how anything is drawn, nor the chat. That something
parked is told by a notice of the agent's. Main thread, loop.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import Choice, InboxChanged, Question
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.walls.views import InboxView
from openclaw_desktop.ui.failures import describe_error
from openclaw_desktop.ui.inbox import InboxWindow, PageName
from openclaw_desktop.ui.moments import format_moment
from openclaw_desktop.ui.question import QuestionDialog

ONCE, LATER = "once", "later"


class InboxDesk(QObject):
    """Follows the agent's inbox."""

    pending_changed = Signal(int)
    window_made = Signal(object)
    chat_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._service: AgentService | None = None
        self._tasks = TaskSet()
        self._window: InboxWindow | None = None
        self._dialog: QuestionDialog | None = None
        self._dialog_entry = ""
        self._answered: dict[str, InboxView] = {}
        self._problems: dict[str, str] = {}
        self._asked: dict[str, str] = {}

    @property
    def window(self) -> InboxWindow | None:
        """The window, None before it was opened."""
        return self._window

    @property
    def dialog(self) -> QuestionDialog | None:
        """The question about one entry, None where none is open."""
        return self._dialog

    async def attach(self, service: AgentService) -> None:
        """Begin to follow the agent's inbox."""
        self._service = service
        try:
            entries = await service.list_inbox()
        except UserError as error:
            describe_error(error, "reading the inbox")
            return
        self.pending_changed.emit(len(entries))

    def follow(self, event: InboxChanged) -> None:
        """Show what has changed."""
        self.pending_changed.emit(event.pending)
        if event.entry_id == self._dialog_entry:
            # Answered elsewhere, over, or another call by now: this is no longer what a yes would be for.
            self._drop_dialog()
        self._refresh()

    def open(self, page: PageName = "inbox") -> None:
        """Show the window on one of its pages."""
        if self._window is None:
            self._window = InboxWindow()
            self._window.look_wanted.connect(self._look)
            self._window.refused.connect(self._deny)
            self._window.chat_wanted.connect(self.chat_wanted)
            self._window.closed.connect(self._forget)
            self.window_made.emit(self._window)
        self._window.dress()
        self._refresh(always=True)
        self._window.show_page(page)
        self._window.present()

    async def close(self) -> None:
        """End what runs here; what was not answered waits on."""
        await self._tasks.stop()
        self._drop_dialog()
        if self._window is not None:
            self._window.hide()
            self._window.deleteLater()
            self._window = None

    def _forget(self) -> None:
        # What was answered is in its chat, and in `inbox list --all`.
        self._answered.clear()
        self._problems.clear()
        self._drop_dialog()

    def _refresh(self, *, always: bool = False) -> None:
        if self._service is not None and self._window is not None and (always or self._window.isVisible()):
            self._tasks.start(self._show(self._service, self._window), "the inbox")

    async def _show(self, service: AgentService, window: InboxWindow) -> None:
        try:
            entries = {entry.id: entry for entry in await service.list_inbox()}
        except Exception as error:
            window.say(describe_error(error, "reading the inbox").text)
            return
        self._answered = {entry_id: entry for entry_id, entry in self._answered.items() if entry_id not in entries}
        for entry in entries.values():
            await self._find_asked(service, entry)
        shown = sorted([*self._answered.values(), *entries.values()], key=lambda entry: (entry.created_at, entry.id))
        window.show_entries(shown, self._asked)
        for entry_id, problem in self._problems.items():
            if entry_id in window.cards:
                window.cards[entry_id].say(problem, problem=True)

    async def _find_asked(self, service: AgentService, entry: InboxView) -> None:
        """Note what the user had said in the turn that an entry comes from."""
        if entry.id in self._asked or entry.session_id is None:
            return
        try:
            chat = await service.show_session(entry.session_id)
        except UserError:
            return  # the chat is gone
        said = [m.text for m in chat.messages if m.turn_id == entry.turn_id and m.role == "user"]
        self._asked[entry.id] = said[0] if said else ""

    # The answer

    def _look(self, entry_id: str) -> None:
        if self._service is not None:
            self._tasks.start(self._ask(self._service, entry_id), "a look at an entry of the inbox")

    async def _ask(self, service: AgentService, entry_id: str) -> None:
        entry = await self._find(service, entry_id)
        if entry is None or self._window is None:
            return
        self._drop_dialog()
        dialog = self._dialog = QuestionDialog(question_about(entry))
        self._dialog_entry = entry_id
        dialog.answered.connect(lambda choice: self._answer(entry, choice))
        dialog.present_beside(self._window)

    def _answer(self, entry: InboxView, choice: str) -> None:
        self._drop_dialog()
        if choice == ONCE and self._service is not None:
            self._tasks.start(self._finish(self._service, entry, allow=True), "an answer in the inbox")

    def _deny(self, entry_id: str) -> None:
        if self._service is not None:
            self._tasks.start(self._deny_listed(self._service, entry_id), "an answer in the inbox")

    async def _deny_listed(self, service: AgentService, entry_id: str) -> None:
        entry = await self._find(service, entry_id)
        if entry is not None:
            await self._finish(service, entry, allow=False)

    async def _find(self, service: AgentService, entry_id: str) -> InboxView | None:
        """Return an entry as it waits now; where it does not, or nobody answers, the window says so."""
        try:
            found = [entry for entry in await service.list_inbox() if entry.id == entry_id]
        except Exception as error:
            if self._window is not None:
                self._window.say(describe_error(error, "reading the inbox").text)
            return None
        if not found:
            self._refresh()
        return found[0] if found else None

    async def _finish(self, service: AgentService, entry: InboxView, *, allow: bool) -> None:
        if self._window is not None and entry.id in self._window.cards:
            self._window.cards[entry.id].set_busy(True)
        self._problems.pop(entry.id, None)
        try:
            if allow:
                ended = await service.approve_parked(entry.id, entry.call_hash)
            else:
                ended = await service.deny_parked(entry.id)
            self._answered[entry.id] = ended
        except Exception as error:
            self._problems[entry.id] = describe_error(error, "an answer in the inbox").text
        self._refresh()

    def _drop_dialog(self) -> None:
        dialog, self._dialog, self._dialog_entry = self._dialog, None, ""
        if dialog is not None:
            dialog.dismiss()
            dialog.deleteLater()


def question_about(entry: InboxView) -> Question:
    """Return the question that shows all of an entry; closing it leaves the entry as it is."""
    return Question(
        id=entry.id,
        title=tr("May the agent do this?"),
        text=tr(
            "It wants to use {tool}, and has waited since {since}. It is done at once, one time, as it stands here:",
            tool=entry.tool,
            since=format_moment(entry.created_at),
        ),
        target=entry.call.target,
        choices=(Choice(ONCE, tr("Do exactly this")), Choice(LATER, tr("Not now"))),
        origins=entry.origins,
        call_hash=entry.call_hash,
        calls=(entry.call,),
    )
