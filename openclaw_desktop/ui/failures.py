"""Errors as sentences, and streams that are closed whatever happens.

Owns how the windows treat what the service raises. Must not know any widget. Main thread, loop.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from openclaw_desktop.core.errors import Failure, UserError
from openclaw_desktop.core.text import tr

log = logging.getLogger(__name__)
Item = TypeVar("Item")


def describe_error(error: Exception, doing: str) -> Failure:
    """Return what to tell the user; an error that nobody foresaw goes to the log whole. `doing` is for the log."""
    if isinstance(error, UserError):
        return error.failure
    log.error("%s failed", doing, exc_info=error)
    return Failure(
        "internal",
        tr("Something went wrong inside the program ({kind}).", kind=type(error).__name__),
        tr("The log file says more. Try again, or quit and start OpenCLaw again."),
    )


@asynccontextmanager
async def closing(stream: AsyncIterator[Item]) -> AsyncIterator[AsyncIterator[Item]]:
    """Close `stream` at the end, where it can be closed: for the service that means "stop"."""
    try:
        yield stream
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
