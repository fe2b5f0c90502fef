"""Where an endpoint is, and whether what is sent there leaves this machine.

Owns the reading of URLs. Must not know what is sent. Pure.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.secrets import clean_host

# People paste what their server prints.
_TAILS = ("/chat/completions", "/completions", "/embeddings", "/models")
# Where it listens, on every address of its machine, is no place to ask.
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound to it


@dataclass(frozen=True, slots=True)
class Address:
    """An endpoint's base URL without a slash at its end, such as `http://127.0.0.1:1234/v1`, and its host alone."""

    url: str
    host: str

    @property
    def encrypted(self) -> bool:
        """Whether the way there is."""
        return self.url.startswith("https:")

    @property
    def on_this_machine(self) -> bool:
        """Whether the host is a loopback address; any other name or number leaves this machine."""
        if self.host == "localhost":  # not `x.localhost`: where the system does not know that, a name server answers
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def is_url(text: str) -> bool:
    """Return whether `text` is meant as an endpoint, not as a file or a name."""
    return text.lower().startswith(("http://", "https://"))


def parse_address(text: str) -> Address:
    """Read an endpoint's URL, `/v1` added where it has no path; raises UserError."""
    try:
        parts = urlsplit(text.strip())
        # As the key's binding names it, so that the host that is asked is the very one that the key is for.
        host, port = clean_host(parts.hostname or ""), parts.port
    except (ValueError, UserError):
        raise _wrong(text) from None
    host = _ANY_ADDRESS.get(host, host)
    if parts.scheme.lower() not in ("http", "https") or not text.isprintable() or " " in text.strip():
        raise _wrong(text)
    if parts.username or parts.password:
        raise UserError(
            "key_in_url",
            tr("A URL with a name or key in it can't be used: it would stand readable in the settings."),
            tr("Keep the key with openclaw-agent secret set NAME --host HOST, and give --key secret:NAME."),
            ExitCode.USAGE,
        )
    if parts.query or parts.fragment:
        raise _wrong(text)
    path = parts.path.rstrip("/")
    for tail in _TAILS:
        path = path.removesuffix(tail)
    shown_host = f"[{host}]" if ":" in host else host
    place = shown_host if port is None else f"{shown_host}:{port}"
    return Address(f"{parts.scheme.lower()}://{place}{path or '/v1'}", host)


def _wrong(text: str) -> UserError:
    return UserError(
        "wrong_url",
        tr("{url} is not the address of an endpoint.", url=visible(text[:200])),
        tr("It looks like http://127.0.0.1:11434/v1 or https://host.example/v1."),
        ExitCode.USAGE,
    )
