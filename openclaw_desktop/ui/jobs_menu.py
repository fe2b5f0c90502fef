"""What the tray says of scheduled jobs: what waits and why, the heartbeat, and the built-in jobs, each one click away.

Owns that part of the menu, and asks the agent when the menu is opened. Must not know what a job does. Main thread,
loop.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.jobs.views import BuiltInView, JobsStatus
from openclaw_desktop.ui.moments import format_moment

LINE_CHARS = 60


class JobsMenu(QObject):
    """The jobs in the tray's menu; `before` is the action in front of which they stand."""

    def __init__(self, menu: QMenu, before: QAction) -> None:
        super().__init__()
        self._service: AgentService | None = None
        self._tasks = TaskSet()
        self._wanted: dict[str, bool] = {}
        self.menu = QMenu(tr("Jobs"))
        self.menu.setObjectName("jobs")
        self.menu.menuAction().setVisible(False)
        menu.insertMenu(before, self.menu)
        self.waits = self._line(QAction(menu), "jobs_wait")
        menu.insertAction(before, self.waits)
        self.following = self._line(self.menu.addAction(""), "next_job")
        self.heartbeat = self._line(self.menu.addAction(""), "heartbeat")
        self.problem = self._line(self.menu.addAction(""), "jobs_problem")
        self.menu.addSeparator()
        self.switches: dict[str, QAction] = {}
        menu.aboutToShow.connect(self.refresh)

    @staticmethod
    def _line(action: QAction, name: str) -> QAction:
        action.setObjectName(name)
        action.setEnabled(False)
        action.setVisible(False)
        return action

    async def attach(self, service: AgentService) -> None:
        """Begin to ask the agent."""
        self._service = service
        await self._ask(service)

    async def close(self) -> None:
        """End what runs here."""
        self._service = None
        await self._tasks.stop()

    def refresh(self) -> None:
        """Ask anew how jobs stand; what is shown follows."""
        if self._service is not None:
            self._tasks.start(self._ask(self._service), "the jobs in the menu")

    async def _ask(self, service: AgentService) -> None:
        try:
            status, known = await service.jobs_status(), await service.list_built_in_jobs()
        except UserError as error:
            say(self.problem, error.failure.sentence)
            return
        self.show_status(status)
        self.show_built_in(known)

    def show_status(self, status: JobsStatus) -> None:
        """Say what waits, what comes next, and how the heart beats."""
        say(self.waits, status.waits)
        coming = tr("Next: {job}, {when}", job=status.next_job, when=format_moment(status.next_run or _EPOCH))
        say(self.following, coming if status.next_job else "")
        say(self.heartbeat, heartbeat_line(status))
        problem = tr("{count} missed runs to look at", count=status.missed) if status.missed else ""
        if status.unknown:
            problem = tr("{count} runs that may be done in part: task runs", count=status.unknown)
        say(self.problem, problem)
        self.menu.menuAction().setVisible(True)

    def show_built_in(self, known: Sequence[BuiltInView]) -> None:
        """Show the built-in jobs and which of them are on."""
        for one in known:
            if one.name not in self.switches:
                action = self.switches[one.name] = self.menu.addAction(one.title.replace("&", "&&"))
                action.setObjectName(f"job_{one.name}")
                action.setCheckable(True)
                action.triggered.connect(lambda on, name=one.name: self._switch(name, on))
            self.switches[one.name].setToolTip(f"{one.says} ({one.when})")
            self.switches[one.name].setChecked(one.on)

    def _switch(self, name: str, on: bool) -> None:
        if self._service is not None:
            self._tasks.start(self._switch_by(self._service, name, on), f"switch of {name}")

    async def _switch_by(self, service: AgentService, name: str, on: bool) -> None:
        try:
            await (service.enable_job(name) if on else service.disable_job(name))
        except UserError as error:
            self.switches[name].setChecked(not on)
            say(self.problem, error.failure.sentence)
            return
        await self._ask(service)


_EPOCH = "1970-01-01T00:00:00+00:00"


def say(line: QAction, text: str) -> None:
    """Put `text` into a line of the menu; "" hides it."""
    shown = visible(text if len(text) <= LINE_CHARS else text[: LINE_CHARS - 1] + "…")
    line.setText(shown.replace("&", "&&"))
    line.setVisible(bool(text))


def heartbeat_line(status: JobsStatus) -> str:
    """Return when the heart beats next and what became of the last beat; "" where it is off."""
    beat = status.heartbeat
    if not beat.on:
        return ""
    following = tr("Heartbeat: next {when}", when=format_moment(beat.next_at)) if beat.next_at else tr("Heartbeat")
    return f"{following}. {tr('Last: {said}', said=beat.last)}" if beat.last else following
