"""The lines of `health`: a point, and a week in shades."""

from __future__ import annotations

from openclaw_desktop.cli.health import describe_point, describe_presence
from openclaw_desktop.cli.parser import build_parser
from openclaw_desktop.service.machine.views import MetricView, PresenceHour, PresenceView


def test_a_point_is_one_line() -> None:
    point = MetricView("answer_ms.chat", "2026-11-23T10:20:00+01:00", 600, 3, 1234.56, 1000.0, 1500.0)
    line = describe_point(point)
    assert line.startswith("2026-11-23 10:20  answer_ms.chat") and "1,234.6" in line and "1,000.0 - 1,500.0" in line


def test_a_week_is_seven_lines_darker_the_more_often_somebody_is_there() -> None:
    hours = (PresenceHour(0, 0, 3600, 3600), PresenceHour(0, 1, 3600, 1800), PresenceHour(6, 23, 3600, 0))
    lines = describe_presence(PresenceView(hours, "2026-11-28T22:00+01:00")).splitlines()
    assert lines[1] == "Mon  #=" and lines[7] == "Sun" and len(lines) == 9
    assert lines[8] == "Seldom anybody is there next from 2026-11-28 22:00 on."


def test_the_words_of_the_verb() -> None:
    parse = build_parser().parse_args
    assert parse(["health", "metrics", "rss_bytes", "--hours", "3"]).hours == 3
    assert parse(["health", "metrics"]).series == "" and parse(["health", "presence", "--forget"]).forget
