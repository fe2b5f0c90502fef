"""Arguments are put right where that is certain, and asked back where it is not."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openclaw_desktop.agent.repair import AskBack, repair_arguments
from openclaw_desktop.tools.arguments import find_problem


def schema(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def no_times(_text: str) -> tuple[str, ...]:
    return ()


STRING, NUMBER, WHOLE, TRUTH = ({"type": kind} for kind in ("string", "number", "integer", "boolean"))
UNIT = {"type": "string", "enum": ["celsius", "fahrenheit"]}
WHEN = {"type": "string", "description": "the user's words for the time"}


@pytest.mark.parametrize(
    ("kind", "given_value", "wanted"),
    [
        (WHOLE, "5", 5),
        (WHOLE, "1,200", 1200),
        (WHOLE, 7.0, 7),
        (NUMBER, "2.50", 2.5),
        (NUMBER, 3, 3),
        (TRUTH, "yes", True),
        (TRUTH, "False", False),
        (STRING, 12, "12"),
        (STRING, " a ", "a"),
        (UNIT, "Celsius", "celsius"),
        (UNIT, "fahrenheits", "fahrenheit"),
        ({"type": "string", "enum": ["C", "C++"]}, "c++", "C++"),
        (WHOLE, "12345678901234567890", 12345678901234567890),
        ({"type": "array", "items": WHOLE}, "4", [4]),
        ({"type": "array", "items": WHOLE}, ["4", 5], [4, 5]),
    ],
)
def test_certain_repairs(kind: dict[str, Any], given_value: object, wanted: object) -> None:
    assert repair_arguments({"x": given_value}, schema("x", x=kind), "make it 5", no_times) == {"x": wanted}


@pytest.mark.parametrize(
    ("kind", "given_value"),
    [
        (WHOLE, "five or six"),
        (WHOLE, "2.5"),
        (WHOLE, True),
        (NUMBER, ""),
        (TRUTH, "maybe"),
        (UNIT, "kelvin"),
        ({"type": "string", "enum": ["+", "-"]}, "×"),
        ({"type": "string", "enum": ["C++", "C#"]}, "C"),
        ({"type": "string", "enum": ["active", "paused"]}, "inactive"),
        (STRING, ""),
        (STRING, "<path>"),
        (STRING, "path/to/file.txt"),
        (STRING, ["a"]),
    ],
)
def test_what_is_not_certain_is_asked_back(kind: dict[str, Any], given_value: object) -> None:
    asked = repair_arguments({"x": given_value}, schema("x", x=kind), "x", no_times)
    assert isinstance(asked, AskBack)
    assert asked.question.endswith("?")


def test_a_path_is_written_as_the_user_wrote_it() -> None:
    wanted = schema("path", path=STRING)
    assert repair_arguments({"path": "var/log"}, wanted, "What is in /var/log?", no_times) == {"path": "/var/log"}
    assert repair_arguments({"path": "/todo.md"}, wanted, "read ~/todo.md", no_times) == {"path": "~/todo.md"}
    assert repair_arguments({"path": "log"}, wanted, "What is in /var/log?", no_times) == {"path": "log"}


def test_a_number_that_nobody_said_is_asked_back() -> None:
    asked = repair_arguments({"x": 10.0}, schema("x", x=NUMBER), "How far does a car travel?", no_times)
    assert asked == AskBack("I need to know x. What is it?")
    assert repair_arguments({"x": 0.5}, schema("x", x=NUMBER), "give me half of it", no_times) == {"x": 0.5}


def test_a_choice_is_asked_back_with_what_there_is() -> None:
    asked = repair_arguments({"x": "kelvin"}, schema("x", x=UNIT), "in kelvin", no_times)
    assert asked == AskBack("Which one do you mean: celsius, fahrenheit?")


def test_names_are_repaired_where_one_fits_and_dropped_where_none_does() -> None:
    wanted = schema("path", path=STRING)
    assert repair_arguments({"Path": "a.txt"}, wanted, "a.txt", no_times) == {"path": "a.txt"}
    assert repair_arguments({"path": "a.txt", "colour": "red"}, wanted, "a.txt", no_times) == {"path": "a.txt"}


def test_inventions_in_what_may_be_left_out_are_dropped() -> None:
    wanted = schema("item", item=STRING, due=STRING, priority=WHOLE)
    given_values = {"item": "buy milk", "due": "now", "priority": 3}
    assert repair_arguments(given_values, wanted, "add buying milk to my list", no_times) == {"item": "buy milk"}
    said = "add milk, due tomorrow, priority 3"
    spoken = {"item": "milk", "due": "tomorrow", "priority": 3}
    assert repair_arguments(spoken, wanted, said, no_times) == spoken


def test_times_are_the_users_own_words_whole() -> None:
    wanted = schema("when", when=WHEN)

    def times(_text: str) -> tuple[str, ...]:
        return ("Every weekday at 9am", "tomorrow")

    assert repair_arguments({"when": "9am"}, wanted, "…", times) == {"when": "Every weekday at 9am"}
    assert repair_arguments({"when": "2023-01-01 08:00"}, wanted, "wake me", no_times) == AskBack(
        "I need the user's words for the time, and I am not sure of “2023-01-01 08:00”. What is it?"
    )
    assert repair_arguments({"when": "soonish"}, wanted, "do it soonish", no_times) == {"when": "soonish"}


def test_a_value_may_come_from_what_a_tool_returned() -> None:
    wanted = schema("level", "when", level=WHOLE, when=WHEN, title=STRING)
    given_values = {"level": 40, "when": "at noon", "title": "Dentist"}
    said, result = "do what the note says", "Dentist at noon. Level: 40"
    assert repair_arguments(given_values, wanted, said, no_times, result) == given_values
    assert isinstance(repair_arguments(given_values, wanted, said, no_times, "nothing"), AskBack)


@given(
    st.dictionaries(
        st.sampled_from(["path", "n", "unit", "Path", "x"]),
        st.none() | st.text() | st.integers() | st.booleans() | st.lists(st.text()),
    )
)
@settings(deadline=None)
def test_what_comes_out_fits_the_schema(arguments: dict[str, Any]) -> None:
    wanted = schema("path", path=STRING, n=WHOLE, unit=UNIT)
    repaired = repair_arguments(arguments, wanted, "read it in celsius 5", no_times)
    assert isinstance(repaired, AskBack) or not find_problem(repaired, wanted)
