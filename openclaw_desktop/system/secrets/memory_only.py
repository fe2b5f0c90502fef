"""Secrets that end with the program: kept in its memory alone.

Owns the values. Loop.
"""

from __future__ import annotations

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.protocols import PassphraseNeed
from openclaw_desktop.core.text import tr


class MemoryOnlyStore:
    """Keeps values until the agent ends. `lasting`: this process is an agent that stays, not a single command."""

    def __init__(self, lasting: bool) -> None:
        self._lasting = lasting
        self._values: dict[str, str] = {}

    async def check(self) -> PassphraseNeed:
        """Return "none"; raises UserError in a process that ends with its command."""
        if not self._lasting:
            raise UserError(
                "session_needs_agent",
                tr("No agent is running that could keep a secret for this session."),
                tr("Start openclaw-desktop or openclaw-agent serve, then try again."),
                ExitCode.NEEDS_AGENT,
            )
        return "none"

    async def put(self, entry: str, value: str, passphrase: str | None = None) -> None:
        """Keep `value`."""
        await self.check()
        self._values[entry] = value

    async def get(self, entry: str) -> str | None:
        """Return the value."""
        return self._values.get(entry)

    async def delete(self, entry: str) -> None:
        """Forget the value."""
        self._values.pop(entry, None)
