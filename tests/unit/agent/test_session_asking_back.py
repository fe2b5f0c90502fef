"""A call that lacked something: what the user says next completes it."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from scripted import ScriptedModel

from openclaw_desktop.agent.session import Parts, SessionAgent, Task
from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.events import TurnFinished
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import CallOutcome, Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import Ask, CallScene, Memory, ModelCard, Prompt
from openclaw_desktop.memory.sessions import SessionStore
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.security.labels import join
from openclaw_desktop.service.stores import TurnStores
from openclaw_desktop.storage.database import Database


def spec(name: str, description: str, **parameters: str) -> ToolSpec:
    properties = {key: {"type": "string", "description": meaning} for key, meaning in parameters.items()}
    return ToolSpec(
        name, description, {"type": "object", "properties": properties, "required": list(properties)}, "read"
    )


BOOK = spec("book_table", "Books a table.", place="the restaurant")
# More than are offered at once: where nothing speaks for the last, it is left out.
OTHERS = tuple(spec(f"a{number}", "Does something else.", thing="a thing") for number in range(9))


class One:
    def current(self) -> ModelCard:
        return ModelCard("big", "Big", 1, True, 4096)

    def larger(self) -> None:
        return None


class Chat:
    """One session of one agent with a scripted model; `called` is what was carried out, `doubted` what was asked."""

    def __init__(self, database: Database) -> None:
        self.sessions = SessionStore(database)
        self.stores = TurnStores(self.sessions, MemoryStore(database, None))
        self.called: list[ToolCall] = []
        self.doubted: list[str] = []
        self.model = ScriptedModel()
        parts = Parts(
            self.model, self.weigh, None, self.execute, self.recall, self.stores, One(), join,
            lambda: (*OTHERS, BOOK),
            lambda _text: (), SystemClock(),
        )  # fmt: skip
        self.agent = SessionAgent(parts)

    async def weigh(self, prompt: Prompt, _choices: Sequence[str]) -> tuple[float, ...]:
        self.doubted.append(prompt.messages[-1].text.partition("Tool:")[0])
        return (1.0, 0.0, 0.0, 0.0) if "table" in self.doubted[-1] else (0.0, 1.0, 0.0, 0.0)

    async def execute(
        self, call: ToolCall, _scene: CallScene, _ask: Ask | None
    ) -> tuple[CallOutcome, tuple[Receipt, ...]]:
        self.called.append(call)
        return CallOutcome(call.id, call.name, call.arguments, "done", "booked", label=USER), ()

    async def recall(self, _query: str, _k: int) -> tuple[Memory, ...]:
        return ()

    async def ask(self, text: str, session: str, *replies: object) -> str:
        self.model.replies += replies
        events = [event async for event in self.agent.run(Task(f"turn {text}", session, text, None))]
        assert isinstance(events[-1], TurnFinished)
        return events[-1].answer.answer


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Chat]:
    database = await Database.open(tmp_path / "a.db")
    yield Chat(database)
    await database.close()


REQUEST, COMPLETION = "Book a table for tonight", "Giovanni's"
ASKED = {"tool": "book_table", "place": "unknown"}
COMPLETED = {"tool": "book_table", "place": "Giovanni's"}
SAID = {"tool": "answer", "text": "It is at eight."}


async def test_the_answer_to_a_question_completes_the_call(chat: Chat) -> None:
    session = await chat.sessions.begin()
    assert "restaurant" in await chat.ask(REQUEST, session, ASKED)
    assert chat.called == []
    assert await chat.ask(COMPLETION, session, COMPLETED, SAID) == "It is at eight."
    assert [dict(call.arguments) for call in chat.called] == [{"place": "Giovanni's"}]
    assert REQUEST in chat.doubted[-1] and COMPLETION in chat.doubted[-1]


async def test_it_belongs_to_its_own_chat_and_to_the_next_message_alone(chat: Chat) -> None:
    session, other = await chat.sessions.begin(), await chat.sessions.begin()
    await chat.ask(REQUEST, session, ASKED)
    await chat.ask(COMPLETION, other, SAID)
    await chat.ask("never mind", session, SAID)
    await chat.ask(COMPLETION, session, SAID)
    assert ["book_table" in str(prompt.schema) for prompt in chat.model.prompts] == [True, False, True, False]


async def test_nothing_of_it_is_left_after_something_was_erased(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    session = await chat.sessions.begin()
    await chat.ask(REQUEST, session, ASKED)
    monkeypatch.setattr(chat.stores, "erasures", lambda: 1)
    await chat.ask(COMPLETION, session, SAID)
    assert "book_table" not in str(chat.model.prompts[-1].schema)


async def test_of_a_chat_that_is_not_kept_nothing_waits_either(chat: Chat) -> None:
    chat.model.replies.append(ASKED)
    task = Task("turn_1", "ses_gone", REQUEST, None, incognito=True)
    *_, last = [event async for event in chat.agent.run(task)]
    assert isinstance(last, TurnFinished) and "restaurant" in last.answer.answer
    assert chat.agent._asked_back == {}
