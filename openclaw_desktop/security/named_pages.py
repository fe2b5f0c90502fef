"""Pages that the user named: whoever writes an address into a request has said that it may be opened.

Owns which addresses stand in a request. The words of the request alone count, never a memory or a text that was read.
Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import Message, ToolCall, ToolSpec
from openclaw_desktop.security.broker.hosts import Target, is_local_name, parse_url

_AROUND = "\"'`“”‘’«»()[]<>{},;:!?."


def names_page(texts: Sequence[Message], call: ToolCall, tool: ToolSpec) -> bool:
    """True where `call` reads one public page whose whole address stands in the request, the first of `texts`.

    Such a call tells the page's host nothing that the user did not write themselves. What is on this machine or its
    network, and a port of its own, is never meant. What stands further down is not the user's alone, whatever its
    label: the model wrote earlier answers, and what a tool says back of its arguments.
    """
    if tool.capability != "network:fetch" or tool.authority != ("url",):
        return False
    page = _page(str(call.arguments.get("url", "")))
    if page is None:
        return False
    words = (word for message in texts[:1] if message.label == USER for word in message.text.split())
    return any("." in word and _page(word.strip(_AROUND)) == page for word in words)


def _page(text: str) -> tuple[str, str] | None:
    """Return host and path of a public page, the same for http and https; None for anything else."""
    try:
        target: Target = parse_url(text)
    except UserError:
        return None
    return (target.host, target.path) if target.standard_port and not is_local_name(target.host) else None
