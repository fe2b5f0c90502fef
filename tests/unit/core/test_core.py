"""The ground floor: texts that cannot hide, events that reach everybody, tasks that cannot vanish."""

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.core.bus import QUEUE_LIMIT, Bus
from openclaw_desktop.core.events import AgentStopping, ModelPulled
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr, visible, visible_lines, without_controls


@given(st.text())
def test_nothing_invisible_stays_invisible(text: str) -> None:
    assert visible(text).isprintable()


def test_a_text_of_several_lines_keeps_them_and_hides_nothing() -> None:
    assert visible_lines("a\n\tb \u202e\u200bc\x1b") == "a\n\tb \\u202e\\u200bc\\u001b"


@given(st.text(alphabet=st.characters()))
def test_no_control_character_reaches_model_or_terminal(text: str) -> None:
    cleaned = without_controls(text)
    assert all(ord(c) >= 32 or c in "\n\t" for c in cleaned)
    assert "\x9b" not in cleaned
    cleaned.encode("utf-8")


def test_every_control_character_goes_and_nothing_else() -> None:
    everything = "".join(chr(code) for code in range(0x110000) if chr(code) != "\r")
    gone = {*range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0xD800, 0xE000)}
    assert set(everything) - set(without_controls(everything)) == {chr(code) for code in gone}


def test_line_ends_are_kept_as_one_kind() -> None:
    assert without_controls("a\r\nb\rc\td\x1b[31m\x07") == "a\nb\nc\td[31m"


def test_a_sentence_is_filled_in() -> None:
    assert tr("{count} of {all}", count=1, all=2) == "1 of 2"
    assert tr("100 % {sure}") == "100 % {sure}"


def test_ids_are_different_and_sort_by_time() -> None:
    ids = [new_id("mem") for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [i[:16] for i in ids] == sorted(i[:16] for i in ids)


async def test_every_subscriber_hears_every_event_and_a_slow_one_loses_the_oldest() -> None:
    bus = Bus()
    first, slow = bus.subscribe(), bus.subscribe()
    waiting = [asyncio.ensure_future(anext(first)), asyncio.ensure_future(anext(slow))]
    await asyncio.sleep(0)
    assert bus.publish(AgentStopping()) == 2
    assert [await task for task in waiting] == [AgentStopping(), AgentStopping()]
    for number in range(QUEUE_LIMIT + 3):
        bus.publish(ModelPulled("m", number, 0))
    event = await anext(slow)
    assert isinstance(event, ModelPulled)
    assert event.received_bytes == 3
    await first.aclose()
    await slow.aclose()
    assert bus.publish(AgentStopping()) == 0


async def test_a_background_failure_is_logged_and_the_rest_ends_together(caplog: pytest.LogCaptureFixture) -> None:
    tasks = TaskSet()

    async def fail() -> None:
        raise RuntimeError("boom")

    failing = tasks.start(fail(), "the failing one")
    lasting = tasks.start(asyncio.Event().wait(), "the lasting one")
    with caplog.at_level(logging.ERROR):
        await asyncio.gather(failing, return_exceptions=True)
        await asyncio.sleep(0)
    assert "the failing one" in caplog.text
    await tasks.stop()
    assert lasting.cancelled()
