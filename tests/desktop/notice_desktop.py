"""A desktop whose bus starts nothing by itself, so that a notification service is gone when it is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from session import DEADLINE_S, DesktopSession

from openclaw_desktop.system.toast import Toast, ToastEvent
from openclaw_desktop.system.toast.freedesktop import SERVICE, DesktopToasts

_BUS = """<busconfig><type>session</type><listen>unix:path={path}</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"""


class BareDesktop(DesktopSession):
    """No service is started by the bus; `start_dunst` and `kill_dunst` say when there is one."""

    dunst: subprocess.Popen[bytes] | None = None

    def _start_bus(self) -> None:
        config = self.folder / "bus.conf"
        config.write_text(_BUS.format(path=f"{self.env['XDG_RUNTIME_DIR']}/bus"))
        self.env["DBUS_SESSION_BUS_ADDRESS"] = self._spawn_and_hear(
            lambda pipe: ("dbus-daemon", f"--config-file={config}", "--nofork", f"--print-address={pipe}")
        )

    def start_dunst(self) -> None:
        """Start the notification service and wait until it has its name."""
        self.dunst = self.start("dunst")
        self.run("gdbus", "wait", "--session", "--timeout", f"{DEADLINE_S:.0f}", SERVICE)

    def kill_dunst(self) -> None:
        """End it at once."""
        assert self.dunst is not None
        os.killpg(self.dunst.pid, signal.SIGKILL)
        self.dunst.wait()

    def displayed(self) -> int:
        """Return how many toasts are on the screen."""
        return int(self.run("dunstctl", "count", "displayed"))

    def history(self) -> list[tuple[str, str]]:
        """Return title and body of what was shown and put away, newest first."""
        shown = json.loads(self.run("dunstctl", "history"))["data"]
        return [(toast["summary"]["data"], toast["message"]["data"]) for group in shown for toast in group]


class HeardToasts:
    """The real handler on that desktop, with what it told, and a way to wait for it."""

    def __init__(
        self, session: DesktopSession, icon: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """`now`: the clock by which `times` says when each was shown."""
        self.times: list[datetime] = []
        self._now = now
        self.events: list[ToastEvent] = []
        self.listeners: list[Callable[[ToastEvent], object]] = []
        self.shown: list[Toast] = []
        self._heard = asyncio.Event()
        self._real = DesktopToasts(session.env, self._hear, icon)

    @property
    def name(self) -> str:
        return self._real.name

    def _hear(self, event: ToastEvent) -> None:
        self.events.append(event)
        for listener in self.listeners:
            listener(event)
        self._heard.set()

    async def show(self, toast: Toast) -> str:
        mark = await self._real.show(toast)
        self.shown.append(toast)
        self.times.append(self._now())
        return mark

    async def sweep(self, marks: Sequence[str]) -> None:
        await self._real.sweep(marks)

    async def withdraw(self, toast_id: str) -> None:
        await self._real.withdraw(toast_id)

    async def close(self) -> None:
        await self._real.close()

    async def wait_for(self, kind: type[ToastEvent]) -> ToastEvent:
        """Return the first event of that kind that was not waited for, and forget those before it."""
        async with asyncio.timeout(DEADLINE_S):
            while not any(isinstance(event, kind) for event in self.events):
                self._heard.clear()
                await self._heard.wait()
        while not isinstance(event := self.events.pop(0), kind):
            pass
        return event
