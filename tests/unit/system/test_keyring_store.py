"""The keyring: which back ends are taken, and what a locked one may cost.

The fake's real counterpart is tests/desktop/test_keyring.py.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.system.secrets import KeyringStore, MemoryOnlyStore, backends
from openclaw_desktop.system.secrets.backends import choose_backend
from openclaw_desktop.system.secrets.time_limit import STUCK_AT_MOST


class Ring(KeyringBackend):
    """A keyring in memory; `locked` makes each call wait for `unlock`, as one does whose window nobody sees."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[tuple[str, str], str] = {}
        self.unlock = threading.Event()
        self.unlock.set()
        self.open_set = threading.Event()  # what its first `set_password` alone waits for, and `sits` in
        self.open_set.set()
        self.sits = threading.Event()
        self.asked = 0

    def _open(self) -> None:
        self.asked += 1
        assert self.unlock.wait(30)

    def get_password(self, service: str, username: str) -> str | None:
        self._open()
        return self.values.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open()
        if not self.sits.is_set():
            self.sits.set()
            assert self.open_set.wait(30)
        self.values[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._open()
        del self.values[service, username]


@pytest.fixture
def ring() -> Ring:
    return Ring()


def join_all() -> None:
    for thread in threading.enumerate():
        if thread.name == "keyring":
            thread.join(30)


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing of this machine's own keyring; returns the file that would configure one."""
    for variable in ("PYTHON_KEYRING_BACKEND", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "python_keyring"
    folder.mkdir()
    return folder / "keyringrc.cfg"


async def test_a_value_goes_in_and_out_under_the_homes_own_service(ring: Ring) -> None:
    store = KeyringStore("Ours", 30, lambda: ring)
    other = KeyringStore("Another home", 30, lambda: ring)
    assert await store.check() == "none"
    await store.put("key@host", "s3cret")
    assert await store.get("key@host") == "s3cret"
    assert await other.get("key@host") is None
    await store.delete("key@host")
    await store.delete("key@host")
    assert await store.get("key@host") is None
    assert ring.values == {}


async def test_a_locked_keyring_with_nobody_at_its_window_costs_the_limit_and_a_sentence(ring: Ring) -> None:
    ring.unlock.clear()
    store = KeyringStore("Ours", 0.05, lambda: ring)
    try:
        with pytest.raises(UserError) as caught:
            await store.get("key@host")
        assert caught.value.failure.code == "keyring_silent"
        assert "within 0.05 seconds" in caught.value.failure.sentence
        stuck = [thread for thread in threading.enumerate() if thread.name == "keyring"]
        assert stuck and all(thread.daemon for thread in stuck), "such a thread keeps no program from ending"
    finally:
        ring.unlock.set()


async def test_stuck_calls_do_not_pile_up(ring: Ring) -> None:
    ring.unlock.clear()
    store = KeyringStore("Ours", 0.05, lambda: ring)
    try:
        for _ in range(STUCK_AT_MOST + 3):
            with pytest.raises(UserError, match="did not answer"):
                await store.get("key@host")
    finally:
        ring.unlock.set()
    join_all()
    assert ring.asked == STUCK_AT_MOST
    assert await KeyringStore("Ours", 30, lambda: ring).get("key@host") is None


@pytest.mark.parametrize("before", [None, "old"])
async def test_what_is_kept_too_late_is_taken_back(ring: Ring, before: str | None) -> None:
    store = KeyringStore("Ours", 0.05, lambda: ring)
    if before is not None:
        ring.values["Ours", "key@host"] = before
    known = dict(ring.values)
    ring.unlock.clear()
    with pytest.raises(UserError, match="did not answer"):
        await store.put("key@host", "s3cret")
    ring.unlock.set()
    join_all()
    assert ring.values == known
    assert ring.asked >= 3  # it had been set indeed


async def test_a_cancelled_wait_takes_back_too(ring: Ring) -> None:
    ring.unlock.clear()
    putting = asyncio.ensure_future(KeyringStore("Ours", 30, lambda: ring).put("key@host", "s3cret"))
    while ring.asked == 0:
        await asyncio.sleep(0)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    ring.unlock.set()
    join_all()
    assert ring.values == {}


@pytest.mark.parametrize("newer", ["new", None])
async def test_what_is_taken_back_late_leaves_what_was_done_since(ring: Ring, newer: str | None) -> None:
    ring.values["Ours", "key@host"] = "old"
    ring.open_set.clear()
    store = KeyringStore("Ours", 30, lambda: ring)
    first = asyncio.ensure_future(store.put("key@host", "s3cret"))
    assert await asyncio.to_thread(ring.sits.wait, 30)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    # The keyring answers again, while the first call still sits in it.
    other = KeyringStore("Ours", 30, lambda: ring)
    assert await other.get("key@host") == "old"
    second = asyncio.ensure_future(store.put("key@host", newer) if newer else store.delete("key@host"))
    await asyncio.wait([second], timeout=0.3)
    ring.open_set.set()
    await second
    join_all()
    assert ring.values.get(("Ours", "key@host")) == newer


async def test_one_that_sits_in_the_keyring_keeps_no_other_name_waiting(ring: Ring) -> None:
    ring.open_set.clear()
    store = KeyringStore("Ours", 30, lambda: ring)
    first = asyncio.ensure_future(store.put("key@host", "s3cret"))
    assert await asyncio.to_thread(ring.sits.wait, 30)
    first.cancel()
    await store.put("other@host", "value")
    assert await store.get("other@host") == "value"
    ring.open_set.set()
    join_all()
    assert ring.values == {("Ours", "other@host"): "value"}


async def test_no_word_of_a_librarys_error_is_passed_on(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: str) -> None:
        raise RuntimeError("could not store s3cret")

    monkeypatch.setattr(ring, "set_password", fail)
    with pytest.raises(UserError) as caught:
        await KeyringStore("Ours", 30, lambda: ring).put("key@host", "s3cret")
    assert caught.value.failure.code == "keyring_failed"
    assert "s3cret" not in caught.value.failure.text
    assert caught.value.__suppress_context__


async def test_what_cannot_be_read_again_was_not_kept(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "set_password", lambda *_: None)
    with pytest.raises(UserError, match="did not keep it"):
        await KeyringStore("Ours", 30, lambda: ring).put("key@host", "s3cret")


async def test_a_dismissed_question_is_said_so(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: str) -> None:
        raise KeyringLocked("no")

    monkeypatch.setattr(ring, "get_password", fail)
    with pytest.raises(UserError, match="locked and was not unlocked"):
        await KeyringStore("Ours", 30, lambda: ring).get("key@host")


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_without_any_keyring_there_is_a_sentence_that_names_the_two_others(platform: str) -> None:
    if platform == sys.platform != "linux":
        pytest.skip("this system has its keyring")
    with pytest.raises(UserError, match="There is no keyring here") as caught:
        choose_backend(platform)
    assert "--store file" in caught.value.failure.advice and "--store session" in caught.value.failure.advice


@pytest.mark.parametrize(
    "name",
    [
        "keyrings.alt.file.PlaintextKeyring",
        "keyrings.alt.file.EncryptedKeyring",
        "keyring.backends.null.Keyring",
        "keyring.backends.fail.Keyring",
        "evil.module.Keyring",
    ],
)
def test_any_other_back_end_is_refused_by_its_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", name)
    with pytest.raises(UserError, match="not one that protects secrets") as caught:
        choose_backend()
    assert caught.value.failure.code == "keyring_refused"
    assert name in caught.value.failure.sentence


def test_a_refused_back_end_is_not_even_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_configuration: Path
) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit('loaded')\n")
    no_configuration.write_text(f"[backend]\ndefault-keyring = planted.Keyring\nkeyring-path = {tmp_path}\n")
    with pytest.raises(UserError, match=r"planted\.Keyring"):
        choose_backend()
    assert "planted" not in sys.modules and str(tmp_path) not in sys.path


def test_a_configuration_that_cannot_be_read_takes_nothing_for_good(no_configuration: Path) -> None:
    no_configuration.write_text("default-keyring without a section\n")
    with pytest.raises(UserError, match="not one that protects secrets"):
        choose_backend()


def test_the_librarys_own_chain_is_our_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backends.CHAIN)
    tried: list[str] = []

    def load(name: str) -> KeyringBackend:
        tried.append(name)
        raise RuntimeError

    monkeypatch.setattr("keyring.core.load_keyring", load)
    with pytest.raises(UserError, match="There is no keyring here"):
        choose_backend("linux")
    assert tried == [backends.SERVICE, backends.LIBSECRET, backends.KWALLET]


def test_a_good_back_end_that_is_configured_is_the_one(monkeypatch: pytest.MonkeyPatch, ring: Ring) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backends.KWALLET)
    monkeypatch.setattr("keyring.core.load_keyring", {backends.KWALLET: ring}.__getitem__)
    assert choose_backend("linux") is ring


def test_an_agent_without_secrets_carries_no_library_for_them() -> None:
    script = (
        "import sys, openclaw_desktop.runtime; print({'keyring', 'secretstorage', 'cryptography'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "set()"


async def test_memory_only_needs_an_agent_that_stays() -> None:
    with pytest.raises(UserError) as caught:
        await MemoryOnlyStore(lasting=False).put("key@host", "s3cret")
    assert caught.value.failure.exit_code == 3
    store = MemoryOnlyStore(lasting=True)
    await store.put("key@host", "s3cret")
    assert await store.get("key@host") == "s3cret"
    await store.delete("key@host")
    assert await store.get("key@host") is None
