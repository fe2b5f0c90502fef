"""What comes in from elsewhere, as plain values, and the bounds that hold for all of it.

Owns one entry of another program's memory, how its text and time are made plain, and the errors of a file that can't
be read. Must not know any format, nor how far an entry is trusted. Any thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible, without_controls

SourceKind = Literal["jsonl", "openclaw", "chatgpt", "claude"]

MESSAGE_BYTES = 64 * 1024
CLIPPED = " […]"
_ID_CHARS = 100


@dataclass(frozen=True, slots=True)
class Imported:
    """One entry. `created_at`: ISO 8601 with its zone, None where nothing tells. `origin`: the file, and what in it.

    `by_user` says whose words they are by what the file tells; it is no word about trust.
    """

    text: str
    speaker: str
    created_at: str | None
    session: str | None
    kind: Literal["turn", "fact"]
    origin: str
    by_user: bool


def plain(text: str) -> str:
    """Return `text` without control characters and outer space, clipped with a mark at 64 KiB of UTF-8."""
    # What is far beyond the limit is not even looked at.
    text = text[: 4 * MESSAGE_BYTES]
    text = without_controls(text).strip()
    raw = text.encode()
    return text if len(raw) <= MESSAGE_BYTES else raw[:MESSAGE_BYTES].decode(errors="ignore").rstrip() + CLIPPED


def moment(value: object) -> str | None:
    """Return Unix seconds or an ISO 8601 text (UTC where it names no zone) as ISO 8601 in UTC, else None."""
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            read = (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            read = datetime.fromtimestamp(value, UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return read.isoformat(timespec="milliseconds")


def short_id(value: str | None, otherwise: str) -> str:
    """Return an id of a file's own, fit to be shown and stored."""
    return visible((value or "").strip())[:_ID_CHARS] or otherwise


def unreadable(sentence: str, advice: str = "") -> UserError:
    """Return the error for a file that is not what it should be."""
    return UserError(
        "import_unreadable",
        sentence,
        advice or tr("Nothing was imported: put it right or leave it out, then import again."),
    )
