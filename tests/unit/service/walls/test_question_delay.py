"""What is asked twice: no yes counts before the question could be read, a no counts at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from openclaw_desktop.core.events import Choice, Question, QuestionClosed, QuestionRaised
from openclaw_desktop.service.walls.questions import QuestionDesk

SECOND = Question(
    "q", "Are you sure?", "Your data may go to:", "evil.test", (Choice("once", "Yes"), Choice("no", "No")), delay_s=3.0
)


class Clock:
    """It stands until it is moved."""

    elapsed_s = 100.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return self.elapsed_s


async def raised(desk: QuestionDesk, told: list[QuestionRaised | QuestionClosed]) -> asyncio.Future[str]:
    asking = asyncio.ensure_future(desk.for_turn("t", told.append)(SECOND))
    await asyncio.sleep(0)
    assert told == [QuestionRaised("t", SECOND)]
    return asking


async def test_a_yes_before_the_delay_is_no_answer_and_the_question_stays_open() -> None:
    clock, told = Clock(), []
    desk = QuestionDesk(clock)
    asking = await raised(desk, told)
    for later_s in (0.0, 1.5, 1.49):
        clock.elapsed_s += later_s
        assert not desk.answer("q", "once")
    await asyncio.sleep(0)
    assert not asking.done() and len(told) == 1
    clock.elapsed_s += 0.02
    assert desk.answer("q", "once")
    assert await asking == "once"


async def test_a_no_counts_at_once() -> None:
    desk, told = QuestionDesk(Clock()), []
    asking = await raised(desk, told)
    assert desk.answer("q", "no")
    assert await asking == "no"


async def test_the_delay_begins_with_each_question_anew() -> None:
    clock = Clock()
    desk = QuestionDesk(clock)
    for _ in range(2):
        told: list[QuestionRaised | QuestionClosed] = []
        asking = await raised(desk, told)
        assert not desk.answer("q", "once")
        clock.elapsed_s += 3.0
        assert desk.answer("q", "once")
        assert await asking == "once"
