"""The formula of importance: between 0 and 1, monotone in each part, and as it is written down."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.memory.consolidation.importance import Signs, earned_tier, weigh

SHARE = st.floats(0, 1)
SIGNS = st.builds(
    Signs, content=SHARE, mentions=st.integers(0, 10_000), uses=st.integers(0, 10_000), age_days=st.floats(0, 1e5),
    links=SHARE, praise=SHARE, blame=SHARE,
)  # fmt: skip


@given(SIGNS)
def test_it_lies_between_0_and_1(signs: Signs) -> None:
    assert 0 <= weigh(signs) <= 1


@given(SIGNS, st.sampled_from(["content", "links", "praise"]), SHARE)
def test_more_of_what_speaks_for_a_fact_never_lowers_it(signs: Signs, part: str, value: float) -> None:
    more = replace(signs, **{part: max(value, getattr(signs, part))})
    assert weigh(more) >= weigh(signs) - 1e-12


@given(SIGNS, st.integers(0, 100), st.integers(0, 100), st.floats(0, 1e4), SHARE)
def test_mentions_and_uses_lift_age_and_blame_lower(
    signs: Signs, mentions: int, uses: int, days: float, blame: float
) -> None:
    assert weigh(replace(signs, mentions=signs.mentions + mentions, uses=signs.uses + uses)) >= weigh(signs) - 1e-12
    assert weigh(replace(signs, age_days=signs.age_days + days)) <= weigh(signs) + 1e-12
    assert weigh(replace(signs, blame=max(blame, signs.blame))) <= weigh(signs) + 1e-12


@pytest.mark.parametrize(
    ("signs", "importance"),
    [
        (Signs(0, age_days=1e9), 0.0),
        (Signs(0), 0.2),
        (Signs(1), 1 - 0.28 * 0.8),
        (Signs(0.4, age_days=180), 1 - 0.712 * 0.9),
        (Signs(0.6, mentions=4), 1 - 0.568 * 0.75 * 0.8),
        (Signs(0, praise=1), 1 - 0.1 * 0.8),
        (Signs(1, blame=1), (1 - 0.28 * 0.8) * 0.2),
    ],
)
def test_it_is_the_formula_that_is_written_down(signs: Signs, importance: float) -> None:
    assert weigh(signs) == pytest.approx(importance, abs=1e-6)


@pytest.mark.parametrize(("importance", "tier"), [(0.7, "medium"), (0.69, "long"), (0.3, "long"), (0.29, None)])
def test_which_tier_it_earns(importance: float, tier: str | None) -> None:
    assert earned_tier(importance) == tier


def test_what_is_pinned_is_offered_to_every_prompt_whatever_it_says() -> None:
    assert earned_tier(weigh(Signs(0, age_days=1e9, praise=1))) == "medium"
