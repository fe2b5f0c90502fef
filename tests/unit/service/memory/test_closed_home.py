"""A home whose memory is damaged: what is offered for it, and an empty one on the user's word."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from openclaw_desktop.cli.rescue import HomeRescue
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.runtime import attach_or_start
from openclaw_desktop.service.memory.closed_home import begin_closed, offer_closed
from openclaw_desktop.storage import recovery
from openclaw_desktop.storage.encryption import file_state, opens
from openclaw_desktop.storage.recovery import files_aside
from openclaw_desktop.system.paths import Home, find_home

if TYPE_CHECKING:
    from openclaw_desktop.ui.application import Front


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("OPENCLAW_MODELS", str(tmp_path / "no-models"))
    monkeypatch.delenv("OPENCLAW_KEY_FILE", raising=False)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/nobody")
    return find_home(tmp_path / "home", {})


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A key file, by which a new home is encrypted."""
    key = os.urandom(32)
    path = tmp_path / "elsewhere" / "key"
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    path.write_text(key.hex())
    monkeypatch.setenv("OPENCLAW_KEY_FILE", str(path))
    return key


async def fill_and_damage(home: Home, *, backup: bool = True) -> None:
    agent = await attach_or_start(home, None, "test")
    for text in ("My sister lives in Porto", "I like tea"):
        await agent.service.remember(text)
    if backup:
        await agent.service.create_backup()
    await agent.stop()
    content = bytearray(home.database.read_bytes())
    content[3 * 4096 : 9 * 4096] = b"x" * (6 * 4096)
    home.database.write_bytes(content)
    home.database.with_name(home.database.name + ".suspect").touch()
    with pytest.raises(UserError) as failed:
        await attach_or_start(home, None, "test")
    assert failed.value.failure.code == "database_damaged"
    assert len(files_aside(home.database)) == 1 and not home.database.exists()


async def test_the_newest_good_copy_says_what_it_holds(home: Home) -> None:
    await fill_and_damage(home)
    (home.backups / "openclaw-20990101T000000Z-daily.db").write_bytes(b"not a copy")
    offer = await offer_closed(home)
    assert offer is not None
    assert offer.memories == 2
    assert offer.name.endswith("-by-hand.db") and offer.made_at.startswith("20")


async def test_no_good_copy_is_no_offer(home: Home) -> None:
    await fill_and_damage(home, backup=False)
    assert await offer_closed(home) is None


@pytest.mark.parametrize("encrypted", [False, True])
async def test_an_empty_memory_has_the_same_key_and_the_damaged_one_stays(
    home: Home, encrypted: bool, request: pytest.FixtureRequest
) -> None:
    key = request.getfixturevalue("key") if encrypted else None
    await fill_and_damage(home)
    (aside,) = files_aside(home.database)
    damaged = aside.read_bytes()
    await begin_closed(home)
    assert file_state(home.database) == ("sealed" if encrypted else "plain") and opens(home.database, key)
    agent = await attach_or_start(home, None, "test")
    status = await agent.service.status()
    assert sum(status.memory.count.values()) == 0 and status.memory.encrypted is encrypted
    await agent.service.remember("I moved")
    await agent.stop()
    assert aside.read_bytes() == damaged
    if os.name == "posix":
        assert home.database.stat().st_mode & 0o777 == 0o600


async def test_a_memory_that_is_there_is_never_replaced(home: Home) -> None:
    await fill_and_damage(home)
    await begin_closed(home)
    before = home.database.read_bytes()
    with pytest.raises(UserError) as failed:
        await begin_closed(home)
    assert failed.value.failure.code == "memory_there"
    assert home.database.read_bytes() == before


async def test_what_fails_leaves_the_place_empty(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill_and_damage(home)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recovery, "migrate", fail)
    with pytest.raises(UserError):
        await begin_closed(home)
    assert not home.database.exists() and not list(home.data.glob("*.restoring*"))
    monkeypatch.undo()
    with pytest.raises(UserError) as failed:
        await attach_or_start(home, None, "test")
    assert failed.value.failure.code == "database_damaged", "nothing was begun without a word"


async def test_a_running_agent_keeps_its_memory(home: Home) -> None:
    agent = await attach_or_start(home, None, "test")
    try:
        with pytest.raises(UserError) as failed:
            await begin_closed(home)
        assert failed.value.failure.code == "agent_running"
    finally:
        await agent.stop()


async def test_a_typed_code_is_read_as_it_was_printed_and_a_slip_is_a_sentence(home: Home) -> None:
    built: list[str | None] = []

    async def build(code: str | None) -> Front:
        built.append(code)
        raise UserError("built", "Built.")

    rescue = HomeRescue(home, build)
    with pytest.raises(UserError) as failed:
        await rescue.start("7K2M-9QXR")
    assert failed.value.failure.code == "code_mistyped" and built == []
    for typed in (None, "0000-0000-0000-0000-0000-0000-0000", " 0000 0000oooo 0000-0000-0000-0000 "):
        with pytest.raises(UserError, match="Built"):
            await rescue.start(typed)
    assert built == [None, "0" * 28, "0" * 28]


@pytest.mark.parametrize("way", ["restore", "empty"])
async def test_the_code_stands_in_for_a_lost_key_where_the_memory_is_damaged(
    home: Home, key: bytes, tmp_path: Path, way: str
) -> None:
    agent = await attach_or_start(home, None, "test")
    code = (await agent.service.change_encryption("new_code")).recovery_code
    await agent.stop()
    await fill_and_damage(home)
    (tmp_path / "elsewhere" / "key").unlink()

    async def build(code: str | None) -> Front:
        raise UserError("built", "Built.")

    rescue = HomeRescue(home, build)
    with pytest.raises(UserError):
        await rescue.offer(None)
    offer = await rescue.offer(code.lower())
    assert offer is not None and offer.memories == 2
    if way == "restore":
        await rescue.restore(offer.name, code)
    else:
        await rescue.begin_empty(code)
    assert opens(home.database, key)
