"""What is put right by a word that points back: "My cat is called Tom", and then "Actually, it's Tim".

Owns how the new value takes the place of the old one in the sentence before. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.core.sentences import Passage, split_sentences
from openclaw_desktop.memory.consolidation.clauses import NO_NAMES, listed, opening
from openclaw_desktop.memory.consolidation.slots import read_claims

MOST_WORDS = 4
_NAMING = ("name", "age", "has ")
_POINTS_BACK = LazyPattern(
    r"(?:(?:it|this|that)(?:'s| has| is)(?: just| been)* changed[,;:]? (?:and |so )?)?"
    r"(?P<who>it|this|he|she|they)(?:'s| is|'re| are| was)(?: (?:actually|really|now|rather))*"
    r"(?P<how> (?:on|at|in|called|named))? (?P<value>[^!?,;]+)",
    re.I,
)
# "No, 15 March." says as much, if it is all that is said.
_BARE = LazyPattern(r"(?P<value>(?:\d|[A-Z])[^!?,;]*)$")
_NOW = LazyPattern(r" (?:now|these days|instead)$", re.I)
_VALUE_OF = LazyPattern(
    r"^(?P<head>.+\b(?:is|are|was)(?: (?:now|on|at|in|called|named))*) (?P<old>[^,;]+?)[.!]*$", re.I
)

# "It's wrong" and "No, never mind" give no value.
_NO_VALUES = frozenset(
    listed("""
wrong right true false correct incorrect fine good great ok okay well no yes yep nope never thanks thank nothing sure
bad late early please sorry enough cool nice perfect exactly maybe why how raining cold hot over done up down here there
not so too all only still just better worse fun funny weird strange odd old new possible impossible important
""")
)


def put_right(before: str, text: str) -> str | None:
    """Return the sentence `before` with the value that `text` gives; None where it gives none that fits there."""
    sentences = split_sentences([Passage("", text.replace("’", "'"), USER)])
    straight = sentences[0].text if sentences else ""
    led = opening(straight)
    core = straight[len(led) :].strip()
    back = _POINTS_BACK.match(core)
    found = back or (_BARE.match(core) if led and len(sentences) == 1 else None)
    if found is None or read_claims(straight).claims:
        return None
    told = read_claims(before).claims
    # "She's Portuguese" puts no town right.
    who, how = (back["who"], back["how"]) if back else ("", None)
    if who.lower() in ("he", "she") and not how and not any(claim.slot.startswith(_NAMING) for claim in told):
        return None
    for written in _written(before, _NOW.sub("", found["value"].strip(" ."))):
        claims = read_claims(written).claims
        slots = [(claim.subject, claim.slot, claim.denied) for claim in claims]
        if claims != told and slots == [(claim.subject, claim.slot, claim.denied) for claim in told]:
            return written
    return None


def _written(before: str, value: str) -> Iterator[str]:
    if (found := _VALUE_OF.match(before)) and _is_alike(value, found["old"]):
        yield f"{found['head']} {value}."
    for claim in read_claims(before).claims:
        # A claim has the stem of a word.
        held = re.search(rf"\b{re.escape(claim.value)}\w*", before, re.I) if claim.value else None
        if held and _is_alike(value, held[0]):
            yield f"{before[: held.start()]}{value}{before[held.end() :]}"


def _is_alike(value: str, old: str) -> bool:
    """True where a value may stand in the place of another: a number for a number, a name for a name."""
    words = value.split()
    if re.search(r"\d", old):
        return re.search(r"\d", value) is not None and len(words) <= len(old.split())
    named = old[:1].isupper()
    return (
        bool(words)
        and not re.search(r"\d", value)
        and len(words) <= MOST_WORDS
        and words[0].lower() not in _NO_VALUES
        and words[0] not in NO_NAMES
        and all(word[:1].isupper() == named for word in words)
    )
