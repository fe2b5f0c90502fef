"""One turn in a terminal, and a chat of them.

Owns how events look as text and how questions are asked there. Must not know how a turn works.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from openclaw_desktop.cli.output import say, tell
from openclaw_desktop.cli.progress import pull_with_progress
from openclaw_desktop.core.errors import ExitCode, Failure, UserError
from openclaw_desktop.core.events import (
    ModelOffered,
    NoticeShown,
    Question,
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
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.api import AgentService, AskRequest


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
        denied = any(call.status == "denied" for call in self.answer.tool_calls)
        return ExitCode.DENIED if denied else ExitCode.DONE


def is_real_terminal() -> bool:
    """Return True where a person sits at both ends: questions are asked nowhere else."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def run_turn(service: AgentService, request: AskRequest, show: Callable[[str], None] | None) -> TurnResult:
    """Run one turn; `show` gets the text as it streams, None shows nothing of it."""
    result = TurnResult()
    async with aclosing(service.ask(request)) as events:
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
                    await service.answer_question(question.id, await ask_in_terminal(question))
                case ModelOffered():
                    result.offered = event
                case TurnFinished(answer=answer):
                    result.answer = answer
                case TurnFailed(failure=failure):
                    result.failure = failure
                case TurnStarted() | TurnStopped():
                    pass
    return result


async def ask_in_terminal(question: Question) -> str:
    """Put a question to the person at the terminal; anything but a listed number is "no"."""
    tell("")
    tell(question.title)
    tell(f"{question.text} {question.target}")
    if question.origins:
        tell(tr("This follows from texts that you did not write: {origins}.", origins=", ".join(question.origins)))
    for number, choice in enumerate(question.choices, start=1):
        tell(f"  {number}) {choice.text}")
    typed = await read_line(tr("Your choice [{number}]: ", number=len(question.choices)))
    numbers = {str(number): choice.id for number, choice in enumerate(question.choices, start=1)}
    return numbers.get((typed or "").strip(), question.choices[-1].id)


async def read_line(prompt: str) -> str | None:
    """Read one line in a thread; None at the end of the input."""

    def read() -> str | None:
        if is_real_terminal():
            sys.stderr.write(prompt)
            sys.stderr.flush()
        line = sys.stdin.readline()
        return line.rstrip("\n") if line else None

    return await asyncio.to_thread(read)


async def chat(service: AgentService, session_id: str | None) -> int:
    """Talk until the input ends; Ctrl-C stops the answer, not the chat."""
    terminal = is_real_terminal()
    session = session_id or await service.new_session()
    if terminal:
        tell(tr("Type to talk. /new begins a new chat, /quit ends. Ctrl-C stops an answer."))
        if not any(model.chosen for model in await service.list_models()):
            tell(tr("There is no model yet. Fetch one with: openclaw-agent model pull smollm2-135m"))
    code: int = ExitCode.DONE
    while (line := await read_line("> ")) is not None:
        text = line.strip()
        if text in ("/quit", "/exit"):
            break
        if text == "/new":
            session = await service.new_session()
            continue
        if text:
            request = AskRequest(text, session, attended=terminal, folder=str(Path.cwd()))
            code = await _chat_turn(service, request, terminal)
    return ExitCode.DONE if terminal else code


async def _chat_turn(service: AgentService, request: AskRequest, terminal: bool) -> int:
    turn = asyncio.ensure_future(run_turn(service, request, say))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, turn.cancel)
    try:
        result = await turn
    except asyncio.CancelledError:
        say("\n")
        tell(tr("[Stopped.]"))
        return ExitCode.FAILED
    except UserError as error:
        tell(error.failure.text)
        return error.failure.exit_code
    finally:
        loop.remove_signal_handler(signal.SIGINT)
    say("\n")
    if result.failure is not None:
        tell(result.failure.text)
    if result.answer is not None and terminal:
        tell(f"[{result.answer.model or tr('answered without a model')}]")
    if result.offered is not None and terminal:
        await _offer(service, result.offered)
    return result.exit_code


async def _offer(service: AgentService, offer: ModelOffered) -> None:
    typed = await read_line(
        tr("Fetch {title} now ({size} MB)? [y/N] ", title=offer.title, size=offer.size_bytes // 1_000_000)
    )
    if (typed or "").strip().lower() in ("y", "yes"):
        try:
            await pull_with_progress(service, offer.model_id)
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
    files = [Path(name).expanduser().resolve() for name in values["file"]]
    for path in files:
        if not path.is_file():
            raise UserError(
                "no_such_file", tr("There is no file {path}.", path=path), tr("Check the path."), ExitCode.USAGE
            )
    return replace(
        request,
        incognito=values["incognito"],
        files=tuple(str(path) for path in files),
        timeout_s=values["timeout"],
    )
