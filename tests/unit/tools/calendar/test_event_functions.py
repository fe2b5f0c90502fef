"""Events of a range: repetitions, zones, days, and what stands in for a single occurrence."""

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from openclaw_desktop.tools.calendar import event_functions
from openclaw_desktop.tools.calendar.dav_functions import read_multistatus
from openclaw_desktop.tools.calendar.event_functions import read_file, read_report
from openclaw_desktop.workers.calls import CallFailed

SPAN = ("2026-11-01T00:00:00+01:00", "2026-12-01T00:00:00+01:00", "Europe/Berlin")


def read(folder: Path, *events: str, zones: str = "") -> list[tuple[str, str, str]]:
    path = folder / "a.ics"
    body = "".join(f"BEGIN:VEVENT\nUID:u{number % 9}\n{event}\nEND:VEVENT\n" for number, event in enumerate(events))
    path.write_text(f"BEGIN:VCALENDAR\nVERSION:2.0\n{zones}{body}END:VCALENDAR\n")
    found = read_file(str(path), *SPAN)
    assert found["broken"] == 0 and found["unfinished"] == 0, found
    return [(event["start"], event["end"], event["key"]) for event in found["events"]]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("DTSTART:20261105T110000Z\nDTEND:20261105T120000Z",
         [("2026-11-05T12:00:00+01:00", "2026-11-05T13:00:00+01:00", "")]),
        ("DTSTART;TZID=America/New_York:20261105T110000\nDURATION:PT30M",
         [("2026-11-05T17:00:00+01:00", "2026-11-05T17:30:00+01:00", "")]),
        ("DTSTART;TZID=W. Europe Standard Time:20261105T110000\nDURATION:PT30M",
         [("2026-11-05T11:00:00+01:00", "2026-11-05T11:30:00+01:00", "")]),
        ("DTSTART:20261105T110000\nDURATION:PT30M", [("2026-11-05T11:00:00+01:00", "2026-11-05T11:30:00+01:00", "")]),
        ("DTSTART;VALUE=DATE:20261105", [("2026-11-05", "2026-11-06", "")]),
        ("DTSTART;VALUE=DATE:20261030\nDTEND;VALUE=DATE:20261102", [("2026-10-30", "2026-11-02", "")]),
        ("DTSTART;VALUE=DATE:20261030\nDTEND;VALUE=DATE:20261101", []),
        ("DTSTART:20261031T220000Z\nDTEND:20261031T230000Z", []),
        ("DTSTART:20261031T220000Z\nDTEND:20261031T233000Z",
         [("2026-10-31T23:00:00+01:00", "2026-11-01T00:30:00+01:00", "")]),
        ("DTSTART;VALUE=DATE:20001105\nRRULE:FREQ=YEARLY", [("2026-11-05", "2026-11-06", "20261105")]),
        ("DTSTART;VALUE=DATE:20261001\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=2",
         [("2026-11-30", "2026-12-01", "20261130")]),
        ("DTSTART:20261110T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20261112T095959Z",
         [("2026-11-10T11:00:00+01:00", "2026-11-10T12:00:00+01:00", "20261110T100000Z"),
          ("2026-11-11T11:00:00+01:00", "2026-11-11T12:00:00+01:00", "20261111T100000Z")]),
        ("DTSTART;TZID=Europe/Berlin:20261110T100000\nRRULE:FREQ=DAILY;UNTIL=20261112",
         [(f"2026-11-{day}T10:00:00+01:00",) * 2 + (f"202611{day}T100000",) for day in (10, 11, 12)]),
        ("DTSTART;TZID=Europe/Berlin:20261110T100000\nRRULE:FREQ=WEEKLY;COUNT=3\nRDATE;TZID=Europe/Berlin:20261111T080000"
         "\nEXDATE:20261117T090000Z",
         [(f"2026-11-{day}:00:00+01:00",) * 2 + (f"202611{day}0000",)
          for day in ("10T10", "11T08", "24T10")]),
        # The hour that the clocks skip in March is told as it is meant by New York's own clocks.
        ("DTSTART;TZID=America/New_York:20261025T013000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=2",
         [("2026-11-01T06:30:00+01:00", "2026-11-01T07:30:00+01:00", "20261101T013000")]),
    ],
)  # fmt: skip
def test_when_an_event_is(tmp_path: Path, lines: str, found: list[tuple[str, str, str]]) -> None:
    assert read(tmp_path, lines) == found


def test_a_zone_that_the_calendar_brings_itself(tmp_path: Path) -> None:
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Our Office\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0530\n"
        "TZOFFSETTO:+0530\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    found = read(tmp_path, "DTSTART;TZID=Our Office:20261105T110000\nRRULE:FREQ=DAILY;COUNT=2", zones=zone)
    assert [start for start, _, _ in found] == ["2026-11-05T06:30:00+01:00", "2026-11-06T06:30:00+01:00"]


def test_an_occurrence_of_its_own_takes_the_place_of_the_repeated_one(tmp_path: Path) -> None:
    main = "DTSTART;TZID=Europe/Berlin:20261109T100000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=3\nUID:same"
    moved = "RECURRENCE-ID:20261116T090000Z\nDTSTART:20261118T120000Z\nDURATION:PT1H\nUID:same"
    path = tmp_path / "a.ics"
    events = "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in (moved, main))
    path.write_text(f"BEGIN:VCALENDAR\n{events}END:VCALENDAR\n")
    found = [(event["start"], event["key"]) for event in read_file(str(path), *SPAN)["events"]]
    assert found == [
        ("2026-11-09T10:00:00+01:00", "20261109T100000"),
        ("2026-11-18T13:00:00+01:00", "20261116T090000Z"),
        ("2026-11-23T10:00:00+01:00", "20261123T100000"),
    ]


def answer(*responses: str, head: str = "") -> str:
    body = (
        f'<?xml version="1.0"?>{head}<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">'
        f"{''.join(responses)}</D:multistatus>"
    )
    return base64.b64encode(body.encode()).decode()


def test_what_a_server_answers() -> None:
    event = (
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART:20261105T110000Z\nSUMMARY:Tea &amp; cake\n"
        "END:VEVENT\nEND:VCALENDAR"
    )
    good = (
        f'<D:response><D:href>/c/a.ics</D:href><D:propstat><D:prop><D:getetag>"1"</D:getetag><C:calendar-data>{event}'
        "</C:calendar-data></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat><D:propstat><D:prop>"
        "<D:displayname>no</D:displayname></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>"
        "</D:response>"
    )
    (one,) = read_multistatus(answer(good))["responses"]
    assert (one["href"], one["etag"], one["name"], one["calendar"]) == ("/c/a.ics", '"1"', "", False)
    found = read_report(answer(good, good.replace("BEGIN:VEVENT", "BEGIN:VEVENT\nRRULE:FREQ=NO")), *SPAN)
    assert found["events"][0]["title"] == "Tea & cake" and found["events"][0]["etag"] == '"1"'
    assert found["unfinished"] == 1
    for bad in (
        answer(good, head='<!DOCTYPE x [<!ENTITY a "b">]>'),
        answer("<D:response>" * 50),
        base64.b64encode(b"<html/>").decode(),
        base64.b64encode(b"\xff\xfe<\0").decode(),
        "",
    ):
        with pytest.raises(CallFailed) as caught:
            read_multistatus(bad)
        assert caught.value.code == "not_dav"


def test_many_events_that_never_end_get_less_and_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, given = [0.0], list[float]()

    @contextlib.contextmanager
    def patience(seconds: float) -> Iterator[None]:
        given.append(seconds)
        yield

    def never(event: object, found: object) -> list[object]:
        now_s[0] += 1.0
        raise OverflowError

    monkeypatch.setattr(event_functions, "time", SimpleNamespace(process_time=lambda: now_s[0]))
    monkeypatch.setattr(event_functions, "_patience", patience)
    monkeypatch.setattr(event_functions, "_starts", never)
    events = "BEGIN:VEVENT\nUID:a\nDTSTART:20261105T110000Z\nRRULE:FREQ=DAILY\nEND:VEVENT\n" * 5
    (tmp_path / "a.ics").write_text(f"BEGIN:VCALENDAR\n{events}END:VCALENDAR\n")
    found = read_file(str(tmp_path / "a.ics"), *SPAN)
    assert found["unfinished"] == 5 and given == [3.0, 0.5, 0.5, 0.5, 0.05, 0.05]
