"""What the desk of the key looks at besides the file itself."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from openclaw_desktop.security.file_key import FileKeys, Found
from openclaw_desktop.service.memory import file_key as file_key_desk
from openclaw_desktop.service.memory.file_key import FileKeyDesk
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


async def test_a_change_that_nobody_waits_for_any_more_ends_before_the_next_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def change(self: FileKeyDesk, action: str, holder: Any, path: Any) -> str:
        steps.append(f"{action} begins")
        begun.set()
        await go_on.wait()
        steps.append(f"{action} ends")
        return action

    monkeypatch.setattr(FileKeyDesk, "_change", change)
    database: Any = SimpleNamespace(path=tmp_path / "openclaw.db")
    desk = FileKeyDesk(database, cast(FileKeys, None), Found(), (tmp_path,))
    first = asyncio.create_task(desk.change("new_key", None, None))
    await begun.wait()
    first.cancel()
    await asyncio.wait({first})
    second = asyncio.create_task(desk.change("off", None, None))
    for _ in range(20):  # as often as it may run before it has to wait
        await asyncio.sleep(0)
    assert first.cancelled() and steps == ["new_key begins"]
    go_on.set()
    await second
    assert steps == ["new_key begins", "new_key ends", "off begins", "off ends"]
