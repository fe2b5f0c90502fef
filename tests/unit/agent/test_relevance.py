"""Which tools are offered: at most eight, and the one that is meant among them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from openclaw_desktop.agent.relevance import choose_tools, is_told, only_tells, speaks_of, spell
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import ToolSpec
from openclaw_desktop.core.protocols import Memory
from openclaw_desktop.memory import word_vectors


def tool(name: str, *arguments: str, description: str = "") -> ToolSpec:
    properties = {argument: {"type": "string"} for argument in arguments}
    return ToolSpec(name, description, {"type": "object", "properties": properties, "required": []}, "read")


TOOLS = (
    tool("add_event", "title", "when"), tool("archive_mail", "query"), tool("calculate", "expression"),
    tool("cancel_job", "name"), tool("copy_file", "path", "to"), tool("fetch_page", "url"), tool("forget", "query"),
    tool("list_jobs"), tool("notify", "message"), tool("open_file", "path"), tool("play_music", "title"),
    tool("recall", "query"), tool("remember", "text"), tool("run_command", "command"), tool("send_mail", "to", "text"),
    tool("set_volume", "percent"), tool("take_screenshot"), tool("web_search", "query"),
)  # fmt: skip
REQUESTS = [
    ("Keep in mind that I hate coriander", "remember"),
    ("what was it that I told you about the garage?", "recall"),
    ("Every Friday at six, water the plants", "add_event"),
    ("get https://example.org/a.html", "fetch_page"),
    ("Type make test in the terminal", "run_command"),
    ("What's in ~/todo.md?", "open_file"),
    ("stop the backup job", "cancel_job"),
    ("what is 12 * 31", "calculate"),
    ("Pop up an alert that lunch is ready", "notify"),
    ("unlearn my old address", "forget"),
    ("look on the internet for train times", "web_search"),
]


@pytest.mark.parametrize(("text", "wanted"), REQUESTS)
async def test_the_meant_tool_is_offered_by_words_alone(text: str, wanted: str) -> None:
    offered = await choose_tools(text, TOOLS, None)
    assert len(offered) == 8
    assert wanted in {one.name for one in offered}


async def test_vectors_join_in_and_the_order_stays() -> None:
    vectors = word_vectors(60)
    for text, wanted in REQUESTS:
        offered = await choose_tools(text, TOOLS, vectors)
        assert wanted in {one.name for one in offered}, text
        assert [one.name for one in offered] == sorted(one.name for one in offered)
    vectors.close()


async def test_without_vectors_the_words_decide() -> None:
    class Broken:
        engine, version, dimension = "none", "0", 1

        async def __call__(self, texts: Sequence[str]) -> list[bytes]:
            raise UserError("engine", "The word vectors cannot be read.")

    assert await choose_tools("get https://a.org", TOOLS, Broken()) == await choose_tools(
        "get https://a.org", TOOLS, None
    )


async def test_a_few_tools_are_all_offered() -> None:
    assert await choose_tools("anything", TOOLS[:8], None) == TOOLS[:8]
    assert len(await choose_tools("anything", TOOLS[:9], None)) == 8


def test_names_are_read_as_words() -> None:
    assert spell("math.areaOfCircle") == "math area of circle"
    assert speaks_of("Cancel the server check.", tool("cancel_task"))
    assert not speaks_of("Why is the sky blue?", tool("cancel_task"))
    assert not speaks_of("What's in ~/cancel/stop.md?", tool("cancel_task"))
    assert not speaks_of("What's inside the box?", tool("list_tasks"))


BOSCH = Memory("m1", "Anna works at Bosch", USER, "2026-09-01T10:00:00+00:00", 1.0)


@pytest.mark.parametrize(
    ("asked", "memory", "told"),
    [
        ("Where does Anna work?", BOSCH, True),
        ("where does Anna work", BOSCH, False),  # an order may read like this
        ("What's the work?", BOSCH, False),  # nobody by name
        ("Where does Vera work?", BOSCH, False),
        ("Where does Anna work on Sundays?", replace(BOSCH, relevance=0.67), False),
        ("Where does Anna work?", replace(BOSCH, label=Label("untrusted", "private", ("web:a.example",))), False),
    ],
)
def test_what_the_user_told_of_somebody_by_name_is_not_looked_up(asked: str, memory: Memory, told: bool) -> None:
    assert is_told(asked, [memory]) is told


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("i moved to bergen", True),
        ("Actually, I live in Bergen now.", True),
        ("My sister wrote a book", True),
        ("I moved notes.txt to ~/old", False),
        ("I want it moved to the archive", False),
        ("I need my report renamed", False),
        ("We write that down in a file", False),
        ("Move it to Bergen", False),
        ("I moved to Bergen. Where do I live?", False),
    ],
)
def test_what_only_tells_something_of_the_user(text: str, tells: bool) -> None:
    assert only_tells(text) is tells
