"""Whose turn it is: the chat goes first, the background gives way, nobody is forgotten."""

from __future__ import annotations

import asyncio

from openclaw_desktop.core.protocols import Lane
from openclaw_desktop.inference.lanes import Lanes, Turn


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Asker:
    """Takes a turn and holds it until told."""

    def __init__(self, lanes: Lanes, lane: Lane, name: str, order: list[str]) -> None:
        self.turn: Turn | None = None
        self.release = asyncio.Event()
        self.task = asyncio.create_task(self._ask(lanes, lane, name, order))

    async def _ask(self, lanes: Lanes, lane: Lane, name: str, order: list[str]) -> None:
        async with lanes.turn(lane) as self.turn:
            order.append(name)
            await self.release.wait()


async def test_the_chat_goes_before_background_that_waited_longer() -> None:
    lanes, order = Lanes(), []
    first = Asker(lanes, "chat", "first", order)
    await settle()
    askers = [
        Asker(lanes, lane, name, order)
        for lane, name in (("background", "b1"), ("chat", "c1"), ("background", "b2"), ("chat", "c2"))
    ]  # type: ignore[arg-type]
    await settle()
    assert order == ["first"] and lanes.busy
    for asker in (first, *askers):
        asker.release.set()
    await asyncio.gather(first.task, *(asker.task for asker in askers))
    assert order == ["first", "c1", "c2", "b1", "b2"]
    assert not lanes.busy


async def test_a_running_background_turn_is_told_to_give_way_and_a_chat_turn_is_not() -> None:
    lanes, order = Lanes(), []
    background = Asker(lanes, "background", "b", order)
    await settle()
    assert background.turn is not None and not background.turn.given_way.is_set()
    chat = Asker(lanes, "chat", "c", order)
    await settle()
    assert background.turn.given_way.is_set() and order == ["b"], "it is told, not torn away"
    background.release.set()
    await settle()
    other = Asker(lanes, "chat", "c2", order)
    await settle()
    assert chat.turn is not None and not chat.turn.given_way.is_set()
    chat.release.set()
    other.release.set()
    await asyncio.gather(chat.task, other.task)


async def test_background_that_had_just_been_woken_hears_of_a_chat_that_came_meanwhile() -> None:
    lanes, order = Lanes(), []
    first = Asker(lanes, "chat", "first", order)
    waiting = Asker(lanes, "background", "b", order)
    await settle()
    first.release.set()
    while lanes._running is None or lanes._running.lane == "chat":
        await asyncio.sleep(0)
    chat = Asker(lanes, "chat", "c", order)
    await settle()
    assert waiting.turn is not None and waiting.turn.given_way.is_set()
    waiting.release.set()
    chat.release.set()
    await asyncio.gather(waiting.task, chat.task)


async def test_who_gives_up_waiting_holds_nobody_up() -> None:
    lanes, order = Lanes(), []
    first = Asker(lanes, "chat", "first", order)
    await settle()
    gone, next_one = Asker(lanes, "chat", "gone", order), Asker(lanes, "background", "next", order)
    await settle()
    gone.task.cancel()
    await settle()
    first.release.set()
    await settle()
    assert order == ["first", "next"]
    next_one.release.set()
    await next_one.task
    assert not lanes.busy


async def test_one_cancelled_in_the_moment_of_its_turn_passes_it_on() -> None:
    lanes, order = Lanes(), []
    first = Asker(lanes, "chat", "first", order)
    await settle()
    gone, next_one = Asker(lanes, "chat", "gone", order), Asker(lanes, "chat", "next", order)
    await settle()
    # Both at once: the turn is handed to `gone`, which is cancelled before it can wake.
    first.task.add_done_callback(lambda _: gone.task.cancel())
    first.release.set()
    await settle()
    next_one.release.set()
    async with asyncio.timeout(30):
        await next_one.task
    assert not lanes.busy
