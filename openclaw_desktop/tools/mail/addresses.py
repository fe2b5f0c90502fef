"""Addresses of mail in their one form.

Owns which text is an address that mail can be sent to. Must not know who it belongs to. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.secrets import clean_host

ADDRESS_CHARS = 254
_NAMED = re.compile(r"[^<>]{0,200}<([^<>]+)>")
# What stands before the @ in practice; quoted forms and comments could be read in two ways.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


def clean_address(text: str) -> str:
    """Return `name@host` of an address, with or without a person's name before it; raises UserError."""
    stripped = text.strip()
    named = _NAMED.fullmatch(stripped)
    local, at, domain = (named[1].strip() if named else stripped).rpartition("@")
    try:
        host = clean_host(domain) if at else ""
    except UserError:
        host = ""
    ending = host.rpartition(".")[2]
    # An address of a machine in the place of a name is nobody's mail address.
    named_host = "." in host and ":" not in host and not ending.isdecimal()
    if not _LOCAL.fullmatch(local) or not named_host or len(host) + len(local) > ADDRESS_CHARS:
        raise UserError(
            "wrong_address",
            tr("{text} is no mail address.", text=visible(text[:100]) or '""'),
            tr("It looks like name@example.com."),
            ExitCode.USAGE,
        )
    return f"{local}@{host}"


def clean_addresses(texts: list[str]) -> list[str]:
    """Return addresses in their one form, each once, in order; raises UserError."""
    return list(dict.fromkeys(clean_address(text) for text in texts))
