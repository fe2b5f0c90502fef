"""Moments as the user's own clock and language have them.

Owns the form. Must not know what happened then. Any thread.
"""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QDateTime, QLocale


def format_moment(moment: str) -> str:
    """Return an ISO moment as the user's own clock and language have it."""
    local = QDateTime.fromSecsSinceEpoch(int(datetime.fromisoformat(moment).timestamp()))
    return QLocale().toString(local, QLocale.FormatType.ShortFormat)
