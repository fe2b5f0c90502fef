"""Capitals for names in a text that was typed without any: "i moved to bergen", "my wife is called ana".

Owns the words after which a name stands, and those that are none. Nothing is given a capital but what is read as a
claim; what is kept is as it was typed. English, like the prompts. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.memory.consolidation.clauses import NO_NAMES, listed
from openclaw_desktop.memory.consolidation.places import NO_PLACES

# "I" and the start of a sentence get theirs from the keyboard.
_CAPITAL = LazyPattern(r"(?<!^)(?<![.!?] )(?<![.!?]\n)\b(?!I\b)\w*[A-Z]")
_BEFORE_NAME = LazyPattern(
    r"\b(?:live|lives|living|lived|based|settled|moved|relocated) (?:back |over |down |up )?(?:in|to) "
    r"|\b(?:work|works|working|job|employed) (?:at|for|with) |\b(?:no longer|not) (?:at|with) "
    r"|\b(?:is|are|am|was|'s|'m) (?:now )?(?:called|named) |\b(?:dog|cat|puppy|kitten) (?:called|named) "
    r"|\b(?:my|our|his|her) (?:name|nickname)(?: is|'s) |\bgo by "
    r"|\b(?:married|engaged) to |\bbank with |\b(?:contract|account) is with "
    r"|\b(?:dentist|doctor|vet|gp|therapist|lawyer) is (?=dr\b)",
    re.I,
)
# What stands there and names nobody, no firm and no town.
_NO_NAMES = (
    frozenset(word.lower() for word in NO_NAMES)
    | NO_PLACES
    | frozenset(
        listed("""
a an me him us her them myself himself herself ourselves themselves each other others who whom which very quite too
again back out off in on over up down away about around into within like as is are was were be been being
not never always already soon later early late together alone permanently temporarily happily
home work school college university uni town city village countryside bed hospital prison jail church court abroad
downtown uptown suburbia student shared social public private temporary rented furnished cheap small big large tiny
fear peace harmony luxury style sin pain poverty comfort silence darkness chaos hope denial exile constant
free money fun food peanuts love charity people clients customers friends family children kids animals strangers
government retail tech industry education healthcare construction hospitality logistics banking insurance
management leadership production staging remote night nights day days shifts part full half
trash archive drafts spam inbox folder junk bin next previous later another different bigger smaller better worse
more less fewer new old same similar first second third last several many few years months weeks ages year month week
wrong right misspelled spelled written pronounced missing hard easy long short
""")
    )
)
# With the word behind it, and never without.
_FIRST_OF_TWO = frozenset(
    listed("dr dr. new san santa los las st st. saint el la port cape rio buenos hong kuala den tel")
)


def with_capitals(text: str) -> str:
    """Return `text` with capitals where names are to be expected, if it has none but its sentences' first and "I"."""
    if _CAPITAL.search(text):
        return text
    pieces, end = [], 0
    for found in _BEFORE_NAME.finditer(text):
        if found.start() >= end:
            name = _name_at(text, found.end())
            pieces += [text[end : found.end()], name.title()]
            end = found.end() + len(name)
    return "".join([*pieces, text[end:]])


def _name_at(text: str, at: int) -> str:
    """Return the name that stands in a text from `at` on; "" where none does.

    A second word is of it only where nothing follows: "i am called samuel okafor", but "i live in porto alone".
    """
    found = _WORDS.match(text, at)
    words = found[0].split(" ") if found else []
    if words[:1] == ["the"]:
        return ""
    named = [word.strip(".") not in _NO_NAMES for word in words]
    if len(words) > 1 and words[0] in _FIRST_OF_TWO and named[1]:
        return " ".join(words[:2])
    if not words or not named[0]:
        return ""
    return found[0] if found and len(words) == 2 and named[1] and _ENDS.match(text, found.end()) else words[0]


_WORDS = LazyPattern(r"[a-z][a-z-]*[a-z]\.?(?: [a-z][a-z-]*[a-z])?(?![\w'-])")
_ENDS = LazyPattern(r"\W*$|[.,;!?)]")
