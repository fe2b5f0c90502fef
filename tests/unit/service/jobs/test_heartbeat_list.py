"""HEARTBEAT.md as peers write it, and the answers that tell nothing."""

from pathlib import Path
from typing import Any

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.service.jobs.heartbeat import LONGEST_BYTES, Heartbeat, is_silent, read_checklist

NO_LOOKS: Any = None


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", ()),
        ("# Heartbeat\n\n<!-- - an example -->\n\n---\n", ()),
        ("- [x] done already\n- [ ] water the plants\n* mail?\n2. the bins\nplain words", (
            "water the plants", "mail?", "the bins", "plain words")),
        ("<!--\n- hidden\n-->\n- [ ]\n-   \n- shown", ("shown",)),
    ],
)  # fmt: skip
def test_a_checklist_is_what_stands_open_in_it(text: str, items: tuple[str, ...]) -> None:
    assert read_checklist(text) == items


@pytest.mark.parametrize(
    ("answer", "silent"),
    [
        ("HEARTBEAT_OK", True), (" **HEARTBEAT_OK** ", True), ("NO_REPLY", True), ("HEARTBEAT_OK All is well.", True),
        ("All is well. HEARTBEAT_OK", True), ("", False), ("The bins go out tonight.", False),
        ("HEARTBEAT_OK " + "but " * 100, False), ("Say HEARTBEAT_OK to nobody and pay the bill", False),
    ],
)  # fmt: skip
def test_an_answer_that_tells_nothing_is_known(answer: str, silent: bool) -> None:
    assert is_silent(answer) is silent


async def test_the_list_of_a_peer_is_taken_up_and_an_empty_one_is_made_once(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path, NO_LOOKS)
    assert await heartbeat.checklist() == ()
    await heartbeat.put(None)
    assert heartbeat.path.read_text().startswith("# What to look after") and await heartbeat.checklist() == ()
    theirs = tmp_path / "theirs.md"
    theirs.write_text("- [ ] look at the oven\n")
    await heartbeat.put(theirs)
    await heartbeat.put(None)
    assert await heartbeat.checklist() == ("look at the oven",)
    theirs.write_bytes(b"x" * (LONGEST_BYTES + 1))
    with pytest.raises(UserError, match="longer"):
        await heartbeat.put(theirs)
    with pytest.raises(UserError, match="can't be read"):
        await heartbeat.put(tmp_path / "nothing.md")
