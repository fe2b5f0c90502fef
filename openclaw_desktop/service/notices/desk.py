"""The notices, as front ends use them, and how the agent's own events become some.

Owns what is shown of them in words. Must not know any front end, nor when one is shown. Loop.
"""

from __future__ import annotations

from datetime import timedelta

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.notices import Notice, Priority
from openclaw_desktop.core.text import tr, visible, visible_lines
from openclaw_desktop.notifications.notifier import Notifier
from openclaw_desktop.notifications.store import Kept
from openclaw_desktop.notifications.wording import say_state, say_why
from openclaw_desktop.notifications.worth import Habit, worth
from openclaw_desktop.service.notices.views import NoticeView, NotificationsStatus, TopicView, Wish
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.service.user_text import user_text
from openclaw_desktop.system.toast import Toasts

LONGEST_S = 31 * 86_400.0
TOPIC_CHARS = 80


class NoticeDesk:
    """Answers for the notices."""

    def __init__(self, notifier: Notifier, toasts: Toasts, clock: Clock) -> None:
        self._notifier = notifier
        self._toasts = toasts
        self._clock = clock

    async def list(self, everything: bool) -> tuple[NoticeView, ...]:
        """Return the notices; see `NoticeCommands.list_notices`."""
        habits = await self._notifier.store.habits()
        kept = await self._notifier.store.list(everything)
        return tuple(self._view(one, habits.get(one.topic, Habit())) for one in kept)

    async def send(self, title: str, body: str, priority: Priority, topic: str) -> str:
        """Tell what the user, or a script of theirs, gave."""
        if not topic or len(topic) > TOPIC_CHARS or not topic.isprintable():
            raise UserError("bad_topic", tr("A topic is one line of at most 80 letters."), "", ExitCode.USAGE)
        text = user_text(title)
        return await self._notifier(Notice(topic, text, body, USER, priority, tr("You sent it yourself.")))

    async def open(self, notice_id: str) -> NoticeView:
        """Follow one."""
        return await self._seen_as(await self._notifier.open(notice_id))

    async def dismiss(self, ids: tuple[str, ...]) -> None:
        """Put some away, or all."""
        for notice_id in ids:
            await self._notifier.store.get(notice_id)
        await self._notifier.dismiss(ids or await self._notifier.store.ids())

    async def snooze(self, notice_id: str, seconds: float) -> NoticeView:
        """Have one come again."""
        return await self._seen_as(await self._notifier.snooze(notice_id, _length(seconds)))

    async def see(self, ids: tuple[str, ...]) -> None:
        """Note that these were seen."""
        await self._notifier.see(ids)

    async def weigh(self, topic: str, wish: Wish) -> TopicView:
        """Note what the user wants of a topic."""
        store = self._notifier.store
        if wish == "forget":
            await store.forget_topic(topic)
        else:
            await store.shift(topic, -1 if wish == "less" else 1)
        self._notifier.wake()
        return _topic(topic, await store.habit(topic))

    async def topics(self) -> tuple[TopicView, ...]:
        """Return what is learnt."""
        return tuple(_topic(topic, habit) for topic, habit in (await self._notifier.store.habits()).items())

    async def quiet(self, seconds: float | None) -> NotificationsStatus:
        """Be quiet for so long."""
        await self._notifier.be_quiet(None if seconds is None else self._clock.now() + _length(seconds))
        return await self.status()

    async def status(self) -> NotificationsStatus:
        """Return how many wait, and how long it is quiet."""
        counts, quiet = await self._notifier.store.counts(), await self._notifier.quiet_until()
        until = None if quiet is None else quiet.astimezone(self._notifier.rules.zone).isoformat(timespec="seconds")
        return NotificationsStatus(counts.queued, until, counts.unseen, self._toasts.name)

    async def findings(self) -> tuple[Finding, ...]:
        """Return what a doctor says: whether anything shows notices here."""
        held = [kept for kept in await self._notifier.store.held() if kept.reason == "unreachable"]
        if not held:
            return ()
        return (
            Finding(
                "notices",
                "warning",
                tr("{count} notices wait because nothing on this desktop shows them.", count=len(held)),
                tr("They are kept: openclaw-agent notify list. On Linux, start a notification service such as dunst."),
            ),
        )

    async def _seen_as(self, kept: Kept) -> NoticeView:
        return self._view(kept, await self._notifier.store.habit(kept.topic))

    def _view(self, kept: Kept, habit: Habit) -> NoticeView:
        return NoticeView(
            kept.id, kept.topic, visible(kept.title), visible_lines(kept.body), kept.priority, say_why(kept),
            kept.state, say_state(kept, self._notifier.rules.zone), kept.created_at, kept.due_at, kept.session_id,
            kept.label.integrity == "untrusted", kept.label.foreign_origins,
            kept.seen_at is None and not kept.is_over and kept.priority != "silent",
            "less" if habit.shift < 0 else "more" if habit.shift > 0 else "",
        )  # fmt: skip


def _length(seconds: float) -> timedelta:
    if not 1 <= seconds <= LONGEST_S:
        raise UserError("bad_length", tr("It may be a second to a month."), "", ExitCode.USAGE)
    return timedelta(seconds=seconds)


def _topic(topic: str, habit: Habit) -> TopicView:
    opened, dismissed, snoozed = (habit.outcomes.count(letter) for letter in "ods")
    told = []
    if habit.outcomes:
        told.append(
            tr("of the last {count} you opened {opened}, put away {dismissed}, wanted {snoozed} later",
               count=len(habit.outcomes), opened=opened, dismissed=dismissed, snoozed=snoozed)
        )  # fmt: skip
    if habit.shift:
        told.append(tr("you asked for less") if habit.shift < 0 else tr("you asked for more"))
    text = "; ".join(told) or tr("nothing is known of it")
    return TopicView(topic, opened, dismissed, snoozed, round(worth(habit.outcomes), 2), habit.shift, text)
