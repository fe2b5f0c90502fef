"""The user's zone and the order of dates."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.system.region import find_zone, is_day_first, region, zone_named


def test_the_systems_zone_is_one_of_the_database() -> None:
    assert isinstance(find_zone(), ZoneInfo)


def test_the_zone_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Australia/Lord_Howe")
    assert region.tzlocal.reload_localzone() == ZoneInfo("Australia/Lord_Howe") == find_zone()
    monkeypatch.undo()
    region.tzlocal.reload_localzone()


def test_an_unknown_zone_is_a_sentence() -> None:
    assert zone_named("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    for name in ("Mars/Olympus", "../../etc/passwd", ""):
        with pytest.raises(UserError, match="no time zone"):
            zone_named(name)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8", "LC_TIME": "de_DE.UTF-8"}, True),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "en_PH"}, False),
        ({"LANG": "ja_JP"}, False),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "zh_Hant_TW"}, False),
    ],
)
def test_the_order_of_dates_follows_the_locale(environ: dict[str, str], expected: bool) -> None:
    assert is_day_first(environ) is expected
