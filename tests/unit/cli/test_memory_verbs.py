"""What the memory verbs understand, and what they print for people."""

import pytest

from openclaw_desktop.cli import memory_output as words
from openclaw_desktop.cli.commands import VERBS
from openclaw_desktop.cli.parser import build_parser
from openclaw_desktop.core.labels import Label
from openclaw_desktop.service.memory.api import (
    ChangeView,
    ErasurePreview,
    ErasureView,
    ExportView,
    ImportPreview,
    LimitView,
    MemoryStats,
    MemoryView,
    MentionView,
    RunDetail,
    RunView,
    TidyView,
)

MEMORY = MemoryView(
    "mem_1", "likes\ntea \u202eevil", "medium", "fact", "user", "user", None, None, "2026-11-24T10:00:00+00:00",
    "2026-11-24T10:00:00+00:00", None, None, None, 0.5, 1.0, True, 0, None, Label("untrusted", "private", ("x",)),
    "assist", "mem_2",
)  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "stats", "list", "list --tier long --kind fact --since 2026-01-01 --contains tea --all -n 5", "show mem_1",
        "edit mem_1 text", "edit mem_1 --importance 0.5 --valid-from 2026-01-01 --valid-to= --expires=",
        "pin mem_1", "unpin mem_1", "runs", "runs 3", "undo", "undo 3", "export out --format markdown --force",
        "import in --from chatgpt --mine --yes", "tidy --yes",
    ],
)  # fmt: skip
def test_every_verb_is_understood_and_done_by_somebody(line: str) -> None:
    arguments = build_parser().parse_args(["memory", *line.split(), "--json"])
    assert f"memory {arguments.action}" in VERBS and arguments.json


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("edit mem_1 --importance 1.5", "a number from 0 to 1"),
        ("edit mem_1 --importance x", "a number from 0 to 1"),
        ("undo last", "a whole number"),
        ("list -n 0", "a whole number"),
        ("list --tier middle", "invalid choice"),
        ("import x --from gemini", "invalid choice"),
        ("show", "ID"),
    ],
)
def test_what_is_not_understood_is_a_wrong_use(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(["memory", *line.split()])
    assert ended.value.code == 2 and said in capsys.readouterr().err


def test_a_memory_is_one_line_with_nothing_hidden_in_it() -> None:
    assert words.describe_memory(MEMORY) == ("mem_1  2026-11-24  medium fact    *!~ likes tea \\u202eevil")


def test_a_long_memory_is_cut_in_a_list() -> None:
    line = words.describe_receipt(ErasureView("era_1", "2026", 1, {"facts": 1200}), 2)
    assert line == "Erased 1 of 2.\nReceipt era_1, 2026: 1,200 facts"


def test_stats_say_how_near_the_limits_are() -> None:
    stats = MemoryStats(
        {"short": {"turn": 300}, "medium": {}, "long": {"fact": 2, "turn": 9}}, 311, 2048, False, "2026-01-01",
        "2026-11-24", 0.0064, 1, 0, 1, 3, 0, 1, (LimitView("short-term memories", 300, 400, "memories"),),
    )  # fmt: skip
    text = words.describe_stats(stats)
    for said in (
        "311 memories in 2 KiB",
        "medium  none",
        "2 fact, 9 turn",
        "300 / 400 memories (75 %)",
        "not done yet",
    ):
        assert said in text


def test_an_erasure_shows_what_stays_too() -> None:
    mention = MentionView("turn_9", "it was 4711", "2026-01-01", "user", "4711")
    text = words.describe_erasure(ErasurePreview((), {"messages": 2}, (mention,), 1, 3, ("mem_none",), 4))
    for said in ("2 messages", "1 memories stay", "3 backups", "turn_9", "--quotes", "mem_none", "and 4 more"):
        assert said in text


def test_a_change_shows_before_and_after() -> None:
    run = RunView(3, "edit", "2026-11-24T10:00:00.000+00:00", None, "2026-11-25T10:00:00.000+00:00", "", 3)
    changes = (
        ChangeView(3, "mem_1", "edited", {"text": "a", "valid_to": None}, {"text": "b", "valid_to": "2026"}),
        ChangeView(3, "mem_2", "imported", None, {}),
        ChangeView(3, "mem_3", "dropped", {"text": "gone"}, None),
    )
    text = words.describe_run_detail(RunDetail(run, changes, 7))
    for said in ("text: a -> b; valid_to: none -> 2026", "imported", "dropped  gone", "taken back 2026-11-25T10:00",
                 "and 7 more"):  # fmt: skip
        assert said in text


def test_an_import_says_how_far_it_is_trusted() -> None:
    seen = ImportPreview(
        "/x",
        "chatgpt",
        9,
        6,
        2,
        1,
        {"turn": 6},
        {"user": 4, "untrusted": 2},
        "2026-01-01",
        "2026-02-02",
        ("hi",),
        ("n",),
    )
    text = words.describe_import(seen)
    for said in ("6 new of 9", "2 are there already", "1 were erased here once", "4 count as your own words, 2 as not"):
        assert said in text
    assert "memory undo" not in text
    assert "memory undo RUN" in words.describe_import(seen, mine=True)


def test_to_forget_is_a_verb_and_a_thing_done_to_memory() -> None:
    for verbs in (["forget"], ["memory", "forget"]):
        assert build_parser().parse_args([*verbs, "mem_1", "--yes"]).ids == ["mem_1"]
    assert VERBS["memory forget"] is VERBS["forget"]


def test_what_waits_for_a_word_is_said() -> None:
    assert "--yes" in words.describe_tidy(TidyView(1, 0, 0, 50))
    assert "--yes" not in words.describe_tidy(TidyView(1, 0, 2, 0))


def test_an_export_says_what_is_not_in_it() -> None:
    text = words.describe_export(ExportView("/x", "markdown", 9, 3, 5000, 1204, 1200, 2))
    for said in ("9 memories", "1,200 facts that are not trusted were withheld", "4 were left out", "2 files of an"):
        assert said in text
    assert len(words.describe_export(ExportView("/x", "json", 9, 1, 5000)).splitlines()) == 1
