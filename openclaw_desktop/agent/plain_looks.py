"""What a question is about and is read before a model answers: the one page or file that it names.

Owns the words that make a message a question about one. A small model answers them without reading; where one is read
by mistake, no more has happened than that, through the same walls. English, like the prompts. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.agent.plain_files import find_paths
from openclaw_desktop.core.patterns import LazyPattern

_ABOUT = LazyPattern(
    r"\b(?:summari[sz]e|summary|sum (?:it |this |that )?up|outline|gist|key points|main points|takeaways?|tl;?dr"
    r"|explain|translate|(?:short|brief) overview|according to|based on|is (?:it|this|that|\S+) about"
    r"|what (?:does|do|did|is|are|was|were)\b.*\b(?:say|says|said|mean|about|in|on|at)"
    r"|(?:who|when|where|which|why|how|does|is|are)\b.*\b(?:in|on|at|from)\s+\S+\s*\?)",
    re.IGNORECASE | re.DOTALL,
)
# What is to come about is not there to be read, and what is sent somewhere is not asked about.
_MAKING = LazyPattern(
    r"\b(?:write|save|put|store|create|make|move|rename|copy|delete|remove|trash|append|add|send|mail|e-?mail|post"
    r"|download|upload|replace|edit|change|open|run|install|remember|remind|note|search|find|look for)\b",
    re.IGNORECASE,
)
_ADDRESS = LazyPattern(r"https?://[^\s<>\"“”]+", re.IGNORECASE)


def find_look(text: str) -> tuple[str, dict[str, str]] | None:
    """Return the call (tool, arguments) that reads what a question is about; None where it names no one thing."""
    if not _ABOUT.search(text) or _MAKING.search(_ADDRESS.sub(" ", text)):
        return None
    addresses = _ADDRESS.findall(text)
    if addresses:
        return ("fetch_page", {"url": addresses[0].rstrip(".,;:!?)]'’")}) if len(addresses) == 1 else None
    paths = find_paths(text)
    return ("read_file", {"path": paths[0]}) if len(paths) == 1 else None
