"""Who waits for the file goes before what is done in the background, and not for ever."""

from __future__ import annotations

import asyncio

from openclaw_desktop.storage.waiting import Waiting


async def test_nobody_waits_and_nothing_is_put_off() -> None:
    waiting = Waiting()
    assert not waiting.anyone
    await asyncio.wait_for(waiting.give_way(60), 5)


async def test_background_work_goes_on_once_the_last_one_has_what_was_waited_for() -> None:
    waiting = Waiting()
    with waiting.someone():
        with waiting.someone():
            going_on = asyncio.ensure_future(waiting.give_way(60))
            await asyncio.sleep(0)
        assert waiting.anyone and not going_on.done()
    assert not waiting.anyone
    await asyncio.wait_for(going_on, 5)


async def test_who_asks_again_at_once_is_before_it_again() -> None:
    waiting, order = Waiting(), list[str]()

    async def background() -> None:
        await waiting.give_way(60)
        order.append("background")

    with waiting.someone():
        task = asyncio.ensure_future(background())
        await asyncio.sleep(0)
    with waiting.someone():
        await asyncio.sleep(0)
        order.append("second question")
    await asyncio.wait_for(task, 5)
    assert order == ["second question", "background"]


async def test_without_a_pause_it_is_put_off_for_so_long_alone() -> None:
    waiting = Waiting()
    with waiting.someone():
        await asyncio.wait_for(waiting.give_way(0.01), 5)
        assert waiting.anyone


async def test_who_fails_waits_no_longer() -> None:
    waiting = Waiting()
    try:
        with waiting.someone():
            raise LookupError
    except LookupError:
        pass
    assert not waiting.anyone
