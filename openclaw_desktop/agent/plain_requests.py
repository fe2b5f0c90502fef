"""The deterministic path: plain requests that need no model, in front of it.

Owns the order in which the kinds are tried (files, memories), and requests that only a model with tools could do. It
yields when unsure: a request is `certain` where nothing else can be meant, and only then goes past a model that could
choose for itself. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from openclaw_desktop.agent.plain_files import parse_files
from openclaw_desktop.agent.plain_forget import parse_forget
from openclaw_desktop.agent.plain_frames import Framed, unbend, unframe
from openclaw_desktop.agent.plain_kinds import (
    ForgetAbout,
    ListFolder,
    NeedsTools,
    PlainPlan,
    PlainRequest,
    ReadFile,
    RecallAbout,
    RememberThis,
    ToolRequest,
)
from openclaw_desktop.agent.plain_recall import parse_recall
from openclaw_desktop.agent.plain_remember import parse_remember
from openclaw_desktop.agent.plain_words import MINE, TOLD
from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.core.protocols import PlainForm

__all__ = [
    "ForgetAbout", "ListFolder", "NeedsTools", "PlainPlan", "PlainRequest", "ReadFile", "RecallAbout", "RememberThis",
    "ToolRequest", "asks_to_forget", "asks_to_remember", "find_form", "may_mean_memory", "name_call", "parse_plain",
]  # fmt: skip

# Plain requests are short, and the patterns look far back: longer texts are the model's.
LONGEST_CHARS = 1200
_SPACES = LazyPattern(r"[ \t\u00a0]{2,}")
# Long rows of dots or dashes are typing, and slow to look through.
_ROW = LazyPattern(r"([.,;:!?–—'\"-])\1{3,}")
# "Whats my shoe size", typed in haste.
_HASTY = LazyPattern(r"\b(what|where|who|when|how)(s)\b|\b(don|didn|doesn)(t)\b|\b(i)(ve)\b", re.IGNORECASE)
_OWN_QUESTION = LazyPattern(
    r"^(?:when|where|who|what|which|how (?:old|many|much|often))\b.*\b(?:my|i|me|mine|our|we)\b.*\?*$",
    re.IGNORECASE | re.DOTALL,
)
_ACTION = LazyPattern(
    r"^(?:list|open|delete|remove|erase|move|rename|copy|save|send|e-?mail|message|schedule|remind|cancel|book"
    r"|write (?:to|an? (?:file|note|e-?mail|message|letter to))|create (?:a )?(?:file|folder|note|reminder|event)"
    r"|set (?:an? )?(?:alarm|timer|reminder)|order|buy|pay|search|find|look up|google|browse|download|fetch"
    r"|install|run"
    r"|execute|start|stop|launch|notify|scan|don't let me forget|summari[sz]e (?:the|my) (?:file|folder|mail"
    r"|inbox)|wake me|ping|pause"
    r"|resume|pop up|show (?:me )?an? (?:desktop )?(?:alert|notification)|put .* on (?:my|the) (?:list"
    r"|to-?do)|every\b"
    r"|on the first of"
    r"|add (?:.* )?to (?:my|the) (?:calendar|list|to-?dos?))\b",
    re.IGNORECASE,
)
_MEMORY_CUE = LazyPattern(
    r"\b(?:remember|note|notes|keep|memor\w+|save|store|record|jot|write (?:it |this |that )?down|don['’]t forget"
    r"|do not forget|never forget|for the future|in mind|learn"
    r"|(?:hang|hold) on ?to|retain|for (?:future|later|your) reference|for (?:the|your) records?)\b",
    re.IGNORECASE,
)
_OF_MEMORY = LazyPattern(r"\b(?:recall|remind|again|told|mentioned|last time|you know|do you have)\b", re.IGNORECASE)
# What is asked not to be done is not asked for.
_NOT_ASKED = LazyPattern(
    r"\b(?:don['’]?t|do not|never|not|stop|without|no need to)\s+(?:(?:ever|have|need|want|you|to)\s+)*"
    r"(?:remember|notes?|keep|memor\w+|sav|stor|record|jot|writ|learn|forget|eras|delet|remov|unlearn|drop"
    r"|wip|clear)\w*",
    re.IGNORECASE,
)
_ASKED_TO_KEEP = LazyPattern(r"\b(?:don['’]?t|do not|never)\s+(?:ever\s+)?forget\b", re.IGNORECASE)
_STOP_REMEMBERING = LazyPattern(r"\bstop remembering\b", re.IGNORECASE)
_ERASE_CUE = LazyPattern(
    r"\b(?:forget|erase|delete|remove|unlearn|drop|wipe|clear|scrub|purge|discard|expunge"
    r"|get rid of|no longer (?:remember|know|keep|store))\b",
    re.IGNORECASE,
)


def name_call(plain: PlainRequest) -> tuple[str, Mapping[str, Any]] | None:
    """Return the tool and the arguments that do `plain`; None where no tool does."""
    match plain:
        case RememberThis(text):
            return "remember", {"text": text}
        case ForgetAbout(query):
            return "forget", {"query": query}
        case ReadFile(path):
            return "read_file", {"path": path}
        case ListFolder(path):
            return "list_folder", {"path": path}
        case ToolRequest(tool, arguments):
            return tool, arguments
        case _:
            return None


def find_form(text: str, forms: Iterable[PlainForm]) -> ToolRequest | None:
    """Return the plain request of a tool that the whole of `text` is, None where it is none."""
    text = _SPACES.sub(" ", text.strip())
    if not text or len(text) > LONGEST_CHARS:
        return None
    for form in forms:
        match = form.pattern.fullmatch(text)
        if match is not None and (arguments := form.arguments(match)) is not None:
            return ToolRequest(form.tool, arguments)
    return None


def asks_to_remember(text: str) -> bool:
    """Return True where the user's own words ask for something to be kept: nothing else, no file, may cause that."""
    return _ASKED_TO_KEEP.search(text) is not None or _MEMORY_CUE.search(_NOT_ASKED.sub(" ", text)) is not None


def may_mean_memory(text: str) -> bool:
    """Return True where the user's words speak of themselves or of what was told: general knowledge needs no search."""
    return any(pattern.search(text) for pattern in (MINE, TOLD, _MEMORY_CUE, _OF_MEMORY))


def asks_to_forget(text: str) -> bool:
    """Return True where the user's own words ask for something to be erased."""
    # "Stop remembering that" asks for it.
    return _ERASE_CUE.search(_NOT_ASKED.sub(" ", text)) is not None or _STOP_REMEMBERING.search(text) is not None


def parse_plain(text: str) -> PlainRequest | None:
    """Return the plain request that `text` is, None where it is talk, or where it is not certain what it is."""
    text = text.strip()
    if len(text) > LONGEST_CHARS:
        return None
    text = unbend(_HASTY.sub(_with_apostrophe, _ROW.sub(r"\1", text)))
    return parse_files(text) or _parse_said(unframe(_SPACES.sub(" ", text)))


def _with_apostrophe(match: re.Match[str]) -> str:
    return "'".join(part for part in match.groups() if part)


def _parse_said(framed: Framed) -> PlainRequest | None:
    found = parse_forget(framed) or parse_recall(framed) or parse_remember(framed)
    if found is not None:
        return found
    if _ACTION.match(framed.core):
        return NeedsTools()
    if _OWN_QUESTION.match(framed.core):
        return RecallAbout(framed.core.rstrip("?.! "), certain=False)
    return None
