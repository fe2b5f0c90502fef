"""Mails that are to be written, as plain values.

Owns what a mail of the user's is made of. Must not know how it is written or sent. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openclaw_desktop.core.text import without_controls
from openclaw_desktop.tools.mail.letters import Head

SUBJECT_CHARS = 300


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that goes along."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Post:
    """A mail to be written. `answers`: the mail that it answers."""

    sender: str
    to: Sequence[str]
    cc: Sequence[str]
    bcc: Sequence[str]
    subject: str
    text: str
    attached: Sequence[Attached] = ()
    answers: Head | None = None

    @property
    def recipients(self) -> tuple[str, ...]:
        """Return everybody who gets it, each once."""
        return tuple(dict.fromkeys((*self.to, *self.cc, *self.bcc)))


@dataclass(frozen=True, slots=True)
class Written:
    """A mail as it goes out, as the sender keeps it (with who got it unseen), and its id."""

    sent: bytes
    kept: bytes
    message_id: str


def clean_subject(text: str) -> str:
    """Return a subject as it is asked about and sent: one line, and nothing in it that mail programs would decode."""
    return " ".join(without_controls(text).split()).replace("=?", "= ?")[:SUBJECT_CHARS]


def answer_subject(subject: str) -> str:
    """Return the subject of an answer."""
    return subject if subject.lower().startswith("re:") else f"Re: {subject}".strip()
