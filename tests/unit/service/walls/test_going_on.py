"""What goes on after an answer in the inbox, once, in which order, and what the chat says where it can't."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from openclaw_desktop.agent.course import Task
from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.errors import Failure, UserError
from openclaw_desktop.core.events import InboxChanged, TurnEvent, TurnFailed
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, ToolResult
from openclaw_desktop.memory.sessions import SessionStore, SpokenMessage
from openclaw_desktop.security.audit import AuditLog
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.security.inbox import LIFE, InboxStore
from openclaw_desktop.service.walls.desk import WallDesk
from openclaw_desktop.service.walls.going_on import GoingOn
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools.arguments import find_problem
from openclaw_desktop.tools.execution import Executor, Walls

EVIL = Label("untrusted", "private", ("web:https://evil.test/",))
REQUEST = "Send Ana the report"


class Sender:
    spec = ToolSpec("send_mail", "", {"type": "object"}, "outbound", "mail:send", ("to",))

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        return ToolResult("sent", USER)


class Clock(SystemClock):
    passed = timedelta()

    def now(self) -> Any:
        return super().now() + self.passed


@dataclass
class Turns:
    """Runs turns: keeps what was asked for, and puts an answer into the chat where it has one."""

    sessions: SessionStore
    answer: str = "It is sent."
    able: bool = True
    last: TurnEvent | None = None
    tasks: list[Task] = field(default_factory=list)
    ran: asyncio.Event = field(default_factory=asyncio.Event)

    async def can_go_on(self) -> bool:
        return self.able

    async def run_alone(self, task: Task) -> TurnEvent | None:
        self.tasks.append(task)
        assert task.after is not None
        await self.sessions.add_message(task.session_id, SpokenMessage(task.turn_id, "user", task.after.shown, USER))
        if self.answer:
            said = SpokenMessage(task.turn_id, "assistant", self.answer, EVIL, "m")
            await self.sessions.add_message(task.session_id, said)
        self.ran.set()
        return self.last


@dataclass
class House:
    database: Database
    sessions: SessionStore
    clock: Clock
    inbox: InboxStore
    executor: Executor
    going_on: GoingOn
    desk: WallDesk
    turns: Turns
    session: str
    changed: list[str]

    async def park(self, to: str = "ana@x.test", turn_id: str = "turn_1", model: str | None = "m") -> Any:
        """Let an unattended turn park a call; return the entry."""
        if not turn_id.startswith("turn_then_"):
            await self.sessions.add_message(self.session, SpokenMessage(turn_id, "user", REQUEST, USER))
        call, scene = ToolCall("c", "send_mail", {"to": to}), CallScene(self.session, turn_id, EVIL, folder="/work")
        outcome, _ = await self.executor(call, scene, None)
        waits = SpokenMessage(turn_id, "assistant", outcome.error or "", EVIL, model)
        await self.sessions.add_message(self.session, waits)
        return next(entry for entry in await self.inbox.list() if entry.id == outcome.inbox_id)

    async def texts(self) -> list[str]:
        return [message.text for message in await self.sessions.messages(self.session)]


async def build(database: Database, session: str | None = None) -> House:
    clock, sessions, changed = Clock(), SessionStore(database), []

    def when_changed(event: InboxChanged) -> None:
        going_on.wake()

    inbox, audit = InboxStore(database, clock, when_changed), AuditLog(database, clock)
    going_on = GoingOn(inbox, sessions, changed.append)
    executor = Executor([Sender()], GrantStore(database, ()), find_problem, Walls(audit, inbox, None, clock))
    desk = WallDesk(inbox, audit, executor, sessions, going_on, changed.append)
    turns = Turns(sessions)
    going_on.use(turns)
    chat = session or await sessions.begin()
    return House(database, sessions, clock, inbox, executor, going_on, desk, turns, chat, changed)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    database = await Database.open(tmp_path / "a.db")
    yield await build(database)
    await database.close()


async def test_for_one_command_alone_the_turn_goes_on_before_the_command_ends(house: House) -> None:
    entry = await house.park()
    assert (await house.desk.approve(entry.id, entry.call_hash)).state == "done"
    (task,) = house.turns.tasks
    assert (task.text, task.folder, task.ask, task.session_id) == (REQUEST, "/work", None, house.session)
    assert task.after is not None and task.after.withheld == frozenset()
    texts = await house.texts()
    assert texts[2] == "[Answered in the inbox]" and "sent" in texts[3]
    assert texts[4:] == [f"[Going on after your answer: {REQUEST}]", "It is sent."]
    assert house.changed == [house.session, house.session], "once for what became of the call, once for the turn"


async def test_a_request_waits_as_long_as_what_came_of_it_does(house: House) -> None:
    first = await house.park(turn_id="turn_job_a_1")
    assert await house.going_on.waiting() == {"turn_job_a_1"}
    await house.desk.approve(first.id, first.call_hash)
    assert await house.going_on.waiting() == frozenset()
    then = await house.park("bo@x.test", turn_id=f"turn_then_{first.id}")
    assert await house.going_on.waiting() == {"turn_job_a_1"}, "it is the same request still"
    await house.desk.deny(then.id)
    assert await house.going_on.waiting() == frozenset()


async def test_after_a_no_it_goes_on_without_the_tool(house: House) -> None:
    entry = await house.park()
    assert (await house.desk.deny(entry.id)).state == "denied"
    (task,) = house.turns.tasks
    assert task.after is not None and task.after.withheld == {"send_mail"}
    assert "You said no" in (await house.texts())[3]


async def test_a_plain_request_is_done_with_its_call(house: House) -> None:
    entry = await house.park(model=None)
    await house.desk.approve(entry.id, entry.call_hash)
    assert house.turns.tasks == []
    assert "sent" in (await house.texts())[-1]


async def test_a_turn_that_parked_several_goes_on_once_after_the_last_answer(house: House) -> None:
    first, second, third = [await house.park(f"{name}@x.test") for name in ("ana", "bob", "carl")]
    await house.desk.approve(second.id, second.call_hash)
    await house.desk.deny(third.id)
    assert house.turns.tasks == []
    await house.desk.approve(first.id, first.call_hash)
    (task,) = house.turns.tasks
    assert task.turn_id == f"turn_then_{first.id}" and task.after is not None
    assert task.after.told_turns == tuple(f"turn_told_{entry.id}" for entry in (first, second, third))
    assert task.after.withheld == {"send_mail"}
    # That counts as one time of asking: two more may follow.
    house.turns.answer = ""
    again = await house.park("dora@x.test", turn_id=task.turn_id)
    await house.desk.approve(again.id, again.call_hash)
    assert [task.tools for task in house.turns.tasks] == [True, True]
    assert house.turns.tasks[-1].after is not None and house.turns.tasks[-1].after.withheld == {"send_mail"}


async def test_what_nobody_answered_holds_up_no_turn_whose_other_call_was(house: House) -> None:
    first, second = await house.park(), await house.park("bob@x.test")
    await house.desk.approve(second.id, second.call_hash)
    house.clock.passed = LIFE
    working = asyncio.ensure_future(house.desk.work())
    await asyncio.wait_for(house.turns.ran.wait(), 20)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert [task.turn_id for task in house.turns.tasks] == [f"turn_then_{first.id}"]


async def test_a_turn_that_parks_again_goes_on_with_what_was_asked_first(house: House) -> None:
    house.turns.answer = ""
    entry = await house.park()
    await house.desk.approve(entry.id, entry.call_hash)
    house.turns.answer = "Done."
    again = await house.park("bob@x.test", turn_id=house.turns.tasks[0].turn_id)
    await house.desk.approve(again.id, again.call_hash)
    assert [task.text for task in house.turns.tasks] == [REQUEST, REQUEST]
    assert len({task.turn_id for task in house.turns.tasks}) == 2


@pytest.mark.parametrize(
    ("last", "able", "words"),
    [
        (TurnFailed("t", Failure("timeout", "The model does not answer.", "")), True, "The model does not answer."),
        (None, True, "it was stopped"),
        (None, False, "no model in use that can use tools"),
    ],
)
async def test_where_it_cannot_go_on_the_chat_says_why(
    house: House, last: TurnEvent | None, able: bool, words: str
) -> None:
    house.turns.answer, house.turns.last, house.turns.able = "", last, able
    entry = await house.park()
    await house.desk.approve(entry.id, entry.call_hash)
    texts = await house.texts()
    assert words in texts[-1]
    assert texts[-2].startswith("[Going on")


async def test_in_the_background_each_answered_turn_goes_on_once_also_after_a_restart(house: House) -> None:
    house.going_on.use(house.turns)
    first, second = await house.park(), await house.park("bob@x.test", "turn_2")
    working = asyncio.ensure_future(house.desk.work())
    await asyncio.sleep(0)
    await house.desk.approve(first.id, first.call_hash)
    await asyncio.wait_for(house.turns.ran.wait(), 20)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    # The answer to the second came, and the agent ended before its turn could go on.
    stopped = await build(house.database, house.session)
    stopped.desk.going_on = None
    await stopped.desk.approve(second.id, second.call_hash)
    again = await build(house.database, house.session)
    working = asyncio.ensure_future(again.desk.work())
    await asyncio.wait_for(again.turns.ran.wait(), 20)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert [task.turn_id for task in again.turns.tasks] == [f"turn_then_{second.id}"]
    assert [task.turn_id for task in house.turns.tasks] == [f"turn_then_{first.id}"]


async def test_what_nobody_answered_in_time_ends_with_a_sentence_and_nothing_goes_on(house: House) -> None:
    await house.park()
    house.clock.passed = LIFE
    assert [entry.state for entry in await house.desk.list_inbox(True)] == ["expired"]
    await house.desk.tell_expired()
    texts = await house.texts()
    assert texts[2:] == [
        "[Nobody answered in the inbox]",
        "Nobody answered in time, so this was not done (send_mail: ana@x.test).",
    ], "once"
    assert house.turns.tasks == []


async def test_it_waits_for_the_next_expiry_and_no_longer(house: House) -> None:
    assert await house.inbox.next_expiry_s() is None
    await house.park()
    left_s = await house.inbox.next_expiry_s()
    assert left_s is not None and LIFE.total_seconds() - 60 < left_s <= LIFE.total_seconds()


async def test_for_one_request_nobody_is_asked_a_fourth_time_and_each_no_holds_to_its_end(house: House) -> None:
    house.turns.answer = ""
    entry = await house.park()
    await house.desk.deny(entry.id)
    for to in ("bob@x.test", "carl@x.test"):
        entry = await house.park(to, turn_id=house.turns.tasks[-1].turn_id)
        await house.desk.approve(entry.id, entry.call_hash)
    assert [task.tools for task in house.turns.tasks] == [True, True, False], "then it only says what came of it"
    for task in house.turns.tasks:
        assert task.after is not None and task.after.withheld == {"send_mail"}


async def test_a_failure_while_it_looks_does_not_end_the_work_for_good(house: House) -> None:
    tries: list[int] = []
    failed, again = asyncio.Event(), asyncio.Event()

    async def tell_expired() -> None:
        tries.append(1)
        if len(tries) == 1:
            failed.set()
            raise UserError("disk_full", "The disk is full.")
        again.set()

    working = asyncio.ensure_future(house.going_on.work(tell_expired))
    await asyncio.wait_for(failed.wait(), 20)
    house.going_on.wake()
    await asyncio.wait_for(again.wait(), 20)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
