"""Which sentences of a turn tell something lasting about the user or their world, chosen by code alone.

Owns what is left out: questions, orders, supposing, jokes, quotes, pasted and drafted texts, small talk, and what is
over by tomorrow. Each chosen text is the user's own words. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.core.sentences import Passage, split_sentences
from openclaw_desktop.memory.consolidation import mood
from openclaw_desktop.memory.consolidation.asides import take_apart
from openclaw_desktop.memory.consolidation.claims import Claim
from openclaw_desktop.memory.consolidation.clauses import opening, split_clauses
from openclaw_desktop.memory.consolidation.lasting import (
    is_about_me,
    is_at_hand,
    is_small_talk,
    is_trait,
    is_valued,
    lasts,
)
from openclaw_desktop.memory.consolidation.reported import with_own_colons, without_source
from openclaw_desktop.memory.consolidation.slots import read_claims

LONGEST_CHARS = 300
# A longer message, or one of more lines, is a paste: of it the user's own words are at most the first lines.
PASTE_CHARS = 900
PASTE_LINES = 8
_MATERIAL = LazyPattern(
    # "I edit books" tells of a trade, and Polish is a language.
    r"\b(?<!\bi )(?<!\bwe )(?:translate|rewrite|rephrase|paraphrase|proofread|summari[sz]e|shorten|improve|correct|edit"
    r"|polish(?! (?-i:[A-Z]))(?= (?:up|it|this|that|these|my|our|the)\b)|draft"
    r"|compose|write|roleplay|role-play|pretend|imagine|act as|transcribe|spell-?check|grammar(?! schools?)"
    r"|continue (?:the|this)"
    r"|complete (?:the"
    r"|this)|reply to|respond to|analy[sz]e (?:this|the following)|explain (?:this|the following)|convert|classify"
    r"|extract"
    r"|fix (?:this|the|my)|what does .{0,40} mean|how do (?:you|i) say|say (?:this|it) in|make (?:this|it) sound)\b",
    re.I,
)
# A text given to be judged, before the question or after it.
_JUDGED = LazyPattern(
    r"\b(?:is|are|was|does|do|if|whether) (?:this|that|it|these|those|my|the)\b[^.?!\n]{0,40}?"
    r"\b(?:right|correct|fine|okay|ok|natural|proper|wrong|grammatical\w*|idiomatic|understandable|make sense|sound"
    r"|(?:good|correct|proper|broken) (?:english|(?-i:[A-Z])\w+))(?: to you| like this)?\s*[?.!\n]"
    r"|\b(?:any|find|spot|check for|see) (?:the |some |\w+ )?(?:mistakes?|typos?|errors?)\b"
    r"|\b(?:my|the|this|these|following) (?:sentences?|paragraphs?|essays?|wording|phrasing|spelling)\b"
    r"|\b(?:thoughts|feedback|opinion|comments?) on (?:this|these|my|the following)\b"
    r"|\bhow (?:does|do) (?:this|these|that|it) (?:sound|read|look)\b",
    re.I,
)
# "Read this and tell me if you like it." and "Ann wrote me this." hand over what comes after; "remember this" does not.
_HANDS_OVER = LazyPattern(
    r"\b(?:these|the following|below|this(?! (?:week|weekend|month|year|morning|afternoon|evening|time|way|spring"
    r"|summer|autumn|winter|is|was)\b))\b",
    re.I,
)
_KEEPS = LazyPattern(r"\b(?:remember|note|keep|save|store|memori[sz]e|forget|know)\b", re.I)
_PASTED_LINE = LazyPattern(
    r"^\s*(?:[>|#`$]|\d+[.)]\s|[-*•]\s|from:|to:|subject:|date:|sent:|cc:|dear\b|hi \w+,$|hello \w+,$|(?:best|kind"
    r"|warm)"
    r" regards|sincerely|cheers,|yours\b|-{3,}|={3,}|begin forwarded|on .{5,60} wrote:|\w+:\s|<|\{|\[|```|import "
    r"|def |class )",
    re.I,
)
_INTRODUCES = LazyPattern(
    r":\s*$|\b(?:pasted|forwarded|see below|the following|here(?:'s| is| are) (?:the|a|an|what|my (?:draft|essay"
    r"|text))|below is"
    r"|got this (?:mail|email|e-mail|message|text)|this (?:mail|email|e-mail|message|article|text|letter|review))\b",
    re.I,
)
# "Did I say that Ann is a nurse?" asks whether it was said, and says it.
_ASKED_IF_SAID = LazyPattern(r"^did i (?:say|mention|tell you)(?: before| already| yet)? that (.+)\?$", re.I)
# "For the record, blood group: AB negative."
_NOTED = LazyPattern(
    r"\b(?:for the record|fyi|just so you know|note|remember|you should know"
    r"|(?:in|on) my (?:file|records?|card|chart|papers|passport|notes))\b",
    re.I,
)
# "On the card it says birch pollen as my allergy."
_AS_MINE = LazyPattern(r"\w as (?:my|our) \w", re.I)
_DECIDED = LazyPattern(r"\b(?:decided|settled|official|agreed|final)\b", re.I)
_ENTRY = LazyPattern(r"[A-Za-z][\w' -]{2,40}: \S")
# "My favourite soup? Pho, always has been."
_ASKED_OF_ONESELF = LazyPattern(r"(?:and |as for )?(?P<what>(?:my|our) [\w' -]{2,40})\?$", re.I)
_ANSWER = LazyPattern(
    r"(?!(?:i|you|he|she|we|they|it|its|it's|yes|no|not|none|nothing|nobody|what|who|where|when|how|why|well|fine|ok|oh"
    r"|gone|still|don't|that|this|is|are|was|and|but)\b)[^?]{2,60}[.!]?$",
    re.I,
)
_THIRD_START = LazyPattern(
    r"^(?:he|she|they|it|this|that|these(?! days)|those|there|his|her|their|its|him|them)\b", re.I
)
# "They gave me a locker, 214" and "It's settled, I meet Ann on Friday" stand for themselves.
_NOBODY = LazyPattern(r"^(?:they|it|it's|there|there's|this|that)\b", re.I)
_OF_ME = LazyPattern(r"(?:i|we|my|our)\b", re.I)
# "They" and "that" are as likely to be about something new.
_GOES_ON = LazyPattern(r"^(?:he|she|his|her|it|its|it's)\b", re.I)
# "I have a headache" fits the grammar too.
_WEAK_SLOTS = ("place ", "has", "number of ", "can", "likes", "use", "take", "eats", "drink", "play", "wear")


@dataclass(frozen=True, slots=True)
class Statement:
    """A text that tells something, and what it claims. `changes`: it was said as news, or against what was said."""

    text: str
    claims: tuple[Claim, ...]
    changes: bool = False


def find_statements(text: str) -> tuple[Statement, ...]:
    """Return what of a turn of the user's is worth keeping for itself, in order."""
    own = own_words(text)
    if not own or mood.jokes(own):
        return ()
    chosen: list[Statement] = []
    last_place, in_tale = -1, False
    for place, (sentence, is_news) in enumerate(_sentences(own)):
        core = sentence[len(opening(sentence)) :]
        if in_tale and not _OF_ME.match(core):
            continue
        in_tale = in_tale or mood.begins_tale(sentence)
        for_itself = is_about_me(core) or read_claims(core).claims or is_valued(core)
        if _THIRD_START.match(core) and not (_NOBODY.match(core) and for_itself):
            # "She is vegan" says nothing without the sentence before it, if that was kept.
            if chosen and last_place == place - 1 and _GOES_ON.match(sentence) and _is_plain(sentence):
                chosen[-1] = replace(chosen[-1], text=f"{chosen[-1].text} {sentence}")
                last_place = place
        elif (statement := judge(sentence)) is not None:
            chosen.append(replace(statement, changes=statement.changes or is_news))
            last_place = place
    return tuple(chosen)


def judge(sentence: str) -> Statement | None:
    """Return the statement that a sentence is; None where it tells nothing lasting."""
    told_bare = without_source(sentence)
    if not _is_plain(told_bare):
        return None
    core = sentence[len(opening(sentence)) :].strip()
    text = core[:1].upper() + core[1:]
    reading = read_claims(sentence)
    claims = reading.claims
    noted = _NOTED.search(opening(sentence)) and _ENTRY.match(text)
    if len(text.split()) <= 2 and not claims and not noted and not is_trait(text):
        return None
    if not noted and (mood.asks(text) or mood.orders(text)):
        return None
    if len(text) > LONGEST_CHARS:
        return None
    weak = all(claim.slot.startswith(_WEAK_SLOTS) for claim in claims)
    told = claims and not (weak and (is_small_talk(text) or is_at_hand(text)))
    decided = _DECIDED.search(opening(sentence)) is not None and len(text.split()) > 3
    # What is known from somebody lasts where it does without them: "I have to tell you" alone is small talk.
    bare = told_bare[:1].upper() + told_bare[1:]
    lasting = lasts(text) or (told_bare != sentence and (lasts(bare) or _AS_MINE.search(bare) is not None))
    return Statement(text, claims, reading.changes) if told or noted or decided or lasting else None


def own_words(text: str) -> str:
    """Return the part of a message that the user says for themselves; "" where all of it is material for something."""
    lines = text.replace("’", "'").splitlines()
    first = next((line for line in lines if line.strip()), "")
    if _MATERIAL.search(first[:200]) or _JUDGED.search(f"{text}\n") or "```" in text:
        return ""
    kept: list[str] = []
    for line in lines:
        if _PASTED_LINE.match(line):
            break
        if _INTRODUCES.search(line):
            break
        kept.append(line)
    if len(text) > PASTE_CHARS or len(lines) > PASTE_LINES:
        kept = kept[:1] if len(first) <= LONGEST_CHARS else []
    # A colon within a line hands over a text too: "Check this: I live in Rome."
    return _before_handed_over(
        "\n".join(
            line
            if not re.search(r"\b(?:this|following|it|text|sentence|says?):\s", with_own_colons(line), re.I)
            else ""
            for line in kept
        )
    )


def _before_handed_over(text: str) -> str:
    at = 0
    for sentence in split_sentences([Passage("", text, USER)]):
        at = text.find(sentence.text, at)
        handed = _HANDS_OVER.search(sentence.text) and not _KEEPS.search(sentence.text)
        if handed and any(sign(sentence.text) for sign in (mood.asks, mood.orders, mood.quotes)):
            return text[:at]
        at += len(sentence.text)
    return text


def is_correction(text: str) -> bool:
    """True where the user puts something right: "no, I live in Lisbon now", "actually, it's Tom"."""
    straight = text.replace("’", "'")
    return bool(
        re.match(
            r"^\W*(?:no|nope|actually|correction|wait|sorry|that's (?:wrong|not right|not true|outdated)|not"
            r" (?:quite|true|any ?more)"
            r"|you(?:'re| are) wrong|wrong|i meant|update)\b",
            straight,
            re.I,
        )
        or re.search(
            r"\b(?:no longer|any ?more|any longer|instead of|these days|not .{2,40} but|i meant|correct(?:ion|ed)?"
            r" is|has changed"
            r"|have changed|changed to|moved to|is now|are now|live .{2,40} now)\b|\bnow\b[.! ]*$",
            straight,
            re.I,
        )
    )


def _sentences(text: str) -> list[tuple[str, bool]]:
    """Return what a text tells one by one, each with whether it was said with something that is new."""
    found = (" ".join(sentence.text.split()) for sentence in split_sentences([Passage("", text, USER)]))
    parts: list[tuple[str, bool]] = []
    for sentence in _with_own_answers(list(found)):
        whole = _ASKED_IF_SAID.sub(r"\1", sentence)
        main, *asides = take_apart(whole)
        if asides and not _hands_over(whole) and all(judge(aside) for aside in asides):
            # Without its aside the rest has to claim something to be told for itself.
            parts += [(part, False) for part in [*([main] if read_claims(main).claims else []), *asides]]
        else:
            parts += _told_apart(whole)
    return parts


def _told_apart(sentence: str) -> list[tuple[str, bool]]:
    """Return what a sentence joins, where each part tells something for itself: each may end without the others."""
    parts = split_clauses(sentence)
    whole = judge(sentence) if len(parts) > 1 and not _hands_over(sentence) else None
    told = [judge(part) for part in parts] if whole is not None else []
    if whole is None or not all(told) or not any(one.claims for one in told if one):
        return [(sentence, False)]
    return [(part, whole.changes) for part in parts]


def _with_own_answers(sentences: list[str]) -> list[str]:
    """Return sentences with "My desk? Oak, always." told as "My desk is Oak, always."."""
    told: list[str] = []
    for sentence in sentences:
        asked = _ASKED_OF_ONESELF.match(told[-1]) if told else None
        if asked and _ANSWER.match(sentence):
            told[-1] = f"{asked['what']} is {sentence}"
        else:
            told.append(sentence)
    return told


def _hands_over(sentence: str) -> bool:
    return mood.asks(sentence) or mood.supposes(sentence) or mood.jokes(sentence) or mood.orders(sentence)


def _is_plain(sentence: str) -> bool:
    return mood.tells(sentence) and not mood.passes(sentence)
