"""The tray program once its icon shows: the loop, the start of the agent, the way out.

Owns the order of both. Must not know what the chat says nor how the agent is built. Main thread, loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from PySide6.QtCore import QLoggingCategory, QObject
from PySide6.QtWidgets import QSystemTrayIcon

from openclaw_desktop.core.errors import ExitCode, Failure, UserError
from openclaw_desktop.core.power import LevelChanged
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.status_views import SandboxStatus
from openclaw_desktop.ui.application import Application, Front, Rescue
from openclaw_desktop.ui.calm import Calm
from openclaw_desktop.ui.chat import Chat
from openclaw_desktop.ui.failures import describe_error
from openclaw_desktop.ui.inbox_desk import InboxDesk
from openclaw_desktop.ui.jail_note import describe_level, explain_jail
from openclaw_desktop.ui.jobs_menu import JobsMenu
from openclaw_desktop.ui.loop import Loop
from openclaw_desktop.ui.notices_desk import NoticesDesk
from openclaw_desktop.ui.popup import Popup
from openclaw_desktop.ui.signals import SignalWatcher
from openclaw_desktop.ui.tray import Tray

log = logging.getLogger(__name__)
POOL_THREADS = 4
NO_TRAY = tr(
    "This desktop shows no tray icons at the moment. The hotkey, or the command openclaw-desktop --toggle-chat, "
    "shows this window."
)


class Desktop(QObject):
    """Tray, popup and chat, joined."""

    def __init__(self, tray: Tray, *, hidden: bool, show_first: bool) -> None:
        super().__init__()
        self._tray = tray
        self._hidden = hidden
        self._show_first = show_first
        self._front: Front | None = None
        self._exit_code = int(ExitCode.DONE)
        self._host_watch: QObject | None = None
        self._leaving = asyncio.Event()
        self._seen = asyncio.Event()
        self._tasks = TaskSet()
        self._sandbox: SandboxStatus | None = None
        self._calm = Calm()
        self.popup = Popup()
        self.chat = Chat(self.popup)
        self.inbox = InboxDesk()
        self.notices = NoticesDesk()
        self.jobs = JobsMenu(tray.menu, tray.state_line)
        tray.toggle_requested.connect(self.toggle)
        tray.open_requested.connect(self.show)
        tray.new_chat_requested.connect(self._show_new_chat)
        tray.inbox_requested.connect(self.inbox.open)
        tray.notices_requested.connect(self._show_notices)
        tray.quiet_requested.connect(self.notices.be_quiet)
        tray.jail_note_requested.connect(self._explain_jail)
        tray.quit_requested.connect(self.quit)
        self.chat.quit_requested.connect(self.quit)
        self.chat.agent_stopped.connect(self._follow_agent)
        self.chat.state_changed.connect(tray.show_state)
        self.chat.inbox_changed.connect(self.inbox.follow)
        self.chat.sandbox_told.connect(self._show_sandbox)
        self.chat.level_told.connect(self._follow_level)
        self.inbox.pending_changed.connect(tray.show_pending)
        self.inbox.pending_changed.connect(self.popup.header.show_pending)
        self.inbox.chat_wanted.connect(self._show_chat)
        self._join_notices(tray)
        self.popup.inbox_requested.connect(self.inbox.open)
        self.popup.shown.connect(self._warm_up)
        self.popup.shown.connect(self._seen.set)
        self.chat.window_requested.connect(lambda action: self.show() if action == "show" else self.toggle())

    def _join_notices(self, tray: Tray) -> None:
        self.inbox.window_made.connect(self.notices.take_window)
        self.chat.notices_changed.connect(self.notices.follow)
        self.chat.notice_followed.connect(self.notices.go)
        self.notices.unseen_changed.connect(tray.show_unseen)
        self.notices.quiet_changed.connect(tray.show_quiet)
        self.notices.chat_wanted.connect(self._show_chat)
        self.notices.inbox_wanted.connect(self.inbox.open)
        self.notices.page_wanted.connect(self._show_notices)

    def _show_notices(self) -> None:
        self.inbox.open("notices")

    def show(self, timestamp: int = 0) -> None:
        """Bring the popup to the front; `timestamp` is that of the key that asked for it."""
        self.popup.present(self._tray.geometry())
        if self._front is not None and self._front.activate is not None:
            self._front.activate(int(self.popup.winId()), timestamp)

    def _warm_up(self) -> None:
        if self._front is not None:
            self._tasks.start(self._warm_up_by(self._front), "warm-up of the model")

    @staticmethod
    async def _warm_up_by(front: Front) -> None:
        # An agent that is gone is the chat's to tell.
        with contextlib.suppress(UserError):
            await front.service.warm_up()

    def toggle(self, timestamp: int = 0) -> None:
        """Hide the popup where it is in front, else bring it there."""
        if self.popup.is_in_front():
            self.popup.hide()
        else:
            self.show(timestamp)

    def _show_new_chat(self) -> None:
        self.chat.begin_session()
        self.show()

    def _show_chat(self, session_id: str) -> None:
        self.show()
        self.chat.open_session(session_id)

    def _show_sandbox(self, sandbox: SandboxStatus) -> None:
        self._sandbox = sandbox
        self._tray.show_level(describe_level(sandbox.level))

    def _follow_level(self, level: LevelChanged) -> None:
        self._calm.follow(level.power)
        self._tray.show_power(level.sentence if level.power != "full" else "")

    def _explain_jail(self) -> None:
        if self._sandbox is not None:
            self._tasks.start(explain_jail(self._sandbox), "the note on the jail")

    def _follow_agent(self) -> None:
        # Our own agent was asked to end, by a signal or a command. Of a remote one the chat stays, with a sentence.
        if self._front is not None and not self._front.attached:
            self.quit()

    @property
    def is_leaving(self) -> bool:
        """Whether the way out has begun."""
        return self._leaving.is_set()

    def quit(self) -> None:
        """Begin to leave."""
        self._leaving.set()

    async def run(self, build: Callable[[], Awaitable[Front]], make_rescue: Callable[[], Rescue] | None = None) -> int:
        """Start the agent, stay until the user quits, stop the agent, and return the exit code."""
        has_tray = QSystemTrayIcon.isSystemTrayAvailable()
        if not has_tray:
            self._await_tray_host()
        if self._show_first or not (has_tray or self._hidden):
            self.show()
        self._tasks.start(self._start(build, make_rescue), "start of the agent")
        await self._leaving.wait()
        return await self._leave()

    def _await_tray_host(self) -> None:
        # QtDBus costs a megabyte, and most desktops have their tray by now.
        from openclaw_desktop.ui.tray_host import watch_tray_host

        self.popup.show_banner(NO_TRAY)
        self._host_watch = watch_tray_host(self._follow_host)
        self.popup.came_to_front.connect(self._check_host)

    def _follow_host(self) -> None:
        self._tray.renew()
        self._check_host()

    def _check_host(self) -> None:
        if QSystemTrayIcon.isSystemTrayAvailable():
            self.popup.drop_banner(NO_TRAY)

    async def _start(self, build: Callable[[], Awaitable[Front]], make_rescue: Callable[[], Rescue] | None) -> None:
        try:
            front = self._front = await self._bring_up(build, make_rescue)
            if front is None:
                self.quit()
                return
            await self.chat.attach(front.service)
            await self.inbox.attach(front.service)
            await self.notices.attach(front.service)
            await self.jobs.attach(front.service)
            if self.popup.isVisible():
                self._warm_up()
        except Exception as error:
            self._fail(describe_error(error, "the start of the agent"))
            return
        if not self.popup.isVisible():
            # With the restored chat in it, so that the first key finds it laid out.
            self.popup.prepare()
        if front.register_hotkey is not None:
            sentence = front.register_hotkey(self.toggle)
            if sentence:
                self.popup.show_banner(sentence)
        if not front.attached:
            self._tasks.start(self._offer_protection(front), "the question of encryption")

    def _fail(self, failure: Failure) -> None:
        self._exit_code = failure.exit_code
        self.chat.fail(failure)

    async def _bring_up(
        self, build: Callable[[], Awaitable[Front]], make_rescue: Callable[[], Rescue] | None
    ) -> Front | None:
        """Start the agent, with the user's help where its memory can't be opened; None where the user gives up."""
        try:
            return await build()
        except UserError as error:
            if make_rescue is None:
                raise
            failure = error.failure
        # What the chat says and the exit code, should nothing help.
        self._fail(failure)
        from openclaw_desktop.ui.rescue import bring_back

        rescued = await bring_back(make_rescue(), failure)
        if rescued is None:
            return None
        self._exit_code = ExitCode.DONE
        if rescued.notice:
            self.popup.show_banner(rescued.notice)
        if rescued.by_code:
            self._tasks.start(self._keep_key(rescued.front), "the key put back")
        return rescued.front

    async def _keep_key(self, front: Front) -> None:
        try:
            await front.service.change_encryption("keep")
        except UserError as error:
            self.popup.show_banner(
                tr("The key could not be put back, so the next start asks for the code again. {reason}",
                   reason=error.failure.sentence)
            )  # fmt: skip
        else:
            self.popup.show_banner(tr("Your memory is open, and its key is back in its place."))

    async def _offer_protection(self, front: Front) -> None:
        if self._hidden:
            # A start at login opens no window by itself: it is asked with the first look at the chat.
            await self._seen.wait()
        from openclaw_desktop.ui.protection import offer_protection

        await offer_protection(front.service)

    async def _leave(self) -> int:
        self.popup.hide()
        self._tray.hide()
        await self._tasks.stop()
        await self.jobs.close()
        await self.notices.close()
        await self.inbox.close()
        await self.chat.close()
        if self._front is not None:
            try:
                await self._front.shutdown()
            except Exception as error:
                failure = error.failure if isinstance(error, UserError) else None
                log.exception("the agent did not stop in order")
                self._exit_code = failure.exit_code if failure else int(ExitCode.FAILED)
        return self._exit_code


def _log_context(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("%s", context.get("message", "unhandled exception in the loop"), exc_info=context.get("exception"))


def run_loop(
    application: Application,
    tray: Tray,
    build: Callable[[], Awaitable[Front]],
    make_rescue: Callable[[], Rescue] | None = None,
    *,
    hidden: bool,
    show_first: bool,
) -> int:
    """Run Qt's loop as asyncio's until the desktop has left, and return the exit code."""
    loop = Loop(application)
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(_log_context)
    # qasync's own pool starts ten threads at once.
    loop.set_default_executor(ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="loop"))
    signals = SignalWatcher()
    desktop = Desktop(tray, hidden=hidden, show_first=show_first)
    signals.received.connect(desktop.quit)
    application.quit_requested.connect(desktop.quit)
    application.palette_changed.connect(desktop.popup.dress)
    task = loop.create_task(desktop.run(build, make_rescue))
    task.add_done_callback(lambda _task: loop.stop())
    try:
        while not task.done():
            loop.run_forever()
            if not (task.done() or desktop.is_leaving):
                # Somebody ended Qt's loop from outside, as Qt itself does where the screen has gone, and says so again
                # with every turn from then on: the agent is stopped in order all the same.
                log.warning("the screen has gone, or Qt was ended from outside: the agent stops")
                QLoggingCategory.setFilterRules("default.warning=false")
            desktop.quit()
        return int(task.result())
    finally:
        signals.close()
        loop.close()
        asyncio.set_event_loop(None)
