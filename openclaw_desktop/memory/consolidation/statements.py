"""Which sentences of a turn tell something lasting about the user or their world, chosen by code alone.

Owns what is left out: questions, orders, supposing, jokes, quotes, pasted and drafted texts, small talk, and what is
over by tomorrow. Each chosen text is the user's own words. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.sentences import Passage, split_sentences
from openclaw_desktop.memory.consolidation import mood
from openclaw_desktop.memory.consolidation.clauses import opening
from openclaw_desktop.memory.consolidation.slots import Claim, read_claims

LONGEST_CHARS = 300
# A longer message, or one of more lines, is a paste: of it the user's own words are at most the first lines.
PASTE_CHARS = 900
PASTE_LINES = 8
_MATERIAL = re.compile(
    r"\b(?:translate|rewrite|rephrase|paraphrase|proofread|summari[sz]e|shorten|improve|correct|edit|polish|draft"
    r"|compose"
    r"|write|roleplay|role-play|pretend|imagine|act as|transcribe|spell-?check|grammar|continue (?:the|this)"
    r"|complete (?:the"
    r"|this)|reply to|respond to|analy[sz]e (?:this|the following)|explain (?:this|the following)|convert|classify"
    r"|extract"
    r"|fix (?:this|the|my)|what does .{0,40} mean|how do (?:you|i) say|say (?:this|it) in|make (?:this|it) sound)\b",
    re.I,
)
_PASTED_LINE = re.compile(
    r"^\s*(?:[>|#`$]|\d+[.)]\s|[-*•]\s|from:|to:|subject:|date:|sent:|cc:|dear\b|hi \w+,$|hello \w+,$|(?:best|kind"
    r"|warm)"
    r" regards|sincerely|cheers,|yours\b|-{3,}|={3,}|begin forwarded|on .{5,60} wrote:|\w+:\s|<|\{|\[|```|import "
    r"|def |class )",
    re.I,
)
_INTRODUCES = re.compile(
    r":\s*$|\b(?:pasted|forwarded|see below|the following|here(?:'s| is| are) (?:the|a|an|what|my (?:draft|essay"
    r"|text))|below is"
    r"|got this (?:mail|email|e-mail|message|text)|this (?:mail|email|e-mail|message|article|text|letter|review))\b",
    re.I,
)
_FIRST_PERSON = re.compile(r"(?:\bI\b|\b(?:i|i'm|i've|my|mine|our|ours|we|we're|we've|me|us)\b)", re.I)
_THIRD_START = re.compile(r"^(?:he|she|they|it|this|that|these|those|there|his|her|their|its|him|them)\b", re.I)
# "They" and "that" are as likely to be about something new.
_GOES_ON = re.compile(r"^(?:he|she|his|her|it|its|it's)\b", re.I)
_VAGUE_OBJECT = (
    r"(?!\s*(?:[.!,]|$)|\s+(?:it|that|this|them|those|these|you|your|so|to say|what|how|when|where|why|the (?:same"
    r"|idea|way"
    r"|answer|first|second|last|other|previous|above)|a lot|one more|another one|nothing|something|anything"
    r"|everything)\b)"
)
# What people do, have and are for longer than a day.
_LASTING = re.compile(
    r"\b(?:i|we|i've|we've)(?:'m|'re|'ve)?\s+(?:(?:have|had|always|never|usually|really|also|still|now|just|recently"
    r"|finally"
    r"|don't|do not|no longer|already|both|am|are|only|mostly|absolutely|often|can't|cannot|even)\s+){0,3}"
    r"(?:live|lived|work|worked|like|love|loved|prefer|hate|dislike|enjoy|adore|own|bought|sold|adopted|decided"
    r"|chose|chosen"
    r"|picked|settled on|agreed|signed|joined|left|started|quit|stopped|began|begun|moved|graduated|studied|study"
    r"|teach|taught"
    r"|speak|play|practise|practice|collect|drive|ride|drink|eat|avoid|take|wear|use|volunteer|belong|support"
    r"|subscribe|rent"
    r"|renewed|booked|married|met|grew up|was born|were born|was diagnosed|suffer|allergic|vegan|vegetarian"
    r"|intolerant|afraid"
    r"|a|an|from|called|engaged|divorced|retired|learning|studying|training|saving|renting|building|writing"
    r"|expecting|stand"
    r"|keep|parked|put|lent|borrowed|owe|inherited|named|planted|painted|installed|hired|switched|changed|run|swim"
    r"|cycle|cook"
    r"|meet|visit|see|go)\b" + _VAGUE_OBJECT,
    re.I,
)
_HAVE = re.compile(r"\b(?:i|we)(?:'ve| have| own)(?: got)?\s+(?:a|an|two|three|four|five|\d+|no|some|both)\s+\w+", re.I)
# "My passport expires on 3 May", "our neighbour's cat is called Tom".
_MINE = re.compile(
    r"\b(?:my|our)\s+(?:[\w'-]+\s+){1,4}?(?:is|are|was|were|has|have|lives?|works?|likes?|loves?|hates?|prefers?|plays?"
    r"|studies|speaks?|starts?|ends?|expires?|costs?|runs?|got|moved|died|bought|owns?|eats?|drinks?|takes?|needs?"
    r"|teaches"
    r"|goes|comes|visits|started|finished|joined|sold|passed|means|turns?|hates|keeps?|sits|stands|opened|opens"
    r"|closes|changed|graduated|retired|doesn't|isn't|can't)\b",
    re.I,
)
# A name, a number or a place among the words makes a plain sentence about one's own worth keeping.
_ANCHOR = re.compile(r"\d|(?<![.!?] )(?<!^)\b(?!I\b|I'|OK\b|TV\b)[A-Z][a-z]+")
_SMALL_TALK = re.compile(
    r"\b(?:i(?:'m| am) (?:so |very |really |a bit |just |pretty |feeling )*(?:fine|good|ok|okay|great|tired|hungry"
    r"|thirsty|bored"
    r"|busy|back|here|done|sorry|sure|glad|happy|sad|sick|ready|late|lost|confused|curious|afraid (?:not|so|that)"
    r"|stuck|in a"
    r" (?:hurry|rush|meeting)|on (?:my|the) way|at (?:work|home|lunch)|out of|excited|stressed|worried|impressed"
    r"|kidding|joking"
    r"|asking|talking|trying|looking|having|getting|about|used to it|all|not|with you|right|wrong|feeling|freezing"
    r"|exhausted"
    r"|overwhelmed|grateful|surprised|annoyed|a (?:bit|little|fool|mess|genius))"
    r"|i (?:see|agree|know|understand|forgot|forget|mean|meant|think so|thought so|guess|suppose|don't (?:know|care"
    r"|mind|think|get"
    r"|understand|remember|see|need|want)|didn't|couldn't|can't (?:believe|wait|find|see|tell|remember|sleep|think"
    r"|open|get)"
    r"|appreciate|owe you|love (?:it|that|this|you|how)|like (?:it|that|this|your|how|where)|hate (?:it|that|this"
    r"|when|how|mondays)"
    r"|see you|got it|get it|had (?:a|an) (?:great|good|bad|long|awful|nice|terrible|rough|lovely) |feel|slept|need"
    r"|never (?:said|mind|thought|know)|do(?:n't)? too|have to|had to|must|take it|keep (?:forgetting|getting|losing)"
    r"|see (?:what|that|your|the)|go (?:now|to bed|back)|put it|met (?:a|some) |left (?:the|a) (?:house|message))"
    r"|my (?:bad|pleasure|god|goodness|day|head hurts|apologies|mistake|fault|mood|coffee is|lunch|computer is"
    r"|internet is|screen"
    r"|question|point|guess|idea|impression|battery is|brain|back hurts|eyes)\b"
    r"|(?:we|i) (?:have|had|'ve) (?:got )?(?:a|an|no|some) (?:idea|clue|problem|question|issue|meeting|minute|moment"
    r"|headache"
    r"|cold|feeling"
    r"|point|lot|bit|look|great|good|nice|hard time|choice|few|long)\b)",
    re.I,
)


# What is usual, what one can do, and what one has lived through.
_USUAL = re.compile(
    r"\b(?:i|we|my \w+ and i|[a-z]+ and i)\s+(?:\w+ly )?"
    r"(?:always|never|usually|often|rarely|mostly|normally|once|both|still) \w+"
    r"|\b(?:i|we) (?:can|can't|cannot|know how to|learned to|learnt to|was taught|grew up|won|broke my|gave up"
    r"|find it (?:hard|easy)|used to|don't|do not) \w+"
    r"|\b(?:i|we)(?:'ve| have) (?:been to|visited|known|learned|never|always|had|owned|lived|worked|played|won|lost"
    r"|an? (?:scar|licen[cs]e|daughter|son|brother|sister|twin))\b"
    r"|\b(?:i|we)\b.*\b(?:most (?:days|weeks|mornings|evenings)|every (?:day|week|month|year|summer|winter|morning"
    r"|evening|\w+day)|on \w+days|on holiday|at weekends|for years|years ago|when i was (?:\d+|a (?:child|kid|boy|girl)"
    r"|young|little))\b"
    r"|^(?:on holiday|at home|in (?:my|our) (?:house|family)|at weekends|on \w+days),? (?:i|we) \w+"
    r"|\b(?:taught|gave|showed|left) me \w+|\bmy (?:parents|family|grandparents|ancestors) \w+",
    re.I,
)
# "I have a headache" fits the grammar too.
_WEAK_SLOTS = ("has", "likes", "use", "take", "eats", "drink", "play", "wear")


@dataclass(frozen=True, slots=True)
class Statement:
    """A text that tells something, and what it claims."""

    text: str
    claims: tuple[Claim, ...]


def find_statements(text: str) -> tuple[Statement, ...]:
    """Return what of a turn of the user's is worth keeping for itself, in order."""
    own = own_words(text)
    if not own or mood.jokes(own):
        return ()
    chosen: list[Statement] = []
    last_place = -1
    for place, sentence in enumerate(_sentences(own)):
        if _THIRD_START.match(sentence[len(opening(sentence)) :]):
            # "She is vegan" says nothing without the sentence before it, if that was kept.
            if chosen and last_place == place - 1 and _GOES_ON.match(sentence) and _is_plain(sentence):
                chosen[-1] = Statement(f"{chosen[-1].text} {sentence}", chosen[-1].claims)
                last_place = place
        elif (statement := judge(sentence)) is not None:
            chosen.append(statement)
            last_place = place
    return tuple(chosen)


def judge(sentence: str) -> Statement | None:
    """Return the statement that a sentence is; None where it tells nothing lasting."""
    if not _is_plain(sentence):
        return None
    core = sentence[len(opening(sentence)) :].strip()
    text = core[:1].upper() + core[1:] if len(core.split()) > 2 else ""
    if not text or mood.asks(text) or mood.orders(text) or len(text) > LONGEST_CHARS:
        return None
    claims = read_claims(sentence).claims
    told = claims and not (_SMALL_TALK.search(text) and all(claim.slot in _WEAK_SLOTS for claim in claims))
    return Statement(text, claims) if told or _lasts(text) else None


def own_words(text: str) -> str:
    """Return the part of a message that the user says for themselves; "" where all of it is material for something."""
    lines = text.replace("’", "'").splitlines()
    first = next((line for line in lines if line.strip()), "")
    if _MATERIAL.search(first[:200]) or "```" in text:
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
    return "\n".join(
        line if not re.search(r"\b(?:this|following|it|text|sentence|says?):\s", line, re.I) else "" for line in kept
    )


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


def _sentences(text: str) -> list[str]:
    return [" ".join(sentence.text.split()) for sentence in split_sentences([Passage("", text, USER)])]


def _is_plain(sentence: str) -> bool:
    return mood.tells(sentence) and not mood.passes(sentence)


def _lasts(text: str) -> bool:
    if re.match(r"(?:I|We) (?:know how|never learned|don't like) to\b", text):
        return True
    if not _FIRST_PERSON.search(text) or _SMALL_TALK.search(text):
        return False
    if _HAVE.search(text) or _USUAL.search(text):
        return len(text.split()) >= 3
    return bool((_LASTING.search(text) or _MINE.search(text)) and (_ANCHOR.search(text) or len(text.split()) >= 4))
