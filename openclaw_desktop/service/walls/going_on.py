"""A turn goes on once its parked calls were answered: in its chat, by the model, with nobody there to be asked.

Owns what is due, in which order, and that each turn goes on once, also over a restart: the told sentences have ids made
of the entries', the turn that goes on that of the first, and what stands in the chat is what was done. Must not know
how a turn goes, nor tools. Loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from openclaw_desktop.agent.course import After, Task
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import TurnEvent, TurnFailed
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.text import tr
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.memory.sessions import JOB_TURN, SessionStore, SpokenMessage
from openclaw_desktop.security.inbox import InboxStore, Parked
from openclaw_desktop.service.stores import THEN_TURN, TOLD_TURN
from openclaw_desktop.service.walls.questions import QUESTIONS_A_TURN

log = logging.getLogger(__name__)

# A turn that goes on may park again; so far back its request is looked for.
CHAIN_LIMIT = 50
SHOWN_TOKENS = 60
LONGEST_WAIT_S = 86_400.0
# So long after a failure, such as a full disk, it is tried again.
RETRY_S = 60.0
_ANSWERED = ("done", "failed", "denied")
_OPEN = ("open", "running")


class Turns(Protocol):
    """What runs turns."""

    async def can_go_on(self) -> bool:
        """Return True where a model is in use that can go on with what was asked before."""
        ...

    async def run_alone(self, task: Task) -> TurnEvent | None:
        """Run a turn that no front end watches; return its last event."""
        ...


class GoingOn:
    """Lets turns go on. Where `work` does not run, as for one command alone, `after` lets them go on at once."""

    def __init__(self, inbox: InboxStore, sessions: SessionStore, when_said: Callable[[str], object]) -> None:
        """`when_said`: told the id of a chat in which something was said."""
        self._inbox = inbox
        self._sessions = sessions
        self._when_said = when_said
        self._turns: Turns | None = None
        self._works = False
        self._woken = asyncio.Event()
        # Entries that are through; what the chats say counts, this only saves looking it up again.
        self._through: set[str] = set()

    def use(self, turns: Turns) -> None:
        """Take what runs the turns."""
        self._turns = turns

    def wake(self) -> None:
        """Note that something was parked or answered."""
        self._woken.set()

    async def after(self, entry_id: str) -> None:
        """Let the turn of an answered entry go on: in the background, or now where nothing works there."""
        if self._works:
            self.wake()
        else:
            await self._go_on(await self._inbox.get(entry_id))

    async def waiting(self) -> frozenset[str]:
        """Return the turns whose requests wait for an answer: they, or what went on after them, parked a call."""
        turns = set[str]()
        for entry in await self._inbox.list():
            with contextlib.suppress(UserError):  # what came before it is gone
                turns.add((await self._chain((entry,)))[-1][0].turn_id)
        return frozenset(turns)

    async def work(self, tell_expired: Callable[[], Awaitable[None]]) -> None:
        """Let go on what was answered before the start, then what is answered; `tell_expired` when that is due."""
        self._works = True
        begun = False
        while True:
            self._woken.clear()
            try:
                if not begun:
                    await self._close_cut_short()
                    begun = True
                await tell_expired()
                await self._go_on_all()
                wait_s = await self._next_expiry_s()
            except Exception:
                log.exception("the inbox could not be looked through")
                wait_s = RETRY_S
            try:
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _go_on_all(self) -> None:
        for entry in await self._inbox.list(everything=True):
            try:
                await self._go_on(entry)
            except Exception:
                log.exception("a turn could not go on after the answer to %s", entry.id)

    async def _next_expiry_s(self) -> float | None:
        """Return the seconds until the next open entry expires; None where none is open."""
        left_s = await self._inbox.next_expiry_s()
        # A clock that is set, or a machine that slept, is met within a day.
        return None if left_s is None else min(max(left_s, 0.0) + 1.0, LONGEST_WAIT_S)

    async def _close_cut_short(self) -> None:
        """Say of turns that went on when the agent ended that they did not come to their end; nothing is repeated."""
        for entry in await self._inbox.list(everything=True):
            if entry.session_id is None or not await self._sessions.has_turn(THEN_TURN + entry.id):
                continue
            if not await self._is_answered(entry):
                text = tr("The agent ended before this was done. Ask again for what is missing.")
                await self._say(entry, text, entry.context)

    async def _go_on(self, entry: Parked) -> None:
        if entry.id in self._through or entry.state not in _ANSWERED or entry.session_id is None:
            return
        session_id = entry.session_id
        parked = await self._inbox.of_turn(session_id, entry.turn_id)
        if self._turns is None or any(one.state in _OPEN for one in parked):
            return  # it goes on after the last answer
        for one in parked:
            if one.state in _ANSWERED and not await self._sessions.has_turn(TOLD_TURN + one.id):
                return
        told = tuple(TOLD_TURN + one.id for one in parked)
        self._through.update(one.id for one in parked)
        entry = parked[0]
        then = THEN_TURN + entry.id
        if await self._sessions.has_turn(then):
            return
        chain = await self._chain(parked)
        if (asked := await self._request(session_id, chain[-1][0].turn_id)) is None:
            return
        shown = tr("[Going on after your answer: {request}]", request=clip(asked.text, SHOWN_TOKENS))
        if not await self._turns.can_go_on():
            await self._sessions.add_message(session_id, SpokenMessage(then, "user", shown, entry.context))
            text = tr("It could not go on: there is no model in use that can use tools. Ask again once there is one.")
            await self._say(entry, text, entry.context)
            return
        denied = frozenset(one.tool for turn in chain for one in turn if one.state == "denied")
        after = After(told, shown, denied)
        # Nobody is asked more often for one thing: after the last answer it only says what came of it.
        tools = len(chain) < QUESTIONS_A_TURN
        last = await self._turns.run_alone(
            Task(
                then, session_id, asked.text, None, tools, folder=entry.folder, after=after, label=asked.label,
                lane="background" if asked.turn_id.startswith(JOB_TURN) else "chat",
            )
        )  # fmt: skip
        if not await self._is_answered(entry):
            why = last.failure.text if isinstance(last, TurnFailed) else tr("it was stopped")
            await self._say(entry, tr("It could not go on: {reason}", reason=why), entry.context)
        else:
            self._when_said(session_id)

    async def _chain(self, parked: tuple[Parked, ...]) -> list[tuple[Parked, ...]]:
        """Return what a turn had parked, then what those had whose answers it went on after, back to the request."""
        chain = [parked]
        while chain[-1][0].turn_id.startswith(THEN_TURN) and len(chain) < CHAIN_LIMIT:
            before = await self._inbox.get(chain[-1][0].turn_id.removeprefix(THEN_TURN))
            same = await self._inbox.of_turn(before.session_id, before.turn_id) if before.session_id else ()
            chain.append(same or (before,))
        return chain

    async def _request(self, session_id: str, turn_id: str) -> SpokenMessage | None:
        """Return what the user, or a job, had asked for in a turn; None where no model had it, or it is gone.

        A plain request is done with its call: there is nothing to go on with.
        """
        messages = await self._sessions.messages(session_id)
        by_model = any(m.turn_id == turn_id and m.role == "assistant" and m.model for m in messages)
        asked = next((m for m in messages if m.turn_id == turn_id and m.role == "user"), None)
        return asked if by_model else None

    async def _is_answered(self, entry: Parked) -> bool:
        assert entry.session_id is not None
        then = THEN_TURN + entry.id
        messages = await self._sessions.messages(entry.session_id)
        return any(m.turn_id == then and m.role == "assistant" for m in messages)

    async def _say(self, entry: Parked, text: str, label: Label) -> None:
        assert entry.session_id is not None
        await self._sessions.add_message(
            entry.session_id, SpokenMessage(THEN_TURN + entry.id, "assistant", text, label)
        )
        self._when_said(entry.session_id)
