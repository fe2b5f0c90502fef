"""What joins the marks under answers to the agent: what was given before is shown, and a new one is kept.

Owns that way alone. Must not know how an answer is drawn, nor what is made of a mark. Main thread, loop.
"""

from __future__ import annotations

from PySide6.QtCore import QObject
from shiboken6 import isValid

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.memory.api import Mark
from openclaw_desktop.ui.bubble import AnswerBubble
from openclaw_desktop.ui.failures import describe_error
from openclaw_desktop.ui.transcript import Transcript


class Marks(QObject):
    """The marks of one transcript."""

    def __init__(self, transcript: Transcript) -> None:
        super().__init__()
        self._transcript = transcript
        self._service: AgentService | None = None
        self._tasks = TaskSet()
        transcript.mark_given.connect(self._give)
        transcript.answers_restored.connect(self._read)

    def attach(self, service: AgentService) -> None:
        """Talk to the agent from now on."""
        self._service = service

    async def close(self) -> None:
        """End what runs here."""
        await self._tasks.stop()

    def _give(self, answer: AnswerBubble, mark: Mark) -> None:
        if self._service is not None:
            self._tasks.start(self._keep(self._service, answer, mark), "a mark on an answer")

    async def _keep(self, service: AgentService, answer: AnswerBubble, mark: Mark) -> None:
        try:
            kept = await service.give_feedback(answer.turn_id, mark)
        except Exception as error:
            self._transcript.add_failure(describe_error(error, "a mark on an answer"))
            return
        if isValid(answer):
            answer.show_mark(kept.mark)

    def _read(self, answers: list[AnswerBubble]) -> None:
        if self._service is not None and answers:
            self._tasks.start(self._show(self._service, answers), "the marks on answers")

    async def _show(self, service: AgentService, answers: list[AnswerBubble]) -> None:
        # The newest first: they are in sight.
        for answer in reversed(answers):
            if not isValid(answer):
                return  # the chat was put away meanwhile
            mark: Mark | None = None
            try:
                mark = (await service.give_feedback(answer.turn_id)).mark
            except UserError as error:
                if error.failure.code != "unknown_answer":
                    return  # the agent is gone: the chat says so
            if isValid(answer):
                # What is not in memory can't be marked.
                answer.show_marks(mark is not None)
                answer.show_mark(mark or "none")
