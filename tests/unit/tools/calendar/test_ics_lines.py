"""Content lines: folding, escaping, the events among them, and what counts as a mere change of times."""

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from openclaw_desktop.core.text import without_controls
from openclaw_desktop.tools.calendar.edit_functions import delete, move
from openclaw_desktop.tools.calendar.ics_lines import (
    NewEvent,
    calendar_text,
    event_lines,
    find_events,
    fold,
    head_of,
    is_only_less,
    is_only_moved,
    unescape,
    unfold,
    value_of,
)

NOW = datetime(2026, 12, 2, 9, 30, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from('\n,;:\\"'), min_size=1, max_size=200)
SERIES = calendar_text(
    [
        "BEGIN:VEVENT", "UID:a", "DTSTAMP:20261001T000000Z", "DTSTART;TZID=Europe/Berlin:20261207T100000",
        "DURATION:PT1H", "RRULE:FREQ=WEEKLY", "SUMMARY:Standup", "SEQUENCE:4", "BEGIN:VALARM", "ACTION:DISPLAY",
        "DURATION:PT5M", "END:VALARM", "END:VEVENT",
    ]
)  # fmt: skip
TIMES = {"start": "DTSTART:20261208T090000Z", "end": "DTEND:20261208T100000Z", "stamp": "20261202T093000Z"}


@given(TEXTS, TEXTS, TEXTS)
def test_a_new_event_says_what_was_given_and_nothing_else(title: str, place: str, notes: str) -> None:
    """Read by another program's parser: no text breaks out of its line."""
    event = NewEvent("u@x", title, NOW, date(2026, 12, 3), place, notes, ("bob@example.org",), "ana@example.org")
    text = calendar_text(event_lines(event, NOW))
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    (found,) = Calendar.from_ical(text).walk("VEVENT")
    for name, said in (("SUMMARY", title), ("LOCATION", place), ("DESCRIPTION", notes)):
        assert str(found[name]) == without_controls(said).replace("\t", " ")
    assert {name.upper() for name in found} == {
        "UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "LOCATION", "DESCRIPTION", "ORGANIZER", "ATTENDEE"
    }  # fmt: skip
    lines = event_lines(event, NOW)
    assert unfold(fold(lines)) == [line for line in lines]
    summary = next(line for line in lines if line.startswith("SUMMARY"))
    assert unescape(value_of(summary)) == without_controls(title).replace("\t", " ")


def test_lines_with_quotes_and_colons() -> None:
    line = 'ATTENDEE;CN="Bob: the \\"one\\"";ROLE=X:mailto:bob@example.org'
    assert value_of('X;A="b:c":d:e') == "d:e" and head_of('X;A="b:c":d:e') == 'X;A="b:c"'
    assert value_of(line) == "mailto:bob@example.org"
    blocks = find_events(unfold(SERIES))
    assert len(blocks) == 1 and len(blocks[0].own) == 7, "an alarm's lines are not the event's"


def test_a_move_changes_times_alone() -> None:
    new = move("a", "", text=SERIES, **TIMES)["text"]
    assert is_only_moved(SERIES, new, (TIMES["start"], TIMES["end"]))
    lines = unfold(new)
    assert "SEQUENCE:5" in lines and "DURATION:PT5M" in lines and "DURATION:PT1H" not in lines
    assert not is_only_moved(SERIES, new, ("DTSTART:20261209T090000Z", TIMES["end"])), "other times than approved"
    one = move("a", "20261214T100000", text=SERIES, **TIMES)["text"]
    assert is_only_moved(SERIES, one, (TIMES["start"], TIMES["end"]))
    assert (
        "RECURRENCE-ID;TZID=Europe/Berlin:20261214T100000" in unfold(one)
        and unfold(one).count("RRULE:FREQ=WEEKLY") == 1
    )
    again = move("a", "20261214T100000", text=one, **{**TIMES, "start": "DTSTART:20261215T090000Z"})["text"]
    assert unfold(again).count("BEGIN:VEVENT") == 2, "the occurrence that was moved is moved again"
    gone = delete("a", "20261214T100000", text=one)["text"]
    assert is_only_less(one, gone) and unfold(gone).count("BEGIN:VEVENT") == 1
    assert "EXDATE;TZID=Europe/Berlin:20261214T100000" in unfold(gone)


def test_a_reader_that_was_taken_over_gets_nothing_past_the_comparison() -> None:
    new = move("a", "", text=SERIES, **TIMES)["text"]
    written = (TIMES["start"], TIMES["end"])
    for more in ("ATTENDEE:mailto:eve@evil.test", "DESCRIPTION:4711", "SUMMARY:4711", "ORGANIZER:mailto:eve@evil.test",
                 "DTSTART:20200101T000000Z", "X-DATA:4711"):  # fmt: skip
        forged = new.replace("END:VEVENT", f"{more}\r\nEND:VEVENT")
        assert not is_only_moved(SERIES, forged, written), more
        assert not is_only_less(SERIES, SERIES.replace("END:VEVENT", f"{more}\r\nEND:VEVENT")), more
    assert not is_only_moved(SERIES, new.replace("SUMMARY:Standup\r\n", ""), written)
    for other in ("DURATION:P30D", "EXDATE:20261214T090000Z", ""):
        forged = new.replace(TIMES["end"], other)
        assert not is_only_moved(SERIES, forged, written), f"{other}: it would last longer, or leave out a day"
