"""One conversation with an IMAP server, over the broker's connection.

Owns the commands that the mail tools need, and what a server's answers to them mean. The password is put in by the
broker; no word of the server is ever in an error. Must not parse a mail: that is done in the jail. Loop.
"""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import Connection, Dial
from openclaw_desktop.core.text import tr
from openclaw_desktop.tools.accounts import Account, Server
from openclaw_desktop.tools.mail import mail_problems as problems
from openclaw_desktop.tools.mail.folder_names import decode_name, encode_name
from openclaw_desktop.tools.mail.imap_replies import NotImapError, Reply, Wire, read_reply

# All that one conversation may read.
SESSION_BYTES = 64 << 20
WAIT_S = 20.0
# So many replies to one command: a short one takes a hundred times its bytes here.
REPLIES = 100_000
NAME_BYTES = 1000
# What these folders are called where the server does not say which they are.
_USUAL = {
    "drafts": ("drafts", "draft", "entwürfe", "brouillons", "borradores", "bozze", "concepten"),
    "sent": ("sent", "sent items", "sent messages", "sent mail", "gesendet", "gesendete elemente"),
}


_LAST = re.compile(r"[/.]")
# What needs no leave of the server to be sent.
_PLAIN = re.compile(rb"[\x20\x21\x23-\x5b\x5d-\x7e]{0,200}")


@dataclass(frozen=True, slots=True)
class Text:
    """An argument of a command that must be sent as it is, whatever is in it."""

    data: bytes


Words = Sequence[bytes | Text]


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder that was opened: how many mails are in it, and the number that its uids are good under."""

    name: str
    count: int
    validity: int


@dataclass(frozen=True, slots=True)
class Folder:
    r"""A folder. `flags`: such as `\\drafts`, in lower case."""

    name: str
    flags: frozenset[str]


@contextlib.asynccontextmanager
async def open_imap(dial: Dial, account: Account) -> AsyncIterator[Imap]:
    """Connect and log in for the length of a block; raises UserError with one clear sentence."""
    assert account.imap is not None
    server = account.imap
    connection = await dial(server.host, server.port, tls=server.tls, limit_bytes=SESSION_BYTES, timeout_s=WAIT_S)
    imap = Imap(connection, server)
    try:
        await imap.log_in(account)
        yield imap
        with contextlib.suppress(UserError):
            await imap.say(b"LOGOUT")
    finally:
        await connection.close()


class Imap:
    """The conversation."""

    def __init__(self, connection: Connection, server: Server) -> None:
        self._connection = connection
        self._server = server
        self._wire = Wire(connection)
        self._number = 0
        self._can: frozenset[bytes] = frozenset()

    @property
    def keeps_sent_mail(self) -> bool:
        """True for a server that puts a copy of what is sent into its folder by itself."""
        return b"X-GM-EXT-1" in self._can

    async def log_in(self, account: Account) -> None:
        """Greet, encrypt, log in; raises UserError."""
        greeting = await self._reply()
        if greeting.tag != b"*" or greeting.status not in ("OK", "PREAUTH"):
            raise problems.not_the_protocol(self._server.host, self._server.port, "IMAP")
        if not self._server.tls:
            await self._encrypt()
        await self._ask_capabilities()
        user = account.user
        if b"AUTH=PLAIN" in self._can or not user.isascii():
            final = await self._authenticate(user, account.secret)
        else:
            tag = self._tag()

            def login(value: str) -> bytes:
                return b"%s LOGIN %s %s\r\n" % (tag, _quote(user), _quote(value))

            await self._connection.write_secret(account.secret, login)
            final = await self._final(tag)
        if final.status != "OK":
            raise problems.login_refused(account, self._server.host, final.code)
        await self._ask_capabilities()

    async def _authenticate(self, user: str, secret: str) -> Reply:
        def plain(value: str) -> bytes:
            return base64.b64encode(f"\0{user}\0{value}".encode())

        tag = self._tag()
        if b"SASL-IR" in self._can:
            await self._connection.write_secret(secret, lambda v: b"%s AUTHENTICATE PLAIN %s\r\n" % (tag, plain(v)))
        else:
            await self._connection.write(b"%s AUTHENTICATE PLAIN\r\n" % tag)
            if (early := await self._until(b"+", tag)) is not None:
                return early
            await self._connection.write_secret(secret, lambda v: plain(v) + b"\r\n")
        return await self._final(tag)

    async def _encrypt(self) -> None:
        final, _ = await self.ask(b"STARTTLS")
        if final.status != "OK":
            raise problems.no_starttls(self._server.host, self._server.port)
        await self._connection.start_tls()
        # What somebody in between may have slipped in before is not read as if it had come encrypted.
        self._wire = Wire(self._connection)

    async def _ask_capabilities(self) -> None:
        _, replies = await self.ask(b"CAPABILITY")
        words = [
            w for r in replies for w in b"".join(r.pieces).upper().split() if b" CAPABILITY " in r.pieces[0].upper()
        ]
        self._can = frozenset(words)

    async def folders(self) -> tuple[Folder, ...]:
        """Return the folders that can be opened."""
        replies = await self.say(b"LIST", b'""', b'"*"')
        found = []
        for reply in replies:
            values = self._values(reply)
            if len(values) == 4 and values[0].upper() == b"LIST" and isinstance(values[1], list):
                flags = frozenset(flag.decode("latin-1").lower() for flag in values[1] if isinstance(flag, bytes))
                if isinstance(values[3], bytes) and len(values[3]) <= NAME_BYTES and "\\noselect" not in flags:
                    found.append(Folder(decode_name(values[3]), flags))
        return tuple(found)

    async def special(self, kind: str) -> str | None:
        """Return the folder for "drafts" or "sent", None where there is none."""
        folders = await self.folders()
        marked = [folder.name for folder in folders if f"\\{kind}" in folder.flags]
        named = [folder.name for folder in folders if _LAST.split(folder.name.casefold())[-1] in _USUAL[kind]]
        return next(iter([*marked, *named]), None)

    async def open(self, name: str, *, write: bool = False) -> Opened:
        """Open a folder, by default so that nothing in it changes; raises UserError."""
        final, replies = await self.ask(b"SELECT" if write else b"EXAMINE", Text(encode_name(name)))
        if final.status != "OK":
            raise problems.no_folder(name, self._server.host)
        count = validity = 0
        for reply in replies:
            if reply.code == "UIDVALIDITY" and reply.code_text.isdigit():
                validity = int(reply.code_text)
            values = reply.pieces[0].split()
            if len(values) == 3 and values[2].upper() == b"EXISTS" and values[1].isdigit() and len(values[1]) < 12:
                count = int(values[1])
        return Opened(name, count, validity)

    async def search(self, *criteria: bytes | Text) -> list[int]:
        """Return the uids of the mails that fit, oldest first."""
        replies = await self.say(b"UID SEARCH", *criteria)
        uids = [
            int(word)
            for reply in replies
            if reply.pieces[0].upper().startswith(b"* SEARCH")
            for word in reply.pieces[0].split()[2:]
            if word.isdigit() and len(word) < 12
        ]
        return sorted(uids)

    async def fetch(self, which: str, items: bytes, *, by_uid: bool = True) -> list[Mapping[bytes, Any]]:
        """Return for each mail of the set `which` what was asked of it, by the name of each item, in their order."""
        replies = await self.say(b"UID FETCH" if by_uid else b"FETCH", which.encode(), items)
        found: list[Mapping[bytes, Any]] = []
        for reply in replies:
            if b" FETCH " not in reply.pieces[0][:40].upper():
                continue
            values = self._values(reply)
            if len(values) == 3 and isinstance(values[2], list):
                pairs = values[2]
                names = [name.upper() if isinstance(name, bytes) else b"" for name in pairs[::2]]
                found.append(dict(zip(names, pairs[1::2], strict=False)))
        return found

    async def append(self, folder: str, message: bytes, flags: bytes) -> None:
        """Put a mail into a folder; raises UserError."""
        final, _ = await self.ask(b"APPEND", Text(encode_name(folder)), flags, Text(message))
        if final.status != "OK":
            raise problems.not_kept(folder, self._server.host, final.code)

    async def create(self, folder: str) -> None:
        """Make a folder; raises UserError."""
        await self.say(b"CREATE", Text(encode_name(folder)))

    async def discard(self, uids: Sequence[int]) -> None:
        """Remove mails from the folder that is open for writing; raises UserError."""
        which = ",".join(str(uid) for uid in uids).encode()
        await self.say(b"UID STORE", which, b"+FLAGS.SILENT", rb"(\Deleted)")
        if b"UIDPLUS" in self._can:
            # Without it only the mark is set: a plain EXPUNGE would take away what others marked.
            await self.say(b"UID EXPUNGE", which)

    async def say(self, *words: bytes | Text) -> list[Reply]:
        """Send a command and return the replies before its end; raises UserError where it is refused."""
        final, replies = await self.ask(*words)
        if final.status != "OK":
            raise problems.refused(self._server.host)
        return replies

    async def ask(self, *words: bytes | Text) -> tuple[Reply, list[Reply]]:
        """Send a command and return its end, and the replies before that."""
        tag = self._tag()
        line = bytearray(tag)
        for word in words:
            line += b" "
            if isinstance(word, bytes):
                line += word
                continue
            if _PLAIN.fullmatch(word.data):
                line += b'"%s"' % word.data
                continue
            await self._connection.write(bytes(line) + b"{%d}\r\n" % len(word.data))
            if (early := await self._until(b"+", tag)) is not None:
                return early, []
            line = bytearray(word.data)
        await self._connection.write(bytes(line) + b"\r\n")
        replies: list[Reply] = []
        return await self._final(tag, replies), replies

    async def _until(self, wanted: bytes, tag: bytes) -> Reply | None:
        """Wait for the server's leave to go on; return the end of the command where it gives none."""
        while True:
            reply = await self._reply()
            if reply.tag == wanted:
                return None
            if reply.tag == tag:
                return reply

    async def _final(self, tag: bytes, replies: list[Reply] | None = None) -> Reply:
        while True:
            reply = await self._reply()
            if reply.tag == tag:
                return reply
            if replies is not None:
                if len(replies) >= REPLIES:
                    raise problems.not_the_protocol(self._server.host, self._server.port, "IMAP")
                replies.append(reply)

    async def _reply(self) -> Reply:
        try:
            reply = await read_reply(self._wire)
        except NotImapError:
            raise problems.not_the_protocol(self._server.host, self._server.port, "IMAP") from None
        if reply is None or (reply.status == "BYE" and self._number < 1):
            raise problems.gone(self._server.host)
        return reply

    def _values(self, reply: Reply) -> list[Any]:
        try:
            return reply.values()
        except NotImapError:
            raise problems.not_the_protocol(self._server.host, self._server.port, "IMAP") from None

    def _tag(self) -> bytes:
        self._number += 1
        return b"a%d" % self._number


def _quote(text: str) -> bytes:
    if not text.isascii():
        raise UserError(
            "password_letters",
            tr("This server takes no password with letters beyond A to Z."),
            tr("Choose another password there."),
        )
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'
