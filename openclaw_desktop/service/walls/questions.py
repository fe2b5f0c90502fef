"""Questions that wait for the user.

Owns the open questions and who gets the answer. Must not know what is asked. Loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.events import Question, QuestionClosed, QuestionRaised
from openclaw_desktop.core.protocols import Ask

# More questions are not read but clicked away: from here on the answer is no.
QUESTIONS_A_TURN = 3

Emit = Callable[[QuestionRaised | QuestionClosed], None]


class QuestionDesk:
    """Raises questions as events of their turn and waits for `answer`."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._open: dict[str, tuple[Question, asyncio.Future[str]]] = {}
        self._raised_s: dict[str, float] = {}

    def for_turn(self, turn_id: str, emit: Emit) -> Ask:
        """Return the `Ask` of a turn whose events go to `emit`."""
        asked = 0

        async def ask(question: Question) -> str:
            nonlocal asked
            asked += 1
            if asked > QUESTIONS_A_TURN:
                return question.choices[-1].id
            answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            self._open[question.id] = (question, answered)
            self._raised_s[question.id] = self._clock.monotonic_s()
            emit(QuestionRaised(turn_id, question))
            choice: str | None = None
            try:
                choice = await answered
            finally:
                self._open.pop(question.id, None)
                self._raised_s.pop(question.id, None)
                emit(QuestionClosed(turn_id, question.id, choice))
            return choice

        return ask

    def answer(self, question_id: str, choice: str) -> bool:
        """Give the answer to an open question; False where it is not open or has no such choice.

        A yes that comes before the question's delay is over is no answer: nobody can have read it.
        """
        question, answered = self._open.get(question_id, (None, None))
        if question is None or answered is None or answered.done():
            return False
        if choice not in {known.id for known in question.choices}:
            return False
        waited_s = self._clock.monotonic_s() - self._raised_s.get(question_id, 0.0)
        if choice != question.choices[-1].id and waited_s < question.delay_s:
            return False
        answered.set_result(choice)
        return True
