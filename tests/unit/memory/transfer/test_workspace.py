"""Workspaces of OpenClaw's kind: read as they are found, and written so that they read back."""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.memory.records import StoredMemory
from openclaw_desktop.memory.transfer import workspace
from openclaw_desktop.memory.transfer.entries import Imported
from openclaw_desktop.memory.transfer.reading import detect, not_read, read
from openclaw_desktop.memory.transfer.workspace import Written, read_workspace, write_workspace

TOKYO = ZoneInfo("Asia/Tokyo")
UNTRUSTED = Label("untrusted", "private", ("file:/tmp/a, b.txt", "web:x?-->"))


def stored(text: str, **fields: object) -> StoredMemory:
    created_at = str(fields.pop("created_at", "2026-11-24T20:00:00.000+00:00"))
    usual = dict(
        rowid=1, id="mem_1", text=text, tier="long", kind="fact", speaker="", source="", session_id=None, turn_id=None,
        created_at=created_at, created_s=int(datetime.fromisoformat(created_at).timestamp()), observed_at=created_at,
        valid_from=None, valid_to=None, expires_at=None, importance=0.5, confidence=1.0, pinned=False, access_count=0,
        last_access_at=None, label=USER, purpose="assist", superseded_by=None,
    )  # fmt: skip
    return StoredMemory(**(usual | fields))  # type: ignore[arg-type]


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_md", ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def names_in(folder: Path) -> list[str]:
    return sorted(inner.name for inner in folder.iterdir())


def refusal(entries: Iterator[Imported]) -> str:
    with pytest.raises(UserError) as refused:
        list(entries)
    return refused.value.failure.sentence


def test_a_workspace_is_read_and_instructions_are_not(tmp_path: Path) -> None:
    write(tmp_path, MEMORY_md="# M\n## Garden\n- roses\n", USER_md="- I am Kim\n", AGENTS_md="- obey\n",
          SOUL_md="- sing\n", HEARTBEAT_md="- beat\n", README_md="- read\n")  # fmt: skip
    write(tmp_path / "memory", projects_md="a boat\n", notes_txt="- no\n")
    for name in ("2026-11-24.md", "2026-11-25-the-boat.md", "2026-13-40.md"):
        write(tmp_path / "memory", **{name.replace(".md", "_md"): "- said\n"})
    assert detect(tmp_path) == "openclaw"
    assert list(read_workspace(tmp_path, TOKYO)) == [
        Imported("Garden: roses", "", None, None, "fact", "MEMORY.md:3", by_user=True),
        Imported("I am Kim", "user", None, None, "fact", "USER.md:1", by_user=True),
        *(
            Imported("said", "", f"{day}T03:00:00.000+00:00", f"openclaw:memory/{name}", "turn", f"memory/{name}:1",
                     by_user=True)
            for day, name in [("2026-11-24", "2026-11-24.md"), ("2026-11-25", "2026-11-25-the-boat.md")]
        ),
        Imported("said", "", None, None, "fact", "memory/2026-13-40.md:1", by_user=True),
        Imported("a boat", "", None, None, "fact", "memory/projects.md:1", by_user=True),
    ]  # fmt: skip
    assert not_read(tmp_path) == ("AGENTS.md", "HEARTBEAT.md", "SOUL.md")


def test_one_file_is_read_and_a_file_of_instructions_is_not(tmp_path: Path) -> None:
    write(tmp_path, MEMORY_md="\ufeff- one\r\n- two\r\n", AGENTS_md="- obey\n")
    assert detect(tmp_path / "MEMORY.md") == "openclaw"
    assert [entry.text for entry in read(tmp_path / "MEMORY.md", "openclaw")] == ["one", "two"]
    assert refusal(read_workspace(tmp_path / "AGENTS.md")).startswith("There is nothing to import in")


def test_bad_files_are_refused_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "w", MEMORY_md="x") / "MEMORY.md"
    path.write_bytes(b"- one\n- \xff\n")
    assert refusal(read_workspace(tmp_path / "w")) == "MEMORY.md is not text in UTF-8: see line 2."
    path.write_bytes(b"a\0b")
    assert refusal(read_workspace(tmp_path / "w")) == "MEMORY.md is not text."
    monkeypatch.setattr(workspace, "NOTES_BYTES", 2)
    assert "MEMORY.md is too large" in refusal(read_workspace(tmp_path / "w"))
    path.unlink()
    (tmp_path / "secret.md").write_text("- secret\n")
    path.symlink_to(tmp_path / "secret.md")
    assert refusal(read_workspace(tmp_path / "w")) == "MEMORY.md is a link that leads out of the folder."
    path.unlink()
    (tmp_path / "w" / "memory").symlink_to(write(tmp_path / "o", memory__a_md="- secret") / "memory")
    assert refusal(read_workspace(tmp_path / "w")).startswith("There is nothing to import in")
    monkeypatch.setattr(workspace, "FILES", 0)
    assert "holds more than 0 files" in refusal(read_workspace(write(tmp_path / "v", USER_md="x")))


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    # In Tokyo it is five in the morning of the next day.
    memories = [
        stored("I like tea", speaker="user"),
        stored("# The boat\n\n- is blue", speaker="Anna, B; <x>", created_at="2025-01-02T03:04:05+00:00"),
        stored("a page says so", speaker="user", label=UNTRUSTED),
        stored("my name is Kim", speaker="user", pinned=True),
        stored("hello", kind="turn", speaker="user"),
        stored("hi", kind="turn", speaker="assistant", pinned=True, created_at="2026-11-24T20:00:01.500+00:00"),
        stored("an old day", kind="turn", speaker="user", created_at="2020-01-01T00:00:00+00:00"),
        stored("in short", kind="summary"),
        stored("I liked coffee", speaker="user", superseded_by="mem_2"),
        stored("NO_REPLY", kind="turn", speaker="assistant"),
    ]
    folder = tmp_path / "out"
    assert write_workspace(memories, folder, zone=TOKYO) == Written(facts=4, turns=3, left_out=3)
    usual = "2026-11-24T20:00:00.000+00:00"
    day = ("openclaw:memory/2026-11-25.md", "turn")
    assert list(read_workspace(folder, TOKYO)) == [
        Imported("# The boat\n\n- is blue", "Anna, B; <x>", "2025-01-02T03:04:05.000+00:00", None, "fact",
                 "MEMORY.md:3", by_user=False),
        Imported("my name is Kim", "user", usual, None, "fact", "USER.md:3", by_user=True),
        Imported("I like tea", "user", usual, None, "fact", "USER.md:4", by_user=True),
        Imported("a page says so", "user", usual, None, "fact", "USER.md:5", by_user=False),
        Imported("an old day", "user", "2020-01-01T00:00:00.000+00:00", "openclaw:memory/2020-01-01.md", "turn",
                 "memory/2020-01-01.md:3", by_user=True),
        Imported("hello", "user", usual, *day, "memory/2026-11-25.md:3", by_user=True),
        Imported("hi", "assistant", "2026-11-24T20:00:01.500+00:00", *day, "memory/2026-11-25.md:4", by_user=False),
    ]  # fmt: skip
    assert "untrusted: file:/tmp/a%2C%20b.txt, web:x%3F--%3E -->" in (folder / "USER.md").read_text()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*.md")}
    assert modes == {0o600} and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert names_in(tmp_path) == ["out"]


def test_more_than_is_held_at_once_is_written_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "_HELD_CHARS", 100)
    write_workspace((stored(f"fact {n}", pinned=n % 2 == 1) for n in range(50)), tmp_path / "out")
    read_back = [entry.text for entry in read_workspace(tmp_path / "out")]
    assert read_back == [f"fact {n}" for n in (*range(1, 50, 2), *range(0, 50, 2))]


def test_files_that_are_there_are_kept_unless_told(tmp_path: Path) -> None:
    write(tmp_path, USER_md="mine", AGENTS_md="mine")
    facts = [stored("a"), stored("b", speaker="user")]
    with pytest.raises(UserError, match="is there already"):
        write_workspace(facts, tmp_path)
    assert names_in(tmp_path) == ["AGENTS.md", "USER.md"]
    write_workspace(facts, tmp_path, overwrite=True)
    assert [entry.text for entry in read_workspace(tmp_path)] == ["a", "b"]
    assert (tmp_path / "AGENTS.md").read_text() == "mine"


def test_an_export_over_another_leaves_nothing_of_that_and_all_of_others(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    gone = [stored("a forgotten day", kind="turn"), stored("a forgotten fact"), stored("kept", speaker="user")]
    write_workspace(gone, folder, zone=TOKYO)
    write(folder, AGENTS_md="mine", memory__projects_md="- mine")
    (folder / "memory" / "2020-01-01.md").write_text("# 2020-01-01\n\n- mine\n")
    (folder / "memory" / "2020-01-02.md").symlink_to(folder / "memory" / "2026-11-25.md")
    written = write_workspace([stored("kept", speaker="user")], folder, overwrite=True, zone=TOKYO)
    assert written.removed == 2 and written.sizes_bytes == {"USER.md": (folder / "USER.md").stat().st_size}
    assert names_in(folder) == ["AGENTS.md", "USER.md", "memory"]
    assert names_in(folder / "memory") == ["2020-01-01.md", "2020-01-02.md", "projects.md"]
    assert "forgotten" not in "".join(path.read_text() for path in folder.rglob("*.md") if path.exists())


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="can't be written"):
        write_workspace([stored("a")], tmp_path / "none" / "out")


def test_a_memory_that_fails_on_its_way_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Iterator[StoredMemory]:
        yield stored("a")
        raise ValueError("row")

    with pytest.raises(ValueError, match="row"):
        write_workspace(failing(), tmp_path / "out")
    assert names_in(tmp_path) == []


def test_days_are_those_of_this_machine(tmp_path: Path) -> None:
    moment = datetime(2026, 11, 24, 12, tzinfo=UTC)
    write_workspace([stored("a", kind="turn", created_at=moment.isoformat())], tmp_path / "out")
    assert (tmp_path / "out" / "memory" / f"{moment.astimezone().date()}.md").exists()
