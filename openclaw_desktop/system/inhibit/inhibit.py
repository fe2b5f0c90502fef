"""Keeping the machine from falling asleep: what it is, and which handler can do it here.

Owns the protocol, the order of the handlers and the sentence for where none can. Must not know for what it is done. The
handlers block for a moment: a thread of the call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Protocol

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.system.inhibit.linux import LogindInhibit, PowerManagementInhibit
from openclaw_desktop.system.inhibit.macos import CaffeinateInhibit
from openclaw_desktop.system.inhibit.windows import ExecutionStateInhibit

# The words that systems show beside the name of who keeps them awake.
WHO = "OpenCLaw Desktop"


class Inhibit(Protocol):
    """Holds sleep off."""

    def hold(self, why: str) -> Callable[[], None]:
        """Hold sleep off until the returned function is called; raises OSError where this system refuses."""
        ...


def choose_inhibit(environ: Mapping[str, str]) -> Inhibit:
    """Return the handlers of this system, tried in order."""
    if sys.platform == "win32":
        return FirstThatHolds((ExecutionStateInhibit(),))
    if sys.platform == "darwin":
        return FirstThatHolds((CaffeinateInhibit(),))
    return FirstThatHolds((LogindInhibit(environ, WHO), PowerManagementInhibit(environ, WHO)))


class FirstThatHolds:
    """Asks one handler after the other."""

    def __init__(self, handlers: tuple[Inhibit, ...]) -> None:
        self._handlers = handlers

    def hold(self, why: str) -> Callable[[], None]:
        """Hold by the first handler that can; raises UserError where none can."""
        reasons = []
        for handler in self._handlers:
            try:
                return handler.hold(why)
            except OSError as error:
                reasons.append(str(error))
        raise UserError(
            "no_inhibit",
            tr("This system lets no program keep it awake ({reason}).", reason="; ".join(reasons)),
            tr("A run that the machine sleeps over goes on after it woke, or is counted as missed."),
        )
