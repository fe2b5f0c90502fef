"""The small deterministic path: plain requests that need no model.

Owns the patterns of remember, recall and read, and of requests that only a model with tools could do. It yields when
unsure. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RememberThis:
    """Keep `text`."""

    text: str


@dataclass(frozen=True, slots=True)
class RecallAbout:
    """Say what was told about `query`. `certain` is False for a question that a memory may answer but need not."""

    query: str
    certain: bool


@dataclass(frozen=True, slots=True)
class ReadFile:
    """Show what the file at `path` (in the user's words) says."""

    path: str


@dataclass(frozen=True, slots=True)
class NeedsTools:
    """An action that only a model with tools can choose and fill."""


PlainRequest = RememberThis | RecallAbout | ReadFile | NeedsTools

# Plain requests are short, and the patterns look far back: longer texts are the model's.
LONGEST_CHARS = 1200
_POLITE = r"(?:(?:please|could you|can you|would you|hey|hi|ok|okay)[,\s]+)*"
_REMEMBER = re.compile(
    rf"^{_POLITE}(?:remember|memori[sz]e|keep in mind|note(?: down)?|make a note|don['’]t forget)"
    r"(?:\s+(?:for (?:me|later|the future)|please))*\s*[:,]?\s*(?:that\s+)?(?P<text>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
# "Remember where I parked?" asks, and "remember me" says nothing to keep.
_NOT_A_FACT = re.compile(r"^(?:when|where|who|what|which|how|why|if|me\b|the time)", re.IGNORECASE)
_TOLD = re.compile(
    rf"^{_POLITE}(?:what (?:did|have) i (?:tell|told|say|said)(?: to)? ?(?:you)?|what do you (?:know|remember)|"
    r"do you (?:remember|know)|what did you (?:note|remember|save)|recall)"
    r"(?:\s+(?:about|of|on|regarding))?\s+(?P<query>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_OWN_QUESTION = re.compile(
    r"^(?:when|where|who|what|which|how (?:old|many|much|often))\b.*\b(?:my|i|me|mine|our|we)\b.*\?*$",
    re.IGNORECASE | re.DOTALL,
)
_QUOTES = "\"'“”‘’`"
# A path that begins like one may end in anything; a bare name needs an ending, or "read books" would be a file.
_FILE = (
    rf"[{_QUOTES}]?(?P<path>(?:~|\.{{1,2}})?/[^{_QUOTES}?*<>|\n]+?"
    rf"|[^{_QUOTES}?*<>|\n]*?[^\s{_QUOTES}?*<>|\n/]+\.[A-Za-z0-9]{{1,8}})[{_QUOTES}]?"
)
_READ = re.compile(
    rf"^{_POLITE}(?:(?:read|show|open|display|print)(?: me)?(?: out)?|what(?:['’]s| is)? (?:in|inside)|what does)"
    rf"\s+(?:(?:the|my|this|our)\s+)?(?:file\s+)?{_FILE}"
    r"(?:\s+(?:say|says|contain|file|to me|aloud|please|for me))*\s*[?.!]*$",
    re.IGNORECASE,
)
_ACTION = re.compile(
    rf"^{_POLITE}(?:list|open|delete|remove|erase|move|rename|copy|save|send|e-?mail|message|schedule|remind|cancel|book"
    r"|write (?:to|an? (?:file|note|e-?mail|message|letter to))|create (?:a )?(?:file|folder|note|reminder|event)"
    r"|set (?:an? )?(?:alarm|timer|reminder)|order|buy|pay|search|find|look up|google|browse|download|fetch|install|run"
    r"|execute|start|stop|launch|notify|forget|summari[sz]e (?:the|my) (?:file|folder|mail|inbox)"
    r"|add (?:.* )?to (?:my|the) (?:calendar|list|to-?dos?))\b",
    re.IGNORECASE,
)


_MEMORY_CUE = re.compile(
    r"\b(?:remember|note|notes|keep|memor\w+|save|store|record|write down|don['’]t forget|for the future|learn)\b",
    re.IGNORECASE,
)


def asks_to_remember(text: str) -> bool:
    """Return True where the user's own words ask for something to be kept: nothing else, no file, may cause that."""
    return _MEMORY_CUE.search(text) is not None


def parse_plain(text: str) -> PlainRequest | None:
    """Return the plain request that `text` is, None where it is talk, or where it is not certain what it is."""
    text = text.strip()
    if len(text) > LONGEST_CHARS:
        return None
    if (match := _READ.match(text)) is not None:
        return ReadFile(match["path"].strip())
    if (match := _TOLD.match(text)) is not None:
        return RecallAbout(match["query"].strip().rstrip("?.! "), certain=True)
    if (match := _REMEMBER.match(text)) is not None:
        fact = match["text"].strip()
        if text.endswith("?") or _NOT_A_FACT.match(fact):
            return RecallAbout(fact.rstrip("?.! "), certain=True) if text.endswith("?") else NeedsTools()
        return RememberThis(fact)
    if _ACTION.match(text):
        return NeedsTools()
    if _OWN_QUESTION.match(text):
        return RecallAbout(text.rstrip("?.! "), certain=False)
    return None
