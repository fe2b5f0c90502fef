"""Forgetting: only what was meant, only after it was shown, and nothing of it stays behind."""

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import Question
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene, Forgotten, Memory
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.tools.arguments import find_problem
from openclaw_desktop.tools.execution import Executor
from openclaw_desktop.tools.memory_tools import ForgetTool

CALL = ToolCall("c", "forget", {"query": "my car"})
UNTRUSTED = Label("untrusted", "private", ("file:/x",))


class Memories:
    def __init__(self, *found: Memory) -> None:
        self.found = found
        self.erased: list[str] = []
        self.asked_in: str | None = None
        self.along = 0
        self.pending = ""

    async def recall(self, query: str, k: int) -> tuple[Memory, ...]:
        return self.found

    async def forget(self, ids: list[str], asked_in: str | None = None) -> Forgotten:
        self.erased += ids
        self.asked_in = asked_in
        return Forgotten(len(ids), self.pending)

    async def count_along(self, ids: list[str]) -> int:
        return self.along


class NoGrants:
    async def active(self) -> frozenset[Grant]:
        return frozenset({Grant("memory:write", "/")})

    async def add(self, capability: str, scope: str) -> None:
        raise AssertionError("erasing is never granted for good")


def memory(name: str, text: str, relevance: float) -> Memory:
    return Memory(name, text, USER, "2026-01-02T00:00:00", relevance)


CAR = memory("mem_a", "my car is blue", 0.9)
GARAGE = memory("mem_b", "my car stands in the garage", 0.8)
TEA = memory("mem_c", "I like tea", 0.2)


class Desk:
    def __init__(self, choice: str) -> None:
        self.choice = choice
        self.asked: list[Question] = []

    async def __call__(self, question: Question) -> str:
        self.asked.append(question)
        return self.choice


def executor(memories: Memories) -> Executor:
    return Executor([ForgetTool(memories.recall, memories.forget, memories.count_along)], NoGrants(), find_problem)


async def test_it_shows_what_it_erases_and_erases_what_it_showed() -> None:
    memories, desk = Memories(CAR, GARAGE, TEA), Desk("once")
    outcome, receipts = await executor(memories)(CALL, CallScene("s", "t", USER), desk)
    (question,) = desk.asked
    assert "my car is blue" in question.target
    assert "garage" in question.target
    assert "tea" not in question.target
    assert memories.erased == ["mem_a", "mem_b"]
    assert memories.asked_in == "t", "the question that named it goes with it"
    assert [receipt.kind for receipt in receipts] == ["memory.erased"]
    assert outcome.result == "Erased: 2."


async def test_the_receipt_counts_what_the_question_counted() -> None:
    memories, desk = Memories(CAR), Desk("once")
    memories.along = 3
    outcome, receipts = await executor(memories)(CALL, CallScene("s", "t", USER), desk)
    assert "with it go 3 more" in desk.asked[0].target
    assert outcome.result == "Erased: 1, and with it 3 more."
    assert [receipt.text for receipt in receipts] == ["erased 4"]


async def test_it_says_what_is_not_done_yet() -> None:
    memories = Memories(CAR)
    memories.pending = "The file is written anew when the machine is idle."
    outcome, _ = await executor(memories)(CALL, CallScene("s", "t", USER), Desk("once"))
    assert outcome.result == "Erased: 1. The file is written anew when the machine is idle."


async def test_it_says_how_much_goes_along() -> None:
    memories, desk = Memories(CAR), Desk("no")
    memories.along = 3
    await executor(memories)(CALL, CallScene("s", "t", USER), desk)
    assert "with it go 3 more" in desk.asked[0].target


@pytest.mark.parametrize("choice", ["no", "always"])
async def test_a_no_erases_nothing(choice: str) -> None:
    memories = Memories(CAR)
    outcome, _ = await executor(memories)(CALL, CallScene("s", "t", USER), Desk(choice))
    assert outcome.status == "denied"
    assert not memories.erased


async def test_with_nobody_there_or_after_untrusted_text_nothing_is_erased_unasked() -> None:
    memories = Memories(CAR)
    assert (await executor(memories)(CALL, CallScene("s", "t", USER), None))[0].status == "denied"
    assert (await executor(memories)(CALL, CallScene("s", "t", UNTRUSTED), None))[0].status == "denied"
    desk = Desk("once")
    assert (await executor(memories)(CALL, CallScene("s", "t", UNTRUSTED), desk))[0].status == "done"
    assert len(desk.asked) == 2, "private and untrusted: asked twice"


async def test_where_nothing_is_meant_it_says_so() -> None:
    with pytest.raises(UserError, match="nothing was erased"):
        memories = Memories(TEA)
        await ForgetTool(memories.recall, memories.forget, memories.count_along).freeze(CALL, CallScene("s", "t", USER))


async def test_what_changed_meanwhile_is_asked_anew() -> None:
    memories = Memories(CAR)

    class Changing(Desk):
        async def __call__(self, question: Question) -> str:
            memories.found = (CAR, GARAGE)
            return await super().__call__(question)

    outcome, _ = await executor(memories)(CALL, CallScene("s", "t", USER), Changing("once"))
    assert outcome.status == "denied"
    assert not memories.erased
