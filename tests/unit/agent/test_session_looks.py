"""A question about one page or file: it is read first, and where it can't be, no model answers from nothing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from scripted import ScriptedModel
from test_session import BIG, SMALL, UNTRUSTED, Desk, Models, NoGrants

from openclaw_desktop.agent.session import Parts, SessionAgent
from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.messages import ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, Complete, ModelCard, ToolResult
from openclaw_desktop.security.labels import join
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools.arguments import find_problem
from openclaw_desktop.tools.execution import Executor

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}


@dataclass
class Reader:
    """`read_file` over texts of a test."""

    spec: ToolSpec = ToolSpec("read_file", "read a file", SCHEMA, "read", None)
    texts: dict[str, str] = field(default_factory=dict)

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        if (path := call.arguments["path"]) not in self.texts:
            raise UserError("no_such_file", f"There is no file {path}.", "Check the path.")
        return ToolResult(self.texts[path], UNTRUSTED)


class ReadingDesk(Desk):
    """The desk of a session that can read."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.reader = Reader(texts={"lease.txt": "The lease ends on 3 May."})

    def agent(self, complete: Complete, card: ModelCard | None) -> SessionAgent:
        executor = Executor([self.reader], NoGrants(), find_problem)
        parts = Parts(
            complete, None, None, executor, self.stores.recall, self.stores, Models(card), join, executor.specs,
            lambda _text: (), SystemClock(),
        )  # fmt: skip
        return SessionAgent(parts)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[ReadingDesk]:
    database = await Database.open(tmp_path / "a.db")
    yield ReadingDesk(database)
    await database.close()


async def test_what_the_question_is_about_is_read_before_the_model_sees_it(desk: ReadingDesk) -> None:
    model = ScriptedModel({"tool": "answer", "text": "It ends on 3 May."})
    answer, _ = await desk.ask("According to lease.txt, when does the lease end?", model)
    assert "The lease ends on 3 May." in model.prompts[0].messages[-1].text
    assert [(call.name, call.status) for call in answer.tool_calls] == [("read_file", "done")]
    assert answer.answer == "It ends on 3 May."
    assert answer.label.integrity == "untrusted", "others wrote it"


async def test_what_can_not_be_read_is_said_and_no_model_is_asked(desk: ReadingDesk) -> None:
    model = ScriptedModel()
    answer, _ = await desk.ask("Summarise rent.txt", model)
    assert "There is no file rent.txt." in answer.answer
    assert model.prompts == []


async def test_a_model_that_only_talks_and_a_chat_without_tools_read_nothing(desk: ReadingDesk) -> None:
    answer, _ = await desk.ask("Summarise lease.txt", ScriptedModel("I can't."), SMALL)
    assert answer.tool_calls == ()
    answer, _ = await desk.ask("Summarise the lease.txt", ScriptedModel("I can't."), BIG, tools=False)
    assert answer.tool_calls == ()
