"""One turn in a terminal, and a chat of them.

Owns how events look as text and how questions are asked there. Must not know how a turn works.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from openclaw_desktop.cli.asking import ask_in_terminal
from openclaw_desktop.cli.feedback import CHAT_MARKS
from openclaw_desktop.cli.output import leaving_sentence, tell
from openclaw_desktop.cli.progress import pull_with_progress
from openclaw_desktop.cli.terminal import is_real_terminal, on_interrupt, read_line
from openclaw_desktop.core.errors import ExitCode, Failure, UserError
from openclaw_desktop.core.events import (
    ModelOffered,
    NoticeShown,
    Question,
    QuestionClosed,
    QuestionRaised,
    TextAdded,
    TextWithdrawn,
    ToolFinished,
    TurnFailed,
    TurnFinished,
    TurnStarted,
    TurnStopped,
)
from openclaw_desktop.core.messages import Answer
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.service.api import AgentService, AskRequest
from openclaw_desktop.service.memory.api import Mark


@dataclass(slots=True)
class TurnResult:
    """How a turn ended: an answer, a failure, or neither where it was stopped."""

    answer: Answer | None = None
    failure: Failure | None = None
    offered: ModelOffered | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of a program that asked this."""
        if self.failure is not None:
            return self.failure.exit_code
        if self.answer is None:
            return ExitCode.FAILED
        denied = any(call.status in ("denied", "parked") for call in self.answer.tool_calls)
        return ExitCode.DENIED if denied else ExitCode.DONE


async def run_turn(service: AgentService, request: AskRequest, show: Callable[[str], None] | None) -> TurnResult:
    """Run one turn; `show` gets the text as it streams, None shows nothing of it."""
    result = TurnResult()
    asking: dict[str, asyncio.Task[None]] = {}
    async with aclosing(service.ask(request)) as events, _ended(asking):
        async for event in events:
            match event:
                case TextAdded(text=text) if show:
                    show(text)
                case TextWithdrawn() if show:
                    show("\n")
                case NoticeShown(text=text):
                    tell(f"[{text}]")
                case ToolFinished(receipts=receipts):
                    for receipt in receipts:
                        tell(f"[{receipt.text}]")
                case QuestionRaised(question=question):
                    # Beside the events: a turn that ends meanwhile takes its question back.
                    asking[question.id] = asyncio.ensure_future(_answer(service, question))
                case QuestionClosed(question_id=question_id):
                    asking.pop(question_id).cancel()
                case ModelOffered():
                    result.offered = event
                case TurnFinished(answer=answer):
                    result.answer = answer
                case TurnFailed(failure=failure):
                    result.failure = failure
                case TurnStarted(model=model, leaves_machine=True):
                    tell("[" + tr("{model} is not on this machine: what it reads leaves it.", model=model) + "]")
                case TurnStarted() | TurnStopped():
                    pass
    return result


@asynccontextmanager
async def _ended(asking: Mapping[str, asyncio.Task[None]]) -> AsyncIterator[None]:
    """Take back what is still being asked: a turn that was stopped must not go on asking beside what comes next."""
    try:
        yield
    finally:
        for task in asking.values():
            task.cancel()


async def _answer(service: AgentService, question: Question) -> None:
    await service.answer_question(question.id, await ask_in_terminal(question))


async def chat(service: AgentService, session_id: str | None, show: Callable[[str], None] | None) -> list[TurnResult]:
    """Talk until the input ends and return the turns; Ctrl-C stops the answer, not the chat."""
    terminal = is_real_terminal()
    results: list[TurnResult] = []
    session = session_id or await service.new_session()
    await service.warm_up()
    if terminal:
        tell(tr("Type to talk. /new begins a new chat, /good and /bad mark the answer, /quit ends. Ctrl-C stops it."))
        chosen = next((model for model in await service.list_models() if model.chosen), None)
        if chosen is not None and chosen.leaves_machine:
            tell(f"[{leaving_sentence(chosen.endpoint)}]")
        if chosen is None:
            tell(tr("There is no model yet. Fetch one with: openclaw-agent model pull smollm2-135m"))
    while (line := await read_line("> ")) is not None:
        text = line.strip()
        if text in ("/quit", "/exit"):
            break
        if text == "/new":
            session = await service.new_session()
            continue
        if text in CHAT_MARKS:
            await _mark_answer(service, results, CHAT_MARKS[text])
            continue
        if text:
            request = AskRequest(text, session, attended=terminal, folder=str(Path.cwd()))
            results.append(await _chat_turn(service, request, terminal, show))
    return results


async def _mark_answer(service: AgentService, results: list[TurnResult], mark: Mark) -> None:
    answer = next((result.answer for result in reversed(results) if result.answer is not None), None)
    if answer is None:
        tell(tr("There is no answer to mark yet."))
        return
    try:
        await service.give_feedback(answer.turn_id, mark)
        tell(tr("[Marked as good.]") if mark == "up" else tr("[Marked as bad.]"))
    except UserError as error:
        tell(error.failure.text)


async def _chat_turn(
    service: AgentService, request: AskRequest, terminal: bool, show: Callable[[str], None] | None
) -> TurnResult:
    turn = asyncio.ensure_future(run_turn(service, request, show))
    undo = on_interrupt(signal.SIGINT, turn.cancel)
    try:
        result = await turn
    except asyncio.CancelledError:
        tell("\n" + tr("[Stopped.]"))
        return TurnResult()
    except UserError as error:
        result = TurnResult(failure=error.failure)
    finally:
        undo()
    if show is not None and result.answer is not None:
        show("\n")
    if result.failure is not None:
        tell(result.failure.text)
    if result.answer is not None and terminal:
        tell(f"[{result.answer.model or tr('answered without a model')}]")
    if result.offered is not None and terminal:
        await _offer(service, result.offered)
    return result


async def _offer(service: AgentService, offer: ModelOffered) -> None:
    typed = await read_line(
        tr("Fetch {title} now ({size} MB)? [y/N] ", title=offer.title, size=offer.size_bytes // 1_000_000)
    )
    if (typed or "").strip().lower() in ("y", "yes"):
        try:
            if await pull_with_progress(service, offer.model_id):
                await service.use_model(offer.model_id)
        except UserError as error:
            tell(error.failure.text)


def ask_request(arguments: argparse.Namespace) -> AskRequest:
    """Return the request of `openclaw-agent ask`; raises UserError for a text that cannot be read."""
    values = vars(arguments)
    text = values["text"]
    if text == "-":
        text = sys.stdin.buffer.read(4 << 20).decode("utf-8", "replace")
    attended = is_real_terminal() and values["approve"] != "never"
    request = AskRequest(
        text, values["session"], attended=attended, tools=not values["no_tools"], folder=str(Path.cwd())
    )
    files = tuple(_existing_file(name) for name in values["file"])
    return replace(request, incognito=values["incognito"], files=files, timeout_s=values["timeout"])


def _existing_file(name: str) -> str:
    try:
        path = Path(name).expanduser().resolve(strict=True)
        str(path).encode()
        if path.is_file():
            return str(path)
    except (OSError, RuntimeError, ValueError):
        pass
    raise UserError(
        "no_such_file", tr("There is no file {path}.", path=visible(name)), tr("Check the path."), ExitCode.USAGE
    )
