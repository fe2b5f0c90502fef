"""Toasts of Windows and macOS, by desktop-notifier.

Owns the translation of ours into that library's. Never run on those systems: the tests hand it the library's own
notifier with a backend of theirs. Must not know what is told. Loop; the library is loaded with the handler.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from openclaw_desktop.core.text import tr
from openclaw_desktop.system.toast.toast import OPEN, OnToast, Toast, ToastClosed, ToastPressed, no_toasts

if TYPE_CHECKING:
    from desktop_notifier import DesktopNotifier

log = logging.getLogger(__name__)
APPLICATION = "OpenCLaw"
SEND_TIMEOUT_S = 10.0
# All of ours have the same: they are swept together.
MARK = "all"


class NativeToasts:
    """`Toasts` by a `DesktopNotifier`."""

    name = "desktop-notifier"

    def __init__(self, notifier: DesktopNotifier, on_event: OnToast) -> None:
        self._notifier = notifier
        self._on_event = on_event
        # Our ids are the library's too; what is on the screen.
        self._shown: set[str] = set()

    async def show(self, toast: Toast) -> str:
        """Show `toast`; raises UserError."""
        from desktop_notifier import Button, Notification, Urgency

        if toast.replaces:
            await self.withdraw(toast.replaces)
        loop = asyncio.get_running_loop()

        def later(event: Callable[[], None]) -> Callable[[], object]:
            # The system may call from a thread of its own.
            return lambda: loop.call_soon_threadsafe(event)

        notification = Notification(
            title=toast.title,
            message=toast.body,
            urgency=Urgency(toast.urgency),
            buttons=tuple(
                Button(action.text, later(partial(self._press, toast.id, action.id)), action.id)
                for action in toast.actions
            ),
            on_clicked=later(partial(self._press, toast.id, OPEN)),
            on_dismissed=later(partial(self._dismiss, toast.id)),
            identifier=toast.id,
        )
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                if not (await self._notifier.has_authorisation() or await self._notifier.request_authorisation()):
                    raise no_toasts(tr("The system does not let OpenCLaw show notices; its settings can allow it."))
                self._shown.add(toast.id)
                await self._notifier.send_notification(notification)
        except (OSError, RuntimeError, TimeoutError) as error:
            self._shown.discard(toast.id)
            raise no_toasts(tr("The system's notification centre did not answer.")) from error
        return MARK

    async def sweep(self, marks: Sequence[str]) -> None:
        """Take all of ours off the screen: the library knows none by its id that another process showed."""
        if marks:
            await self._notifier.clear_all()

    async def withdraw(self, toast_id: str) -> None:
        """Take a toast off the screen."""
        if toast_id in self._shown:
            self._shown.discard(toast_id)
            await self._notifier.clear(toast_id)

    async def close(self) -> None:
        """Let go."""
        self._shown.clear()

    def _press(self, toast_id: str, action: str) -> None:
        if toast_id in self._shown:
            self._shown.discard(toast_id)
            self._on_event(ToastPressed(toast_id, action))

    def _dismiss(self, toast_id: str) -> None:
        if toast_id in self._shown:
            self._shown.discard(toast_id)
            self._on_event(ToastClosed(toast_id, by_user=True))


def make_native(on_event: OnToast, icon: Path) -> NativeToasts | None:
    """Return the handler; None where the library is not there or does not work here."""
    try:
        from desktop_notifier import DesktopNotifier, Icon

        return NativeToasts(DesktopNotifier(APPLICATION, Icon(path=icon)), on_event)
    except (ImportError, OSError, RuntimeError) as error:
        log.info("no desktop-notifier here: %s", error)
        return None
