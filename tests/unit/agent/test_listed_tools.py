"""Which tools stand in every prompt: what is used, then what is useful; the same bytes for long."""

from openclaw_desktop.agent.context import OFTEN, TOOLS_TOKENS, USEFUL, favourites, listed_tools, system_message
from openclaw_desktop.agent.reply import signature
from openclaw_desktop.core.messages import ToolSpec
from openclaw_desktop.core.tokens import estimate_tokens

WORDS = "what it does for the user, in so many words that only some of them fit"


def spec(name: str, source: str = "") -> ToolSpec:
    return ToolSpec(name, WORDS, {"type": "object", "properties": {}}, "read", source=source)


TOOLS = tuple(spec(name) for name in sorted({*USEFUL, "aaa", "bbb", "habits", "zip_files"}))


def names(order: tuple[str, ...], tools: tuple[ToolSpec, ...] = TOOLS) -> list[str]:
    return [tool.name for tool in listed_tools(tools, order)]


def test_at_first_the_useful_ones_stand_there_in_the_order_of_the_tools_and_within_their_room() -> None:
    listed = names(favourites({}))
    assert 3 < len(listed) < len(TOOLS)
    assert set(listed) == set(USEFUL[: len(listed)]), "not those whose names come first"
    assert listed == sorted(listed)
    assert sum(estimate_tokens(signature(tool)) for tool in TOOLS if tool.name in listed) <= TOOLS_TOKENS


def test_what_is_used_often_comes_first_and_once_is_not_often() -> None:
    assert "zip_files" in names(favourites({"zip_files": OFTEN}))
    assert "zip_files" not in names(favourites({"zip_files": OFTEN - 1}))
    assert favourites({"zip_files": 40, "habits": 5})[:2] == ("zip_files", "habits")
    # What is gone or never was a tool takes no room.
    assert len(names(favourites({"gone": 99}))) == len(names(favourites({})))


def test_the_prompt_stays_the_same_until_a_count_doubles() -> None:
    def prompt(uses: dict[str, int]) -> str:
        return system_message(listed_tools(TOOLS, favourites(uses)), plain=False).text

    first = prompt({"habits": 8, "zip_files": 9})
    assert all(prompt({"habits": more, "zip_files": 15}) == first for more in range(8, 16))
    # Words of equal rank stand as their names do.
    assert favourites({"habits": 8, "aaa": 15})[:2] == ("aaa", "habits")


def test_what_others_offer_stands_in_no_system_prompt() -> None:
    foreign = spec("read_file", source="mcp:files")
    assert names(("read_file",), (foreign, spec("notes"))) == ["notes"]


def test_a_tool_that_is_too_long_for_the_room_ends_the_list() -> None:
    long = ToolSpec("read_file", "word " * 60, {"type": "object", "properties": {
        f"argument_{n}": {"type": "string", "description": "word " * 30} for n in range(12)}}, "read")  # fmt: skip
    assert estimate_tokens(signature(long)) > TOOLS_TOKENS
    assert names(("notes", "read_file"), (spec("notes"), long)) == ["notes"]
