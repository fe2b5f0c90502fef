"""The key of the one file: where it is, how it is found, and what is known of it without it.

Owns the record beside the file (`openclaw.key.json`: ids and holders of keys, and the key sealed by the recovery code;
nothing of it opens anything) and the keyring's entry. While a key is changed the record names both states, and the file
itself tells which it is in. Must not know tables, nor how a file is written anew. Loop; the keyring waits in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security import key_problems as problems
from openclaw_desktop.security.key_record import HeldKey, KeyHolder, KeyState, read_record, record_bytes
from openclaw_desktop.storage.atomic import sync_folder, write_atomically
from openclaw_desktop.storage.encryption import FileState, file_state, opens
from openclaw_desktop.system.secrets import KeyringStore
from openclaw_desktop.system.secrets.core_dumps import forbid_core_dumps
from openclaw_desktop.system.secrets.key_file import KEY_BYTES, key_files, read_key_file, write_key_file
from openclaw_desktop.system.secrets.recovery_code import open_key, seal_key

log = logging.getLogger(__name__)

RECORD = "openclaw.key.json"
# No secret is called so: theirs have a host behind an @.
RING = "memory-file-key"


@dataclass(frozen=True, slots=True)
class Found:
    """How to open the file. `key` None: it is plain. `others`: keys of a change that was cut short, None for plain.

    `new`: the record does not say yet what was found. `chosen`: somebody decided how it is.
    """

    key: bytes | None = None
    state: KeyState = None
    others: tuple[bytes | None, ...] = ()
    new: bool = False
    chosen: bool = False
    settled: bool = True


@dataclass(frozen=True, slots=True)
class AtHand:
    """What opens copies of the file while the file itself may be gone. `keys`: all that can be had, its own first.

    `recorded`: it is known that the file is to have the first of them (None: it is plain), else each copy tells for
    itself. `lost`: its own can't be had, for the reason that `problem` is; `code_helps`: the recovery code opens it.
    """

    keys: tuple[bytes | None, ...]
    recorded: bool
    lost: bool = False
    problem: UserError | None = None
    code_helps: bool = False


class FileKeys:
    """The keys of one home's file. `backups`: the folders of its copies, each with a copy of the record.

    `folders`: where else no key file may lie, because what it opens lies there.
    """

    def __init__(
        self,
        data: Path,
        backups: tuple[Path, ...],
        keyring: KeyringStore,
        environ: Mapping[str, str],
        folders: tuple[Path, ...],
    ) -> None:
        self._record = data / RECORD
        # The code must open the copies too, should nothing else be left.
        self._record_copies = tuple(folder / RECORD for folder in backups)
        self._keyring = keyring
        self._environ = environ
        self._folders = (*folders, *backups)

    async def find(self, file: Path, code: str | None = None) -> Found:
        """Return what opens `file`; `code` is asked in the place of keyring and key file.

        Raises UserError with a sentence where it is encrypted and its key is not to be had, or where it is not the file
        that the record tells of: never is another one begun in its place.
        """
        try:
            kind = file_state(file)
        except OSError:
            return Found()  # opening it says what is wrong
        states = self._read(kind)
        if kind == "sealed":
            forbid_core_dumps()
            return await self._find_sealed(file, states, code)
        if code is not None:
            raise problems.not_encrypted()
        if kind == "plain":
            if states is not None and None not in states:
                raise problems.replaced(file)
            others = await self._quiet_keys(states or ())
            return Found(others=others, chosen=states is not None, settled=len(states or (None,)) == 1)
        if states is not None and states[0] is not None:
            raise problems.file_gone(file, self._record)
        return self._begin(states)

    def _begin(self, states: tuple[KeyState, ...] | None) -> Found:
        """A file that is not there yet is begun with the key that the environment names."""
        given = key_files(self._environ) if states is None else ()
        if not given:
            return Found(chosen=states is not None)
        forbid_core_dumps()
        self._refuse_beside(given[0])
        key = read_key_file(given[0], self._environ)
        return Found(key, HeldKey(key_id(key), "file", str(given[0])), new=True, chosen=True)

    async def _find_sealed(self, file: Path, states: tuple[KeyState, ...] | None, code: str | None) -> Found:
        if states is None or not any(states):
            # Nothing is noted, or a plain file: a copy from before it was decrypted, or another's file in its place.
            return await self._find_unrecorded(file, code)
        held = [state for state in states if state is not None]
        keys = self._unsealed(held, code) if code is not None else await self._keys(held)
        fits = [state for state in held if state.id in keys and await asyncio.to_thread(opens, file, keys[state.id])]
        # With the right key a file that does not open is damaged: opening it says so.
        state = fits[0] if fits else next(state for state in held if state.id in keys)
        rest = (other for other in states if other is not state and (other is None or other.id in keys))
        others = tuple(keys[other.id] if other else None for other in rest)
        if code is not None:
            state = replace(state, code_kept=True)  # who types it has it
        return Found(keys[state.id], state, others, chosen=True, settled=len(states) == 1)

    async def _find_unrecorded(self, file: Path, code: str | None) -> Found:
        """Without a record, every key that is at hand is tried."""
        if code is not None:
            raise problems.no_code(self._record)
        candidates: list[tuple[bytes, HeldKey]] = []
        for path in key_files(self._environ):
            key = read_key_file(path, self._environ)
            candidates.append((key, HeldKey(key_id(key), "file", str(path))))
        try:
            candidates += [(key, HeldKey(name, "keyring")) for name, key in (await self._ring()).items()]
        except UserError as error:
            if not candidates and error.failure.code not in ("keyring_absent", "keyring_refused"):
                raise problems.keyring_closed(error, code=False) from error
        for key, state in candidates:
            if await asyncio.to_thread(opens, file, key):
                return Found(key, state, new=True, chosen=True)
        return Found()  # no file of ours, as far as can be known: opening it says so

    async def at_hand(self, sealed: bool, code: str | None = None) -> AtHand:
        """Return what opens the copies. `sealed`: one of them, or the file, is encrypted: else no keyring is asked.

        `code` is asked in the place of keyring and key file; raises UserError where it opens nothing.
        """
        problem: UserError | None = None
        try:
            states = self._read("sealed")
        except UserError as error:
            states, problem = None, error
        held = [state for state in states or () if state is not None]
        if code is not None:
            keys = self._unsealed(held, code)
        else:
            keys, missed = await self._all_keys(held, sealed)
            problem = problem or missed
        own = [keys[state.id] for state in held if state.id in keys]
        lost = bool(held) and not own
        boxed = any(state.box for state in held)
        if lost:
            problem = problem or problems.key_gone(held[0], code=boxed)
        plain = (None,) if states is None or None in states else ()
        return AtHand(tuple(dict.fromkeys((*own, *plain, *keys.values()))), states is not None, lost, problem, boxed)

    async def _all_keys(self, held: list[HeldKey], sealed: bool) -> tuple[dict[str, bytes], UserError | None]:
        keys, problem = self._file_keys(held)
        if not held and not sealed:
            return keys, problem
        try:
            return await self._ring() | keys, problem
        except UserError as error:
            if held and all(state.id in keys for state in held):
                return keys, problem
            return keys, problem or problems.keyring_closed(error, code=any(state.box for state in held))

    async def _keys(self, held: list[HeldKey]) -> dict[str, bytes]:
        """Return the keys of `held` that can be had, by id; raises UserError where there is none."""
        keys, problem = self._file_keys(held)
        if all(state.id in keys for state in held):
            return keys
        code = any(state.box is not None for state in held)
        try:
            keys = await self._ring() | keys
        except UserError as error:
            # A machine without a keyring is told of its key file first.
            problem = problem or problems.keyring_closed(error, code=code)
        if not any(state.id in keys for state in held):
            raise problem or problems.key_gone(held[0], code=code)
        return keys

    def _file_keys(self, held: list[HeldKey]) -> tuple[dict[str, bytes], UserError | None]:
        recorded = [Path(state.path) for state in held if state.path]
        keys: dict[str, bytes] = {}
        problem: UserError | None = None
        for path in dict.fromkeys((*key_files(self._environ), *recorded)):
            try:
                key = read_key_file(path, self._environ)
            except UserError as error:
                problem = problem or error
                continue
            keys[key_id(key)] = key
        if keys and not any(state.id in keys for state in held) and any(state.holder == "file" for state in held):
            problem = problem or problems.other_key((*key_files(self._environ), *recorded)[0])
        return keys, problem

    def _unsealed(self, held: list[HeldKey], code: str) -> dict[str, bytes]:
        """Return the keys that the recovery code opens; raises UserError where it opens none."""
        boxes = [(state, state.box) for state in held if state.box is not None]
        if not boxes:
            raise problems.no_code(self._record)
        found = {state.id: key for state, box in boxes if (key := open_key(code, box, state.id)) is not None}
        if not found:
            raise problems.wrong_code()
        return found

    async def _quiet_keys(self, states: tuple[KeyState, ...]) -> tuple[bytes, ...]:
        held = [state for state in states if state is not None]
        if not held:
            return ()
        with contextlib.suppress(UserError):
            keys = await self._keys(held)
            return tuple(keys[state.id] for state in held if state.id in keys)
        return ()

    async def hold(self, key: bytes, holder: KeyHolder, path: Path | None) -> HeldKey:
        """Put `key` where the user wants it, and read it again there; raises UserError, with nothing changed."""
        if holder == "keyring":
            try:
                ring = await self._ring()
                await self._keyring.put(RING, " ".join(one.hex() for one in ({key_id(key): key} | ring).values()))
                kept = key_id(key) in await self._ring()
            except UserError as error:
                raise problems.keyring_refuses(error) from error
            if not kept:
                raise problems.not_kept(tr("the keyring"))
            return HeldKey(key_id(key), "keyring")
        assert path is not None
        await asyncio.to_thread(self._hold_in_file, key, path)
        return HeldKey(key_id(key), "file", str(path))

    def _refuse_beside(self, path: Path) -> None:
        if any(path.resolve().is_relative_to(folder.resolve()) for folder in self._folders):
            raise problems.beside_the_file(path)

    def _hold_in_file(self, key: bytes, path: Path) -> None:
        if "\0" in str(path):
            raise problems.no_path(path)
        self._refuse_beside(path)
        if not path.exists():
            write_key_file(path, key)
            sync_folder(path.parent)
        if read_key_file(path, self._environ) != key:
            raise problems.not_kept(visible(str(path)))

    def choose_holder(self) -> tuple[KeyHolder, Path | None]:
        """Return where a key goes unless told otherwise: the file that the environment names, else the keyring."""
        given = key_files(self._environ)
        return ("file", given[0]) if given else ("keyring", None)

    def given_key(self, path: Path) -> bytes | None:
        """Return the key in a key file that is there already; raises UserError where it holds none."""
        return read_key_file(path, self._environ) if path.exists() else None

    async def check_keyring(self) -> None:
        """Raise UserError where there is no keyring that a key could be kept in."""
        await self._keyring.check()

    def write(self, *states: KeyState) -> None:
        """Write the record down: the state that the file is to have, then those that it may still be in."""
        content = record_bytes(states)
        write_atomically(self._record, content)
        for copy in self._record_copies:
            if (any(states) or copy.exists()) and copy.parent.is_dir():
                try:
                    write_atomically(copy, content)
                except UserError as error:
                    log.warning("the record of the key has no copy in the backups folder: %s", error)

    def is_behind(self) -> bool:
        """Return whether a folder of copies is there whose record is an older one: it was away at a change."""
        try:
            content = self._record.read_bytes()
            sealed = any(read_record(self._record) or ())
        except (OSError, UserError):
            return False
        copies = [copy for copy in self._record_copies if copy.parent.is_dir() and (sealed or copy.exists())]
        return any(_content(copy) != content for copy in copies)

    async def prune(self, kept: KeyState) -> None:
        """Take all keys but `kept` out of the keyring; one that doesn't answer keeps them, which harms nobody."""
        wanted = kept.id if kept is not None and kept.holder == "keyring" else ""
        await self._keep_in_ring(lambda name: name == wanted)

    async def drop(self, gone: KeyState) -> None:
        """Take one key that was never used out of the keyring: others may be needed by copies that are out of reach."""
        if gone is not None and gone.holder == "keyring":
            await self._keep_in_ring(lambda name: name != gone.id)

    async def _keep_in_ring(self, wanted: Callable[[str], bool]) -> None:
        try:
            ring = await self._ring()
            rest = [key.hex() for name, key in ring.items() if wanted(name)]
            if len(rest) == len(ring):
                return
            if rest:
                await self._keyring.put(RING, " ".join(rest))
            else:
                await self._keyring.delete(RING)
        except UserError as error:
            log.info("the keyring keeps old keys of the memory file: %s", error.failure.code)

    async def old_keys(self) -> tuple[bytes, ...]:
        """Return the keys that the keyring has, those of earlier changes among them; none where it does not answer."""
        try:
            return tuple((await self._ring()).values())
        except UserError:
            return ()

    async def _ring(self) -> dict[str, bytes]:
        forbid_core_dumps()
        kept = await self._keyring.get(RING)
        keys = []
        for word in (kept or "").split():
            with contextlib.suppress(ValueError):
                keys.append(bytes.fromhex(word))
        return {key_id(key): key for key in keys if len(key) == KEY_BYTES}

    def _read(self, kind: FileState) -> tuple[KeyState, ...] | None:
        if not self._record.exists() and kind == "sealed":
            there = sorted((copy.stat().st_mtime_ns, copy) for copy in self._record_copies if copy.exists())
            with contextlib.suppress(UserError):
                # The newest: another's folder may have been away when the key was changed.
                return read_record(there[-1][1]) if there else None
        return read_record(self._record)


def _content(path: Path) -> bytes | None:
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return None


def key_id(key: bytes) -> str:
    """Return the name of a key, from which nothing of it can be known."""
    return hashlib.sha256(b"openclaw memory file key\0" + key).hexdigest()[:16]


def sealed_by(state: HeldKey, key: bytes, code: str) -> HeldKey:
    """Return `state` with `key` in a box that `code`, which nobody has seen yet, opens; an older one no longer does."""
    return HeldKey(state.id, state.holder, state.path, seal_key(code, key, state.id), code_kept=False)
