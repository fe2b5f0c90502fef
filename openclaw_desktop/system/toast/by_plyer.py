"""Toasts by plyer: the last resort, for desktops without a notification service that can be asked.

Owns the guard of its arguments: on Linux it hands them to notify-send as words of a command, where one that begins with
a dash would be an option, and in a Flatpak it puts them into quotes of its own. Nothing comes back: no press, no end.
Must not know what is told. A thread for each toast.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from openclaw_desktop.core.text import tr
from openclaw_desktop.system.toast.toast import Toast, Toasts, no_toasts

log = logging.getLogger(__name__)
APPLICATION = "OpenCLaw"
SHOWN_S = 10
TIMEOUT_S = 10.0
TITLE_CHARS, BODY_CHARS = 200, 1000


class PlyerToasts:
    """`Toasts` by plyer's `notify`."""

    name = "plyer"

    def __init__(self, notify: Callable[..., object]) -> None:
        self._notify = notify

    async def show(self, toast: Toast) -> str:
        """Show `toast`; raises UserError."""
        words = {
            "title": guard(toast.title, TITLE_CHARS),
            "message": guard(toast.body, BODY_CHARS),
            "app_name": APPLICATION,
            "timeout": SHOWN_S,
        }
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await asyncio.to_thread(self._notify, **words)
        except Exception as error:  # plyer raises whatever its platform's part does
            raise no_toasts(tr("plyer could not show a notice ({reason}).", reason=type(error).__name__)) from error
        return ""

    async def sweep(self, marks: Sequence[str]) -> None:
        """Do nothing: plyer can't, and its toasts have no buttons."""

    async def withdraw(self, toast_id: str) -> None:
        """Do nothing: plyer can't."""

    async def close(self) -> None:
        """Do nothing."""


def guard(text: str, longest: int) -> str:
    """Return `text` as a word of a command that is no option, with nothing that a quote or NUL could end.

    A text that begins with a dash gets a space before it. Single quotes and backslashes become characters that look the
    same and mean nothing.
    """
    plain = text[:longest].replace("\x00", "").replace("'", "’").replace("\\", "＼") or " "
    return f" {plain}" if plain.startswith("-") else plain


def make_plyer(environment: Mapping[str, str], platform: str = sys.platform) -> Toasts | None:
    """Return the handler; None where plyer has no way to show anything here."""
    screen = environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    if platform not in ("win32", "darwin") and not (screen and shutil.which("notify-send")):
        return None
    try:
        with warnings.catch_warnings():
            # It warns of each way that it does not find.
            warnings.simplefilter("ignore")
            notification: Any = import_module("plyer").notification
            return PlyerToasts(notification.notify)
    except Exception as error:  # its parts for a platform are loaded by name, and raise what they like
        log.info("no plyer here: %r", error)
        return None
