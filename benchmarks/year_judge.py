"""What a derived fact is worth: a true statement of the diary, or junk, and of which sort.

Owns that judgement, made with the diary's own knowledge and none of the product's grammar. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.year_diary import Turn

# A fact with more words than this of its own was not said.
SAID_SHARE = 0.75
GOOD = "good"
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SMALL_WORDS = "a an the is are was were am be been has have had do does did of to in on at with for and that it its"
_SMALL = frozenset(_SMALL_WORDS.split())
_SELF = {
    "i": "user",
    "my": "user",
    "me": "user",
    "mine": "user",
    "their": "user",
    "they": "user",
    "user's": "user",
    "users": "user",
}
_DENIALS = frozenset(("not", "never", "no", "nobody", "nothing", "without", "cannot"))


@dataclass(frozen=True, slots=True)
class Source:
    """A memory that a fact was made of. `turn` None: not one of the diary's; `by_user`: the user said it."""

    turn: Turn | None
    by_user: bool


def judge(text: str, sources: Sequence[Source], trusted: bool) -> str:
    """Return GOOD, or the sort of junk that a derived fact is."""
    if trusted and any(source.turn is not None and source.by_user and source.turn.pasted for source in sources):
        return "untrusted made trusted"
    if any(not source.by_user for source in sources):
        return "the agent's words"
    told = set(_words(text))
    parts = [(part, source.turn) for source in sources if source.turn is not None for part in source.turn.parts]
    if not told or not parts:
        return "of no turn"
    shares = [len(told & set(_words(part.text))) / len(told) for part, _ in parts]
    part, turn = parts[shares.index(max(shares))]
    if max(shares) < SAID_SHARE:
        around = {word for part, _ in parts for word in _words(part.text)}
        return "runs on" if len(told & around) >= SAID_SHARE * len(told) else "said nowhere"
    if part.truth == "noise":
        return "noise"
    if _lost_denial(text, part.text):
        return "lost denial"
    if turn.fact is not None and part.truth == "planted" and turn.fact.value.lower() not in text.lower():
        return "fragment"
    return GOOD


def _lost_denial(text: str, said: str) -> bool:
    told, words = _words(text), _words(said)
    for place, word in enumerate(words[:-1]):
        # A word may be said twice, and denied once.
        places = [n for n, one in enumerate(told) if one == words[place + 1]]
        if word in _DENIALS and places and all(word not in told[max(0, n - 3) : n] for n in places):
            return True
    return False


def _words(text: str) -> list[str]:
    found = []
    for word in _WORD.findall(text.lower().replace("’", "'")):
        if word.endswith("n't") or word == "cannot":
            found.append("not")
            continue
        bare = _SELF.get(word, re.sub(r"'(?:s|m|ve|d|ll|re)$", "", word))
        found += [_SELF.get(bare, bare).removesuffix("s")] if bare not in _SMALL else []
    return found
