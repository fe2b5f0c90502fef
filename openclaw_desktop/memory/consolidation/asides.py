"""What a sentence tells beside what it says: "I had a letter from my friend Leonie, who lives in Valencia".

Owns how such an aside becomes a sentence of its own, which can be ended by another; the words stay the user's. English,
like the prompts. Pure.
"""

from __future__ import annotations

from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.memory.consolidation.clauses import NO_NAMES

_NONE = rf"(?!(?:{'|'.join(sorted(NO_NAMES))}|On|In|At|By|For|From|To|With)\b)"
_NAME = rf"{_NONE}[A-Z][\w'-]*[a-z](?: {_NONE}[A-Z][\w-]*[a-z])?"
_SOMEBODY = rf"(?P<who>(?:(?i:my|our) (?:[\w'-]+ ){{1,3}}?)?{_NAME})"
_ENDS = r"(?=[,;.!?]|$)"
_ASIDES = (
    # ", who lives in Valencia"
    LazyPattern(
        rf"{_SOMEBODY}, who(?P<told>(?: now| still| just| also)? (?:is|was|has|had|lives?|works?|moved|owns?|plays?"
        rf"|studie[sd]|speaks?|teaches|likes?|loves?|hates?|got|keeps?|turns|celebrates|retired|left)\b[^,;.!?]*){_ENDS}"
    ),
    # ", born on 17 August,"
    LazyPattern(rf"{_SOMEBODY},(?P<born> born (?:on|in) [^,;.!?]+){_ENDS}"),
    # ", a crane operator,"
    LazyPattern(rf"{_SOMEBODY},(?P<is> an? [a-z]+(?: [a-z]+){{0,2}})(?=,)"),
    # "my microwave today, a Halberd C62,"
    LazyPattern(
        r"(?P<who>(?i:my|our) (?:[\w-]+ ){0,2}?[\w-]+)(?P<when> today| yesterday| now| at last)?,"
        rf"(?P<is> (?:an?|the) [A-Z][\w-]*(?: [\w-]+){{0,2}}){_ENDS}"
    ),
)


def take_apart(sentence: str) -> list[str]:
    """Return the sentence, or without its aside and then that aside as a sentence."""
    for aside in _ASIDES:
        if (found := aside.search(sentence)) is None:
            continue
        parts = found.groupdict()
        told = parts.get("told") or (f" was{parts['born']}" if parts.get("born") else f" is{parts['is']}")
        start = sentence[: found.start()] + parts["who"] + (parts.get("when") or "")
        rest = sentence[found.end() :]
        if rest.startswith(",") and "is" in parts and parts["who"][:3].lower() not in ("my ", "our"):
            rest = rest[1:]
        if rest.startswith(",") and not sentence[: found.start()].strip():
            rest = rest[1:]  # "My son Yuki, born on 17 August, is …"
        who = parts["who"][:1].upper() + parts["who"][1:]
        return [f"{start}{rest}", f"{who}{told}."]
    return [sentence]
