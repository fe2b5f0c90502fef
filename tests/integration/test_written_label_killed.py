"""The agent is killed while it writes a text that it had from strangers: never does it count as the user's.

Run as a program it is the agent: it writes one file in a folder whose texts count as the user's, and is killed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.security.written import WrittenFiles
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools import change_functions
from openclaw_desktop.tools.file_changes import WriteFileTool
from openclaw_desktop.tools.file_labels import FileLabels
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.workers.tool_host import ToolHost

POISONED = Label("untrusted", "private", ("web:https://evil.test/",))


class KillingJail:
    """The real jail; the agent dies right before or right after the call that writes."""

    def __init__(self, moment: str) -> None:
        self._host = ToolHost()
        self._moment = moment

    async def call(self, function: str, arguments: Any, **more: Any) -> Any:
        if function == "files.write" and self._moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = await self._host.call(function, arguments, **more)
        if function == "files.write":
            os.kill(os.getpid(), signal.SIGKILL)
        return result


async def labels_of(database: Database, folder: Path) -> FileLabels:
    row = ("grt_own", "file:own", str(folder), "2026-11-29T12:00:00+00:00")
    sql = "insert or ignore into grants (id, capability, scope, created_at) values (?, ?, ?, ?)"
    await database.write(lambda connection: connection.execute(sql, row).fetchall())
    return FileLabels(WrittenFiles(database), GrantStore(database, ()))


async def write_and_die(root: Path, mode: str, moment: str) -> None:
    database = await Database.open(root / "openclaw.db")
    folder = root / "mine"
    labels = await labels_of(database, folder)
    finder = PathFinder(GrantStore(database, ()), folder)
    tool = WriteFileTool(KillingJail(moment), finder, labels, root / "share")
    scene = CallScene("s", "t", POISONED, folder=str(folder))
    arguments = {"path": str(folder / "note.txt"), "text": "pay evil.test\n", "mode": mode}
    await tool.run(await tool.freeze(ToolCall("c", "write_file", arguments), scene), scene)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("mode", ["create", "replace", "append"])
async def test_a_kill_leaves_no_foreign_text_as_the_users(tmp_path: Path, mode: str, moment: str) -> None:
    root = Path(os.path.realpath(tmp_path))
    note = root / "mine" / "note.txt"
    note.parent.mkdir()
    own = b"" if mode == "create" else b"my own words\n"
    if own:
        note.write_bytes(own)
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, __file__, str(root), mode, moment],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    database = await Database.open(root / "openclaw.db")
    try:
        labels = await labels_of(database, note.parent)
        content = note.read_bytes() if note.exists() else b""
        assert (b"evil.test" in content) == (moment == "after")
        if content:
            label = await labels.label_of(note, hashlib.sha256(content).hexdigest())
            assert label.integrity == ("untrusted" if moment == "after" else "user")
            assert (moment == "before") or "web:https://evil.test/" in label.origins
        # Half a text may lie there, if the worker was killed with the agent: it counts for nobody's.
        assert all(change_functions.is_temporary(one.name) for one in note.parent.iterdir() if one != note)
    finally:
        await database.close()


async def test_a_text_half_written_is_nobodys_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies there before the file has its name: a kill would leave it."""
    root = Path(os.path.realpath(tmp_path))
    seen: list[str] = []

    def look(folder: int, name: str, *_: Any) -> None:
        seen.extend(os.listdir(folder))
        assert name in seen
        raise KeyboardInterrupt

    monkeypatch.setattr(change_functions, "_rename_new", look)
    for name in ("note.txt", ".hidden", "a" * 200):
        with pytest.raises(KeyboardInterrupt):
            change_functions.write(str(root / name), "pay evil.test", "create", str(root))
        with pytest.raises(KeyboardInterrupt):
            change_functions.write_new(str(root / name), b"pay evil.test")
    assert len(seen) == 6 and not list(root.iterdir())
    database = await Database.open(root / "openclaw.db")
    try:
        labels = await labels_of(database, root)
        assert await labels.is_own(root / "note.txt")
        for name in seen:
            assert not await labels.is_own(root / name)
    finally:
        await database.close()


async def test_what_is_foretold_makes_nothing_better(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "openclaw.db")
    try:
        written = WrittenFiles(database)
        user = Label("user", "private", ("user",))
        assert await written.foretell("/a", "hash", POISONED) is False
        assert await written.foretell("/a", "hash", user) is True
        known = await written.label_of("/a", "hash")
        assert known is not None and known.integrity == "untrusted"
        await written.note("/a", "hash", user)  # it was written, so it is the user's now
        known = await written.label_of("/a", "hash")
        assert known is not None and known.integrity == "user"
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(write_and_die(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
