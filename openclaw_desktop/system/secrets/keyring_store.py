"""Secrets in the system's keyring: Keychain, Credential Locker, Secret Service or KWallet.

Owns the calls of the library `keyring`, each with a time limit, and the sentences for what goes wrong. No error of a
library is passed on: nobody knows what its text quotes. Loop; the waiting is done in `TimeLimit`'s thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import PassphraseNeed
from openclaw_desktop.core.text import tr
from openclaw_desktop.system.secrets.backends import choose_backend, other_stores
from openclaw_desktop.system.secrets.time_limit import TimeLimit

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

log = logging.getLogger(__name__)

T = TypeVar("T")


class KeyringStore:
    """Keeps values in the keyring, under `service`: one name for each home, so that homes don't share secrets."""

    def __init__(self, service: str, limit_s: float, choose: Callable[[], KeyringBackend] = choose_backend) -> None:
        self._service = service
        self._calls = TimeLimit(limit_s)
        self._choose = choose

    async def check(self) -> PassphraseNeed:
        """Return "none"; raises UserError where there is no keyring that may be used."""
        await self._call(lambda _: None)
        return "none"

    async def put(self, entry: str, value: str, passphrase: str | None = None) -> None:
        """Keep `value`; where the keyring opens too late, what was there before is put back."""
        before: list[str | None] = []

        def put(backend: KeyringBackend) -> None:
            before.append(backend.get_password(self._service, entry))
            backend.set_password(self._service, entry, value)
            # KWallet's back end does not look at the answer: only what can be read again is kept.
            if backend.get_password(self._service, entry) != value:
                raise UserError("keyring_failed", tr("The keyring did not keep it."), other_stores())

        def put_back(backend: KeyringBackend) -> None:
            if before[0] is None:
                backend.delete_password(self._service, entry)
            else:
                backend.set_password(self._service, entry, before[0])

        await self._call(put, entry, put_back)

    async def get(self, entry: str) -> str | None:
        """Return the value."""
        return await self._call(lambda backend: backend.get_password(self._service, entry))

    async def delete(self, entry: str) -> None:
        """Forget the value."""

        def delete(backend: KeyringBackend) -> None:
            if backend.get_password(self._service, entry) is not None:
                backend.delete_password(self._service, entry)

        await self._call(delete, entry)

    async def _call(
        self,
        work: Callable[[KeyringBackend], T],
        entry: str | None = None,
        undo: Callable[[KeyringBackend], object] | None = None,
    ) -> T:
        """Do `work` with the back end of this moment: a keyring may start and end while the agent runs.

        `entry`: what `work` changes.
        """
        try:
            return await self._calls.run(
                lambda: work(self._choose()), entry, None if undo is None else lambda: undo(self._choose())
            )
        except UserError:
            raise
        except TimeoutError:
            raise UserError(
                "keyring_silent",
                tr(
                    "The keyring did not answer within {seconds} seconds: it may be locked, with nobody at its window.",
                    seconds=f"{self._calls.limit_s:g}",
                ),
                _unlock_or_elsewhere(),
            ) from None
        except Exception as error:
            log.warning("the keyring failed: %s", type(error).__name__)
            raise _failed(error) from None


def _failed(error: Exception) -> UserError:
    from keyring.errors import InitError, KeyringLocked

    if isinstance(error, KeyringLocked | InitError) or "Locked" in type(error).__name__:
        return UserError(
            "keyring_locked",
            tr("The keyring is locked and was not unlocked."),
            _unlock_or_elsewhere(),
        )
    return UserError(
        "keyring_failed",
        tr("The keyring could not do it ({reason}).", reason=type(error).__name__),
        tr("Try again.") + " " + other_stores(),
    )


def _unlock_or_elsewhere() -> str:
    return tr("Unlock it and try again.") + " " + other_stores()
