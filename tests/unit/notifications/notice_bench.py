"""A notifier on a clock of the test's, with a desktop that notes what it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import NoticeFollowed, NoticesChanged
from openclaw_desktop.core.labels import SYSTEM, Label
from openclaw_desktop.core.notices import Notice, Priority
from openclaw_desktop.notifications.notifier import Notifier, Rules
from openclaw_desktop.notifications.quiet import read_quiet_hours
from openclaw_desktop.notifications.store import NoticeStore
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.toast import Toast, ToastClosed, ToastPressed, ToastsBack, ToastsLost

WEB = Label("untrusted", "private", ("web:evil.test",))
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class MovingClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return self.moment.timestamp()


class NotedToasts:
    """A desktop that shows what it is given, as long as it is there."""

    name = "noted"

    def __init__(self) -> None:
        self.shown: list[Toast] = []
        self.withdrawn: list[str] = []
        self.swept: list[str] = []
        self.there = True

    async def show(self, toast: Toast) -> str:
        if not self.there:
            raise UserError("no_toasts", "nobody is there")
        self.shown.append(toast)
        return f"mark of {toast.title}"

    async def sweep(self, marks: Sequence[str]) -> None:
        if not self.there:
            raise UserError("no_toasts", "nobody is there")
        self.swept.extend(marks)

    async def withdraw(self, toast_id: str) -> None:
        self.withdrawn.append(toast_id)

    async def close(self) -> None:
        pass

    @property
    def titles(self) -> list[str]:
        return [toast.title for toast in self.shown]


class ToldAttention:
    """A desktop whose answer the test writes, and which counts the questions."""

    answer = ""
    asked = 0

    async def busy(self) -> Any:
        self.asked += 1
        return self.answer


@dataclass
class NoticeBench:
    """All of it; `pass_s` lets time go by and looks again."""

    notifier: Notifier
    clock: MovingClock
    toasts: NotedToasts
    attention: ToldAttention
    events: list[NoticesChanged | NoticeFollowed] = field(default_factory=list)

    async def tell(self, topic: str = "mail", title: str = "News", priority: Priority = "normal", **more: Any) -> str:
        label = more.pop("label", SYSTEM)
        return await self.notifier(Notice(topic, title, more.pop("body", ""), label, priority, **more))

    async def look(self) -> float | None:
        await self.notifier._take_events()
        return await self.notifier.look()

    async def pass_by(self, **length: float) -> float | None:
        self.clock.moment += timedelta(**length)
        return await self.look()

    async def begin(self) -> None:
        """Let another agent begin over the same file and the same desktop."""
        again = Notifier(self.notifier.store, self.attention, self.notifier.rules, self.clock, self.events.append)
        again.use(self.toasts)
        self.notifier = again
        await again._begin()
        await self.look()

    async def press(self, action: str, which: int = -1) -> None:
        self.notifier.on_toast(ToastPressed(self.toasts.shown[which].id, action))
        await self.look()

    async def put_away(self, which: int = -1, *, by_user: bool = True) -> None:
        self.notifier.on_toast(ToastClosed(self.toasts.shown[which].id, by_user))
        await self.look()

    async def lose(self) -> None:
        self.toasts.there = False
        self.notifier.on_toast(ToastsLost(tuple(toast.id for toast in self.toasts.shown)))
        await self.look()

    async def come_back(self) -> None:
        self.toasts.there = True
        self.notifier.on_toast(ToastsBack())
        await self.look()

    async def states(self) -> dict[str, str]:
        """Return how each notice stands, by its title."""
        kept = await self.notifier.store.list(everything=True)
        return {one.title: f"{one.state} {one.reason}".strip() for one in kept}

    @property
    def followed(self) -> list[NoticeFollowed]:
        return [event for event in self.events if isinstance(event, NoticeFollowed)]


async def make_bench(path: Path, *, quiet: str | None = None, per_hour: int = 6) -> tuple[NoticeBench, Callable]:
    """Return a bench over a new file, or one that is there, and what closes it."""
    database = await Database.open(path / "memory.db")
    clock, toasts, attention = MovingClock(), NotedToasts(), ToldAttention()
    events: list[NoticesChanged | NoticeFollowed] = []
    rules = Rules(ZoneInfo("UTC"), read_quiet_hours(quiet), per_hour)
    notifier = Notifier(NoticeStore(database, clock), attention, rules, clock, events.append)
    notifier.use(toasts)
    return NoticeBench(notifier, clock, toasts, attention, events), database.close
