"""Measures: as people write them, and a sentence where two could be meant or none is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.tools.unit_functions import convert
from openclaw_desktop.workers.calls import CallFailed


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        (5, "miles", "km", "8.04672"),
        (37, "°C", "fahrenheit", "98.6"),
        (0, "k", "c", "-273.15"),
        (250, "kcal", "kJ", "1046"),
        (8, "l/100km", "mpg", "29.40182292"),
        (30, "mpg", "l/100 km", "7.840486111"),
        (1, "GB", "MiB", "953.6743164"),
        (1, "gib", "mib", "1024"),
        (3, "square feet", "m2", "0.27870912"),
        (60, "miles per hour", "km/h", "96.56064"),
        (2, "stone", "kg", "12.70058636"),
        (1, "tonne", "kg", "1000"),
        (1, "short ton", "kg", "907.18474"),
        (1, "kilo", "pounds", "2.204622622"),
    ],
)
def test_it_converts(value: float, source: str, target: str, result: str) -> None:
    assert convert(value, source, target)["value"] == result


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        ("ton", "kg", "ambiguous_unit"),
        ("usd", "eur", "money"),
        ("kg", "m", "not_comparable"),
        ("foo", "m", "unknown_unit"),
        ("", "m", "unknown_unit"),
        ("9**9**9", "m", "unknown_unit"),
        ("m" * 100, "m", "unknown_unit"),
        ("kg", "mpg", "not_comparable"),
    ],
)
def test_what_it_cannot_convert_it_says(source: str, target: str, code: str) -> None:
    with pytest.raises(CallFailed) as failure:
        convert(1, source, target)
    assert failure.value.code == code


@given(st.floats(-1e6, 1e6), st.sampled_from([("mile", "km"), ("pound", "kg"), ("gallon", "liter"), ("°C", "°F")]))
def test_there_and_back(value: float, units: tuple[str, str]) -> None:
    there = float(convert(value, *units)["value"])
    assert float(convert(there, units[1], units[0])["value"]) == pytest.approx(value, rel=1e-6, abs=1e-4)


@given(st.floats(), st.text(max_size=30), st.text(max_size=30))
def test_no_words_break_it(value: float, source: str, target: str) -> None:
    try:
        found = convert(value, source, target)
    except CallFailed as failure:
        assert failure.message
    else:
        assert found["value"]
