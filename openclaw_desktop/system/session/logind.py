"""The user's session as logind and the screen saver tell it, on Linux: locked, in front, the machine about to sleep.

Owns which signals and properties say so. Must not know what follows. Loop. Windows and macOS tell windows alone (WM_
messages, NSWorkspace), which a headless agent has not: there idle time says that somebody is away, and the jump of the
clock that the machine slept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.system.bus_link import BusFailed, BusLink

log = logging.getLogger(__name__)

NAME, PATH = "org.freedesktop.login1", "/org/freedesktop/login1"
MANAGER, SESSION, USER = f"{NAME}.Manager", f"{NAME}.Session", f"{NAME}.User"
PROPERTIES = "org.freedesktop.DBus.Properties"
# Each desktop's own word that its screen is locked; not all of them tell logind.
SAVERS = (("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"),
          ("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"))  # fmt: skip


@dataclass(slots=True)
class SessionState:
    """`in_front`: this user's session has the screen. `asleep`: from the word that sleep is near until it is over.

    `idle`: whether the desktop says that nobody is there, None where it says nothing. `wakes`: how often sleep ended;
    both words may be read in one go after a short sleep, and who looks later would see neither.
    """

    locked: bool = False
    in_front: bool = True
    asleep: bool = False
    idle: bool | None = None
    wakes: int = 0


class LogindSignals:
    """Keeps `state` true, and calls `on_change` at each change of it."""

    def __init__(self, environ: Mapping[str, str], on_change: Callable[[], None]) -> None:
        self._environ = environ
        self._on_change = on_change
        self._tasks = TaskSet()
        self._path = ""
        self._saver_locked = False
        self.state = SessionState()

    async def follow(self, link: BusLink) -> None:
        """Begin to listen on the system bus; without logind nothing is ever told."""
        try:
            await link.listen(NAME, MANAGER, "PrepareForSleep", PATH, self._note_sleep)
        except BusFailed as error:
            log.debug("logind does not tell of sleep: %s", error)
            return
        self._path = await self._find_session(link)
        if not self._path:
            return

        def changed(_body: tuple[Any, ...]) -> None:
            self._tasks.start(self._read(link), "read the session")

        try:
            await link.listen(NAME, SESSION, "Lock", self._path, lambda _body: self._note_lock(True))
            await link.listen(NAME, SESSION, "Unlock", self._path, lambda _body: self._note_lock(False))
            await link.listen(NAME, PROPERTIES, "PropertiesChanged", self._path, changed)
            await self._read(link)
        except BusFailed as error:
            log.debug("logind does not tell of the session: %s", error)

    async def follow_savers(self, link: BusLink) -> None:
        """Listen on the session bus to the screen savers that say when they lock."""
        for name, path in SAVERS:
            try:
                await link.listen(name, name, "ActiveChanged", path, self._note_saver)
            except BusFailed as error:
                log.debug("%s is not heard: %s", name, error)

    async def stop(self) -> None:
        """Listen no longer."""
        await self._tasks.stop()

    def lose(self) -> None:
        """The system bus is gone: what it said holds no longer."""
        self.state = SessionState(locked=self._saver_locked, wakes=self.state.wakes)

    async def _find_session(self, link: BusLink) -> str:
        """Return the object of the session that shows this user's desktop; "" where they have none."""
        if session := self._environ.get("XDG_SESSION_ID"):
            try:
                (path,) = await link.call(NAME, PATH, MANAGER, "GetSession", "s", (session,))
            except BusFailed:
                return ""
            return str(path)
        try:
            # A user service is in no session: the user's display says which one they look at.
            user = await link.properties(NAME, f"{PATH}/user/self", USER)
        except BusFailed:
            return ""
        name, path = user.get("Display", ("", "/"))
        return str(path) if name else ""

    async def _read(self, link: BusLink) -> None:
        try:
            told = await link.properties(NAME, self._path, SESSION)
        except BusFailed as error:
            log.debug("the session can't be read: %s", error)
            return
        self._set(
            replace(
                self.state,
                locked=bool(told.get("LockedHint", False)) or self._saver_locked,
                in_front=bool(told.get("Active", True)),
                idle=bool(told["IdleHint"]) if "IdleHint" in told else None,
            )
        )

    def _note_sleep(self, body: tuple[Any, ...]) -> None:
        state, asleep = self.state, bool(body[0])
        self._set(replace(state, asleep=asleep, wakes=state.wakes + (state.asleep and not asleep)))

    def _note_lock(self, locked: bool) -> None:
        self._set(replace(self.state, locked=locked))

    def _note_saver(self, body: tuple[Any, ...]) -> None:
        self._saver_locked = bool(body[0])
        self._note_lock(self._saver_locked)

    def _set(self, state: SessionState) -> None:
        if state != self.state:
            self.state = state
            self._on_change()
