"""A trigger that is kept as text and read back is due at the same moments."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from openclaw_desktop.scheduler.stored import read_trigger, write_trigger
from openclaw_desktop.scheduler.triggers import OnEvent, at, cron, every, on_event
from openclaw_desktop.scheduler.words import Understood, understand

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 5, 14, 23, 11, 345_678, tzinfo=UTC)
WORDS = [
    "tomorrow at 18:30", "in 20 minutes", "every other Tuesday at 5 pm", "every day at 9 and 17:30", "@daily",
    "every 15 minutes", "every 50 minutes", "the last friday of each month at noon", "every 2 hours until next friday",
    "every weekday at 8 except monday", "every month on the 31st at 7", "every year on 24 december at 18:00",
    "every 10 minutes between 9 and 17 on weekdays", "0 9 * * mon-fri", "every quarter on the first monday at 10",
]  # fmt: skip


@pytest.mark.parametrize("words", WORDS)
def test_what_words_mean_is_the_same_once_it_was_kept(words: str) -> None:
    understood = understand(words, NOW, ZONE)
    assert isinstance(understood, Understood), understood
    again = read_trigger(write_trigger(understood.schedule), ZONE.key)
    times = [moment.replace(microsecond=0) for moment in islice(understood.schedule.times(NOW), 40)]
    assert times and list(islice(again.times(NOW), 40)) == times
    assert read_trigger(write_trigger(again), ZONE.key) == again


@pytest.mark.parametrize(
    "trigger",
    [
        every("1h30m", NOW, ZONE), at("2026-11-01T01:30", ZONE), at("2026-11-01T01:30-05:00", ZONE),
        cron("*/7 2-4 * jan-mar sun", NOW, ZONE), cron("@weekly", NOW, ZONE), cron("@reboot", NOW, ZONE),
        on_event("present"), on_event("mains"), OnEvent("file", "/home/u/ä file.txt"),
    ],
)  # fmt: skip
def test_each_kind_comes_back_equal(trigger: object) -> None:
    assert read_trigger(write_trigger(trigger), ZONE.key) == trigger  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["{}", '{"kind": "magic"}', "no json"])
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        read_trigger(text, "UTC")
