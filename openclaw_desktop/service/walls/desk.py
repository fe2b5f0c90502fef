"""The inbox and the audit log, as front ends use them: a parked call is answered, done once, and told in its chat.

Owns the way from an answer to the effect and its message; its turn then goes on (`service.going_on`). Must not know any
front end. Loop.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.events import ShownArgument, ShownCall
from openclaw_desktop.core.messages import CallOutcome, Receipt
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.memory.sessions import Scratch, SessionStore, SpokenMessage
from openclaw_desktop.security import approval
from openclaw_desktop.security.audit import AuditLog
from openclaw_desktop.security.inbox import EntryState, InboxStore, Parked
from openclaw_desktop.security.labels import join
from openclaw_desktop.security.origins import USER_ORIGIN
from openclaw_desktop.service.stores import TOLD_TURN
from openclaw_desktop.service.walls.going_on import GoingOn
from openclaw_desktop.service.walls.views import AuditVerdict, AuditView, InboxView
from openclaw_desktop.service.wire import FRAME_LIMIT_BYTES, encode, encode_frame
from openclaw_desktop.tools.execution import Executor
from openclaw_desktop.tools.permission import ANSWER_LIFE_S

# The newest rows that fit one frame of the socket.
AUDIT_LIMIT = 1_000
OUTCOME_CHARS = 200
# Of the inbox as much as fits one frame: what waits longest first, so that it can always be answered.
LIST_BYTES = FRAME_LIMIT_BYTES * 3 // 4
_STATES: dict[str, EntryState] = {"done": "done", "denied": "denied"}


class WallDesk:
    """Answers for the inbox and the audit log."""

    def __init__(
        self,
        inbox: InboxStore,
        audit: AuditLog,
        executor: Executor,
        sessions: SessionStore,
        going_on: GoingOn | None = None,
        when_said: Callable[[str], object] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`going_on`: lets turns go on after the answer. `when_said`: told the chat in which something was said."""
        self.going_on = going_on
        self._when_said = when_said
        self._inbox = inbox
        self._audit = audit
        self._executor = executor
        self._sessions = sessions
        self._clock = clock or SystemClock()
        # One answer after the other: two to one entry never run side by side.
        self._lock = asyncio.Lock()

    async def settle(self) -> None:
        """At the start: note of what a crash cut short that nobody knows its end, and tell it in the chat."""
        await self._audit.settle()
        for entry in await self._inbox.settle():
            text = tr(
                "Unknown, check: the agent ended while it did what you had allowed ({tool}: {target}).",
                tool=visible(entry.tool),
                target=entry.target,
            )
            await self._tell(entry, text, (), None)
        await self.tell_expired()

    async def work(self) -> None:
        """Let turns go on and say what expired, until it is cancelled."""
        if self.going_on is not None:
            await self.going_on.work(self.tell_expired)

    async def tell_expired(self) -> None:
        """End what has waited too long, each with a sentence in its chat."""
        for entry in await self._inbox.list(everything=True):
            if entry.state == "expired":
                # Own data is quoted in what such a call is about: it stays where an erasure reaches it.
                what = approval.named(visible(entry.tool), entry.target if entry.capability else "")
                text = tr("Nobody answered in time, so this was not done ({what}).", what=what)
                await self._tell(entry, text, (), None, tr("[Nobody answered in the inbox]"))

    async def pending(self) -> int:
        """Return how many calls wait for an answer."""
        return await self._inbox.pending()

    async def list_inbox(self, everything: bool) -> tuple[InboxView, ...]:
        """List the entries, oldest first; where they are too many for one frame, what waits longest goes before."""
        await self.tell_expired()
        views = [_view(entry) for entry in await self._inbox.list(everything)]
        over = [view for view in reversed(views) if view.state != "open"]
        room = LIST_BYTES
        shown: set[str] = set()
        for view in (*(view for view in views if view.state == "open"), *over):
            room -= len(encode_frame(encode(view)))
            if room < 0 and shown:
                break
            shown.add(view.id)
        return tuple(view for view in views if view.id in shown)

    async def approve(self, entry_id: str, call_hash: str) -> InboxView:
        """Do a parked call: its intent is on the disk before its effect, its end after."""
        answered_s = self._clock.monotonic_s()
        async with self._lock:
            entry = await self._inbox.get(entry_id)
            if entry.state == "open" and entry.call_hash == call_hash:
                await self._look_again(entry)
                if self._clock.monotonic_s() - answered_s > ANSWER_LIFE_S:
                    raise UserError(
                        "answer_too_old",
                        tr("Another call took so long that this answer came too long ago: it still waits."),
                        tr("Answer it again: openclaw-agent inbox list"),
                        ExitCode.DENIED,
                    )
            entry = await self._inbox.begin(entry_id, call_hash)
            # Whoever asked may go meanwhile; what has begun is brought to its end.
            ended = await asyncio.shield(asyncio.ensure_future(self._do(entry)))
        await self._go_on(entry_id)
        return ended

    async def _look_again(self, entry: Parked) -> None:
        """Raise UserError where the call would be another one by now; it then waits for an answer as what it is."""
        try:
            frozen, spec = await self._executor.look_again(entry)
        except UserError as error:
            await self._inbox.end(entry.id, "failed", error.failure.text)
            raise
        hash_ = approval.call_hash(frozen, spec.source)
        if hash_ == entry.call_hash:
            return
        arguments = dict(frozen.arguments) if entry.frozen is not None else None
        target = approval.target_of(frozen, spec) if arguments is not None else entry.target
        await self._inbox.renew(entry.id, replace(entry, frozen=arguments, call_hash=hash_, target=target, preview=""))
        raise UserError(
            "call_changed",
            tr("What this call would do has changed since it was asked about, so nothing was done."),
            tr("Look at it again: openclaw-agent inbox list"),
            ExitCode.DENIED,
        )

    async def _do(self, entry: Parked) -> InboxView:
        outcome, receipts = await self._executor.resume(entry)
        text = (outcome.result if outcome.status == "done" else outcome.error) or ""
        said = "; ".join(receipt.text for receipt in receipts) or text[:OUTCOME_CHARS]
        await self._tell(entry, _told(entry, outcome), receipts, outcome)
        await self._inbox.end(entry.id, _STATES.get(outcome.status, "failed"), said)
        if self.going_on is not None:
            self.going_on.wake()
        return _view(await self._inbox.get(entry.id))

    async def deny(self, entry_id: str) -> InboxView:
        """Say no to a parked call, and say so in its chat."""
        async with self._lock:
            entry = await self._inbox.get(entry_id)
            await self._inbox.deny(entry_id)
            text = tr("You said no to this, so it was not done: {tool}.", tool=visible(entry.tool))
            await self._tell(entry, text, (), None)
            ended = _view(await self._inbox.get(entry_id))
        await self._go_on(entry_id)
        return ended

    async def _go_on(self, entry_id: str) -> None:
        if self.going_on is not None:
            await self.going_on.after(entry_id)

    async def _tell(
        self,
        entry: Parked,
        text: str,
        receipts: tuple[Receipt, ...],
        outcome: CallOutcome | None,
        instead: str | None = None,
    ) -> None:
        """Put what became of an entry into the chat that it came from, once: for the user and for what is asked there.

        `instead`: what stands in the place of the user's words.
        """
        turn_id = TOLD_TURN + entry.id
        if entry.session_id is None or not await self._sessions.exists(entry.session_id):
            return
        if await self._sessions.has_turn(turn_id):
            return
        # What a server says of a failure is its words too.
        label = entry.context if outcome is None else join([entry.context, outcome.label])
        asked = SpokenMessage(turn_id, "user", instead or tr("[Answered in the inbox]"), entry.context)
        told = SpokenMessage(turn_id, "assistant", text, label, None, tuple(receipt.text for receipt in receipts))
        await self._sessions.add_message(entry.session_id, asked)
        await self._sessions.add_message(entry.session_id, told)
        if outcome is not None and outcome.status == "done" and outcome.result and entry.frozen is not None:
            key = json.dumps({"tool": outcome.name, **outcome.arguments}, sort_keys=True)
            await self._sessions.add_scratch(entry.session_id, [Scratch(turn_id, key, outcome.result, label)])
        if self._when_said is not None:
            self._when_said(entry.session_id)

    async def show_audit(self, count: int) -> tuple[AuditView, ...]:
        """Return the last rows."""
        rows = await self._audit.last(min(count, AUDIT_LIMIT))
        return tuple(
            AuditView(
                row.id, row.at, row.call_ref, row.turn_id, row.tool, row.capability, row.event, row.value, row.reason,
                row.integrity, row.confidentiality, row.sandbox, row.target, row.hash,
            )
            for row in rows
        )  # fmt: skip

    async def verify_audit(self) -> AuditVerdict:
        """Go through the chain."""
        found = await self._audit.verify()
        return AuditVerdict(found.rows, found.broken, found.problem)


def _told(entry: Parked, outcome: CallOutcome) -> str:
    tool = visible(entry.tool)
    if outcome.status == "done":
        return tr("You allowed it, and it is done ({tool}):\n{result}", tool=tool, result=outcome.result or "")
    return tr("You allowed it, but it was not done ({tool}): {error}", tool=tool, error=outcome.error or "")


def _view(entry: Parked) -> InboxView:
    arguments = entry.frozen if entry.frozen is not None else entry.arguments
    shown = ShownCall(
        visible(entry.tool),
        entry.target,
        tuple(ShownArgument(visible(name), approval.words_of(value, lines=True)) for name, value in arguments.items()),
        entry.preview,
    )
    origins = tuple(visible(origin) for origin in entry.context.origins if origin != USER_ORIGIN)
    return InboxView(
        entry.id, visible(entry.tool), entry.capability, shown, entry.reason,
        origins if entry.context.integrity == "untrusted" else (), entry.session_id, entry.turn_id, entry.call_hash,
        entry.created_at, entry.expires_at, entry.answered_at, entry.state, entry.outcome,
    )  # fmt: skip
