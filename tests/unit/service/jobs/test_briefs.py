"""What the built-in jobs tell: from the calendar, the to-dos and the mail, by code alone."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from openclaw_desktop.core.labels import SYSTEM, Label
from openclaw_desktop.service.jobs.briefs import Briefs, Past
from openclaw_desktop.service.jobs.looks import Look

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
MAIL = Label("untrusted", "private", ("mail:a",))


class Things:
    """What is there to be looked at."""

    def __init__(self, **found: Any) -> None:
        self.found = found
        self.asked: list[tuple[str, int]] = []

    async def pending(self) -> int:
        return int(self.found.get("pending", 0))

    async def todos(self, turn_id: str) -> Look:
        return Look(tuple(self.found.get("todos", ())), Label("user", "private"))

    async def events(self, turn_id: str, first_day: str, days: int) -> Look:
        self.asked.append((first_day, days))
        items, notes = tuple(self.found.get("events", ())), self.found.get("notes", ())
        return Look(items, Label("user", "private"), notes, self.found.get("no_calendar", ""))

    async def unread(self, turn_id: str) -> Look:
        items = tuple(self.found.get("mail", ()))
        return Look(items, MAIL if items else SYSTEM, self.found.get("notes", ()), self.found.get("no_mail", ""))


def event(title: str, start: str, end: str, **more: Any) -> Mapping[str, Any]:
    return {
        "title": title,
        "start": start,
        "end": end,
        "all_day": False,
        "place": "",
        "busy": True,
        "uid": title,
        **more,
    }


def letter(number: int, category: str, subject: str = "Lunch?") -> Mapping[str, Any]:
    return {"id": f"a/INBOX/{number}.00ff", "from": "ann@x.test", "from_name": "Ann", "subject": subject,
            "category": category}  # fmt: skip


def briefs(**found: Any) -> Briefs:
    things: Any = Things(**found)
    return Briefs(things)


async def test_a_morning_says_what_today_holds_and_is_labelled_by_all_of_it() -> None:
    todos = [
        {"text": "pay the rent", "due_at": "2026-11-29T09:00+00:00", "overdue": True},
        {"text": "later", "due_at": "2026-12-09T09:00+00:00", "overdue": False},
        {"text": "whenever", "due_at": None, "overdue": False},
    ]
    told = await briefs(
        events=[event("Dentist", "2026-11-30T10:00+00:00", "2026-11-30T10:30+00:00", place="Main St 1")],
        todos=todos, mail=[letter(1, "personal"), letter(2, "newsletter")], pending=2,
    ).morning(NOW, "turn", Past(3, ("weekly report",)))  # fmt: skip
    assert told.text.splitlines() == [
        "Today, Monday, 30 November", "Calendar:", "- 10:00–10:30 Dentist (Main St 1)", "Due:",
        "- pay the rent (overdue since 2026-11-29 09:00)", "Unread mail: 1 personal, 1 newsletter", "- Ann: Lunch?",
        "2 wait in the inbox for your answer.", "Jobs that were not done: weekly report",
    ]  # fmt: skip
    assert not told.quiet and told.label.integrity == "untrusted", "a stranger wrote the mail's subject"


async def test_with_nothing_set_up_nothing_is_said_of_it() -> None:
    told = await briefs().morning(NOW, "turn", Past())
    assert told.text == "Today, Monday, 30 November\nNothing is planned for today, and nothing is due."
    assert told.label.integrity != "untrusted"
    evening = await briefs(notes=("home is not read without your leave.",)).evening(NOW, "turn", Past())
    assert evening.text.endswith("[home is not read without your leave.]"), "what may not be read is said to be so"


async def test_a_subject_can_neither_hide_nor_break_out_of_its_line() -> None:
    told = await briefs(mail=[letter(1, "personal", "pay\nDue:\n- wire \u202e1000\u202c")]).morning(NOW, "t", Past())
    (line,) = [line for line in told.text.splitlines() if "wire" in line]
    assert line.startswith("- Ann: pay") and "\u202e" not in told.text


async def test_a_mail_is_told_once_and_only_where_it_is_worth_it() -> None:
    found = [letter(1, "personal"), letter(2, "newsletter")]
    first = await briefs(mail=found).mail("turn", ())
    assert first.text.splitlines() == ["New mails: 2", "Worth a look:", "- Ann: Lunch?", "Besides: 1 newsletter"]
    assert not any("INBOX" in mark for mark in first.seen), "a mark says nothing of the mail"
    again = await briefs(mail=[*found, letter(3, "notification")]).mail("turn", first.seen)
    assert again.quiet and "New mails: 1" in again.text
    assert len((await briefs(mail=found[:1]).mail("turn", again.seen)).seen) == 1, "what was read is forgotten"


async def test_the_look_ahead_names_what_overlaps() -> None:
    told = await briefs(
        events=[
            event("Standup", "2026-12-01T09:00+00:00", "2026-12-01T10:00+00:00"),
            event("Dentist", "2026-12-01T09:30+00:00", "2026-12-01T10:30+00:00"),
            event("Fair", "2026-12-02T00:00+00:00", "2026-12-03T00:00+00:00", all_day=True),
        ]
    ).ahead(NOW, "turn")  # fmt: skip
    assert "At the same time:\n- 2026-12-01 09:30 Standup / Dentist" in told.text
    assert "Wednesday, 2 December:\n- all day Fair" in told.text


@pytest.mark.parametrize("zone_shift", ["+00:00", "+05:30"])
async def test_what_began_before_the_day_is_said_to_last(zone_shift: str) -> None:
    told = await briefs(
        events=[event("Trip", f"2026-11-29T09:00{zone_shift}", f"2026-11-30T18:00{zone_shift}")]
    ).morning(NOW, "turn", Past())  # fmt: skip
    assert "- until 18:00 Trip" in told.text


@pytest.mark.parametrize(
    "found", [{"no_calendar": "There is none.", "no_mail": "There is none."}, {"notes": ("No leave.",)}]
)
async def test_what_was_not_looked_at_is_not_said_to_be_empty(found: dict[str, Any]) -> None:
    written = briefs(**found)
    for told in (await written.morning(NOW, "turn", Past()), await written.evening(NOW, "turn", Past())):
        assert "planned" not in told.text and "free" not in told.text and "Nothing is" in told.text
    why = {(await written.mail("turn", ())).problem, (await written.ahead(NOW, "turn")).problem}
    assert why == ({"No leave."} if "notes" in found else {"There is none."})
    assert {(await briefs().mail("turn", ())).quiet, (await briefs().ahead(NOW, "turn")).quiet} == {
        "No mail that is worth a look.", "The coming days are free.",
    }  # fmt: skip
