"""What the desk of the key looks at besides the file itself."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from openclaw_desktop.security.file_key import FileKeys, Found
from openclaw_desktop.service import file_key_desk
from openclaw_desktop.service.file_key_desk import FileKeyDesk
from openclaw_desktop.storage.encryption import MAGIC, FileState, file_state


def test_a_file_that_may_not_be_read_keeps_nobody_from_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def guarded(path: Path) -> FileState:
        if path.name == "theirs":
            raise PermissionError(13, "Permission denied", str(path))
        return file_state(path)

    monkeypatch.setattr(file_key_desk, "file_state", guarded)
    (tmp_path / "theirs").write_bytes(MAGIC)
    (tmp_path / "aside").write_bytes(MAGIC)
    database: Any = SimpleNamespace(path=tmp_path / "openclaw.db")
    desk = FileKeyDesk(database, cast(FileKeys, None), Found(), (tmp_path,))
    assert desk._plain_files() == [tmp_path / "aside"]
