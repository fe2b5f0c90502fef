"""The polite frame around a request: "hey, could you ... for me, please?" is "...".

Owns the words that people put around what they ask for, and says whether such words asked. English. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from openclaw_desktop.core.patterns import LazyPattern


@dataclass(frozen=True, slots=True)
class Framed:
    """A request without its frame.

    `asks`: "could you" stood before or behind it, so that a question mark is only polite. `can`: "can you", which may
    ask what one is able to. `advises`: "you can", "you should", which may be said of many things.
    """

    core: str
    asks: bool = False
    can: bool = False
    advises: bool = False
    question: bool = False


def phrases(table: str) -> tuple[str, ...]:
    """Return the phrases of `table`, one between commas or line ends, the longest first."""
    found = (phrase.strip() for phrase in re.split(r"[,\n]", table))
    return tuple(sorted({phrase for phrase in found if phrase}, key=lambda phrase: (-len(phrase), phrase)))


def any_of(table: str) -> str:
    """Return the pattern of one phrase of `table`."""
    return "(?:" + "|".join(re.escape(phrase).replace(r"\ ", r"\s+") for phrase in phrases(table)) + ")"


_OPENINGS = """
    please, pls, kindly, hey, hi, hello, hey there, hi there, good morning, good evening, ok, okay, alright
    well, so, oh, and
    now, actually, also, just, quickly, quick one, one thing, by the way, btw, listen, thanks, great, always
    if you can
    if you could, if you don't mind, when you have a moment, do me a favour and, do me a favor and, be so kind as to
    go ahead and, be sure to, be sure you, make sure to, make sure you, make sure that you, right, sorry, hmm, um
"""
_ASKING = """
    could you, would you, will you, can i ask you to, could i ask you to, may i ask you to, could i get you to
    can i get you to, would you be so kind as to, could you be so kind as to, would you be able to
    is it possible for you to
    would it be possible for you to, would you be willing to, could you possibly, could you maybe, could you perhaps
    i'd like you to, i would like you to, i'd love you to, i want you to, i need you to, i'm asking you to
    i'd appreciate it if you could, i'd appreciate it if you would, i'd be grateful if you could
    i was wondering if you could
    i wonder if you could, it would be great if you could, it'd be great if you could, i'd be happy if you could
    would you mind, do you mind, would you please, could you please, can you please, i'd be glad if you could
"""
_ABLE = "can you, are you able to"
_ADVISING = """
    you can, you may, you could, you should, you must, you need to, you have to, you ought to, feel free to
    you can now
    you're free to, you might as well, you better, you'd better
"""
_CLOSINGS = """
    please, pls, thanks, thank you, thanks a lot, many thanks, thx, cheers, ta, would you, will you, could you
    can you
    if you can, if you could, if you would, if you don't mind, if that's ok, if that's okay, ok, okay
    would you please
    could you please, can you please, will you please, thanks in advance, thank you very much
"""
_ASKING_CLOSINGS = frozenset(phrases("would you, will you, could you, can you, would you please, could you please"))
_UNPAUSED = frozenset(phrases("please, pls, thanks, thx, thank you, would you please, could you please"))
_PAUSES = tuple(",-–—.!?;")
_LEAD = LazyPattern(
    rf"(?P<asks>{any_of(_ASKING)})|(?P<can>{any_of(_ABLE)})|(?P<advises>{any_of(_ADVISING)})"
    rf"|(?!(?:just\s+)?so you know){any_of(_OPENINGS)}",
    re.IGNORECASE,
)
_AFTER_LEAD = LazyPattern(r"(?:\s*[,!:–—-])*\s+")
_CLOSING = LazyPattern(rf"[\s,.;!?–—-](?P<words>{any_of(_CLOSINGS)})$", re.IGNORECASE)
_SPACE = LazyPattern(r"\s+")
# A frame is short: more of it is no frame.
_MOST_PARTS = 8
# "Would you mind forgetting ...": what the frame turned into a noun.
_BASES = {
    "remembering": "remember", "memorising": "memorise", "memorizing": "memorize", "noting": "note", "saving": "save",
    "storing": "store", "keeping": "keep", "making": "make", "writing": "write", "jotting": "jot", "putting": "put",
    "committing": "commit", "hanging": "hang", "holding": "hold", "recording": "record", "logging": "log",
    "forgetting": "forget", "erasing": "erase", "deleting": "delete", "removing": "remove", "wiping": "wipe",
    "scrubbing": "scrub", "dropping": "drop", "clearing": "clear", "getting": "get", "losing": "lose",
    "reminding": "remind", "telling": "tell", "recalling": "recall", "reading": "read", "opening": "open",
    "showing": "show", "listing": "list", "taking": "take", "discarding": "discard", "purging": "purge",
}  # fmt: skip
_GERUND = LazyPattern(r"(?:\bmind\s+)(?P<word>[a-z]+ing)\b", re.IGNORECASE)


def unbend(text: str) -> str:
    """Return `text` with the verb behind "would you mind" as it stands in an order."""
    gerund = _GERUND.search(text)
    base = _BASES.get(gerund["word"].lower()) if gerund is not None else None
    return text if gerund is None or base is None else text[: gerund.start("word")] + base + text[gerund.end("word") :]


def unframe(text: str) -> Framed:
    """Return what `text` asks for, without the polite words at both its ends."""
    core = text.replace("’", "'").strip()
    question = core.endswith("?")
    asks = can = advises = False
    start = 0
    for _ in range(_MOST_PARTS):
        lead = _LEAD.match(core, start)
        gap = _AFTER_LEAD.match(core, lead.end()) if lead is not None else None
        if lead is None or gap is None:
            break
        asks |= lead["asks"] is not None
        can |= lead["can"] is not None
        advises |= lead["advises"] is not None
        start = gap.end()
    core = core[start:]
    for _ in range(_MOST_PARTS):
        bare = core.rstrip(" \t\n,.;!?–—-")
        # The search looks at the end alone: a frame is no longer than this.
        tail = max(0, len(bare) - 40)
        closing = _CLOSING.search(bare, tail)
        if closing is None:
            break
        words = _SPACE.sub(" ", closing["words"].lower())
        # "I know she would" and "the wifi is ok" end no frame: only a pause or these words begin it.
        paused = not bare[closing.start()].isspace() or bare[: closing.start()].rstrip()[-1:] in _PAUSES
        if not paused and words not in _UNPAUSED:
            break
        asks |= words in _ASKING_CLOSINGS
        core = bare[: closing.start()].rstrip(" \t\n,;–—-")
    return Framed(core, asks, can, advises, question)


def words_of(table: str) -> frozenset[str]:
    """Return the single words of `table`."""
    return frozenset(table.split())
