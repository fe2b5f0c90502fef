"""Sums: what people write is worked out exactly, against Python's own fractions; what is none says so in a sentence."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.tools.calculator_functions import calculate
from openclaw_desktop.workers.calls import CallFailed


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("12% of 340", "40.8"),
        ("80 + 15%", "92"),
        ("100 - 20%", "80"),
        ("2^3^2", "512"),
        ("-2^2", "-4"),
        ("(-2)^2", "4"),
        ("0^2", "0"),
        ("(-1)^1000001", "-1"),
        ("0.1+0.2", "0.3"),
        ("1/8", "0.125"),
        ("sqrt(16)", "4"),
        ("sqrt(9/4)", "1.5"),
        ("5!", "120"),
        ("1,234.5*2", "2469"),
        ("2(3+4)", "14"),
        ("17 % 5", "2"),
        ("10 mod 3", "1"),
        ("round(2.675, 2)", "2.68"),
        ("max(1, 2, 3)", "3"),
        ("3 × 4 ÷ 6", "2"),
        ("15 percent of 80", "12"),
        ("cbrt(27)", "3"),
        ("12 * 7 =", "84"),
    ],
)
def test_a_sum_is_exact(expression: str, value: str) -> None:
    assert calculate(expression) == {"value": value, "exact": True}


def test_what_is_rounded_says_so() -> None:
    assert calculate("1/3") == {"value": "0.333333333333333", "exact": False}
    assert calculate("2pi")["value"].startswith("6.2831853")
    assert not calculate("sqrt(2)")["exact"]


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("", "not_a_sum"),
        ("(((", "not_a_sum"),
        ("foo", "not_a_sum"),
        ("1,2", "not_a_sum"),
        ("__import__('os')", "not_a_sum"),
        ("7/0", "no_number"),
        ("0^-1", "no_number"),
        ("sqrt(0-1)", "no_number"),
        ("(-8)^(1/3)", "no_number"),
        ("9**9**9", "too_large"),
        ("2000!", "too_large"),
        ("10^9000", "too_large"),
        ("1e5000", "too_large"),
        ("e^1000", "too_large"),
        ("(" * 100 + "1" + ")" * 100, "too_large"),
        ("-" * 200 + "1", "too_large"),
        ("1" * 600, "too_large"),
    ],
)
def test_what_is_no_sum_is_refused(expression: str, code: str) -> None:
    with pytest.raises(CallFailed) as failure:
        calculate(expression)
    assert failure.value.code == code


whole = st.integers(-1000, 1000)
operators = st.sampled_from(["+", "-", "*", "/"])


@given(st.lists(st.tuples(operators, whole), min_size=1, max_size=8), whole)
def test_it_agrees_with_fractions(steps: list[tuple[str, int]], first: int) -> None:
    ours = f"({first})" + "".join(f" {sign} ({number})" for sign, number in steps)
    theirs = f"Fraction({first})" + "".join(f" {sign} Fraction({number})" for sign, number in steps)
    try:
        wanted = eval(theirs, {"Fraction": Fraction})
    except ZeroDivisionError:
        with pytest.raises(CallFailed):
            calculate(ours)
        return
    found = calculate(ours)
    if found["exact"]:
        assert Fraction(found["value"]) == wanted
    else:
        assert math.isclose(float(Fraction(found["value"])), float(wanted), rel_tol=1e-12)


@given(st.text(max_size=60) | st.text("0123456789+-*/^%!().,e πsqrtlogminax", max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    try:
        found = calculate(text)
    except CallFailed as failure:
        assert failure.message
    else:
        assert found["value"]
