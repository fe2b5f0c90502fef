"""Which secrets there are, and the one host that each is for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import Secrets
from openclaw_desktop.security.secrets import SecretKeeper, SecretStores, clean_host
from openclaw_desktop.storage.atomic import write_atomically
from openclaw_desktop.system.secrets import KeyringStore, MemoryOnlyStore, PassphraseFile

VALUE = "sk-canary-0123456789"
HOST = "api.example.com"
PASSPHRASE = "correct horse battery"
pytestmark = pytest.mark.usefixtures("light_work")


def keeper(folder: Path) -> SecretKeeper:
    """A start of the program on a machine without a keyring."""

    def no_keyring() -> None:
        raise UserError("keyring_absent", "There is no keyring.")

    stores = SecretStores(
        KeyringStore("Ours", 30, no_keyring),  # type: ignore[arg-type]
        PassphraseFile(folder / "secrets.sealed", write_atomically, {}),
        MemoryOnlyStore(lasting=True),
    )
    return SecretKeeper(folder / "secrets.json", stores, SystemClock())


@pytest.fixture
def secrets(tmp_path: Path) -> SecretKeeper:
    return keeper(tmp_path)


async def test_a_secret_goes_to_its_own_host_and_to_no_other(secrets: SecretKeeper) -> None:
    await secrets.set("key", "API.Example.com.", VALUE, "session")
    given: Secrets = secrets
    assert await given.get("key", HOST) == VALUE
    assert await given.get("key", "api.EXAMPLE.com") == VALUE
    assert await given.get("other", HOST) is None
    for host in ("example.com", "api.example.com.evil.test", "evil.test", "xapi.example.com", "www.api.example.com"):
        with pytest.raises(UserError) as caught:
            await given.get("key", host)
        assert caught.value.failure.code == "secret_bound"
        assert caught.value.failure.exit_code == 4
        assert VALUE not in caught.value.failure.text


async def test_changing_the_index_by_hand_changes_no_binding(tmp_path: Path) -> None:
    secrets = keeper(tmp_path)
    await secrets.set("key", HOST, VALUE, "file", PASSPHRASE)
    index = tmp_path / "secrets.json"
    index.write_text(index.read_text().replace(HOST, "evil.test"))
    with pytest.raises(UserError) as caught:
        await secrets.get("key", "evil.test")
    assert caught.value.failure.code == "secret_gone"


async def test_a_later_one_takes_the_place_and_leaves_no_copy(tmp_path: Path) -> None:
    secrets = keeper(tmp_path)
    await secrets.set("key", HOST, "old", "file", PASSPHRASE)
    await secrets.set("key", "other.example.com", "new", "session")
    assert [(s.host, s.store) for s in secrets.list()] == [("other.example.com", "session")]
    assert await secrets.get("key", "other.example.com") == "new"
    assert not (tmp_path / "secrets.sealed").exists()
    await secrets.set("key", HOST, "newest", "file", PASSPHRASE)
    assert [s.store for s in secrets.list()] == ["file"]
    assert await secrets.get("key", HOST) == "newest"


async def test_what_a_restart_keeps_and_what_it_ends(tmp_path: Path) -> None:
    before = keeper(tmp_path)
    await before.set("b", HOST, VALUE, "file", PASSPHRASE)
    await before.set("a", HOST, VALUE, "session")
    assert [s.name for s in before.list()] == ["a", "b"]
    after = keeper(tmp_path)
    assert [s.name for s in after.list()] == ["b"]
    assert await after.get("a", HOST) is None
    await after.unlock(PASSPHRASE)
    assert await after.get("b", HOST) == VALUE


async def test_removing_takes_value_and_name(tmp_path: Path, secrets: SecretKeeper) -> None:
    await secrets.set("key", HOST, VALUE, "file", PASSPHRASE)
    assert await secrets.remove("key")
    assert not await secrets.remove("key")
    assert secrets.list() == ()
    assert not (tmp_path / "secrets.sealed").exists()


async def test_where_nothing_can_be_kept_nothing_is_listed(tmp_path: Path, secrets: SecretKeeper) -> None:
    for store in ("keyring", "file"):
        with pytest.raises(UserError):
            await secrets.set("key", HOST, VALUE, store)  # type: ignore[arg-type]
    assert secrets.list() == ()
    assert list(tmp_path.iterdir()) == []


async def test_what_cannot_be_listed_is_not_kept(
    tmp_path: Path, secrets: SecretKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise UserError("file_not_written", "full")

    with monkeypatch.context() as patch:
        patch.setattr("openclaw_desktop.security.secrets.write_atomically", full)
        with pytest.raises(UserError, match="full"):
            await secrets.set("key", HOST, VALUE, "file", PASSPHRASE)
    assert list(tmp_path.iterdir()) == []
    await secrets.set("key", HOST, "old", "file", PASSPHRASE)
    with monkeypatch.context() as patch:
        patch.setattr("openclaw_desktop.security.secrets.write_atomically", full)
        with pytest.raises(UserError, match="full"):
            await secrets.set("key", "other.example.com", VALUE, "file")
    assert await secrets.get("key", HOST) == "old"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"secrets": [{"name": "a"}]}',
                '{"secrets": [{"name": "a", "host": "https://x", "store": "file", "created_at": ""}]}',
                '{"secrets": [{"name": "../a", "host": "x.test", "store": "file", "created_at": ""}]}',
                '{"secrets": [{"name": "a", "host": "x.test", "store": "attic", "created_at": ""}]}']
)  # fmt: skip
async def test_a_damaged_index_is_said_and_never_written_over(
    tmp_path: Path, secrets: SecretKeeper, content: str
) -> None:
    index = tmp_path / "secrets.json"
    index.write_text(content)
    for act in (
        lambda: secrets.get("a", HOST),
        lambda: secrets.set("b", HOST, "x", "session"),
        lambda: secrets.remove("a"),
    ):
        with pytest.raises(UserError) as caught:
            await act()
        assert caught.value.failure.code == "secrets_index_damaged"
    assert index.read_text() == content


async def test_the_index_holds_no_value(tmp_path: Path, secrets: SecretKeeper) -> None:
    await secrets.set("key", HOST, VALUE, "file", PASSPHRASE)
    rows = json.loads((tmp_path / "secrets.json").read_bytes())["secrets"]
    assert [sorted(row) for row in rows] == [["created_at", "host", "name", "store"]]
    assert VALUE not in repr(secrets.list())


@pytest.mark.parametrize("name", ["", "a b", "../a", "a" * 65, "-a", "a\n", "ä"])
async def test_a_name_is_plain(secrets: SecretKeeper, name: str) -> None:
    with pytest.raises(UserError, match="can't be called") as caught:
        await secrets.set(name, HOST, VALUE, "session")
    assert caught.value.failure.exit_code == 2


@pytest.mark.parametrize("value", ["", "two\nlines", "a\0b", "x" * 4001, "\ud800"])
async def test_a_value_is_one_line(secrets: SecretKeeper, value: str) -> None:
    with pytest.raises(UserError, match="can't be a secret") as caught:
        await secrets.set("key", HOST, value, "session")
    assert caught.value.failure.exit_code == 2
    assert not value or value not in caught.value.failure.text


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("Localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("api.example.com.", "api.example.com"),
    ],
)
def test_a_host_has_one_form(typed: str, host: str) -> None:
    assert clean_host(typed) == host


@pytest.mark.parametrize(
    "host",
    ["", ".", "https://api.example.com", "api.example.com:443", "api.example.com/v1", "user@api.example.com", "a b",
     "*.example.com", "a..b", "-a.example", "x" * 64 + ".example", "a.\u202eb", "\ud800.example"],
)  # fmt: skip
def test_anything_else_is_no_host(host: str) -> None:
    with pytest.raises(UserError, match="not the name of one host"):
        clean_host(host)
