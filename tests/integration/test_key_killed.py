"""kill -9 while the key of the memory file is changed: one file that opens, its key at hand, nothing lost or left."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from counts import count
from key_changes import CHANGES, KeyHome, ids

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.security.file_key import key_id
from openclaw_desktop.security.key_record import read_record
from openclaw_desktop.storage.backup import is_good, list_backups
from openclaw_desktop.storage.encryption import opens

if sys.platform == "win32":
    pytest.skip("kill -9 is Unix's", allow_module_level=True)

PROGRAM = Path(__file__).with_name("key_changes.py")
STEPS = (
    "key kept", "change noted", "copy written", "copy checked", "old kept", "renamed", "opened", "record turned",
    "backups rewritten", "old removed", "record settled",
)  # fmt: skip
ROUNDS = count("kill -9 while the file's key is changed", 200)


def killed(home: KeyHome, *words: str) -> set[str]:
    """Run the program until it is killed, and return the ids that it had acknowledged."""
    command = [sys.executable, "-P", str(PROGRAM), str(home.folder), *words]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert ended.returncode in (-signal.SIGKILL, -signal.SIGPROF), ended
    return set(ended.stdout.split())


async def hold_to_one_state(home: KeyHome, acknowledged: set[str]) -> bool:
    """Open the home as its next start does, and hold it to one state; return whether it is encrypted."""
    found = await home.keys.find(home.file)
    assert opens(home.file, found.key)
    async with home.open() as (database, desk):
        assert acknowledged <= await ids(database)
        assert await database.read(lambda connection: connection.pragma("integrity_check", 1)) == "ok"
        view, key = desk.view(), database.key
    names = {path.name for path in home.file.parent.iterdir() if not path.name.startswith(".openclaw.key.json.")}
    assert names <= {"openclaw.db", "openclaw.key.json"}, "nothing is left beside the file"
    assert all(is_good(copy, key) for copy in list_backups(home.backups)), "the copies have the file's key"
    states = read_record(home.file.with_name("openclaw.key.json")) or (None,)
    assert [state and state.id for state in states] == [key and key_id(key)]
    assert key is None or key in home.ring.kept()
    assert (home.canaries() == []) == (key is not None)
    assert view.encrypted == (key is not None) == view.recovery_code
    return view.encrypted


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("place", STEPS)
async def test_killed_at_each_step(tmp_path: Path, change: str, place: str) -> None:
    if change == "off" and place == "key kept":
        pytest.skip("no key is kept where none is made")
    home = KeyHome(tmp_path)
    acknowledged = killed(home, change, place)
    assert acknowledged
    turned = STEPS.index(place) >= STEPS.index("renamed")
    before = {"on": False, "new_key": True, "off": True}[change]
    encrypted = await hold_to_one_state(home, acknowledged)
    if place not in ("key kept", "record settled"):  # there a key stays behind that opens nothing any more
        assert len(home.ring.kept()) == encrypted
    assert encrypted == ({"on": True, "new_key": True, "off": False}[change] if turned else before)


async def test_killed_at_any_moment(tmp_path: Path) -> None:
    home, moment = KeyHome(tmp_path), random.Random(20_261_124)
    acknowledged: set[str] = set()
    seen = set()
    for _ in range(ROUNDS):
        acknowledged |= killed(home, "timer", f"{moment.uniform(0.001, 0.25):.4f}")
        seen.add(await hold_to_one_state(home, acknowledged))
    assert seen == {True, False} and len(acknowledged) > ROUNDS / 2


async def test_a_keyring_that_is_gone_after_the_kill_loses_nothing(tmp_path: Path) -> None:
    home = KeyHome(tmp_path)
    acknowledged = killed(home, "new_key", "record turned")
    (home.folder / "ring.json").rename(home.folder / "elsewhere.json")
    with pytest.raises(UserError, match="its key is not in the keyring"):
        await home.keys.find(home.file)
    (home.folder / "elsewhere.json").rename(home.folder / "ring.json")
    assert await hold_to_one_state(home, acknowledged)
