"""The accounts that the user added: config/accounts.toml, read into frozen values. Mail and calendars.

Owns the names, fields and limits of that file, and the sentences for what is wrong in it. Passwords are never in it,
only their names (`secret:NAME`, each bound to the one host). Must not know what a server answers. Any thread; a few
milliseconds of disk.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import tomlkit

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.broker.hosts import parse_url
from openclaw_desktop.security.secrets import clean_host
from openclaw_desktop.storage.tables import TableFile

Kind = Literal["mail", "calendar"]

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
SECRET = re.compile(r"secret:[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SERVER = re.compile(
    r"(?:(?P<scheme>imaps?|smtps?)://)?(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+)(?::(?P<port>\d{1,5}))?/?"
)
# The usual ports: encrypted from the first byte, and by STARTTLS.
_PORTS = {"imap": (993, 143), "smtp": (465, 587)}
_STARTTLS_PORTS = (143, 587, 25)


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server. `tls`: encrypted from the first byte, else by STARTTLS; nothing is ever sent in the clear."""

    host: str
    port: int
    tls: bool


@dataclass(frozen=True, slots=True)
class Account:
    """One account. `user`: what one logs in with; `secret`: its password as `secret:NAME`, for that host alone.

    Mail: `address` of the user, `imap`, `smtp` (None: nothing can be sent), `smtp_secret` (the password again, for the
    host of `smtp`). Calendar: `url` of the CalDAV server or of one calendar there; or `path`, an ICS file of the user's
    (absolute), without user and secret.
    """

    name: str
    kind: Kind
    user: str
    secret: str
    address: str = ""
    imap: Server | None = None
    smtp: Server | None = None
    smtp_secret: str = ""
    url: str = ""
    path: str = ""

    @property
    def host(self) -> str:
        """The host that `secret` is for; "" for a file."""
        if self.imap is not None:
            return self.imap.host
        return parse_url(self.url).host if self.url else ""


class AccountBook:
    """The file and what stands in it, read again where it changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = TableFile(path, _broken)
        self._seen: tuple[int, ...] | None = None
        self._accounts: tuple[Account, ...] = ()

    def all(self, kind: Kind | None = None) -> tuple[Account, ...]:
        """Return the accounts, of one kind or of each, in the order of the file; raises UserError for a broken one."""
        stamp = _stamp(self.path)
        if stamp != self._seen:
            self._accounts = self._parse(self._file.text())
            self._seen = stamp
        return tuple(account for account in self._accounts if kind in (None, account.kind))

    def has(self, kind: Kind) -> bool:
        """True where there is an account of that kind; False too where the file is broken."""
        try:
            return bool(self.all(kind))
        except UserError:
            return False

    def find(self, kind: Kind, name: str = "") -> Account:
        """Return the account of that name, the only one where none is named; raises UserError."""
        accounts = self.all(kind)
        names = ", ".join(account.name for account in accounts)
        if not accounts:
            raise UserError(
                "no_account",
                tr("There is no {kind} account yet.", kind=_word(kind)),
                tr("Add one: openclaw-agent account add --help"),
            )
        said = name.strip().casefold()
        fitting = [a for a in accounts if said in (a.name, a.address.casefold())] if said else list(accounts)
        if not fitting:
            raise UserError(
                "unknown_account",
                tr("There is no {kind} account {name}.", kind=_word(kind), name=visible(name[:80])),
                tr("These are: {names}.", names=names),
            )
        if len(fitting) > 1:
            raise UserError(
                "several_accounts", tr("There are several accounts: {names}.", names=names), tr("Name one.")
            )
        return fitting[0]

    def put(self, account: Account) -> None:
        """Write an account, over the one of its name; the file's comments and further accounts stay."""
        document = self._file.document()
        document[account.name] = {key: value for key, value in _values(account).items() if value}
        self._write(tomlkit.dumps(document))

    def remove(self, name: str) -> bool:
        """Take an account out of the file; False where there is none of that name."""
        document = self._file.document()
        if document.pop(name, None) is None:
            return False
        self._write(tomlkit.dumps(document))
        return True

    def _write(self, text: str) -> None:
        self._parse(text)
        self._file.write(text)
        self._seen = None

    def _parse(self, text: str) -> tuple[Account, ...]:
        return tuple(_account(name, table, self.path) for name, table in self._file.tables(text).items())


def check_name(name: str) -> str:
    """Return `name` where an account may be called so; raises UserError."""
    if not NAME.fullmatch(name):
        raise UserError(
            "wrong_name",
            tr("An account can't be called {name}.", name=visible(name[:80])),
            tr("Use lower-case letters, digits, dots and dashes, 32 at most."),
            ExitCode.USAGE,
        )
    return name


def parse_server(text: str, protocol: Literal["imap", "smtp"]) -> Server:
    """Read HOST, HOST:PORT or imaps://HOST:PORT (imap:// means STARTTLS; smtp likewise); raises UserError."""
    match = _SERVER.fullmatch(text.strip())
    scheme = match["scheme"] if match else None
    if match is None or (scheme is not None and scheme.removesuffix("s") != protocol):
        raise _wrong_server(text, protocol)
    port = int(match["port"]) if match["port"] else None
    tls = port not in _STARTTLS_PORTS if scheme is None else scheme.endswith("s")
    if port is None:
        port = _PORTS[protocol][0 if tls else 1]
    try:
        host = clean_host(match["host"])
    except UserError:
        raise _wrong_server(text, protocol) from None
    if not 0 < port < 65_536:
        raise _wrong_server(text, protocol)
    return Server(host, port, tls)


def server_url(server: Server, protocol: Literal["imap", "smtp"]) -> str:
    """Return a server as it stands in the file."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{protocol}{'s' if server.tls else ''}://{host}:{server.port}"


def _values(account: Account) -> dict[str, str]:
    return {
        "kind": account.kind,
        "user": account.user,
        "secret": account.secret,
        "address": account.address,
        "imap": server_url(account.imap, "imap") if account.imap else "",
        "smtp": server_url(account.smtp, "smtp") if account.smtp else "",
        "smtp_secret": account.smtp_secret,
        "url": account.url,
        "path": account.path,
    }


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _account(name: str, table: object, path: Path) -> Account:
    if not NAME.fullmatch(name) or not isinstance(table, Mapping):
        raise _broken(path, tr("[{name}] is no account", name=visible(name[:80])))
    known = set(_values(Account("", "mail", "", "")))
    for key, value in table.items():
        if key not in known or not isinstance(value, str) or not value.isprintable() or len(value) > 1000:
            raise _broken(path, tr("[{name}] can't have that {key}", name=name, key=visible(str(key)[:80])))
    kind = table.get("kind")
    needed = (
        ("path",) if table.get("path") else ("user", "secret", *(("address", "imap") if kind == "mail" else ("url",)))
    )
    for key in needed:
        if not table.get(key):
            raise _broken(path, tr("[{name}] has no {key}", name=name, key=key))
    secrets = [table[key] for key in ("secret", "smtp_secret") if table.get(key)]
    odd = kind == "mail" and table.get("path")
    if kind not in get_args(Kind) or odd or not all(SECRET.fullmatch(secret) for secret in secrets):
        raise _broken(path, tr("[{name}] has a wrong kind or secret", name=name))
    try:
        return _made(name, table)
    except UserError as error:
        raise _broken(path, f"[{name}] {error.failure.sentence}") from error


def _made(name: str, table: Mapping[str, Any]) -> Account:
    smtp = table.get("smtp")
    if table["kind"] == "calendar" and table.get("path"):
        return Account(name, "calendar", "", "", path=table["path"])
    if table["kind"] == "calendar":
        url = parse_url(table["url"]).url
        return Account(name, "calendar", table["user"], table["secret"], url=url)
    return Account(
        name,
        "mail",
        table["user"],
        table["secret"],
        table["address"],
        parse_server(table["imap"], "imap"),
        parse_server(smtp, "smtp") if smtp else None,
        table.get("smtp_secret") or (table["secret"] if smtp else ""),
    )


def _word(kind: Kind) -> str:
    return tr("mail") if kind == "mail" else tr("calendar")


def _wrong_server(text: str, protocol: str) -> UserError:
    return UserError(
        "wrong_server",
        tr("{text} is no {protocol} server.", text=visible(text[:200]) or '""', protocol=protocol.upper()),
        tr("Write its host, such as {protocol}.example.com, with :PORT if it is not the usual one.", protocol=protocol),
        ExitCode.USAGE,
    )


def _broken(path: Path, reason: str) -> UserError:
    return UserError(
        "accounts_broken",
        tr("The accounts in {path} can't be understood: {reason}.", path=visible(str(path)), reason=reason.rstrip(".")),
        tr("Correct that place, or move the file away; nothing in it was changed."),
        ExitCode.USAGE,
    )
