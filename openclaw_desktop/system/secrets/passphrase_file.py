"""Secrets in a file of their own, under a passphrase: for machines without a keyring.

Owns when the key is made, kept and forgotten. The form of the file is `sealed.py`'s. The key stays in memory until the
agent ends, the passphrase does not. A file that can't be understood is never written over. Loop; scrypt and the disk
wait in a thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.protocols import PassphraseNeed
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.system.secrets import sealed
from openclaw_desktop.system.secrets.passphrase import find_passphrase

PASSPHRASE_CHARS = 8

Write = Callable[[Path, bytes], None]


class PassphraseFile:
    """The file at `path`; `write` replaces it whole, with mode 0600. `environ` may name a file with the passphrase."""

    def __init__(self, path: Path, write: Write, environ: Mapping[str, str]) -> None:
        self._path = path
        self._write = write
        self._environ = environ
        self._key: tuple[bytes, bytes] | None = None  # its salt and the key
        # Taken in the thread: one whose caller has gone still ends its write, and no other may come between.
        self._order = threading.Lock()

    async def check(self) -> PassphraseNeed:
        """Return whether `put` must be given a passphrase; raises UserError where the file is damaged."""
        return await asyncio.to_thread(self._need)

    async def put(self, entry: str, value: str, passphrase: str | None = None) -> None:
        """Seal `value`; the first one makes the file with `passphrase`."""
        await asyncio.to_thread(self._put, entry, value, passphrase)

    async def get(self, entry: str) -> str | None:
        """Return the value; raises UserError where the file is locked."""
        return await asyncio.to_thread(self._get, entry)

    async def delete(self, entry: str) -> None:
        """Take the entry out of the file; that needs no passphrase."""
        await asyncio.to_thread(self._delete, entry)

    async def unlock(self, passphrase: str) -> None:
        """Make the key, so that `get` works until the agent ends; raises UserError for a wrong passphrase."""
        await asyncio.to_thread(self._unlock, passphrase)

    def _need(self) -> PassphraseNeed:
        box = self._read()
        if self._has_key(box) or find_passphrase(self._environ) is not None:
            return "none"
        return "typed" if box else "new"

    def _put(self, entry: str, value: str, passphrase: str | None) -> None:
        with self._order:
            box = self._read()
            if box is None:
                box, key = self._begin(passphrase or find_passphrase(self._environ))
            else:
                key = self._key_of(box, passphrase)
            self._write(self._path, sealed.to_bytes(sealed.seal(box, key, entry, value)))
            self._key = (box.salt, key)

    def _begin(self, passphrase: str | None) -> tuple[sealed.Sealed, bytes]:
        if passphrase is None or len(passphrase) < PASSPHRASE_CHARS:
            raise UserError(
                "passphrase_short",
                tr("The passphrase needs at least {count} characters.", count=PASSPHRASE_CHARS),
                tr("Several words are easy to remember and hard to guess. Nothing was kept."),
                ExitCode.USAGE,
            )
        return sealed.begin(passphrase)

    def _get(self, entry: str) -> str | None:
        with self._order:
            box = self._read()
            if box is None or entry not in box.entries:
                return None
            value = sealed.open_entry(box, self._key_of(box, None), entry)
        if value is None:
            raise self._damaged()
        return value

    def _delete(self, entry: str) -> None:
        with self._order:
            box = self._read()
            if box is not None and entry in box.entries:
                rest = sealed.without(box, entry)
                if rest.entries:
                    self._write(self._path, sealed.to_bytes(rest))
                else:
                    # The next secret may have another passphrase: who forgot this one can begin anew.
                    self._path.unlink(missing_ok=True)

    def _unlock(self, passphrase: str) -> None:
        box = self._read()
        if box is None:
            raise UserError(
                "secrets_no_file",
                tr("There is no secret under a passphrase."),
                tr("openclaw-agent secret list shows what there is."),
            )
        with self._order:
            self._key_of(box, passphrase)

    def _has_key(self, box: sealed.Sealed | None) -> bool:
        return box is not None and self._key is not None and self._key[0] == box.salt

    def _key_of(self, box: sealed.Sealed, passphrase: str | None) -> bytes:
        """Return the key of `box`, made of `passphrase`, kept from before, or made of what the environment names."""
        if passphrase is None:
            if self._key is not None and self._key[0] == box.salt:
                return self._key[1]
            passphrase = find_passphrase(self._environ)
        if passphrase is None:
            raise UserError(
                "secrets_locked",
                tr("The secrets under a passphrase are locked."),
                tr("Unlock them with: openclaw-agent secret unlock"),
            )
        key = sealed.make_key(box, passphrase)
        if key is None:
            raise UserError(
                "passphrase_wrong",
                tr("That is not the passphrase of {path}.", path=visible(str(self._path))),
                tr("Try again; nothing was changed."),
            )
        self._key = (box.salt, key)
        return key

    def _read(self) -> sealed.Sealed | None:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserError(
                "secrets_unreadable",
                tr("The secrets in {path} can't be read: {reason}.", path=self._shown, reason=error.strerror or error),
                tr("Make that file readable for yourself; nothing in it was changed."),
            ) from error
        box = sealed.from_bytes(content)
        if box is None:
            raise self._damaged()
        return box

    def _damaged(self) -> UserError:
        return UserError(
            "secrets_damaged",
            tr("The secrets in {path} are damaged; nothing there was changed.", path=self._shown),
            tr("Put a good copy of that file back, or move it away and set the secrets again."),
        )

    @property
    def _shown(self) -> str:
        return visible(str(self._path))
