"""What `memory consolidate` says: room that is missing is told by whose it is."""

import pytest

from openclaw_desktop.cli.consolidation import describe
from openclaw_desktop.service.api import ConsolidationView


def test_facts_that_wait_are_told_with_what_lets_them_go() -> None:
    lines = describe(ConsolidationView(1, {"held": 12}, 0, None, "", 0, 0))
    assert len(lines) == 2 and "12  facts due to go by age" in lines[1] and "memory tidy --yes" in lines[1]


@pytest.mark.parametrize(
    ("over", "lacking", "said"),
    [
        (0, 0, []),
        (1, 0, ["1 MB over its limit"]),
        (0, 268_000_001, ["The disk lacks 269 MB"]),
        (2_500_000, 1_000_000, ["3 MB over its limit", "The disk lacks 1 MB"]),
    ],
)
def test_a_full_disk_is_not_taken_for_a_limit_of_the_users(over: int, lacking: int, said: list[str]) -> None:
    lines = describe(ConsolidationView(1, {}, 0, None, "", over, lacking))[2:]
    assert len(lines) == len(said)
    assert all(part in line for part, line in zip(said, lines, strict=True))
