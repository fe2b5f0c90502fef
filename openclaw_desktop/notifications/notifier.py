"""Tells the user what the agent has to tell: kept first, then shown when that is worth an interruption.

Owns the order of it all: what is due, what is shown or held, what became of a toast. What is decided is `decision`'s,
what is kept `store`'s. Must not know who tells, nor any window. Loop; sleeps until something is due, comes, or is
pressed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import NoticeFollowed, NoticesChanged
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.notices import Notice, Priority
from openclaw_desktop.core.text import tr
from openclaw_desktop.notifications.decision import HOUR, Decision, Moment, decide
from openclaw_desktop.notifications.quiet import Span, next_at, quiet_until
from openclaw_desktop.notifications.store import Change, Kept, NoticeStore, State
from openclaw_desktop.notifications.wording import LATER, LESS, digest_of, rank_of, toast_of
from openclaw_desktop.system.toast import (
    Attention,
    Toast,
    ToastClosed,
    ToastEvent,
    ToastPressed,
    Toasts,
    ToastsBack,
    ToastsLost,
)

log = logging.getLogger(__name__)

SNOOZE = timedelta(hours=1)
# Where nothing shows toasts it is tried again after so long, should nobody say earlier that it can.
RETRY = timedelta(minutes=10)
# What the desktop answered about being busy holds so long, and so long it is waited for.
ANSWER_S = 5.0
BUSY_TIMEOUT_S = 15.0
# A wish for quiet, or for none, that lies further ahead was noted by a clock that was wrong.
LONGEST_WISH = timedelta(days=32)
# A clock that is set, or a machine that slept, is met within this while something waits.
LONGEST_WAIT_S = 3600.0
EXPIRE_EVERY = timedelta(hours=1)
CLOCK_SET_BACK = timedelta(minutes=1)
# So long after a failure, such as a full disk, it is tried again.
FAILED_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What the user set: when it is quiet, in which zone, how often an hour may be interrupted, when low ones come."""

    zone: tzinfo
    quiet: tuple[Span, ...] = ()
    per_hour: int = 6
    digest_at: time = time(17, 30)


@dataclass(frozen=True, slots=True)
class _OnScreen:
    ids: tuple[str, ...]
    topic: str
    digest: bool


class Notifier:
    """`Notify` over one file. Where `work` does not run, as for one command alone, notices are only kept."""

    def __init__(
        self,
        store: NoticeStore,
        attention: Attention,
        rules: Rules,
        clock: Clock,
        publish: Callable[[NoticesChanged | NoticeFollowed], object],
    ) -> None:
        self.store = store
        self.rules = rules
        self._toasts: Toasts | None = None
        self._attention = attention
        self._clock = clock
        self._publish = publish
        self._woken = asyncio.Event()
        self._events: deque[ToastEvent] = deque()
        self._screen: dict[str, _OnScreen] = {}
        self._busy: tuple[float, str] | None = None
        self._last_expiry: datetime | None = None
        self._looked_at: datetime | None = None

    def use(self, toasts: Toasts) -> None:
        """Take what shows toasts; its events go to `on_toast`."""
        self._toasts = toasts

    def on_toast(self, event: ToastEvent) -> None:
        """Note what became of a toast."""
        self._events.append(event)
        self._woken.set()

    async def __call__(self, notice: Notice) -> str:
        """Keep a notice and return its id; see `core.notices.Notify`."""
        added = await self.store.add(notice)
        for toast in added.replaced:
            await self._take_off(toast)
        self._woken.set()
        return added.id

    async def withdraw(self, topic: str, key: str) -> None:
        """End what has that key: it no longer matters, or was dealt with elsewhere."""
        kept = await self.store.with_key(topic, key)
        if kept:
            await self._end([one.id for one in kept], tr("It was dealt with."))

    def wake(self) -> None:
        """Look again at what waits: the clock, the desktop or the user's wishes may be others now."""
        self._busy = None
        self._woken.set()

    # What the user does, here or in a window

    async def open(self, notice_id: str) -> Kept:
        """Note that the user followed a notice, have a window show where it leads, and return it."""
        kept = await self.store.get(notice_id)
        if kept.is_over:
            self._publish(NoticeFollowed(kept.id, kept.topic, kept.session_id))
        else:
            await self._open(kept)
        return await self.store.get(notice_id)

    async def dismiss(self, ids: Sequence[str]) -> None:
        """Put notices away. A single one says something about its topic; several at once are tidying up."""
        toasts = await self.store.end(ids, "dismissed", "", "d" if len(ids) == 1 else None)
        await self._after(toasts)

    async def snooze(self, notice_id: str, pause: timedelta = SNOOZE) -> Kept:
        """Have a notice come again after `pause`; raises UserError where it is over."""
        kept = await self.store.get(notice_id)
        if kept.is_over:
            raise UserError(
                "notice_over", tr("That notice is over."), tr("openclaw-agent notify list shows the others.")
            )
        await self.store.learn(kept.topic, "s")
        await self.store.apply([Change((kept.id,), "snoozed", "", self._clock.now() + pause)])
        await self._after([kept.toast] if kept.toast else [])
        return await self.store.get(notice_id)

    async def see(self, ids: Sequence[str]) -> None:
        """Note that the user saw these in the window."""
        await self.store.see(ids)
        await self._after(())

    async def be_quiet(self, until: datetime | None) -> None:
        """Show nothing but what is critical until then; None: end the quiet, also quiet hours that are now."""
        now = self._clock.now()
        hours = None if until is not None else quiet_until(self.rules.quiet, now, self.rules.zone)
        await self.store.mark_quiet(until, hours)
        await self.store.release("quiet")
        self.wake()
        await self._tell()

    async def quiet_until(self) -> datetime | None:
        """Return until when nothing is shown, None where it may be: the user's word, and the quiet hours."""
        now = self._clock.now()
        said, unwanted = await self.store.quiet_marks()
        at = said if _lies_ahead(said, now) else None
        if at is None and _lies_ahead(unwanted, now):
            return None  # the user ended these quiet hours
        return quiet_until(self.rules.quiet, at or now, self.rules.zone) or at

    # The work

    async def work(self) -> None:
        """Show what is due, until cancelled."""
        begun = False
        while True:
            self._woken.clear()
            wait_s: float | None
            try:
                if not begun:
                    await self._begin()
                    begun = True
                await self._take_events()
                wait_s = await self.look()
            except Exception:
                # Whatever it was, what waits to be told must not be forgotten for it.
                log.exception("notices could not be looked through")
                wait_s = FAILED_WAIT_S
            try:
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _begin(self) -> None:
        """Clear away what an agent before this one left: toasts whose buttons nobody hears, and what stood in the way.

        That was another session, and maybe other settings.
        """
        left = await self.store.take_marks()
        try:
            if left and self._toasts is not None:
                await self._toasts.sweep(left)
        except Exception as error:  # a UserError, or whatever the desktop's library did
            log.info("toasts of before may stand: %s", error if isinstance(error, UserError) else type(error).__name__)
        await self.store.release("off", "busy", "unreachable", "quiet", "budget", "batch")

    async def look(self) -> float | None:
        """Decide on everything that is due now, and return the seconds until the next; None where nothing is."""
        now = self._clock.now()
        if self._looked_at is not None and now < self._looked_at - CLOCK_SET_BACK:
            # What was to be held for an hour must not wait for a year that the clock was wrong by.
            await self.store.release()
        self._looked_at = now
        if due := await self.store.due(now):
            await self._decide_all(due, now)
            await self._tell()
        # After that: what came while the machine was off for longer than a notice lives is told first.
        if self._last_expiry is None or abs(now - self._last_expiry) >= EXPIRE_EVERY:
            self._last_expiry = now
            if await self.store.expire():
                await self._tell()
        following = await self.store.next_due()
        if following is None:
            return None
        return min(max((following - self._clock.now()).total_seconds(), 0.0), LONGEST_WAIT_S)

    async def _decide_all(self, due: Sequence[Kept], now: datetime) -> None:
        ordered = sorted(due, key=lambda kept: rank_of(kept.priority))
        topics = await self.store.topics_told(now - HOUR)
        moment = await self._moment(now, ordered)
        changes: list[Change] = []
        together: list[Kept] = []
        reachable = True
        for kept in ordered:
            decision = decide(_class_now(kept), topics.get(kept.topic), moment)
            is_told_before = kept.state == "held" and kept.priority != "critical"
            if decision.channel != "toast":
                changes.append(_left(kept, decision))
            elif is_told_before:
                together.append(kept)
            elif not reachable:
                changes.append(Change((kept.id,), "held", "unreachable", now + RETRY))
            elif reachable := await self._show(toast_of(kept, new_id("toast")), (kept,)):
                topics[kept.topic] = now
                if kept.priority != "critical":
                    moment = replace(moment, told=(*moment.told, now))
        if together and reachable:
            await self._show_together(together, moment)
        elif together:
            ids = tuple(kept.id for kept in together)
            changes.append(Change(ids, "held", "unreachable", now + RETRY))
        await self.store.apply(changes)

    async def _show_together(self, together: Sequence[Kept], moment: Moment) -> None:
        """Tell what was held as one, and with it all else that is held: it is one interruption for all."""
        leading: Priority = "high" if any(kept.priority == "high" for kept in together) else "normal"
        # What was fresh may have taken the last place of this hour.
        decision = decide(leading, None, moment)
        if decision.channel != "toast":
            await self.store.apply([_left(kept, decision) for kept in together])
            return
        known = {kept.id for kept in together}
        waits = [kept for kept in await self.store.held() if kept.reason != "off" and kept.id not in known]
        told = [*together, *waits]
        toast_id = new_id("toast")
        await self._show(digest_of(told, toast_id) if len(told) > 1 else toast_of(told[0], toast_id), told)

    async def _show(self, toast: Toast, told: Sequence[Kept]) -> bool:
        """Show a toast; noted before, so that a crash between both shows nothing twice. False where it can't be."""
        ids, digest = tuple(kept.id for kept in told), len(told) > 1
        counts = toast.urgency != "critical"
        await self.store.apply([Change(ids, "digested" if digest else "shown", toast=toast.id, counts=counts)])
        self._screen[toast.id] = _OnScreen(ids, told[0].topic, digest)
        try:
            if self._toasts is None:
                raise UserError("no_toasts", tr("Nothing here shows notices."))
            mark = await self._toasts.show(toast)
        except Exception as error:  # a UserError, or whatever the desktop's program and its library did
            log.info("a notice waits: %s", error if isinstance(error, UserError) else type(error).__name__)
            self._screen.pop(toast.id, None)
            await self.store.take_back(toast.id, "unreachable", self._clock.now() + RETRY)
            return False
        if toast.id not in self._screen:
            await self._toasts.withdraw(toast.id)  # its notice ended, or another took its place, while it came
        elif mark:
            await self.store.note_mark(toast.id, mark)
        return True

    async def _moment(self, now: datetime, due: Sequence[Kept]) -> Moment:
        quiet = await self.quiet_until()
        asks = any(_class_now(kept) in ("high", "normal") for kept in due) and self.rules.per_hour > 0
        return Moment(
            now,
            quiet,
            await self._is_busy() if asks and quiet is None else "",
            await self.store.told(now - HOUR),
            self.rules.per_hour,
            next_at(self.rules.digest_at, now, self.rules.zone),
        )

    async def _is_busy(self) -> str:
        at_s = self._clock.monotonic_s()
        if self._busy is None or at_s - self._busy[0] > ANSWER_S:
            busy = ""
            try:
                async with asyncio.timeout(BUSY_TIMEOUT_S):
                    busy = await self._attention.busy()
            except Exception:
                # A desktop that answers nonsense must not hold back what is critical.
                log.info("the desktop did not say whether it may be disturbed", exc_info=True)
            self._busy = (at_s, busy)
        return self._busy[1]

    # What became of toasts

    async def _take_events(self) -> None:
        while self._events:
            match self._events.popleft():
                case ToastPressed(toast_id=toast_id, action=action):
                    if (shown := self._screen.pop(toast_id, None)) is not None:
                        await self._press(shown, action)
                case ToastClosed(toast_id=toast_id, by_user=by_user):
                    shown = self._screen.pop(toast_id, None)
                    if shown is not None and by_user and not shown.digest:
                        await self.dismiss(shown.ids)
                case ToastsLost(toast_ids=toast_ids):
                    for toast_id in toast_ids:
                        if self._screen.pop(toast_id, None) is not None:
                            await self.store.lose(toast_id, "unreachable", self._clock.now() + RETRY)
                    await self._tell()
                case ToastsBack():
                    await self.store.release("unreachable")

    async def _press(self, shown: _OnScreen, action: str) -> None:
        if shown.digest:
            await self._open_digest(shown)
            return
        (notice_id,) = shown.ids
        try:
            kept = await self.store.get(notice_id)
        except UserError:  # erased meanwhile
            return
        if action == LATER:
            if not kept.is_over:
                await self.snooze(kept.id)
        elif action == LESS:
            await self.store.shift(kept.topic, -1)
            await self._end([kept.id], tr("You asked for less of this."), "dismissed")
        else:
            await self._open(kept)

    async def _open(self, kept: Kept) -> None:
        toasts = await self.store.end([kept.id], "opened", "", "o")
        self._publish(NoticeFollowed(kept.id, kept.topic, kept.session_id))
        await self._after(toasts)

    async def _open_digest(self, shown: _OnScreen) -> None:
        # Which of them mattered the user shows in the window.
        self._publish(NoticeFollowed("", "", None))
        await self._tell()

    async def _end(self, ids: Sequence[str], reason: str, state: State = "opened") -> None:
        await self._after(await self.store.end(ids, state, reason))

    async def _after(self, toasts: Sequence[str]) -> None:
        for toast in toasts:
            await self._take_off(toast)
        self._woken.set()
        await self._tell()

    async def _take_off(self, toast_id: str) -> None:
        shown = self._screen.get(toast_id)
        # A digest stays while any other notice stands on it.
        if shown is not None and not shown.digest and self._toasts is not None:
            self._screen.pop(toast_id, None)
            await self._toasts.withdraw(toast_id)

    async def _tell(self) -> None:
        counts, until = await self.store.counts(), await self.quiet_until()
        quiet = None if until is None else until.astimezone(self.rules.zone).isoformat(timespec="seconds")
        self._publish(NoticesChanged(counts.unseen, counts.queued, quiet))


def _class_now(kept: Kept) -> Priority:
    """Return the class by which a notice is decided on now.

    A low one whose digest is due interrupts like any other; what the user wanted to have again is worth more.
    """
    if kept.state == "snoozed" and kept.priority != "critical":
        return "high"
    return "normal" if kept.state == "held" and kept.priority == "low" else kept.priority


def _lies_ahead(until: datetime | None, now: datetime) -> bool:
    return until is not None and timedelta() < until - now <= LONGEST_WISH


def _left(kept: Kept, decision: Decision) -> Change:
    """Return how a notice stands that is not shown now."""
    if decision.channel == "log":
        return Change((kept.id,), "shown", "silent")
    told_with_digest = kept.priority == "low" and kept.state == "held" and decision.channel == "hold"
    reason = "low" if told_with_digest else decision.reason
    return Change((kept.id,), "held", reason, decision.until)
