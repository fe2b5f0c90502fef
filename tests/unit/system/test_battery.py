"""The power source, also where the battery's files are half written."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest

from openclaw_desktop.system.battery import Power, read_power


def battery(percent: object, plugged: object) -> SimpleNamespace:
    return SimpleNamespace(percent=percent, power_plugged=plugged, secsleft=-1)


@pytest.mark.parametrize(
    ("reading", "power"),
    [
        (None, Power("mains", None)),
        (battery(41.5, False), Power("battery", 41.5)),
        (battery(100, True), Power("mains", 100.0)),
        (battery(104.2, True), Power("mains", 100.0)),
        (battery(50, None), Power("unknown", 50.0)),
        (battery(None, True), Power("unknown", None)),
    ],
)
def test_what_psutil_says(monkeypatch, reading, power):
    monkeypatch.setattr(psutil, "sensors_battery", lambda: reading, raising=False)
    assert read_power() == power


@pytest.mark.parametrize("error", [TypeError("NoneType"), OSError(5, "I/O"), ValueError("''"), AttributeError("no")])
def test_a_reading_that_fails_is_unknown(monkeypatch, error):
    def fail() -> None:
        raise error

    monkeypatch.setattr(psutil, "sensors_battery", fail, raising=False)
    assert read_power() == Power("unknown", None)


def test_this_machine():
    assert read_power().source in ("mains", "battery", "unknown")
