"""A short message of the desktop's own beside the work of its user: what it is, and which handler shows it here.

Owns the protocol, the order of the handlers and the sentence where none works. Must not know what is told, nor when.
Loop.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr

# The id of what a click on the toast itself does.
OPEN = "default"
Urgency = Literal["low", "normal", "critical"]


@dataclass(frozen=True, slots=True)
class ToastAction:
    """A button. `id`: what comes back when it is pressed."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Toast:
    """What is shown. `id`: ours. Both texts are plain, never markup. `replaces`: the id of one whose place it takes.

    `open_text`: what a click on the toast itself does, for desktops that show a button for that.
    """

    id: str
    title: str
    body: str
    urgency: Urgency = "normal"
    actions: tuple[ToastAction, ...] = ()
    replaces: str = ""
    open_text: str = ""


@dataclass(frozen=True, slots=True)
class ToastPressed:
    """The user pressed a button, or the toast itself (`OPEN`); it is no longer shown."""

    toast_id: str
    action: str


@dataclass(frozen=True, slots=True)
class ToastClosed:
    """It is no longer shown. `by_user`: they put it away; else its time was over, or nobody says why."""

    toast_id: str
    by_user: bool


@dataclass(frozen=True, slots=True)
class ToastsLost:
    """What showed these has ended: they are gone without anybody having put them away."""

    toast_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToastsBack:
    """What shows toasts has come, or come back."""


ToastEvent = ToastPressed | ToastClosed | ToastsLost | ToastsBack
OnToast = Callable[[ToastEvent], object]


class Toasts(Protocol):
    """Shows toasts."""

    @property
    def name(self) -> str:
        """Who shows them, in a word or two; "" where nobody does."""
        ...

    async def show(self, toast: Toast) -> str:
        """Show `toast`, and return its mark: by which `sweep` knows it even in another process; "" where by nothing.

        Raises UserError where nothing shows it now.
        """
        ...

    async def sweep(self, marks: Sequence[str]) -> None:
        """Take what has these marks off the screen, where it stands there still; raises UserError."""
        ...

    async def withdraw(self, toast_id: str) -> None:
        """Take a toast off the screen; harmless where it is not there."""
        ...

    async def close(self) -> None:
        """Let go of what shows them; what is on the screen stays there."""
        ...


class NoToasts:
    """For sessions that show none."""

    name = ""

    async def show(self, toast: Toast) -> str:
        """Raise UserError."""
        raise no_toasts(tr("Nothing here shows notices."))

    async def sweep(self, marks: Sequence[str]) -> None:
        """Do nothing."""

    async def withdraw(self, toast_id: str) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


def no_toasts(sentence: str) -> UserError:
    """Return the error for a toast that can't be shown now."""
    return UserError("no_toasts", sentence, tr("They are kept: openclaw-agent notify list"))


def choose_toasts(
    environment: Mapping[str, str], on_event: OnToast, icon: Path, platform: str = sys.platform
) -> Toasts:
    """Return the best handler: the desktop's own service, else what plyer finds, else one that shows nothing."""
    # Imported here: each of them brings what an agent elsewhere has no use for.
    found: Toasts | None
    if platform in ("win32", "darwin"):
        from openclaw_desktop.system.toast.native import make_native

        found = make_native(on_event, icon)
    else:
        from openclaw_desktop.system.toast.freedesktop import make_desktop

        found = make_desktop(environment, on_event, icon)
    if found is None:
        from openclaw_desktop.system.toast.by_plyer import make_plyer

        found = make_plyer(environment, platform)
    return found or NoToasts()
