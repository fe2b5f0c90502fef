"""The user's mailboxes: fetched over the broker's connection, read in the jail.

Owns what is fetched of a mail and how much. Must not parse a mail itself, nor know what a tool does with it. Loop.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import Dial
from openclaw_desktop.core.text import without_controls
from openclaw_desktop.tools.accounts import Account
from openclaw_desktop.tools.mail import mail_problems as problems
from openclaw_desktop.tools.mail.imap import Imap, Opened, Text, open_imap
from openclaw_desktop.tools.mail.letters import Head, MailId, Part, head_of, mark_of
from openclaw_desktop.tools.parsers import Parse
from openclaw_desktop.workers.tool_host import CallFailed

HEAD_BYTES = 16_384
TEXT_BYTES = 1_500_000
# A mail may have several texts; what goes on from here is one answer.
TEXT_CHARS = 200_000
ATTACHMENT_BYTES = 25_000_000
READ_S = 15.0
BATCH = 40
# So many of the newest are looked through for those of one kind.
LOOKED_THROUGH = 200
KEPT_HEADS = 300

_FIELDS = (
    b"DATE FROM TO CC REPLY-TO SUBJECT MESSAGE-ID IN-REPLY-TO REFERENCES LIST-ID LIST-UNSUBSCRIBE LIST-POST PRECEDENCE"
    b" AUTO-SUBMITTED"
)
_ITEMS = b"(UID FLAGS INTERNALDATE RFC822.SIZE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (%s)]<0.%d>)" % (
    _FIELDS,
    HEAD_BYTES,
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RECEIVED = re.compile(r"\s?(\d{1,2})-([A-Z][a-z]{2})-(\d{4}) (\d\d:\d\d):\d\d ([+-]\d\d)(\d\d)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which mails. `query`: all of its words, anywhere; `since`: an ISO date; `category`: "" for any."""

    folder: str = "INBOX"
    unread: bool = False
    query: str = ""
    sender: str = ""
    since: str = ""
    category: str = ""
    count: int = 20


@dataclass(frozen=True, slots=True)
class Found:
    """The mails that were found, newest first, and how many there are in all.

    `looked_through`: where only so many of the newest were looked at, else 0.
    """

    heads: tuple[Head, ...]
    total: int
    looked_through: int = 0


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that was read. `links`: {"text", "url"} of what it has in HTML. `broken`: its text can't be read."""

    head: Head
    text: str
    links: tuple[Mapping[str, str], ...]
    truncated: bool
    broken: bool = False


class Mailbox:
    """Reads mail. `parse`: the jail for what anybody may have written."""

    def __init__(self, dial: Dial, parse: Parse, clock: Clock) -> None:
        self.dial = dial
        self.clock = clock
        self._parse = parse
        # A mail never changes under its id, so that what stood over it once is still true: within that very account,
        # as another one may get the same name.
        self._heads: dict[tuple[Account, MailId], Head] = {}

    async def find(self, account: Account, wanted: Wanted) -> Found:
        """Return the mails that fit; raises UserError."""
        async with open_imap(self.dial, account) as imap:
            return await self._find(imap, account, wanted)

    async def read_found(self, account: Account, wanted: Wanted) -> tuple[Found, tuple[Letter, ...]]:
        """Return the mails that fit, with their texts; raises UserError."""
        async with open_imap(self.dial, account) as imap:
            found = await self._find(imap, account, wanted)
            return found, tuple([await self._one_of_many(imap, head) for head in found.heads])

    async def read(self, account: Account, mail_id: MailId) -> Letter:
        """Return one mail with its text; raises UserError."""
        async with open_imap(self.dial, account) as imap:
            head = await self._head(imap, account, mail_id)
            return await self._letter(imap, head, TEXT_BYTES)

    async def head(self, account: Account, mail_id: MailId) -> Head:
        """Return what stands over one mail; raises UserError."""
        if (known := self._heads.get((account, mail_id))) is not None:
            return known
        async with open_imap(self.dial, account) as imap:
            return await self._head(imap, account, mail_id)

    async def part(self, account: Account, mail_id: MailId, part: Part) -> bytes:
        """Return a part as it was sent; raises UserError."""
        async with open_imap(self.dial, account) as imap:
            await self._opened(imap, mail_id)
            limit_bytes = ATTACHMENT_BYTES * 4 // 3
            data = await self._fetch_part(imap, mail_id.uid, part.section, limit_bytes)
            if len(data) >= limit_bytes:
                raise problems.too_large(ATTACHMENT_BYTES)
            return data

    async def count(self, account: Account) -> int:
        """Return how many mails are in the inbox; raises UserError."""
        async with open_imap(self.dial, account) as imap:
            return (await imap.open("INBOX")).count

    async def _find(self, imap: Imap, account: Account, wanted: Wanted) -> Found:
        opened = await imap.open(wanted.folder)
        wide = LOOKED_THROUGH if wanted.category else wanted.count
        criteria = _criteria(wanted)
        if not opened.count:
            return Found((), 0)
        if criteria:
            uids = await imap.search(*criteria)
            total, newest = len(uids), uids[-wide:]
            which = [",".join(str(uid) for uid in newest[at : at + BATCH]) for at in range(0, len(newest), BATCH)]
        else:
            total, first = opened.count, max(1, opened.count - wide + 1)
            which = [f"{at}:{min(at + BATCH - 1, total)}" for at in range(first, total + 1, BATCH)]
        heads: list[Head] = []
        for one in which:
            heads += await self._heads_of(imap, account, opened, one, by_uid=bool(criteria))
        looked = wide if wanted.category and total > wide else 0
        if wanted.category:
            heads = [head for head in heads if head.category == wanted.category]
            total = len(heads)
        heads.sort(key=lambda head: head.id.uid, reverse=True)
        return Found(tuple(heads[: wanted.count]), total, looked)

    async def _head(self, imap: Imap, account: Account, mail_id: MailId) -> Head:
        opened = await self._opened(imap, mail_id)
        heads = await self._heads_of(imap, account, opened, str(mail_id.uid), by_uid=True)
        found = next((head for head in heads if head.id == mail_id), None)
        if found is None:
            raise problems.no_mail(str(mail_id))
        return found

    async def _opened(self, imap: Imap, mail_id: MailId) -> Opened:
        opened = await imap.open(mail_id.folder)
        if mark_of(opened.validity) != mail_id.mark:
            # The server numbered its mails anew: that uid is another mail by now.
            raise problems.no_mail(str(mail_id))
        return opened

    async def _heads_of(
        self, imap: Imap, account: Account, opened: Opened, which: str, *, by_uid: bool
    ) -> Sequence[Head]:
        rows = [row for row in await imap.fetch(which, _ITEMS, by_uid=by_uid) if _is_whole(row)][:BATCH]
        raw = [{"head": _base64(_starting(row, b"BODY[HEADER")), "structure": _plain(row.get(b"BODYSTRUCTURE"))}
               for row in rows]  # fmt: skip
        said = await self._call("mail.heads", {"heads": raw, "own": account.address}) if raw else []
        heads = []
        for row, one in zip(rows, said if isinstance(said, list) else [], strict=False):
            mail_id = MailId(account.name, opened.name, _number(row[b"UID"]), mark_of(opened.validity))
            flags = row.get(b"FLAGS") or []
            seen = any(isinstance(flag, bytes) and flag.lower() == b"\\seen" for flag in flags)
            size, received = _number(row.get(b"RFC822.SIZE")), _received(row.get(b"INTERNALDATE"))
            head = head_of(one, mail_id, unread=not seen, size=size, fallback_date=received)
            self._heads[account, mail_id] = head
            heads.append(head)
        while len(self._heads) > KEPT_HEADS:
            self._heads.pop(next(iter(self._heads)))
        return heads

    async def _one_of_many(self, imap: Imap, head: Head) -> Letter:
        """Return a mail; one that its sender made unreadable does not hide the others."""
        try:
            return await self._letter(imap, head, TEXT_BYTES // 10, READ_S / 5)
        except UserError as error:
            if error.failure.code not in ("mail_unreadable", "mail_too_hard"):
                raise
            return Letter(head, "", (), truncated=False, broken=True)

    async def _letter(self, imap: Imap, head: Head, limit_bytes: int, limit_s: float = READ_S) -> Letter:
        texts, links, truncated = [], [], False
        for part in head.texts:
            data = await self._fetch_part(imap, head.id.uid, part.section, limit_bytes)
            arguments = {
                "data": _base64(data), "encoding": part.encoding, "charset": part.charset,
                "subtype": part.type.partition("/")[2],
            }  # fmt: skip
            said = await self._call("mail.part", arguments, limit_s)
            if not isinstance(said, Mapping) or not isinstance(said.get("text"), str):
                raise problems.unreadable("failed")
            texts.append(without_controls(said["text"]).strip())
            links += [link for one in said.get("links") or () if (link := _link(one))]
            truncated |= bool(said.get("truncated")) or part.size > limit_bytes
        text = "\n\n".join(text for text in texts if text)
        return Letter(head, text[:TEXT_CHARS], tuple(links), truncated or len(text) > TEXT_CHARS)

    async def _fetch_part(self, imap: Imap, uid: int, section: str, limit_bytes: int) -> bytes:
        rows = await imap.fetch(str(uid), b"(UID BODY.PEEK[%s]<0.%d>)" % (section.encode(), limit_bytes))
        found = next((row for row in rows if _number(row.get(b"UID")) == uid), None)
        if found is None:
            raise problems.no_mail(str(uid))
        return _starting(found, b"BODY[")

    async def _call(self, function: str, arguments: Mapping[str, Any], limit_s: float = READ_S) -> Any:
        try:
            return await self._parse.call(function, arguments, timeout_s=limit_s)
        except CallFailed as failure:
            raise problems.unreadable(failure.code) from failure


def _criteria(wanted: Wanted) -> list[bytes | Text]:
    """Return what is searched for, as IMAP says it; [] for everything."""
    found: list[bytes | Text] = []
    if wanted.unread:
        found.append(b"UNSEEN")
    if wanted.since:
        year, month, day = wanted.since.split("-")
        found.append(f"SINCE {int(day)}-{_MONTHS[int(month) - 1]}-{year}".encode())
    if wanted.sender:
        found += [b"FROM", Text(wanted.sender.encode())]
    for word in wanted.query.split()[:20]:
        found += [b"TEXT", Text(word.encode())]
    if any(isinstance(word, Text) and not word.data.isascii() for word in found):
        found.insert(0, b"CHARSET UTF-8")
    return found


def _is_whole(row: Mapping[bytes, Any]) -> bool:
    """True for an answer to what was asked; servers also tell of flags that others changed."""
    return _number(row.get(b"UID")) > 0 and any(name.startswith(b"BODY[HEADER") for name in row)


def _received(value: Any) -> str:
    match = _RECEIVED.fullmatch(value.decode("latin-1")) if isinstance(value, bytes) else None
    if match is None or match[2] not in _MONTHS:
        return ""
    return f"{match[3]}-{_MONTHS.index(match[2]) + 1:02}-{int(match[1]):02}T{match[4]}{match[5]}:{match[6]}"


def _plain(values: Any) -> Any:
    """Return a structure as JSON; its depth is bounded where replies are read."""
    if isinstance(values, list):
        return [_plain(value) for value in values]
    return values.decode("latin-1") if isinstance(values, bytes) else None


def _starting(row: Mapping[bytes, Any], start: bytes) -> bytes:
    value = next((value for name, value in row.items() if name.startswith(start)), b"")
    return value if isinstance(value, bytes) else b""


def _number(value: Any) -> int:
    return int(value) if isinstance(value, bytes) and value.isdigit() and len(value) < 12 else 0


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _link(said: Any) -> dict[str, str] | None:
    if not isinstance(said, Mapping) or not isinstance(said.get("url"), str):
        return None
    if not said["url"].startswith(("http://", "https://")):
        return None
    return {"text": without_controls(str(said.get("text", "")))[:200], "url": without_controls(said["url"])[:1000]}
