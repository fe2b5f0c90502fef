"""Handing one mail to an SMTP server, over the broker's connection.

Owns the commands and what the server's numbers mean. The password is put in by the broker; no word of the server is
ever in an error. A mail goes to all of its recipients or to none. Must not know what is in it. Loop.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import Connection, Dial
from openclaw_desktop.core.text import tr
from openclaw_desktop.tools.accounts import Account, Server
from openclaw_desktop.tools.mail import mail_problems as problems
from openclaw_desktop.tools.mail.imap_replies import NotImapError, Wire

SESSION_BYTES = 1 << 20
WAIT_S = 30.0
# All that one mail may take, however slowly a server goes on answering.
SEND_S = 60.0
LINE_BYTES = 8_192
LINES = 200

_LINE = re.compile(rb"(\d{3})([ -]?)(.*)\r?\n?", re.DOTALL)
_BARE = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class _Answer:
    code: int
    lines: tuple[bytes, ...]


@dataclass(slots=True)
class Sending:
    """How far a mail got: wholly handed over, and taken."""

    handed_over: bool = False
    taken: bool = False


async def send(dial: Dial, account: Account, recipients: Sequence[str], message: bytes) -> None:
    """Send `message` from the account's address; raises UserError: `mail_unknown` where nobody knows whether it went.

    Any other error means that nothing was sent.
    """
    sending = Sending()
    try:
        async with asyncio.timeout(SEND_S), contextlib.AsyncExitStack() as stack:
            smtp = await _open(dial, account, stack)
            await smtp.send(account.address, recipients, message, sending)
    except TimeoutError:
        host = account.smtp.host if account.smtp else ""
        if sending.handed_over and not sending.taken:
            raise problems.maybe_sent(host) from None
        if not sending.taken:
            raise problems.not_sent(host, tr("it answers too slowly")) from None


async def check(dial: Dial, account: Account) -> None:
    """Log in and go; raises UserError."""
    async with contextlib.AsyncExitStack() as stack:
        await _open(dial, account, stack)


async def _open(dial: Dial, account: Account, stack: contextlib.AsyncExitStack) -> Smtp:
    server = account.smtp
    if server is None:
        raise problems.no_sending(account)
    connection = await dial(server.host, server.port, tls=server.tls, limit_bytes=SESSION_BYTES, timeout_s=WAIT_S)
    stack.push_async_callback(connection.close)
    smtp = Smtp(connection, server)
    await smtp.log_in(account)
    stack.push_async_callback(smtp.leave)
    return smtp


class Smtp:
    """The conversation."""

    def __init__(self, connection: Connection, server: Server) -> None:
        self._connection = connection
        self._server = server
        self._wire = Wire(connection)
        self._can: dict[bytes, frozenset[bytes]] = {}

    async def log_in(self, account: Account) -> None:
        """Greet, encrypt, log in; raises UserError."""
        if (await self._answer()).code != 220:
            raise problems.not_the_protocol(self._server.host, self._server.port, "SMTP")
        await self._greet()
        if not self._server.tls:
            if b"STARTTLS" not in self._can or (await self._ask(b"STARTTLS")).code != 220:
                raise problems.no_starttls(self._server.host, self._server.port)
            await self._connection.start_tls()
            # What was said before may be from somebody in between.
            self._wire = Wire(self._connection)
            await self._greet()
        ways = self._can.get(b"AUTH", frozenset())
        user, secret = account.user.encode(), account.smtp_secret
        if b"PLAIN" in ways:
            await self._connection.write_secret(
                secret, lambda value: b"AUTH PLAIN %s\r\n" % base64.b64encode(b"\0%s\0%s" % (user, value.encode()))
            )
            answer = await self._answer()
        elif b"LOGIN" in ways:
            answer = await self._ask(b"AUTH LOGIN")
            if answer.code == 334:
                answer = await self._ask(base64.b64encode(user))
            if answer.code == 334:
                await self._connection.write_secret(secret, lambda value: base64.b64encode(value.encode()) + b"\r\n")
                answer = await self._answer()
        else:
            raise UserError(
                "no_smtp_login",
                tr("{host} offers no way to log in with a password.", host=self._server.host),
                tr("Check the server and the port for sending."),
            )
        if answer.code != 235:
            raise problems.login_refused(account, self._server.host, "UNAVAILABLE" if answer.code == 454 else "")

    async def send(self, sender: str, recipients: Sequence[str], message: bytes, sending: Sending) -> None:
        """Send one mail to all of `recipients`, and say in `sending` how far it got; raises UserError."""
        limits = self._can.get(b"SIZE", frozenset())
        limit = max((int(word) for word in limits if word.isdigit() and len(word) < 12), default=0)
        if limit and len(message) > limit:
            raise problems.not_sent(self._server.host, tr("it is too large"))
        if (await self._ask(b"MAIL FROM:<%s>" % sender.encode())).code != 250:
            raise problems.not_sent(self._server.host, tr("{address} may not send there", address=sender))
        for recipient in recipients:
            if (await self._ask(b"RCPT TO:<%s>" % recipient.encode())).code not in (250, 251):
                raise problems.not_sent(
                    self._server.host, tr("it knows no {address}; nobody got it", address=recipient)
                )
        if (await self._ask(b"DATA")).code != 354:
            raise problems.not_sent(self._server.host, tr("it takes no mail right now"))
        lines = _BARE.sub(b"\r\n", message.rstrip(b"\r\n")).split(b"\r\n")
        # A line that is a dot would end the mail: a second one is put before it, which the server takes away.
        await self._connection.write(b"".join((b"." if line[:1] == b"." else b"") + line + b"\r\n" for line in lines))
        sending.handed_over = True
        try:
            await self._connection.write(b".\r\n")
            answer = await self._answer()
        except UserError:
            raise problems.maybe_sent(self._server.host) from None
        if answer.code != 250:
            large = answer.code in (523, 552)
            raise problems.not_sent(self._server.host, tr("it is too large") if large else tr("it was refused"))
        sending.taken = True

    async def leave(self) -> None:
        """Say goodbye, where anybody still listens."""
        with contextlib.suppress(UserError):
            await self._connection.write(b"QUIT\r\n")

    async def _greet(self) -> None:
        # The name of this machine is nobody's business.
        answer = await self._ask(b"EHLO localhost")
        if answer.code != 250:
            raise problems.not_the_protocol(self._server.host, self._server.port, "SMTP")
        self._can = {}
        for line in answer.lines[1:]:
            word, *more = line.upper().replace(b"=", b" ").split() or [b""]
            self._can[word] = self._can.get(word, frozenset()) | frozenset(more)

    async def _ask(self, line: bytes) -> _Answer:
        await self._connection.write(line + b"\r\n")
        return await self._answer()

    async def _answer(self) -> _Answer:
        lines: list[bytes] = []
        while len(lines) < LINES:
            try:
                line = await self._wire.line(LINE_BYTES)
            except NotImapError:
                break
            if not line:
                raise problems.gone(self._server.host)
            match = _LINE.fullmatch(line)
            if match is None:
                break
            lines.append(match[3].strip())
            if match[2] != b"-":
                return _Answer(int(match[1]), tuple(lines))
        raise problems.not_the_protocol(self._server.host, self._server.port, "SMTP")
