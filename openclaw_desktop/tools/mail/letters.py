"""Mails as the tools have them: what the jail said about one, looked at once more.

Owns the ids of mails, and the check of each thing that a hostile mail could have made the jail say. Must not know how a
mail is fetched. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.text import tr, visible, without_controls
from openclaw_desktop.tools.mail import mail_problems as problems
from openclaw_desktop.tools.mail.addresses import clean_address
from openclaw_desktop.tools.mail.categories import CATEGORIES

ID_CHARS = 400
_ID = re.compile(
    r"(?P<account>[a-z0-9][a-z0-9._-]{0,31})/(?P<folder>[^\x00-\x1f]{1,250})/(?P<uid>\d{1,10})\.(?P<mark>[0-9a-f]{4})"
)
_SECTION = re.compile(r"\d{1,4}(?:\.\d{1,4}){0,60}")
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,250}>")
_WORD = re.compile(r"[A-Za-z0-9_.+-]{0,60}")


@dataclass(frozen=True, slots=True)
class MailId:
    """Which mail is meant. `mark`: of the folder's present numbering; with another one the uid is another mail."""

    account: str
    folder: str
    uid: int
    mark: str

    def __str__(self) -> str:
        return f"{self.account}/{self.folder}/{self.uid}.{self.mark}"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a mail. `size`: in bytes, as it was sent."""

    section: str
    type: str
    charset: str
    encoding: str
    size: int
    name: str


@dataclass(frozen=True, slots=True)
class Head:
    """What stands over a mail. All texts are its sender's words. Addresses that can't be answered are ""."""

    id: MailId
    sender: str
    sender_name: str
    reply_to: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    subject: str
    date: str
    message_id: str
    references: tuple[str, ...]
    category: str
    unread: bool
    size: int
    attachments: tuple[Part, ...]
    texts: tuple[Part, ...]

    @property
    def label(self) -> Label:
        """Where its words come from: anybody can write to the user."""
        return Label("untrusted", "private", (f"mail:{self.id}",))

    @property
    def answer_to(self) -> str:
        """Where an answer goes."""
        return self.reply_to or self.sender

    def shown_sender(self) -> str:
        """Return name and address of the sender, in words in which nothing can hide."""
        name, address = visible(self.sender_name), visible(self.sender)
        return f"{name} <{address}>" if name else address or tr("nobody")

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "id": str(self.id), "from": self.sender, "from_name": self.sender_name, "to": list(self.to),
            "cc": list(self.cc), "subject": self.subject, "date": self.date, "unread": self.unread,
            "category": self.category, "size_bytes": self.size, "message_id": self.message_id,
            "attachments": [{"name": p.name, "type": p.type, "size_bytes": size_of(p)} for p in self.attachments],
        }  # fmt: skip


def mark_of(validity: int) -> str:
    """Return the mark of a folder's numbering."""
    return f"{(validity ^ (validity >> 16)) & 0xFFFF:04x}"


def parse_id(text: str) -> MailId:
    """Return the id that `text` writes; raises UserError."""
    match = _ID.fullmatch(text.strip().strip("[]"))
    if match is None or len(text) > ID_CHARS:
        raise problems.no_mail(text)
    return MailId(match["account"], match["folder"], int(match["uid"]), match["mark"])


def head_of(said: Any, mail_id: MailId, *, unread: bool, size: int, fallback_date: str) -> Head:
    """Return what the jail said about a mail, as far as it has the right shape."""
    found = said if isinstance(said, Mapping) else {}
    sender = found.get("from")
    sender = sender if isinstance(sender, Mapping) else {}
    parts = [_part(one) for one in _list(found.get("attachments"))]
    texts = [part for one in _list(found.get("texts")) if (part := _part(one)) is not None]
    category = found.get("category")
    return Head(
        mail_id,
        _line(sender.get("address")),
        _line(sender.get("name")),
        _address(found.get("reply_to")),
        tuple(address for one in _list(found.get("to")) if (address := _entry(one))),
        tuple(address for one in _list(found.get("cc")) if (address := _entry(one))),
        _line(found.get("subject")),
        _line(found.get("date")) or fallback_date,
        _message_id(found.get("message_id")),
        tuple(one for entry in _list(found.get("references")) if (one := _message_id(entry)))[-20:],
        category if category in CATEGORIES else "other",
        unread,
        size,
        tuple(part for part in parts if part is not None),
        tuple(texts[:5]),
    )


def answerable(head: Head) -> str:
    """Return the address that an answer goes to; raises UserError where there is none."""
    try:
        return clean_address(head.answer_to)
    except UserError:
        raise UserError(
            "no_sender", tr("That mail has no address that can be answered."), tr("Say whom to write to.")
        ) from None


def size_of(part: Part) -> int:
    """Return about how many bytes a part has once it is unpacked."""
    return part.size * 3 // 4 if part.encoding == "base64" else part.size


def shown_size(size_bytes: int) -> str:
    """Return a size in words."""
    if size_bytes < 1000:
        return tr("{count} bytes", count=size_bytes)
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1_000_000 else f"{size_bytes // 1000} KB"


def _part(said: Any) -> Part | None:
    if not isinstance(said, Mapping) or not _SECTION.fullmatch(str(said.get("section"))):
        return None
    size = said.get("size")
    return Part(
        str(said["section"]),
        _line(said.get("type")),
        _word(said.get("charset")),
        _word(said.get("encoding")),
        size if type(size) is int and size >= 0 else 0,
        _line(said.get("name")),
    )


def _list(said: Any) -> Sequence[Any]:
    return said[:200] if isinstance(said, list) else ()


def _line(said: Any) -> str:
    return " ".join(without_controls(said).split())[:300] if isinstance(said, str) else ""


def _word(said: Any) -> str:
    return said if isinstance(said, str) and _WORD.fullmatch(said) else ""


def _entry(said: Any) -> str:
    return _line(said.get("address")) if isinstance(said, Mapping) else ""


def _address(said: Any) -> str:
    try:
        return clean_address(said) if isinstance(said, str) else ""
    except UserError:
        return ""


def _message_id(said: Any) -> str:
    return said if isinstance(said, str) and _MESSAGE_ID.fullmatch(said) else ""
