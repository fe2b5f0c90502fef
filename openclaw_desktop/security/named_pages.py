"""Pages that the user named: whoever writes an address into a request has said that it may be opened.

Owns which addresses stand in a request. The words of the request alone count, never a memory or a text that was read.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import Message, ToolCall, ToolSpec
from openclaw_desktop.security.broker.hosts import Target, is_local_name, parse_url
from openclaw_desktop.security.scopes import HOSTS

# A request that opens an address and says nothing else: a link in a text that the user pasted is not their wish.
_OPENING = re.compile(r"\s*(?:please )?open (?P<url>\S+)(?: please)?[.?!]*\s*", re.IGNORECASE)
_AROUND = "\"'`“”‘’«»()[]<>{},;:!?."


def names_page(texts: Sequence[Message], call: ToolCall, tool: ToolSpec) -> bool:
    """True where `call` opens one public page whose whole address stands in the request, the first of `texts`.

    Reading such a page tells its host nothing that the user did not write themselves. A browser brings the user's
    logins along, so there the request must be that address alone. What is on this machine or its network, and a port of
    its own, is never meant. What stands further down is not the user's alone, whatever its label: the model wrote
    earlier answers, and what a tool says back of its arguments.
    """
    if tool.capability not in HOSTS or tool.authority != ("url",):
        return False
    page = _page(str(call.arguments.get("url", "")))
    if page is None:
        return False
    find = _words if tool.capability == "network:fetch" else _opened
    words = (word for message in texts[:1] if message.label == USER for word in find(message.text))
    return any("." in word and _page(word.strip(_AROUND)) == page for word in words)


def _words(text: str) -> Sequence[str]:
    return text.split()


def _opened(text: str) -> Sequence[str]:
    asked = _OPENING.fullmatch(text)
    return (asked["url"],) if asked is not None else ()


def _page(text: str) -> tuple[str, str] | None:
    """Return host and path of a public page, the same for http and https; None for anything else."""
    try:
        target: Target = parse_url(text)
    except UserError:
        return None
    return (target.host, target.path) if target.standard_port and not is_local_name(target.host) else None
