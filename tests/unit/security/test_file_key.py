"""The key of the memory file: found wherever it is, never guessed, and each way to miss it is a sentence.

The fake keyring's real counterpart is tests/desktop/test_keyring.py.
"""

import base64
import errno
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.security.file_key import RECORD, AtHand, FileKeys, Found, key_id, sealed_by
from openclaw_desktop.security.key_record import HeldKey
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.secrets import KeyringStore
from openclaw_desktop.system.secrets.key_file import parse_key, write_key_file
from openclaw_desktop.system.secrets.recovery_code import new_code, read_code

KEY, OTHER = bytes(range(1, 255, 8)), bytes(range(200, 232))


class Ring(KeyringBackend):
    """A keyring in memory. `absent`, `locked`: what it says; `silent`: it never answers."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[tuple[str, str], str] = {}
        self.state = "open"
        self.asked = 0
        self.answer = threading.Event()

    def choose(self) -> KeyringBackend:
        self.asked += 1
        if self.state == "absent":
            raise UserError("keyring_absent", "There is no keyring here.")
        return self

    def get_password(self, service: str, username: str) -> str | None:
        if self.state == "silent":
            self.answer.wait()
        if self.state == "locked":
            raise KeyringLocked
        return self.values.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.state != "forgetful":
            self.values[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.values[service, username]


class Place:
    """A home's folders, its keyring and its environment."""

    def __init__(self, folder: Path) -> None:
        self.data, self.backups, self.outside = folder / "data", folder / "backups", folder / "outside"
        for one in (self.data, self.backups, self.outside):
            one.mkdir()
        self.file = self.data / "openclaw.db"
        self.record = self.data / RECORD
        self.ring = Ring()
        self.environ: dict[str, str] = {}

    @property
    def keys(self) -> FileKeys:
        store = KeyringStore("home", 0.2, self.ring.choose)
        return FileKeys(self.data, (self.backups,), store, self.environ, (self.data,))

    async def make(self, key: bytes | None) -> None:
        await (await Database.open(self.file, key=key)).close()

    async def encrypted(self, code: str | None = None) -> HeldKey:
        """Make a file whose key is in the keyring."""
        await self.make(KEY)
        state = await self.keys.hold(KEY, "keyring", None)
        state = sealed_by(state, KEY, code) if code else state
        self.keys.write(state)
        return state

    def key_file(self, key: bytes = KEY, mode: int = 0o600) -> Path:
        path = self.outside / "key"
        path.write_text(key.hex() + "\n")
        path.chmod(mode)
        return path

    async def problem(self, code: str | None = None) -> UserError:
        before = {path: path.read_bytes() for path in self.data.iterdir()}
        with pytest.raises(UserError) as caught:
            await self.keys.find(self.file, code)
        assert {path: path.read_bytes() for path in self.data.iterdir()} == before, "nothing is begun or changed"
        assert caught.value.failure.sentence and caught.value.failure.advice
        for key in (KEY, OTHER):
            assert key.hex() not in str(caught.value)
        return caught.value


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.ring.answer.set()  # a silent keyring's threads would count as stuck calls of the next test


async def test_without_any_choice_the_file_is_plain_and_no_keyring_is_asked(place: Place) -> None:
    assert await place.keys.find(place.file) == Found()
    await place.make(None)
    assert await place.keys.find(place.file) == Found()
    assert place.ring.asked == 0 and not place.record.exists()


async def test_the_key_in_the_keyring_opens_the_file(place: Place) -> None:
    state = await place.encrypted()
    found = await place.keys.find(place.file)
    assert (found.key, found.state, found.settled, found.new) == (KEY, state, True, False)
    assert KEY.hex() not in place.record.read_text() and key_id(KEY) in place.record.read_text()
    assert place.record.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [("locked", "key_keyring_locked", "is locked"), ("silent", "key_keyring_silent", "did not answer"),
     ("absent", "key_keyring_absent", "no keyring")],
)  # fmt: skip
async def test_a_keyring_that_gives_nothing_is_a_sentence(place: Place, state: str, code: str, words: str) -> None:
    await place.encrypted(new_code())
    place.ring.state = state
    problem = await place.problem()
    assert problem.failure.code == code and words in problem.failure.sentence
    assert "memory recover" in problem.failure.advice and "--store" not in problem.failure.text


async def test_a_keyring_without_our_key_is_a_sentence(place: Place) -> None:
    await place.encrypted()
    place.ring.values.clear()
    problem = await place.problem()
    assert problem.failure.code == "key_gone" and "There is no recovery code" in problem.failure.advice
    await place.keys.hold(OTHER, "keyring", None)
    assert (await place.problem()).failure.code == "key_gone"
    place.ring.values["home", "memory-file-key"] = "not hex at all"
    assert (await place.problem()).failure.code == "key_gone"


async def test_without_a_record_the_keyring_is_asked_for_what_opens(place: Place) -> None:
    await place.encrypted()
    await place.keys.hold(OTHER, "keyring", None)
    for path in (place.record, place.backups / RECORD):
        path.unlink()
    found = await place.keys.find(place.file)
    assert found.key == KEY and found.new and found.state == HeldKey(key_id(KEY), "keyring")
    place.ring.state = "silent"
    assert (await place.problem()).failure.code == "key_keyring_silent"


async def test_a_record_that_is_gone_comes_back_from_the_backups_with_its_code(place: Place) -> None:
    code = new_code()
    await place.encrypted(code)
    place.record.unlink()
    place.ring.values.clear()
    assert (await place.keys.find(place.file, read_code(code))).key == KEY


async def test_a_sealed_file_where_a_plain_one_is_noted_is_tried_with_what_is_at_hand(place: Place) -> None:
    code = new_code()
    await place.encrypted(code)
    place.keys.write(None)
    assert (await place.keys.find(place.file)).key == KEY
    place.ring.values.clear()
    assert await place.keys.find(place.file) == Found()
    assert (await place.problem(code)).failure.code == "no_recovery_code"


async def test_a_file_of_nobody_is_left_to_be_called_damaged(place: Place) -> None:
    place.file.write_bytes(os.urandom(8192))
    assert await place.keys.find(place.file) == Found()
    place.ring.state = "absent"
    assert await place.keys.find(place.file) == Found()


async def test_a_plain_file_in_the_place_of_an_encrypted_one_is_refused(place: Place) -> None:
    await place.encrypted()
    place.file.unlink()
    await place.make(None)
    problem = await place.problem()
    assert problem.failure.code == "file_replaced" and place.ring.asked == 3, "the keyring was not asked"


async def test_a_file_that_is_gone_is_not_begun_anew(place: Place) -> None:
    await place.encrypted()
    place.file.unlink()
    assert (await place.problem()).failure.code == "file_gone"
    place.file.touch()
    assert (await place.problem()).failure.code == "file_gone"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"format": "openclaw-key-1", "states": []}'])
async def test_a_damaged_record_is_a_sentence(place: Place, content: bytes) -> None:
    await place.encrypted()
    place.record.write_bytes(content)
    problem = await place.problem()
    assert problem.failure.code == "key_record_damaged"


async def test_a_record_with_a_strange_state_is_damaged(place: Place) -> None:
    state = await place.encrypted()
    for change in ({"holder": "post-it"}, {"id": 7}, {"path": 7}, {"recovery": {"salt": "?", "sealed": ""}}):
        row = {"id": state.id, "holder": "keyring", "path": None, "recovery": None} | change
        place.record.write_text(json.dumps({"format": "openclaw-key-1", "states": [row]}))
        assert (await place.problem()).failure.code == "key_record_damaged"


async def test_a_key_file_opens_the_file_wherever_it_is_named(place: Place) -> None:
    await place.make(KEY)
    path = place.key_file()
    place.keys.write(HeldKey(key_id(KEY), "file", "/nowhere/any/more"))
    assert (await place.problem()).failure.code == "key_file_unreadable"
    place.environ["OPENCLAW_KEY_FILE"] = str(path)
    assert (await place.keys.find(place.file)).key == KEY
    place.environ.clear()
    place.environ["CREDENTIALS_DIRECTORY"] = str(place.outside)
    assert (await place.problem()).failure.code == "key_file_unreadable"
    path.rename(place.outside / "openclaw-key")
    assert (await place.keys.find(place.file)).key == KEY
    place.environ.clear()
    place.keys.write(HeldKey(key_id(KEY), "file", str(place.outside / "openclaw-key")))
    assert (await place.keys.find(place.file)).key == KEY


async def test_a_new_home_with_a_key_file_is_encrypted_from_its_first_byte(place: Place) -> None:
    place.environ["OPENCLAW_KEY_FILE"] = str(place.key_file())
    found = await place.keys.find(place.file)
    assert found.key == KEY and found.new and found.state is not None and found.state.holder == "file"
    assert place.ring.asked == 0
    # The start that was to write the record is killed: the next finds the key again.
    await place.make(KEY)
    assert (await place.keys.find(place.file)).key == KEY


async def test_a_key_file_says_nothing_about_a_file_that_is_plain(place: Place) -> None:
    await place.make(None)
    place.environ["OPENCLAW_KEY_FILE"] = str(place.key_file())
    assert (await place.keys.find(place.file)).key is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
async def test_a_key_file_that_others_may_read_is_refused(place: Place, mode: int) -> None:
    await place.make(KEY)
    place.keys.write(HeldKey(key_id(KEY), "file", str(place.key_file(mode=mode))))
    problem = await place.problem()
    assert problem.failure.code == "key_file_open" and "chmod 600" in problem.failure.advice


async def test_a_credential_of_systemd_may_have_a_groups_bits_but_not_everybodys(place: Place) -> None:
    await place.make(KEY)
    place.keys.write(HeldKey(key_id(KEY), "file"))
    place.environ["CREDENTIALS_DIRECTORY"] = str(place.outside)
    credential = place.key_file(mode=0o440).rename(place.outside / "openclaw-key")
    assert (await place.keys.find(place.file)).key == KEY
    credential.chmod(0o444)
    assert (await place.problem()).failure.code == "key_file_open"


async def test_a_key_file_with_another_key_is_told(place: Place) -> None:
    await place.make(KEY)
    place.keys.write(HeldKey(key_id(KEY), "file", str(place.key_file(OTHER))))
    assert (await place.problem()).failure.code == "key_other"
    place.key_file().write_text("no key")
    assert (await place.problem()).failure.code == "key_file_unreadable"


async def test_the_code_opens_what_the_lost_keyring_held(place: Place) -> None:
    code = new_code()
    state = await place.encrypted(code)
    place.ring.values.clear()
    place.ring.state = "silent"
    found = await place.keys.find(place.file, read_code(code))
    assert (found.key, found.state) == (KEY, replace(state, code_kept=True))
    assert (await place.problem(read_code(new_code()))).failure.code == "code_wrong"


async def test_a_code_where_there_is_none_is_a_sentence(place: Place) -> None:
    code = read_code(new_code())
    await place.make(None)
    assert (await place.problem(code)).failure.code == "not_encrypted"
    place.file.unlink()
    await place.encrypted()
    assert (await place.problem(code)).failure.code == "no_recovery_code"
    for path in (place.record, place.backups / RECORD):
        path.unlink()
    assert (await place.problem(code)).failure.code == "no_recovery_code"


@pytest.mark.parametrize("now", [None, KEY, OTHER])
async def test_a_change_that_was_cut_short_is_told_by_the_file(place: Place, now: bytes | None) -> None:
    await place.make(now)
    states = {key: await place.keys.hold(key, "keyring", None) if key else None for key in (None, KEY, OTHER)}
    for other in states:
        if other == now:
            continue
        for order in ((now, other), (other, now)):
            place.keys.write(*(states[key] for key in order))
            found = await place.keys.find(place.file)
            assert (found.key, found.state, found.settled) == (now, states[now], False)
            assert found.others == (other,)


async def test_a_key_is_read_again_where_it_was_put(place: Place) -> None:
    place.ring.state = "forgetful"
    with pytest.raises(UserError, match="did not keep it"):
        await place.keys.hold(KEY, "keyring", None)
    place.ring.state = "locked"
    with pytest.raises(UserError, match="is locked"):
        await place.keys.hold(KEY, "keyring", None)


async def test_a_key_file_is_made_0600_and_never_among_what_it_opens(place: Place) -> None:
    path = place.outside / "new"
    state = await place.keys.hold(KEY, "file", path)
    assert state == HeldKey(key_id(KEY), "file", str(path)) and path.stat().st_mode & 0o777 == 0o600
    assert await place.keys.hold(KEY, "file", path) == state
    with pytest.raises(UserError, match="could not be read again"):
        await place.keys.hold(OTHER, "file", path)
    for inside in (place.data / "key", place.backups / "key"):
        with pytest.raises(UserError, match="would lie beside"):
            await place.keys.hold(KEY, "file", inside)
        assert not inside.exists()
    with pytest.raises(UserError, match="can't be written"):
        await place.keys.hold(KEY, "file", place.outside / "no" / "folder")


async def test_a_key_file_does_not_lie_in_the_folder_of_copies_that_the_user_chose(place: Place) -> None:
    chosen = place.outside / "disk"
    chosen.mkdir()
    store = KeyringStore("home", 0.2, place.ring.choose)
    key_file = chosen / "key"
    keys = FileKeys(place.data, (chosen, place.backups), store, {"OPENCLAW_KEY_FILE": str(key_file)}, (place.data,))
    with pytest.raises(UserError, match="would lie beside"):
        await keys.hold(KEY, "file", key_file)
    write_key_file(key_file, KEY)
    with pytest.raises(UserError, match="would lie beside"):
        await keys.find(place.file)  # a new home, which the environment gives a key


@pytest.mark.skipif(os.name == "nt", reason="pipes in folders are Unix's")
async def test_a_pipe_in_the_place_of_a_key_file_keeps_nobody_waiting(place: Place) -> None:
    await place.make(KEY)
    pipe = place.outside / "pipe"
    os.mkfifo(pipe, 0o600)
    place.keys.write(HeldKey(key_id(KEY), "file", str(pipe)))
    assert "no ordinary file" in (await place.problem()).failure.sentence
    place.keys.write(HeldKey(key_id(KEY), "file", str(place.outside)))
    assert "no ordinary file" in (await place.problem()).failure.sentence


async def test_a_path_that_no_file_can_have_is_a_sentence(place: Place) -> None:
    await place.make(KEY)
    place.keys.write(HeldKey(key_id(KEY), "file", "key\0file"))
    assert (await place.problem()).failure.code == "key_record_damaged"
    with pytest.raises(UserError, match="no path for a key file"):
        await place.keys.hold(KEY, "file", Path("key\0file"))
    place.keys.write(HeldKey(key_id(KEY), "file", "\ud800"))
    assert (await place.problem()).failure.code == "key_file_unreadable"


async def test_what_opens_copies_is_told_without_the_file(place: Place) -> None:
    assert await place.keys.at_hand(sealed=False) == AtHand((None,), recorded=False)
    assert place.ring.asked == 0
    code = new_code()
    await place.encrypted(code)
    await place.keys.hold(OTHER, "keyring", None)
    place.file.unlink()
    assert await place.keys.at_hand(sealed=True) == AtHand((KEY, OTHER), recorded=True, code_helps=True)
    assert (await place.keys.at_hand(sealed=True, code=read_code(code))).keys == (KEY,)
    place.ring.state = "locked"
    closed = await place.keys.at_hand(sealed=True)
    assert closed.lost and closed.keys == () and closed.problem is not None
    assert closed.problem.failure.code == "key_keyring_locked"
    place.keys.write(None)
    place.ring.state = "open"
    assert await place.keys.at_hand(sealed=True) == AtHand((None, OTHER, KEY), recorded=True)
    place.record.write_bytes(b"?")
    damaged = await place.keys.at_hand(sealed=True)
    assert damaged.keys == (None, OTHER, KEY) and not damaged.recorded and damaged.problem is not None


async def test_a_copy_of_the_record_that_was_away_is_known_to_be_behind(place: Place) -> None:
    state = await place.encrypted()
    assert not place.keys.is_behind()
    place.backups.rename(place.outside / "away")
    place.keys.write(sealed_by(state, KEY, new_code()))
    assert not place.keys.is_behind(), "there is nothing to be done about it"
    (place.outside / "away").rename(place.backups)
    assert place.keys.is_behind()
    (place.backups / RECORD).unlink()
    assert place.keys.is_behind(), "the folder never had one"
    place.keys.write(None)
    assert not place.keys.is_behind()


async def test_a_key_that_was_never_used_goes_alone(place: Place) -> None:
    await place.keys.hold(KEY, "keyring", None)
    tried = await place.keys.hold(OTHER, "keyring", None)
    await place.keys.drop(None)
    await place.keys.drop(tried)
    assert list(place.ring.values.values()) == [KEY.hex()]


async def test_old_keys_leave_the_keyring_but_never_the_kept_one(place: Place) -> None:
    state = await place.keys.hold(KEY, "keyring", None)
    other = await place.keys.hold(OTHER, "keyring", None)
    await place.keys.prune(state)
    assert list(place.ring.values.values()) == [KEY.hex()]
    place.ring.state = "silent"
    await place.keys.prune(None)  # harmless where it does not answer
    place.ring.state = "open"
    assert list(place.ring.values.values()) == [KEY.hex()]
    await place.keys.prune(HeldKey(other.id, "file"))
    assert place.ring.values == {}


@pytest.mark.parametrize("form", [KEY.hex(), KEY.hex().upper() + "\r\n", base64.b64encode(KEY).decode() + "\n"])
def test_a_key_is_hex_or_base64(form: str) -> None:
    assert parse_key(form.encode()) == KEY


def test_a_key_may_follow_the_mark_of_an_editor() -> None:
    assert parse_key(b"\xef\xbb\xbf" + KEY.hex().encode() + b"\r\n") == KEY


def test_half_a_key_is_not_left_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(UserError, match="can't be written"):
            write_key_file(tmp_path / "key", KEY)
    assert not (tmp_path / "key").exists()
    write_key_file(tmp_path / "key", KEY)


@pytest.mark.parametrize("form", [b"", b"0" * 63, b"g" * 64, b"\xff" * 64, base64.b64encode(KEY[:-1]), KEY])
def test_what_is_no_key_is_none(form: bytes) -> None:
    assert parse_key(form) is None


async def test_a_code_is_kept_once_it_was_shown_or_typed_and_not_before(place: Place) -> None:
    code = new_code()
    state = await place.encrypted(code)
    assert not state.code_kept and json.loads(place.record.read_text())["states"][0]["code_kept"] is False
    found = await place.keys.find(place.file)
    assert found.state is not None and not found.state.code_kept
    by_code = await place.keys.find(place.file, read_code(code))
    assert by_code.state is not None and by_code.state.code_kept, "who types it has it"


async def test_of_a_record_of_before_nobody_is_reminded(place: Place) -> None:
    await place.encrypted(new_code())
    record = json.loads(place.record.read_text())
    del record["states"][0]["code_kept"]
    place.record.write_text(json.dumps(record))
    found = await place.keys.find(place.file)
    assert found.state is not None and found.state.code_kept
    record["states"][0]["code_kept"] = "yes"
    place.record.write_text(json.dumps(record))
    assert (await place.problem()).failure.code == "key_record_damaged"
