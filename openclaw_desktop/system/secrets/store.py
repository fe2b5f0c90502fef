"""A place that keeps secrets: what it is, and the ones there are, best first.

Owns the protocol. The keyring comes first; the two others are taken only where the user says so. Must not know what a
secret is for. Loop; each store does its waiting in a thread.
"""

from __future__ import annotations

from typing import Protocol

from openclaw_desktop.core.protocols import PassphraseNeed


class SecretStore(Protocol):
    """Keeps values by an entry's name, such as `work-key@api.example.com`."""

    async def check(self) -> PassphraseNeed:
        """Return which passphrase `put` needs; raises UserError where nothing can be kept here."""
        ...

    async def put(self, entry: str, value: str, passphrase: str | None = None) -> None:
        """Keep `value`, in place of an older one; raises UserError, and then nothing has changed."""
        ...

    async def get(self, entry: str) -> str | None:
        """Return the value, None where there is none of that name; raises UserError."""
        ...

    async def delete(self, entry: str) -> None:
        """Forget the value; harmless where there is none. Raises UserError."""
        ...
