"""Before a call: the model is asked about its own choice, and the arguments are put right."""

from collections.abc import Sequence

import pytest

from openclaw_desktop.agent.preparation import Preparation, Unfit
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import ToolSpec
from openclaw_desktop.core.protocols import Prompt

CANCEL = ToolSpec(
    "cancel_task", "", {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}, "read"
)


class Weigher:
    """Says "yes" with the given probability."""

    def __init__(self, yes: float) -> None:
        self.yes = yes
        self.prompts: list[Prompt] = []

    async def __call__(self, prompt: Prompt, choices: Sequence[str]) -> tuple[float, ...]:
        self.prompts.append(prompt)
        assert list(choices) == ["yes", "no", "Yes", "No"]
        return (self.yes, 1 - self.yes, 0.0, 0.0)


def preparation(said: str, weigh: Weigher | None) -> Preparation:
    return Preparation(said, USER, "big", weigh, lambda _text: ())


async def test_a_doubted_tool_is_unfit() -> None:
    weigher = Weigher(0.4)
    assert await preparation("Why is the sky blue?", weigher)(CANCEL, {"name": "sky"}, first=True) == Unfit()
    (prompt,) = weigher.prompts
    assert "Why is the sky blue?" in prompt.messages[-1].text
    assert "cancel task" in prompt.messages[-1].text
    assert prompt.lane == "aside", "the chat's own prompt stays in the model's memory"


async def test_words_that_name_the_tool_outweigh_a_small_doubt() -> None:
    said = "Cancel the server check"
    assert await preparation(said, Weigher(0.4))(CANCEL, {"name": "server check"}, first=True) == {
        "name": "server check"
    }
    assert await preparation(said, Weigher(0.1))(CANCEL, {"name": "server check"}, first=True) == Unfit()


async def test_only_the_first_call_is_doubted() -> None:
    weigher = Weigher(0.0)
    assert await preparation("x", weigher)(CANCEL, {"name": "y"}, first=False) == {"name": "y"}
    assert await preparation("x", None)(CANCEL, {"name": "y"}, first=True) == {"name": "y"}
    assert not weigher.prompts


SUM = ToolSpec("calculate", "", {"type": "object", "properties": {"expression": {"type": "string"}}}, "read")


@pytest.mark.parametrize(
    "said",
    [
        "what's 17.5% of 2340",
        "work out 483 times 76",
        "the square root of 7921, please",
        "12*31?",
        "90 - 17",
        "2 + (3*4)",
    ],
)
async def test_a_sum_is_worked_out_by_a_tool_whatever_the_model_thinks_of_itself(said: str) -> None:
    assert not isinstance(await preparation(said, Weigher(0.0))(SUM, {"expression": said}, first=True), Unfit)
    assert await preparation(said, Weigher(0.0))(CANCEL, {"name": said}, first=True) == Unfit()


@pytest.mark.parametrize(
    "said", ["on 2026-11-24", "from 9-5", "call 555-0199", "the 3 times I called", "9/11", "50 % off"]
)
async def test_a_date_or_a_range_is_no_sum(said: str) -> None:
    assert await preparation(said, Weigher(0.0))(SUM, {"expression": said}, first=True) == Unfit()
