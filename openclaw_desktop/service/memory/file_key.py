"""Encryption of the memory file, turned on and off, and its key changed, while the agent runs.

Owns the order of the steps: the new key is kept and read again first, then noted beside the present one, then the file
is changed, then the backups, and only then is the old key let go. Whatever ends the program, one of the two noted keys
opens the file. Must not know how a key is kept or a file written. Loop; the work is done in threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security import key_problems as problems
from openclaw_desktop.security.file_key import FileKeys, Found, sealed_by
from openclaw_desktop.security.key_record import HeldKey, KeyHolder, KeyState
from openclaw_desktop.service.memory.key_views import EncryptionView, KeyAction, KeyChange, KeyPlace
from openclaw_desktop.storage import encryption
from openclaw_desktop.storage.backup import list_backups, list_copies
from openclaw_desktop.storage.copy_folders import is_there
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.encryption import change_key, clear, file_state, old_path, opens, rewrite_copy
from openclaw_desktop.system.secrets.core_dumps import forbid_core_dumps
from openclaw_desktop.system.secrets.key_file import KEY_BYTES
from openclaw_desktop.system.secrets.recovery_code import new_code

log = logging.getLogger(__name__)

# Copies of so much are written anew before a start is done; more are left to the agent's daily look.
AT_ONCE_BYTES = 64 << 20


class FileKeyDesk:
    """Changes the key of the open `database`; `found` is how it was opened, `backups` are the folders of its copies."""

    def __init__(self, database: Database, keys: FileKeys, found: Found, backups: tuple[Path, ...]) -> None:
        self._database = database
        self._keys = keys
        self._found = found
        self._state: KeyState = found.state
        self._chosen = found.chosen
        self._backups = backups
        self._order = asyncio.Lock()
        self._changing: asyncio.Task[KeyChange] | None = None

    async def settle(self) -> None:
        """Note what was found, and finish a change that was cut short."""
        found = self._found
        if found.new:
            self._keys.write(self._state)
        if not found.settled:
            await self._finish(found.others)
        else:
            if old_path(self._database.path).exists():
                clear(self._database.path)
            await self.catch_up(patient=False)

    async def catch_up(self, patient: bool = True) -> None:
        """Do to copies that were out of reach at a change of the key what was done to the others then.

        `patient`: nobody waits for it, however large they are.
        """
        async with self._alone():
            if await asyncio.to_thread(lambda: self._keys.is_behind() and (patient or self._are_copies_small())):
                log.warning("a folder of backups missed a change of the key; it is brought up to it now")
                await self._finish((*await self._keys.old_keys(), None))

    async def stop(self) -> None:
        """Wait for a change that is under way: it can't be left half done."""
        if self._changing is not None:
            await asyncio.gather(self._changing, return_exceptions=True)

    def view(self) -> EncryptionView:
        """Return what may be known of the key."""
        held = self._state
        return EncryptionView(
            self._database.encrypted, self._place(), self._reason(), held is not None and held.box is not None,
            self._chosen, held is None or held.box is None or held.code_kept,
        )  # fmt: skip

    def _place(self) -> KeyPlace:
        if self._state is None:
            return "none"
        return "keyring" if self._state.holder == "keyring" else "credential file"

    def _reason(self) -> str:
        held = self._state
        if held is None:
            if self._chosen:
                return tr("Not encrypted, as was chosen.")
            return tr(
                "Not encrypted; openclaw-agent memory encrypt turns it on, with --to file PATH where no keyring is."
            )
        where = tr("in the keyring") if held.holder == "keyring" else visible(held.path or "")
        if held.box is None:
            return tr("Its key is {where}; there is no recovery code yet: openclaw-agent memory recover --new-code",
                      where=where)  # fmt: skip
        if not held.code_kept:
            return tr("Its key is {where}. Its recovery code was made and never shown, so nobody has it. Make another: "
                      "openclaw-agent memory recover --new-code", where=where)  # fmt: skip
        return tr("Its key is {where}; the recovery code opens it too.", where=where)

    async def change(self, action: KeyAction, holder: KeyHolder | None, path: Path | None) -> KeyChange:
        """Do one change to its end, even where nobody waits for it any more; see `AgentService.change_encryption`."""
        async with self._alone():
            forbid_core_dumps()
            self._changing = asyncio.get_running_loop().create_task(self._change(action, holder, path))
            return await asyncio.shield(self._changing)

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Have no other change under way, nor one that goes on although nobody waits for it any more."""
        async with self._order:
            if self._changing is not None:
                await asyncio.wait({self._changing})
            yield

    async def _change(self, action: KeyAction, holder: KeyHolder | None, path: Path | None) -> KeyChange:
        if action == "on":
            return await self._turn_on(holder, path)
        if self._state is None:
            if action != "off":
                raise problems.not_encrypted()
            self._keys.write(None)
            self._chosen = True
            return KeyChange(False, "none")
        key = self._database.key
        assert key is not None
        if action == "off":
            return await self._put(None, None, "")
        if action == "new_code":
            code = new_code()
            self._note(sealed_by(self._state, key, code))
            return KeyChange(True, self._place(), code, self._state.path)
        if action == "code_kept":
            self._note(replace(self._state, code_kept=True))
            return KeyChange(True, self._place(), key_file=self._state.path)
        if action == "keep":
            chosen, place = self._choose(holder, path, self._state)
            held = await self._keys.hold(key, chosen, place)
            self._note(replace(held, box=self._state.box, code_kept=self._state.code_kept))
            return KeyChange(True, self._place(), key_file=self._state.path)
        chosen, place = self._choose(holder, path, self._state)
        return await self._put(chosen, place, new_code())

    async def _turn_on(self, holder: KeyHolder | None, path: Path | None) -> KeyChange:
        if self._database.encrypted:
            raise UserError(
                "already_encrypted",
                tr("The memory is encrypted already."),
                tr("Another key: openclaw-agent memory rekey. Another code: openclaw-agent memory recover --new-code"),
            )
        chosen, place = self._choose(holder, path, None)
        return await self._put(chosen, place, new_code())

    def _choose(
        self, holder: KeyHolder | None, path: Path | None, held: HeldKey | None
    ) -> tuple[KeyHolder, Path | None]:
        if holder is None:
            if held is None:
                return self._keys.choose_holder()
            return held.holder, Path(held.path) if held.path else None
        return holder, path

    def _note(self, state: HeldKey) -> None:
        self._keys.write(state)
        self._state = state

    async def _put(self, holder: KeyHolder | None, path: Path | None, code: str) -> KeyChange:
        """Put the file under a new key, or none where `holder` is None."""
        before, key_before = self._state, self._database.key
        state, key = await self._new_key(holder, path, code)
        encryption.step("key kept")
        # From here on either key may be the right one, whatever happens.
        self._keys.write(before, state)
        encryption.step("change noted")
        try:
            await change_key(self._database, key)
        except BaseException:
            await self._take_back(before, state)
            raise
        self._state, self._chosen = state, True
        self._keys.write(state, before)
        encryption.step("record turned")
        try:
            left = await self._finish((key_before,))
        except (UserError, OSError) as error:
            # The file has its new key and the code has to be shown; the next start finishes the rest.
            log.warning("the change of the key is not finished: %s", error)
            left = (str(old_path(self._database.path)),)
        return KeyChange(key is not None, self._place(), code, state.path if state else None, left)

    async def _new_key(self, holder: KeyHolder | None, path: Path | None, code: str) -> tuple[KeyState, bytes | None]:
        if holder is None:
            return None, None
        key = os.urandom(KEY_BYTES)
        if holder == "file":
            assert path is not None
            given = self._keys.given_key(path)
            if given is not None and given == self._database.key:
                raise UserError(
                    "key_not_new",
                    tr("{path} holds the present key.", path=visible(str(path))),
                    tr("Name another file for the new key: --to file PATH. Nothing was changed."),
                )
            key = given or key
        return sealed_by(await self._keys.hold(key, holder, path), key, code), key

    async def _take_back(self, before: KeyState, tried: KeyState) -> None:
        """After a change that failed the file is as it was; what was noted for it goes, as far as that works."""
        with contextlib.suppress(UserError, OSError):
            clear(self._database.path)
            self._keys.write(before)
            await self._keys.drop(tried)

    async def _finish(self, keys_before: Sequence[bytes | None]) -> tuple[str, ...]:
        """Rewrite the backups, remove the old file and forget its key; return the files that it was not done to."""
        # On the thread that writes copies: none of them is half done meanwhile.
        left = await self._database.beside(lambda _: self._rewrite_backups(keys_before))
        encryption.step("backups rewritten")
        clear(self._database.path)
        encryption.step("old removed")
        self._keys.write(self._state)
        encryption.step("record settled")
        if not left:
            await self._keys.prune(self._state)
        if self._database.encrypted:
            left += [str(file) for file in self._plain_files() if str(file) not in left]
        return tuple(left)

    def _are_copies_small(self) -> bool:
        return sum(copy.size_bytes for folder in self._backups for copy in list_copies(folder)) <= AT_ONCE_BYTES

    def _rewrite_backups(self, keys_before: Sequence[bytes | None]) -> list[str]:
        key = self._database.key
        # Home folders are always there: one that isn't is the user's own, on a disk that is not plugged in.
        left = [str(one) for one in self._backups if not is_there(one, self._database.path.parent)]
        for partial in (one for folder in self._backups for one in folder.glob("openclaw-*.partial*")):
            partial.unlink(missing_ok=True)  # what a kill left of a copy
        for copy in (one for folder in self._backups for one in list_backups(folder)):
            if opens(copy, key):
                continue
            fits = next((old for old in keys_before if opens(copy, old)), key)
            try:
                if fits == key:
                    raise apsw.NotADBError("no key of ours")
                rewrite_copy(copy, fits, key)
            except (apsw.Error, OSError) as error:
                log.warning("the backup %s keeps its old key: %s", copy.name, type(error).__name__)
                if copy.exists():  # not dropped meanwhile
                    left.append(str(copy))
        return left

    def _plain_files(self) -> list[Path]:
        """Return other plain databases among ours, such as a damaged one that was put aside."""
        folders = {self._database.path.parent, *self._backups}
        files = [path for folder in folders if folder.is_dir() for path in folder.iterdir() if path.is_file()]
        return sorted(file for file in files if _is_plain(file))


def _is_plain(file: Path) -> bool:
    with contextlib.suppress(OSError):  # it went just now, or only its owner may read it
        return file_state(file) == "plain"
    return False
