"""What joins the popup to the agent: commands go down through the service, events come up.

Owns the current session, the running turn and the open questions. Must not know how things are drawn. Main thread,
loop.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from PySide6.QtCore import QObject, Signal

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.errors import Failure
from openclaw_desktop.core.events import (
    AgentStopping,
    ChatChanged,
    InboxChanged,
    ModelStateChanged,
    NoticeFollowed,
    NoticesChanged,
    Question,
    WindowRequested,
)
from openclaw_desktop.core.power import LevelChanged
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.api import AgentService, AskRequest, ModelView
from openclaw_desktop.service.status_views import SandboxStatus
from openclaw_desktop.ui.failures import closing, describe_error
from openclaw_desktop.ui.marks import Marks
from openclaw_desktop.ui.offer import OfferCard, fetch_model
from openclaw_desktop.ui.popup import Popup
from openclaw_desktop.ui.question import QuestionDialog
from openclaw_desktop.ui.states import Mood, describe_model, mood_of
from openclaw_desktop.ui.turn import Turn

log = logging.getLogger(__name__)

# What is said after such a pause, mostly a night, begins another chat: the one before can be put away and summed up.
PAUSE = timedelta(hours=8)


class Chat(QObject):
    """The chat as the user has it, whatever shows it."""

    state_changed = Signal(str, str)
    window_requested = Signal(str)
    agent_stopped = Signal()
    inbox_changed = Signal(InboxChanged)
    sandbox_told = Signal(SandboxStatus)
    level_told = Signal(LevelChanged)
    notices_changed = Signal(NoticesChanged)
    notice_followed = Signal(NoticeFollowed)
    quit_requested = Signal()

    def __init__(self, popup: Popup, clock: Clock | None = None) -> None:
        super().__init__()
        self._popup = popup
        self._clock = clock or SystemClock()
        self._last_said: datetime | None = None
        self._service: AgentService | None = None
        self._session_id: str | None = None
        self._told: ModelStateChanged | None = None
        self._vectors_leave_machine = False
        self._turn: Turn | None = None
        self._turn_task: asyncio.Task[None] | None = None
        self._stale = False
        self._tasks = TaskSet()
        # Their cards stay on the screen whatever else goes.
        self._fetching: dict[OfferCard, asyncio.Task[None]] = {}
        self._questions: dict[str, QuestionDialog] = {}
        self._marks = Marks(popup.transcript)
        popup.composer.set_ready(False, tr("Starting…"))
        popup.composer.submitted.connect(self.send)
        popup.composer.stop_requested.connect(self.stop_turn)
        popup.transcript.retry_requested.connect(self.send)
        popup.new_chat_requested.connect(self.begin_session)
        popup.welcome.example_chosen.connect(self._use_example)
        popup.welcome.offer_made.connect(self._serve_offer)
        popup.welcome.quit_requested.connect(self.quit_requested)

    @property
    def turn_id(self) -> str | None:
        """The id of the running turn, None before it has one and where none runs."""
        return None if self._turn is None else self._turn.turn_id

    @property
    def questions(self) -> tuple[QuestionDialog, ...]:
        """The questions that wait for the user."""
        return tuple(self._questions.values())

    async def attach(self, service: AgentService) -> None:
        """Begin to talk to the agent: show the last chat, the model, and whatever it tells from now on."""
        self._service = service
        self._marks.attach(service)
        self._tasks.start(self._watch(service), "events of the agent")
        status, session = await asyncio.gather(service.status(), service.latest_session())
        # Afterwards: by then the agent has looked for its models, and need not do it twice.
        self._popup.transcript.titles = await _read_titles(service)
        if session is not None and self._session_id is None:
            self._session_id = session.session_id
            if session.messages:
                self._last_said = datetime.fromisoformat(session.messages[-1].created_at)
                self._popup.transcript.restore(session.messages)
                self._popup.show_conversation(True)
        self.sandbox_told.emit(status.sandbox)
        power = status.power
        self.level_told.emit(LevelChanged(power.level, power.presence, power.sentence))
        self._vectors_leave_machine = status.memory.vectors_leave_machine
        model = status.model
        # What was told meanwhile is newer than the status.
        self._show_state(self._told or ModelStateChanged(model.name, model.state, model.leaves_machine))
        await self._show_page()
        self._popup.composer.set_ready(True, tr("Ask or tell me something"))

    def fail(self, failure: Failure) -> None:
        """Show that there is no agent, and why."""
        self._service = None
        self._popup.composer.set_ready(False, tr("OpenCLaw is not running"))
        self._popup.welcome.show_failure(failure)
        self._popup.show_conversation(False)
        self._announce(tr("not working"), "error")

    async def close(self) -> None:
        """End what runs here; open questions go without an answer."""
        await self._tasks.stop()
        await self._marks.close()
        for dialog in self._questions.values():
            dialog.dismiss()
        self._questions.clear()

    # The conversation

    def send(self, text: str) -> None:
        """Ask the agent; a running turn ends first."""
        if self._service is None or self._turn is not None:
            self._popup.composer.give_back(text)
            return
        now = self._clock.now()
        if self._session_id is not None and self._last_said is not None and now - self._last_said > PAUSE:
            self._session_id = None
            self._popup.transcript.add_notice(tr("A new chat begins here."))
        self._last_said = now
        turn = Turn(self._popup.transcript, text)
        turn.question_raised.connect(self._raise_question)
        turn.question_closed.connect(self._close_question)
        turn.offer_made.connect(self._add_offer)
        self._turn = turn
        self._popup.show_conversation(True)
        self._popup.composer.set_running(True)
        self._turn_task = self._tasks.start(self._run_turn(self._service, turn), "turn")

    async def _run_turn(self, service: AgentService, turn: Turn) -> None:
        request = AskRequest(turn.asked, session_id=self._session_id, attended=True)
        failure: Failure | None = None
        try:
            async with closing(service.ask(request)) as events:
                async for event in events:
                    turn.apply(event)
                    if turn.session_id is not None and self._turn is turn:
                        self._session_id = turn.session_id
        except asyncio.CancelledError:
            failure = Failure("stopped", tr("You stopped this before it began."))
            raise
        except Exception as error:
            failure = describe_error(error, "a turn")
        finally:
            self._end_turn(turn, failure)

    def _end_turn(self, turn: Turn, failure: Failure | None) -> None:
        if not turn.ended:
            failure = failure or Failure("ended", tr("The agent ended this turn without an answer."), tr("Try again."))
            if turn.turn_id is None:
                turn.withdraw()
                self._popup.transcript.add_failure(failure)
                self._popup.composer.give_back(turn.asked)
            else:
                turn.fail(failure)
        for question_id in turn.question_ids:
            self._close_question(question_id)
        if self._turn is turn:
            self._last_said = self._clock.now()
            self._turn = self._turn_task = None
            self._popup.composer.set_running(False)
            if self._stale and self._session_id is not None:
                self._follow_chat(self._session_id)

    def stop_turn(self) -> None:
        """Stop the running turn: through the service once it has an id, before that by closing its stream."""
        if self._turn is None or self._service is None or self._turn_task is None:
            return
        if self._turn.turn_id is None:
            self._turn_task.cancel()
        else:
            self._tasks.start(self._stop_turn(self._service, self._turn, self._turn_task), "stop of a turn")

    async def _stop_turn(self, service: AgentService, turn: Turn, task: asyncio.Task[None]) -> None:
        try:
            running = await service.stop_turn(turn.turn_id or "")
        except Exception as error:
            self._popup.transcript.add_failure(describe_error(error, "stopping a turn"))
            running = False
        if not running and not turn.ended:
            task.cancel()

    def begin_session(self) -> None:
        """Begin a new chat; a running turn is stopped."""
        if self._service is not None:
            self._tasks.start(self._begin_session(self._service), "new chat")

    async def _begin_session(self, service: AgentService) -> None:
        if self._turn_task is not None:
            task, self._turn = self._turn_task, None
            self._turn_task = None
            task.cancel()
            await asyncio.wait([task])
            self._popup.composer.set_running(False)
        try:
            self._session_id = await service.new_session()
            self._last_said = None
        except Exception as error:
            self._popup.transcript.add_failure(describe_error(error, "a new chat"))
            self._popup.show_conversation(True)
            return
        self._popup.transcript.clear(keep=self._fetching)
        self._popup.show_conversation(not self._popup.transcript.is_empty())
        await self._show_page()
        self._popup.composer.edit.setFocus()

    def _use_example(self, text: str) -> None:
        self._popup.composer.edit.setPlainText(text)
        self._popup.composer.edit.moveCursor(self._popup.composer.edit.textCursor().MoveOperation.End)
        self._popup.composer.edit.setFocus()

    async def _show_page(self) -> None:
        if self._fetching:
            return
        if self._has_model or self._service is None:
            self._popup.welcome.show_greeting(self._leaves_machine or self._vectors_leave_machine)
            return
        models: tuple[ModelView, ...] = ()
        failure: Failure | None = None
        try:
            models = await self._service.list_models()
        except Exception as error:
            failure = describe_error(error, "listing models")
        if self._has_model or self._fetching:
            return  # meanwhile a model came, or is on its way on a card of this page
        if failure is not None:
            self._popup.welcome.show_failure(failure)
        else:
            self._popup.welcome.show_models(models)

    def open_session(self, session_id: str) -> None:
        """Show another chat; not while an answer is being written, which would be lost from sight."""
        if self._service is None or session_id == self._session_id:
            return
        if self._turn is not None:
            self._popup.show_banner(tr("An answer is being written. The other chat can be shown once it is done."))
            return
        self._tasks.start(self._open_session(self._service, session_id), "another chat")

    async def _open_session(self, service: AgentService, session_id: str) -> None:
        try:
            view = await service.show_session(session_id)
        except Exception as error:
            self._popup.transcript.add_failure(describe_error(error, "another chat"))
            self._popup.show_conversation(True)
            return
        if self._turn is None:
            self._session_id, self._last_said = session_id, self._clock.now()
            self._popup.transcript.restore(view.messages)
            self._popup.show_conversation(not self._popup.transcript.is_empty())

    def _follow_chat(self, session_id: str) -> None:
        """Show what came into this chat without being asked here; after the running turn, where there is one."""
        if session_id != self._session_id or self._service is None:
            return
        self._stale = self._turn is not None
        if not self._stale:
            self._tasks.start(self._append_turns(self._service, session_id), "new turns of the chat")

    async def _append_turns(self, service: AgentService, session_id: str) -> None:
        try:
            view = await service.show_session(session_id)
        except Exception as error:
            self._popup.transcript.add_failure(describe_error(error, "new turns of the chat"))
            return
        if self._turn is not None:
            self._stale = True
        elif session_id == self._session_id and self._popup.transcript.append(view.messages):
            self._popup.show_conversation(True)

    # Questions

    def _raise_question(self, question: Question) -> None:
        dialog = QuestionDialog(question)
        self._questions[question.id] = dialog
        dialog.answered.connect(lambda choice: self._answer_question(question.id, choice))
        dialog.present_beside(self._popup if self._popup.isVisible() else None)

    def _close_question(self, question_id: str) -> None:
        dialog = self._questions.pop(question_id, None)
        if dialog is not None:
            dialog.dismiss()
            dialog.deleteLater()

    def _answer_question(self, question_id: str, choice: str) -> None:
        # The window is hidden by now, and goes once the agent has taken the answer.
        if self._service is not None:
            self._tasks.start(self._send_choice(self._service, question_id, choice), "answer to a question")

    async def _send_choice(self, service: AgentService, question_id: str, choice: str) -> None:
        try:
            still_open = await service.answer_question(question_id, choice)
        except Exception as error:
            self._close_question(question_id)
            self._popup.transcript.add_failure(describe_error(error, "answering a question"))
            return
        dialog = self._questions.get(question_id)
        if not still_open and dialog is not None and dialog.question.delay_s and choice != dialog.refusal:
            dialog.ask_again()
            return
        self._close_question(question_id)
        if not still_open:
            self._popup.transcript.add_notice(tr("That question was no longer open; nothing was done."))

    # Models

    def _add_offer(self, card: OfferCard) -> None:
        self._popup.transcript.add(card)
        self._serve_offer(card)

    def _serve_offer(self, card: OfferCard) -> None:
        card.wanted.connect(lambda: self._fetch(card))
        card.cancelled.connect(lambda: self._cancel_fetch(card))

    def _fetch(self, card: OfferCard) -> None:
        if self._service is None:
            return
        run = self._run_fetch(self._service, card, self._fetching.get(card))
        task = self._fetching[card] = self._tasks.start(run, f"fetching {card.model_id}")
        # Here, since a task that is cancelled before its first step does nothing at all.
        task.add_done_callback(lambda _: self._end_fetch(card, task))

    async def _run_fetch(self, service: AgentService, card: OfferCard, earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            # Just paused or cancelled, it has not let go of the download yet.
            await asyncio.wait([earlier])
        if await fetch_model(service, card):
            del self._fetching[card]
            await self._show_page()

    def _cancel_fetch(self, card: OfferCard) -> None:
        task = self._fetching.get(card)
        # Once: a second time would end the closing of the download too.
        if task is not None and not task.cancelling():
            task.cancel()

    def _end_fetch(self, card: OfferCard, task: asyncio.Task[None]) -> None:
        if self._fetching.get(card) is task:
            del self._fetching[card]

    # What the agent tells by itself

    async def _watch(self, service: AgentService) -> None:
        failure = Failure("stopped", tr("The agent has stopped."), tr("Start OpenCLaw again to go on."))
        try:
            async with closing(service.watch()) as events:
                async for event in events:
                    match event:
                        case ModelStateChanged():
                            await self._follow_model(event)
                        case InboxChanged():
                            self.inbox_changed.emit(event)
                        case ChatChanged(session_id=session_id):
                            self._follow_chat(session_id)
                        case NoticesChanged():
                            self.notices_changed.emit(event)
                        case NoticeFollowed():
                            self.notice_followed.emit(event)
                        case LevelChanged():
                            self.level_told.emit(event)
                        case WindowRequested(action=action):
                            self.window_requested.emit(action)
                        case AgentStopping():
                            self.agent_stopped.emit()
                            break
        except Exception as error:
            failure = describe_error(error, "watching the agent")
        self._lose_agent(failure)

    async def _follow_model(self, told: ModelStateChanged) -> None:
        before = self._has_model, self._leaves_machine
        self._show_state(told)
        if before != (self._has_model, self._leaves_machine):
            await self._show_page()

    def _lose_agent(self, failure: Failure) -> None:
        self._service = None
        self._popup.composer.set_ready(False, tr("The agent has stopped"))
        self._popup.show_banner(failure.text)
        # What waits there can be answered again once an agent runs.
        self.inbox_changed.emit(InboxChanged(0))
        self.notices_changed.emit(NoticesChanged(0, 0))
        self._announce(tr("stopped"), "error")

    @property
    def _has_model(self) -> bool:
        return self._told is not None and self._told.model is not None

    @property
    def _leaves_machine(self) -> bool:
        return self._told is not None and self._told.leaves_machine

    def _show_state(self, told: ModelStateChanged) -> None:
        self._told = told
        name = None if told.model is None else self._popup.transcript.name_model(told.model)
        self._announce(describe_model(name, told.state, told.leaves_machine), mood_of(told.state))

    def _announce(self, sentence: str, mood: Mood) -> None:
        self._popup.header.show_state(sentence, mood)
        self.state_changed.emit(sentence, mood)


async def _read_titles(service: AgentService) -> dict[str, str]:
    """Return the models' titles by id; without them the ids are shown."""
    try:
        models = await service.list_models()
    except Exception as error:
        describe_error(error, "reading the models' titles")
        return {}
    return {model.id: model.title for model in models}
