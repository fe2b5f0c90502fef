"""The passphrase file: sealed values, wrong passphrases, and every kind of damage."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.storage.atomic import write_atomically
from openclaw_desktop.system.secrets import PassphraseFile, sealed

WORK = dict(sealed.WORK)
PASSPHRASE = "correct horse battery"
ENTRY = "key@api.example.com"
VALUE = "sk-canary-0123456789"


pytestmark = pytest.mark.usefixtures("light_work")


def store(path: Path, **environ: str) -> PassphraseFile:
    return PassphraseFile(path, write_atomically, environ)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets.sealed"


@pytest.fixture
async def made(path: Path) -> Path:
    await store(path).put(ENTRY, VALUE, PASSPHRASE)
    return path


async def test_a_value_opens_with_the_passphrase_alone(path: Path) -> None:
    assert await store(path).check() == "new"
    first = store(path)
    await first.put(ENTRY, VALUE, PASSPHRASE)
    assert await first.check() == "none", "the key is kept until the agent ends"
    assert await first.get(ENTRY) == VALUE

    second = store(path)
    assert await second.check() == "typed"
    with pytest.raises(UserError, match="are locked") as caught:
        await second.get(ENTRY)
    assert caught.value.failure.code == "secrets_locked"
    await second.unlock(PASSPHRASE)
    assert await second.get(ENTRY) == VALUE
    assert await second.get("other@host") is None


async def test_a_key_is_made_with_the_work_that_is_advised(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert WORK == {"n": 1 << 17, "r": 8, "p": 1}
    await store(path).put(ENTRY, VALUE, PASSPHRASE)
    monkeypatch.setattr(sealed, "WORK", WORK)
    assert sealed.from_bytes(path.read_bytes()) is None, "made with less work: no file of ours"
    path.unlink()
    await store(path).put(ENTRY, VALUE, PASSPHRASE)
    again = store(path)
    await again.unlock(PASSPHRASE)
    assert await again.get(ENTRY) == VALUE


async def test_the_file_is_the_users_alone_and_says_nothing(made: Path) -> None:
    content = made.read_bytes()
    assert VALUE.encode() not in content and PASSPHRASE.encode() not in content
    if os.name == "posix":
        assert stat.S_IMODE(made.stat().st_mode) == 0o600


async def test_a_wrong_passphrase_is_told_from_damage_and_changes_nothing(made: Path) -> None:
    before = made.read_bytes()
    for act in (
        lambda: store(made).unlock("wrong horse battery"),
        lambda: store(made).put("b@host", "x", "wrong horse battery"),
    ):
        with pytest.raises(UserError) as caught:
            await act()
        assert caught.value.failure.code == "passphrase_wrong"
    assert made.read_bytes() == before


async def test_one_passphrase_for_the_whole_file_however_it_is_typed(path: Path) -> None:
    await store(path).put(ENTRY, VALUE, "gr\u00fcne W\u00e4lder")
    later = store(path)
    await later.put("b@host", "x", "gru\u0308ne Wa\u0308lder")
    assert (await later.get(ENTRY), await later.get("b@host")) == (VALUE, "x")


async def test_a_short_passphrase_makes_no_file(path: Path) -> None:
    for passphrase in ("seven77", None):
        with pytest.raises(UserError, match="at least 8 characters"):
            await store(path).put(ENTRY, VALUE, passphrase)
    assert not path.exists()


async def test_removing_needs_no_passphrase_and_the_last_takes_the_file(made: Path) -> None:
    await store(made).put("b@host", "x", PASSPHRASE)
    await store(made).delete(ENTRY)
    left = store(made)
    await left.unlock(PASSPHRASE)
    assert (await left.get(ENTRY), await left.get("b@host")) == (None, "x")
    await left.delete("b@host")
    assert not made.exists()
    assert await left.check() == "new", "the old key is of no use for a new file"


async def test_no_damage_is_mistaken_for_a_wrong_passphrase_or_written_over(made: Path) -> None:
    whole = made.read_bytes()
    harmless = 0
    for place in range(0, len(whole), 7):
        damaged = bytes([*whole[:place], whole[place] ^ 1, *whole[place + 1 :]])
        if sealed.from_bytes(damaged) == sealed.from_bytes(whole):
            harmless += 1  # a blank between two fields
            continue
        made.write_bytes(damaged)
        for act in (
            store(made).check,
            lambda: store(made).get(ENTRY),
            lambda: store(made).put("b@host", "x", PASSPHRASE),
            lambda: store(made).delete(ENTRY),
            lambda: store(made).unlock(PASSPHRASE),
        ):
            with pytest.raises(UserError) as caught:
                await act()
            assert caught.value.failure.code == "secrets_damaged", place
        assert made.read_bytes() == damaged
    assert harmless < len(whole) // 70


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
async def test_any_other_file_is_damage_and_stays(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        await store(path).put(ENTRY, VALUE, PASSPHRASE)
    assert path.read_bytes() == content


async def test_a_box_opens_under_its_own_name_alone(made: Path) -> None:
    """Who moves a sealed value to another host's name gets nothing, even with a right checksum."""
    body = json.loads(made.read_bytes())
    body["entries"] = {"key@evil.example": body["entries"][ENTRY]}
    del body["sha256"]
    made.write_bytes(json.dumps({**body, "sha256": sealed._checksum(body)}).encode())
    opened = store(made)
    await opened.unlock(PASSPHRASE)
    with pytest.raises(UserError, match="damaged"):
        await opened.get("key@evil.example")


async def test_a_planted_file_cannot_ask_for_any_amount_of_memory(made: Path) -> None:
    body = json.loads(made.read_bytes())
    body["scrypt"]["n"] = 1 << 30
    del body["sha256"]
    made.write_bytes(json.dumps({**body, "sha256": sealed._checksum(body)}).encode())
    with pytest.raises(UserError, match="damaged"):
        await store(made).unlock(PASSPHRASE)


async def test_a_file_or_a_credential_gives_the_passphrase_where_nobody_types(made: Path, tmp_path: Path) -> None:
    (tmp_path / "openclaw-passphrase").write_text(PASSPHRASE + "\n")
    for environ in (
        {"OPENCLAW_SECRETS_PASSPHRASE_FILE": str(tmp_path / "openclaw-passphrase")},
        {"CREDENTIALS_DIRECTORY": str(tmp_path)},
    ):
        opened = store(made, **environ)
        assert await opened.check() == "none"
        assert await opened.get(ENTRY) == VALUE
    with pytest.raises(UserError, match="are locked"):
        await store(made, CREDENTIALS_DIRECTORY=str(tmp_path / "other")).get(ENTRY)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"])
async def test_a_named_passphrase_that_says_nothing_is_told(made: Path, tmp_path: Path, content: bytes | None) -> None:
    named = tmp_path / "passphrase"
    if content is not None:
        named.write_bytes(content)
    with pytest.raises(UserError, match="can't be read from"):
        await store(made, OPENCLAW_SECRETS_PASSPHRASE_FILE=str(named)).get(ENTRY)


async def test_a_write_whose_caller_has_gone_undoes_no_later_one(made: Path) -> None:
    began, go_on = threading.Event(), threading.Event()

    def slow_once(path: Path, content: bytes) -> None:
        if not began.is_set():
            began.set()
            assert go_on.wait(30)
        write_atomically(path, content)

    slow = PassphraseFile(made, slow_once, {})
    gone = asyncio.ensure_future(slow.put("a@host", "x", PASSPHRASE))
    assert await asyncio.to_thread(began.wait, 30)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    later = asyncio.ensure_future(slow.put("b@host", "y", PASSPHRASE))
    await asyncio.wait([later], timeout=1)
    go_on.set()
    await later
    await slow.delete(ENTRY)  # its turn comes after both
    assert await slow.get("b@host") == "y"


async def test_a_write_that_fails_loses_nothing(made: Path) -> None:
    def full(path: Path, content: bytes) -> None:
        raise UserError("file_not_written", "full")

    broken = PassphraseFile(made, full, {})
    with pytest.raises(UserError, match="full"):
        await broken.put("b@host", "x", PASSPHRASE)
    opened = store(made)
    await opened.unlock(PASSPHRASE)
    assert await opened.get(ENTRY) == VALUE
