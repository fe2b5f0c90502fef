"""A run of some of the proofs must not take the others' rows away."""

import counts


def test_a_run_of_some_files_keeps_the_rows_of_the_others() -> None:
    before = counts.TABLE.read_text(encoding="utf-8")
    what = "the agent killed with -9 while it remembers"
    after = counts.merged(before, {what: 2_000, "a new one": 30}, "abc1234", "2031-02-03")
    told, kept = (set(text.splitlines()) for text in (after, before))
    assert told - kept == {
        f"| {what} | 200 | 2,000 | abc1234 | 2031-02-03 |", "| a new one | 10 | 30 | abc1234 | 2031-02-03 |",
    }  # fmt: skip
    assert len(kept - told) == 1, "the one row that ran anew"
    assert counts.merged(after, {}, "", "") == after
