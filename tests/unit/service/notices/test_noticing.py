"""What of the agent's own doing becomes a notice, told once, and taken back when it was dealt with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from openclaw_desktop.core.bus import Bus
from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import InboxChanged
from openclaw_desktop.core.notices import Notice
from openclaw_desktop.core.power import Woke
from openclaw_desktop.notifications.store import Added, NoticeStore
from openclaw_desktop.service.notices.noticing import (
    Noticing,
    make_notices,
    tell_finding,
    tell_of_findings,
    tell_of_inbox,
)
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.settings import NotificationSettings

FULL = Finding("memory size", "error", "It is full.", "Make room.")
WELL = Finding("memory size", "ok", "There is room.")


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[tuple[Noticing, Bus]]:
    async with AsyncExitStack() as stack:
        database = await Database.open(tmp_path / "memory.db")
        stack.push_async_callback(database.close)
        bus = Bus()
        made = make_notices(database, NotificationSettings(), bus, SystemClock(), {}, stack, lasting=False)
        yield made, bus


async def titles(room: Noticing) -> list[str]:
    return [notice.title for notice in await room.desk.list(everything=False)]


async def wait_for(noticing: Noticing, wanted: list[str]) -> None:
    async with asyncio.timeout(20):
        while await titles(noticing) != wanted:
            await asyncio.sleep(0)


async def test_what_parks_is_told_and_withdrawn_once_it_is_answered(room: tuple[Noticing, Bus]) -> None:
    noticing, bus = room

    async def pending() -> int:
        return 2

    telling = asyncio.ensure_future(tell_of_inbox(noticing.notify, bus, pending))
    await wait_for(noticing, ["Several tasks wait for your answer"])
    bus.publish(InboxChanged(3, "inb_1", "A task waits for your answer: write_file", "open"))
    await wait_for(noticing, ["A task waits for your answer: write_file", "Several tasks wait for your answer"])
    bus.publish(Woke(60.0))
    bus.publish(InboxChanged(2, "inb_1", "You said no.", "denied"))
    await wait_for(noticing, ["Several tasks wait for your answer"])
    bus.publish(InboxChanged(0, "inb_0", "You said no.", "denied"))
    await wait_for(noticing, [])
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)


async def test_what_parks_while_nothing_can_be_kept_is_told_once_it_can(
    room: tuple[Noticing, Bus], monkeypatch: pytest.MonkeyPatch
) -> None:
    noticing, bus = room
    monkeypatch.setattr("openclaw_desktop.service.notices.noticing.RETRY_S", 0.0)
    waiting, failures = [0], []
    add = NoticeStore.add

    async def fail_twice(self: NoticeStore, notice: Notice) -> Added:
        if len(failures) < 2:
            failures.append(notice.key)
            raise UserError("no_room", "The disk is full.")
        return await add(self, notice)

    async def pending() -> int:
        return waiting[0]

    monkeypatch.setattr(NoticeStore, "add", fail_twice)
    others = bus.publish(InboxChanged(0))
    telling = asyncio.ensure_future(tell_of_inbox(noticing.notify, bus, pending))
    async with asyncio.timeout(20):
        while bus.publish(InboxChanged(0)) == others:
            await asyncio.sleep(0)
        # It listens. Said once: what is said again after it was owed would be a notice of its own.
        waiting[0] = 1
        bus.publish(InboxChanged(1, "inb_1", "A task waits for your answer: write_file", "open"))
        while not failures:
            await asyncio.sleep(0)
    await wait_for(noticing, ["One task waits for your answer"])
    bus.publish(InboxChanged(0, "inb_1", "You said no.", "denied"))
    await wait_for(noticing, [])
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    assert failures[-1] == "start"


async def test_a_look_that_fails_is_made_again(room: tuple[Noticing, Bus]) -> None:
    noticing, _ = room
    answers: list[list[Finding] | Exception] = [ValueError("a bad line"), [FULL]]

    def look() -> list[Finding]:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    telling = asyncio.ensure_future(tell_of_findings(noticing.notify, {"room": look}, look_s=0.0))
    await wait_for(noticing, ["The memory of the agent needs you"])
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)


async def test_a_finding_is_told_once_and_withdrawn_when_it_is_well_again(room: tuple[Noticing, Bus]) -> None:
    noticing, _ = room
    told: dict[str, str] = {}
    for _ in range(3):
        await tell_finding(noticing.notify, told, "room", [FULL])
    (notice,) = await noticing.desk.list(everything=True)
    assert (notice.topic, notice.priority, notice.body) == ("storage", "high", "It is full. Make room.")
    await tell_finding(noticing.notify, {}, "room", [FULL])
    assert len(await noticing.desk.list(everything=True)) == 1, "after a new start it is there still"
    await tell_finding(noticing.notify, told, "room", [])
    assert await titles(noticing) == []


async def test_findings_are_looked_at_until_it_ends(room: tuple[Noticing, Bus]) -> None:
    noticing, _ = room
    answers = [[WELL], [FULL], [FULL]]
    looks = {"room": lambda: answers.pop(0) if answers else [WELL], "copies": lambda: [WELL]}
    telling = asyncio.ensure_future(tell_of_findings(noticing.notify, looks, look_s=0.0))
    async with asyncio.timeout(20):
        while not await noticing.desk.list(everything=True) or await titles(noticing):
            await asyncio.sleep(0)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    (notice,) = await noticing.desk.list(everything=True)
    assert (notice.state, notice.body) == ("opened", "It is full. Make room.")


async def test_the_desk_tells_how_things_stand_in_words(room: tuple[Noticing, Bus]) -> None:
    desk = room[0].desk
    notice_id = await desk.send("Bread\x1b[31m is ready", "now\u202e", "normal", "kitchen")
    (view,) = await desk.list(everything=False)
    assert (view.id, view.title, view.body) == (notice_id, "Bread[31m is ready", "now\\u202e")
    assert (view.state_text, view.why, view.unseen, view.wish) == ("Not told yet.", "You sent it yourself.", True, "")
    topic = await desk.weigh("kitchen", "less")
    assert (topic.shift, topic.text) == (-1, "you asked for less")
    (view,) = await desk.list(everything=False)
    assert view.wish == "less" and "Shown as low: you asked for less of this." in view.why
    await desk.snooze(notice_id, 3600.0)
    assert (await desk.topics())[0].snoozed == 1
    status = await desk.quiet(3600.0)
    assert (status.queued, status.unseen) == (1, 0) and status.quiet_until is not None
    assert (await desk.quiet(None)).quiet_until is None
    await desk.dismiss(())
    (over,) = await desk.list(everything=True)
    assert (over.state_text, await desk.findings()) == ("You put it away.", ())


@pytest.mark.parametrize("seconds", [0.0, -1.0, 3e6, float("nan")])
async def test_what_is_no_length_or_no_notice_is_said(room: tuple[Noticing, Bus], seconds: float) -> None:
    desk = room[0].desk
    with pytest.raises(UserError, match="a second to a month"):
        await desk.quiet(seconds)
    with pytest.raises(UserError, match="There is no notice"):
        await desk.dismiss(("ntc_none",))
    with pytest.raises(UserError, match="A topic is one line"):
        await desk.send("a", "", "normal", "two\nlines")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (NotificationSettings(quiet_hours="at night"), "can't be understood"),
        (NotificationSettings(zone="Mars/Base"), "no time zone"),
        (NotificationSettings(digest_at="noon"), "no time of the day"),
    ],
)
async def test_settings_that_mean_nothing_are_said_at_the_start(
    tmp_path: Path, settings: NotificationSettings, words: str
) -> None:
    database = await Database.open(tmp_path / "memory.db")
    async with AsyncExitStack() as stack:
        with pytest.raises(UserError, match=words):
            make_notices(database, settings, Bus(), SystemClock(), {}, stack, lasting=False)
    await database.close()
