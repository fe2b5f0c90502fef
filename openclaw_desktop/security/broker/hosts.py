"""URLs in their one form, and the hosts that a request may go to.

Owns the reading of URLs and of scopes (`host`, `*.host`, `*`, `host:port`). Must not know addresses or who asks. Pure.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.secrets import clean_host

URL_CHARS = 4000
ANY = "*"
_PORTS = {"https": 443, "http": 80}
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:(?=//)|(?:javascript|data|file|mailto|about|blob|view-source|tel):", re.I)
_SAFE_PATH = "/:@!$&'()*+,;=~-._%"
_SAFE_QUERY = _SAFE_PATH + "?[]|{}^`"
_LOCAL_SUFFIXES = (".localhost", ".local", ".lan", ".home.arpa", ".internal", ".home", ".localdomain")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL points. `host`: lower case, ASCII. `path`: with the query. `url`: all of it, in its one form."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def standard_port(self) -> bool:
        """Whether the port is the scheme's own."""
        return _PORTS[self.scheme] == self.port

    @property
    def place(self) -> str:
        """Host and port, the port left out where it is the scheme's own."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.standard_port else f"{shown}:{self.port}"

    @property
    def url(self) -> str:
        """The URL."""
        return f"{self.scheme}://{self.place}{self.path}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """What must be the same for a secret to follow."""
        return (self.scheme, self.host, self.port)

    def joined(self, location: str) -> Target:
        """Return where a redirect to `location` points; raises UserError."""
        try:
            return parse_url(urljoin(self.url, location.strip()))
        except ValueError:
            raise _wrong(location) from None


def parse_url(text: str) -> Target:
    """Read the address of a page, `https://` put in front where it has no scheme; raises UserError.

    No name or password in it, no fragment, only http and https, no number that is an address in disguise.
    """
    text = text.strip()
    if not text or len(text) > URL_CHARS or not text.isprintable():
        raise _wrong(text)
    if not _SCHEME.match(text):
        text = f"https://{text.removeprefix('//')}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _wrong(text) from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise UserError(
            "url_scheme",
            tr("{scheme}: is not a page on the web, so it was not opened.", scheme=visible(scheme[:40])),
            tr("Give an address that begins with https://."),
            ExitCode.USAGE,
        )
    if "@" in parts.netloc:
        raise UserError(
            "url_login",
            tr("That address has a name or a password in it, so it was not opened."),
            tr("Give it without what stands before the @."),
            ExitCode.USAGE,
        )
    if port == 0:
        raise _wrong(text)
    path = quote(parts.path or "/", safe=_SAFE_PATH) + (
        f"?{quote(parts.query, safe=_SAFE_QUERY)}" if parts.query else ""
    )
    return Target(scheme, _host(parts.hostname or "", text), port or _PORTS[scheme], path)


def _host(host: str, text: str) -> str:
    try:
        cleaned = clean_host(host)
    except UserError:
        raise _wrong(text) from None
    if "%" in cleaned:  # an address with one of this machine's interfaces in it
        raise _wrong(text)
    if cleaned.rpartition(".")[2].isdecimal() or cleaned.rpartition(".")[2].startswith("0x"):
        try:
            ipaddress.IPv4Address(cleaned)
        except ValueError:
            # 127.1, 2130706433, 0x7f.1: systems read those as addresses, people don't.
            raise _wrong(text) from None
    return cleaned


@dataclass(frozen=True, slots=True)
class Pass:
    """How a request may go to a host: `named` where host and port were given themselves, so that it may be near."""

    named: bool


def find_pass(target: Target, scopes: Iterable[str]) -> Pass | None:
    """Return how `scopes` let a request go to `target`, None where they don't; one that makes no sense lets nothing."""
    found = None
    for scope in scopes:
        host, port = _split(scope)
        if port is not None:
            if (host, port) == (target.host, target.port):
                return Pass(named=True)
        elif target.scheme == "https" and target.standard_port and _matches(host, target.host):
            found = Pass(named=False)
    return found


def covers_url(scope: str, url: str) -> bool:
    """True where a grant of `scope` lets the agent fetch `url`, which is in its one form."""
    try:
        target = parse_url(url)
    except UserError:
        return False
    return target.url == url and find_pass(target, (scope,)) is not None


def clean_scope(scope: str) -> str:
    """Return a scope for a grant in its one form: `host`, `*.host` or `host:port`; raises UserError."""
    text = scope.strip()
    if text.lower().startswith(("http://", "https://")):
        target = parse_url(text)
        # Who grants a plain http address means just that port.
        place = f"[{target.host}]" if ":" in target.host else target.host
        return f"{place}:{target.port}" if target.scheme == "http" or not target.standard_port else target.host
    wildcard = text.startswith("*.")
    host, port = _split(text.removeprefix("*.").lower())
    try:
        cleaned = _host(host, text)
    except UserError:
        raise _wrong_scope(scope) from None
    literal = _is_literal(cleaned)
    if (wildcard and (literal or port is not None or "." not in cleaned)) or port == 0:
        raise _wrong_scope(scope)
    place = f"[{cleaned}]" if ":" in cleaned and port is not None else cleaned
    return f"*.{cleaned}" if wildcard else place if port is None else f"{place}:{port}"


def is_local_name(host: str) -> bool:
    """True for a name or an address that means this machine or this network, whatever a name server says."""
    return "." not in host or _is_literal(host) or host.endswith(_LOCAL_SUFFIXES)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _split(scope: str) -> tuple[str, int | None]:
    """Return host and port of a scope; an IPv6 address with a port stands in brackets."""
    if match := re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::(\d{1,5}))?", scope):
        return match[1], int(match[2]) if match[2] else None
    if scope.count(":") == 1 and (match := re.fullmatch(r"(.+):(\d{1,5})", scope)):
        return match[1], int(match[2]) if int(match[2]) < 65_536 else 0
    return scope, None


def _matches(pattern: str, host: str) -> bool:
    if pattern == ANY:
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return pattern == host


def _wrong(text: str) -> UserError:
    return UserError(
        "wrong_url",
        tr("{url} is not the address of a page.", url=visible(text[:200]) or '""'),
        tr("It looks like https://example.com/page."),
        ExitCode.USAGE,
    )


def _wrong_scope(scope: str) -> UserError:
    return UserError(
        "wrong_host_scope",
        tr("{scope} is not a host that can be allowed.", scope=visible(scope[:200]) or '""'),
        tr("Write example.com, *.example.com, or with a port, such as 127.0.0.1:8888."),
        ExitCode.USAGE,
    )
