"""What the tray's windows may do with a home whose memory can't be opened.

Owns the way from a button to the runtime and the closed home. Must not know any window. Loop. Imported only where the
memory could not be opened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from openclaw_desktop.security.key_problems import mistyped_code
from openclaw_desktop.service.memory.backups import CopyOffer
from openclaw_desktop.service.memory.closed_home import begin_closed, offer_closed, restore_closed
from openclaw_desktop.system.paths import Home
from openclaw_desktop.system.secrets.recovery_code import read_code

if TYPE_CHECKING:
    from openclaw_desktop.ui.application import Front


class HomeRescue:
    """The rescue of one home; `build` starts its agent, by the recovery code where there is one."""

    def __init__(self, home: Home, build: Callable[[str | None], Awaitable[Front]]) -> None:
        self._home = home
        self._build = build

    async def start(self, code: str | None) -> Front:
        """Try again; raises UserError."""
        return await self._build(_read(code))

    async def offer(self, code: str | None) -> CopyOffer | None:
        """Return the newest whole backup; raises UserError."""
        return await offer_closed(self._home, _read(code))

    async def restore(self, name: str, code: str | None) -> str:
        """Put that backup in the memory's place, and return what came of the damaged file; raises UserError."""
        return (await restore_closed(self._home, name, _read(code))).salvaged

    async def begin_empty(self, code: str | None) -> None:
        """Begin an empty memory under the same key; raises UserError."""
        await begin_closed(self._home, _read(code))


def _read(typed: str | None) -> str | None:
    if typed is None:
        return None
    code = read_code(typed)
    if code is None:
        raise mistyped_code()
    return code
