"""What the user wrote, fit to be kept and sent on.

Owns how long it may be, and that nothing in it is hidden. Must not know what it is for. Pure.
"""

from __future__ import annotations

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, without_controls
from openclaw_desktop.service.api import MESSAGE_LIMIT_CHARS


def user_text(text: str) -> str:
    """Return the user's text without control characters; raises UserError where there is none, or too much."""
    cleaned = without_controls(text).strip()
    if not cleaned:
        raise UserError(
            "empty", tr("There is nothing to do: the text is empty."), tr("Write something."), ExitCode.USAGE
        )
    if len(cleaned) > MESSAGE_LIMIT_CHARS:
        raise UserError(
            "message_too_long",
            tr(
                "That text has {count} characters, and {limit} are the most.",
                count=f"{len(cleaned):,}",
                limit=f"{MESSAGE_LIMIT_CHARS:,}",
            ),
            tr("Save it as a file and ask for it to be read."),
            ExitCode.USAGE,
        )
    return cleaned
