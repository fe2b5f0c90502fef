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
_FILE = r"[\"'“”‘’`]?(?P<path>(?:~|\.{1,2})?/[^\"“”‘’`?*<>|\n]+?|(?:~|\.{0,2})?/?[^\"“”‘’`?*<>|\n]*?[^\s\"'“”‘’`?*<>|\n/]+\.[A-Za-z0-9]{1,8})[\"'“”‘’`]?"
_READ = re.compile(
    rf"^{_POLITE}(?:(?:read|show|open|display|print)(?: me)?(?: out)?|what(?:['’]s| is)? (?:in|inside)|what does)"
    rf"\s+(?:(?:the|my|this|our)\s+)?(?:file\s+)?{_FILE}(?:\s+(?:say|says|contain|file|to me|aloud|please|for me))*\s*[?.!]*$",
    re.IGNORECASE,
)
_ACTION = re.compile(
    rf"^{_POLITE}(?:list|open|delete|remove|erase|move|rename|copy|write (?:to|an? (?:file|note|e-?mail|message|letter to))|save|create (?:a )?(?:file|folder|note|reminder|event)|"
    r"send|e-?mail|message|schedule|remind|set (?:an? )?(?:alarm|timer|reminder)|cancel|book|order|buy|pay|search|find|look up|"
    r"google|browse|download|fetch|install|run|execute|start|stop|launch|notify|forget|summari[sz]e (?:the|my) (?:file|folder|"
    r"mail|inbox)|add (?:.* )?to (?:my|the) (?:calendar|list|to-?dos?))\b",
    re.IGNORECASE,
)


def parse_plain(text: str) -> PlainRequest | None:
    """Return the plain request that `text` is, None where it is talk, or where it is not certain what it is."""
    text = text.strip()
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
