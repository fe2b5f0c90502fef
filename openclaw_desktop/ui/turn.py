"""One turn on the screen: every event of it finds its place.

Owns the bubbles of one turn. Must not know the service: what needs it (questions, offers) leaves as a signal.
Main thread.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from openclaw_desktop.core.errors import Failure
from openclaw_desktop.core.events import (
    ModelOffered,
    NoticeShown,
    Question,
    QuestionClosed,
    QuestionRaised,
    TextAdded,
    TextWithdrawn,
    ToolFinished,
    ToolStarted,
    TurnEvent,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    TurnStopped,
)
from openclaw_desktop.core.messages import Answer, CallOutcome, Receipt
from openclaw_desktop.core.text import tr
from openclaw_desktop.ui.offer import OfferCard
from openclaw_desktop.ui.transcript import Transcript


class Turn(QObject):
    """What the user said, the answer as it comes, and how it ended."""

    question_raised = Signal(Question)
    question_closed = Signal(str)
    offer_made = Signal(OfferCard)

    def __init__(self, transcript: Transcript, asked: str) -> None:
        super().__init__()
        self.asked = asked
        self.turn_id: str | None = None
        self.session_id: str | None = None
        self.ended = False
        self.question_ids: list[str] = []
        self._transcript = transcript
        self._receipts: list[Receipt] = []
        self._failed_calls: set[str] = set()
        self._model: str | None = None
        self._offer: OfferCard | None = None
        self._user = transcript.add_user(asked)
        self.answer = transcript.add_answer(asked)

    def apply(self, event: TurnEvent) -> None:
        """Show what `event` says."""
        match event:
            case TurnStarted(turn_id=turn_id, session_id=session_id, model=model):
                self.turn_id, self.session_id, self._model = turn_id, session_id, model
                self._transcript.note_turn(turn_id)
            case TextAdded(text=text):
                self.answer.add_text(text)
            case TextWithdrawn():
                self.answer.set_text("")
                self.answer.set_waiting(tr("Thinking…"))
            case NoticeShown(text=text):
                self.answer.add_notice(text)
            case ToolStarted(call=call):
                self.answer.set_waiting(tr("Working: {tool}…", tool=call.name.replace("_", " ")))
            case ToolFinished(outcome=outcome, receipts=receipts):
                self.answer.set_waiting(tr("Thinking…"))
                self._show_receipts(receipts)
                self._show_outcome(outcome)
            case QuestionRaised(question=question):
                self.answer.set_waiting(tr("Waiting for your answer in the other window…"))
                self.question_ids.append(question.id)
                self.question_raised.emit(question)
            case QuestionClosed(question_id=question_id):
                self.answer.set_waiting(tr("Thinking…"))
                self.question_closed.emit(question_id)
            case ModelOffered(model_id=model_id, title=title, size_bytes=size_bytes):
                sentence = tr("With this model I can answer that.")
                self._offer = OfferCard(model_id, title, size_bytes, sentence)
            case TurnFinished(answer=answer):
                self._finish(answer)
                self._show_offer()
            case TurnStopped(text=text):
                self._stop(text)
                self._show_offer()
            case TurnFailed(failure=failure):
                self.fail(failure)

    def _show_receipts(self, receipts: tuple[Receipt, ...]) -> None:
        for receipt in receipts:
            if receipt not in self._receipts:
                self._receipts.append(receipt)
                self.answer.add_chip("✓", receipt.text, detail=receipt.subject)

    def _show_outcome(self, outcome: CallOutcome) -> None:
        if outcome.status == "done" or outcome.id in self._failed_calls:
            return
        self._failed_calls.add(outcome.id)
        tool = outcome.name.replace("_", " ")
        match outcome.status:
            case "denied":
                text = tr("{tool}: not allowed", tool=tool)
            case "parked":
                text = tr("{tool}: waits for you", tool=tool)
            case _:
                text = tr("{tool}: failed", tool=tool)
        self.answer.add_chip("✗", text, detail=outcome.error or "", failed=True)

    def _finish(self, answer: Answer) -> None:
        self.ended = True
        if answer.answer != self.answer.text:
            self.answer.set_text(answer.answer)
        self._show_receipts(answer.receipts)
        for outcome in answer.tool_calls:
            self._show_outcome(outcome)
        model = self._transcript.name_model(answer.model)
        label = answer.label
        untrusted = label.integrity == "untrusted"
        self.answer.finish(model, untrusted=untrusted, origins=label.foreign_origins, turn_id=answer.turn_id)

    def _stop(self, text: str) -> None:
        self.ended = True
        if text and text != self.answer.text:
            self.answer.set_text(text)
        self.answer.finish(tr("stopped"))

    def fail(self, failure: Failure) -> None:
        """End the turn with a sentence and a way to ask again; what had been written stays."""
        self.ended = True
        if self.answer.text.strip():
            self.answer.finish(tr("not finished"))
            self.answer.retry_button.hide()
        else:
            self._transcript.remove(self.answer)
        self._transcript.add_failure(failure, self.asked)
        self._show_offer()

    def _show_offer(self) -> None:
        """Show the model on offer, below how the turn ended."""
        if self._offer is not None:
            self.offer_made.emit(self._offer)
            self._offer = None

    def withdraw(self) -> None:
        """Take the whole turn off the screen: the agent did not accept it."""
        self.ended = True
        self._transcript.remove(self.answer)
        self._transcript.remove(self._user)
