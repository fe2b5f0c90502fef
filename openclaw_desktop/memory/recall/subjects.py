"""Whom a question is about, and whom a fact: the user, or somebody whose name it begins with.

Owns that judgement, as pure functions of texts. English, like the prompts. Must not know scores.
"""

from __future__ import annotations

import re

from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.memory.consolidation.clauses import KIN, NO_NAMES

_OF_USER = LazyPattern(r"\b(?:I|i(?:'m|'ve)?|my|My|mine|me|we|We|our|Our|ours|us)\b")
_THEIRS = LazyPattern(
    rf"\b(?:my|our) (?:[\w-]+ )?(?:{'|'.join(sorted(KIN))}|parents|family|grandparents|children|kids)\b"
    r"|\b(?:who|whom|whose)\b",
    re.I,
)
# "My colleague Amara earns …", "our neighbour's son Tom is …".
_OF_OTHER = LazyPattern(
    r"^\W*(?:[Mm]y|[Oo]ur) (?:[a-z][\w'’-]* ){1,3}?[A-Z][\w-]*[a-z](?:['’]s)?,? [a-z]"
    rf"|^(?!(?:{'|'.join(sorted(NO_NAMES))})\b)[A-Z][\w-]*[a-z](?:['’]s [\w-]+(?: [\w-]+)?)? (?:now |still |also )?"
    r"(?:is|was|has|had|lives?|works?|moved|earns|trained|settled|resides|celebrates|turns|shares|quit|started|bought)\b"
    r"(?!.*\b(?:I|my|me|we|our|us)\b)"
)
_STATEMENT_END = re.compile(r"[.!]\W+\w")


def asks_of_user(text: str) -> bool:
    """Return whether a question without a name is about the user themself: not who, and not somebody of theirs."""
    return _OF_USER.search(text) is not None and _THEIRS.search(text) is None


def is_of_other(text: str) -> bool:
    """Return whether a fact tells of somebody by name in the first place."""
    return _OF_OTHER.match(text) is not None


def only_asks(text: str) -> bool:
    """Return whether all of a turn is a question: what stands before one may tell something."""
    return text.rstrip().endswith(("?", "？")) and _STATEMENT_END.search(text) is None
