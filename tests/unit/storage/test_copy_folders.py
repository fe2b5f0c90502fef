"""The folders that ever held copies: kept while they may hold some, whatever the user names next."""

from pathlib import Path

import pytest

from openclaw_desktop.storage.backup import BackupPlan
from openclaw_desktop.storage.copy_folders import LIST, note_folder, noted_folders


def test_a_folder_stays_noted_until_it_is_seen_to_be_empty(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    note_folder(tmp_path, BackupPlan(tmp_path / "home"))
    note_folder(tmp_path, BackupPlan(first, chosen=True))
    assert noted_folders(tmp_path) == () and not (tmp_path / LIST).exists(), "it never was there"
    for folder in (first, second):
        folder.mkdir()
        note_folder(tmp_path, BackupPlan(folder, chosen=True))
        (folder / "openclaw-20260101T000000Z-daily.db").touch()
    assert noted_folders(tmp_path) == (first, second)
    first.rename(tmp_path / "unplugged")
    note_folder(tmp_path, BackupPlan(second, chosen=True))
    assert noted_folders(tmp_path) == (first, second)
    first.mkdir()
    note_folder(tmp_path, BackupPlan(tmp_path / "home"))
    assert noted_folders(tmp_path) == (second,)


@pytest.mark.parametrize("content", [b"", b"{", b"7", b"null", b"\xff", b'["a\\u0000b", 7]'])
def test_a_list_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LIST).write_bytes(content)
    assert noted_folders(tmp_path) == ()
