"""Names in what was typed without capitals: found where a name stands, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.memory.consolidation.casing import with_capitals
from openclaw_desktop.memory.consolidation.slots import contradicts, read_claims
from openclaw_desktop.memory.consolidation.statements import find_statements


@pytest.mark.parametrize(
    ("text", "slot", "value"),
    [
        ("i live in porto", "lives", "porto"),
        ("We moved to utrecht last month", "lives", "utrecht"),
        ("i moved to new york last year", "lives", "new york"),
        ("my sister lives in toronto", "lives", "toronto"),
        ("i work at acme", "works", "acme"),
        ("my name is samuel okafor", "name", "samuel okafor"),
        ("I like tea. My wife is called ana.", "name", "ana"),
        ("i'm married to tom", "spouse", "tom"),
        ("my dentist is dr weber", "dentist", "dr weber"),
        ("i have a dog called rex", "has dog", "rex"),
        ("i bank with ing", "supplier account", "ing"),
    ],
)
def test_a_name_is_read_without_its_capital(text: str, slot: str, value: str) -> None:
    claims = [claim for statement in find_statements(text) for claim in statement.claims]
    assert (slot, value) in [(claim.slot, claim.value) for claim in claims]
    assert all(statement.text.lower() in text.lower() for statement in find_statements(text)), (
        "it stays as it was typed"
    )


@pytest.mark.parametrize(
    "text",
    [
        "i live in a flat",
        "i live in fear of spiders",
        "i live in the city",
        "i moved to management",
        "i moved to bed",
        "we moved to slack",
        "i work for myself",
        "i work for free",
        "i work at home",
        "my name is hard to spell",
        "my dog is called back",
        "i was married to the sea",
        "my friend Anna knows that i live in rome",
        "i moved to a new york apartment, Anna",
    ],
)
def test_what_is_no_name_gets_none(text: str) -> None:
    assert with_capitals(text) == text
    assert all(claim.slot not in ("lives", "works", "name", "spouse") for claim in read_claims(text).claims)


def test_what_is_typed_small_ends_what_was_so_before() -> None:
    assert contradicts(read_claims("i moved to bergen"), read_claims("i live in porto"))
    assert contradicts(read_claims("I moved to Bergen"), read_claims("i live in porto"))
    assert contradicts(read_claims("my new job is with siemens now, i work at siemens"), read_claims("i work at acme"))


@given(st.text(alphabet="abc inglivedto.,'I\n", max_size=80))
def test_nothing_but_capitals_changes(text: str) -> None:
    assert with_capitals(text).lower() == text.lower()
