"""What is to be looked up of what was told: "what did I tell you about ...", "remind me where ...", "... again?".

Owns the shapes of such a question, and what makes it one of knowledge. English, like the prompts. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.agent.plain_frames import Framed
from openclaw_desktop.agent.plain_kinds import NeedsTools, RecallAbout
from openclaw_desktop.agent.plain_words import (
    ANY_CASE,
    DATA,
    END,
    HOLLOW,
    MINE,
    MORE_THAN_ONE,
    OTHER_THINGS,
    SENTENCE_WITHIN,
    TELLS,
    TIME,
    TOLD,
    WHOLE,
)
from openclaw_desktop.core.patterns import LazyPattern

_GAVE = LazyPattern(r"\b(?:gave|given|give|shared|share|asked|ask)\b", ANY_CASE)
_LOOK_UP = LazyPattern(
    r"^(?:what (?:did|have) (?:i|we) (?:ever )?(?:tell|told|say|said|mention|mentioned|write"
    r"|written)(?: to)? ?(?:you)?"
    r"|tell me (?:what|everything|anything|all)(?: that)? i(?:'ve| have)? (?:told you|said|mentioned)"
    r"|(?P<idea>any idea)"
    r"|what (?:did|have) you (?:noted?|remember(?:ed)?|saved?|stored?|keep|kept|got saved|got stored|got noted)"
    r"|(?:did|have|had) (?:i|we) (?:ever |already )?(?:tell|told|mention|mentioned|say|said)(?: to)?(?: you)?"
    r"|(?:tell me |say )?(?:what|everything|anything|all)(?: that)? (?:do )?you (?:still )?(?:(?P<know>know|have)"
    r"|remember|recall)|do you (?:still |happen to |by any chance )*(?P<do>remember|know|recall)"
    r"|try to (?:recall|remember)|recall"
    r"|(?:look|look up|check|search|see|go|look through)(?: (?:in|through|into))? (?:your |the )?(?:memory"
    r"|memories|notes)"
    r"(?: for| and tell me)?|what(?:'s| is)(?: there)? in your (?:memory|memories|notes)"
    r"|what do your (?:notes|memories) say|(?:is there |do you have "
    r"|have you got )?anything in your (?:memory|notes)"
    r"|(?:do you have|have you got) any(?:thing)? (?:notes?|memory|memories|saved|noted|stored)"
    r"|remind me (?:of )?what (?:i|you) (?:said|told you|mentioned|know|remember))"
    r"(?:\s+(?:about|of|on|regarding|concerning|for))?[,:]?\s+(?P<query>\S.*)$",
    WHOLE,
)
_DO_YOU_HAVE = LazyPattern(
    r"^(?:do you(?: still)? have|have you(?: still)? got|did you) (?P<query>(?:my|our|any|the|where|what|save"
    r"|note|keep)\b.*?)"
    r"\s+(?:saved|stored|noted|on record|on file|in (?:your )?(?:memory|notes)|written down|memori[sz]ed"
    r"|remembered)"
    r"(?:\s+(?:somewhere|anywhere|for me))?[\s?.!]*$",
    WHOLE,
)
_REMIND_OF = LazyPattern(r"^remind me of (?P<query>(?:my|our|the)\b\s.*)$", WHOLE)
_STILL_HAVE = LazyPattern(
    r"^(?:do you(?: still)? have|have you(?: still)? got) (?P<query>(?:my|our)\b[^.?!;,]*)[\s?.!]*$", ANY_CASE
)
_WH = (
    r"(?:what(?:'s)?|which|who(?:'s|se|m)?|where(?:'s)?|when(?:'s)?|how(?:'s)?|in which|on which"
    r"|at what|to whom|by when)"
)
_QUESTION = LazyPattern(rf"^(?:(?:and|so|tell me|remind me|say)\s+)*(?:again\s+)?{_WH}\b", ANY_CASE)
# An opinion, advice or the sense of something is asked, not what was told.
_NOT_TOLD = LazyPattern(
    r"\b(?:should|would|could|can|shall|might|do you think|your (?:opinion|view|take)|do (?:i|we|you)|to do"
    r"|wrong|better"
    r"|mean|if i|supposed)\b|^(?:why|how (?:to|come|about))\b",
    ANY_CASE,
)
_HERE = LazyPattern(
    r"\b(?:last|previous|first|second) (?:message|question|sentence|answer)|just (?:now|said|say|tell|told)\b"
    r"|\b(?:minute|moment|second)s? ago|this (?:chat|conversation)|\babove\b|talking about|\bi mean\b|who i am\b"
    r"|our (?:chat|conversation)|\b(?:tell|told|ask|asked) you to\b(?! (?:remember|keep|note|save))",
    ANY_CASE,
)
# "I know I told you my passport number - what was it?"
_KNEW = LazyPattern(
    r"^(?:(?:i|we)\b.{0,40}?\b(?:told|mentioned|gave|said|shared|forgot|forgotten|forget|remember|recall"
    r"|lost)\b|you\s+were\s+told)"
    r"[^?]*?(?:\s*[,.;:–—-]+\s*|\s+(?:but|and|so)\s+)(?:but |and |so |now )?"
    rf"(?:{_WH}\s*(?:was|is|were|are|did)?\s+(?:it|that|he|she|they|this|those|one|the name)\b(?: (?:again"
    rf"|called|now|i said))*"
    r"|(?:do|did|can|could|would|have) you (?:please |still |happen to )?(?:know|remember|recall|have|remind"
    r"|tell|got|help|say|note"
    r"|save|keep)(?: (?:me|it|that|them|what it (?:is|was)|where it (?:is|was)|remember))*|(?:do|can) you"
    r"|remind me|tell me)"
    r"(?: (?:please|again|of it))*[\s?.!]*$",
    WHOLE,
)
_KNEW_ABOUT = LazyPattern(r"\b(?:you|remember|recall|forgot|forget|forgotten|lost|mentioned|told)\b", ANY_CASE)
_REMIND_WHAT = LazyPattern(
    rf"^(?:remind me(?: again| once more| quickly)?|tell me (?:again|once more))(?: of"
    rf"| about)?,? (?P<query>{_WH}\b\s.*)$",
    WHOLE,
)
_REMIND_WHEN = LazyPattern(r"^(?:when(?:ever)?|if)\b", ANY_CASE)
# "What's my shoe size again?"
_AGAIN = LazyPattern(
    rf"^(?:so |and |wait |remind me )?(?P<query>(?:{_WH}|tell me)(?:'s| is| was| are| were| did| does| do"
    rf"| \w+)?\s.*?)[\s,]+again[\s?.!]*$",
    WHOLE,
)
# Nobody else knows these, whosever they are.
_PRIVATE = LazyPattern(
    r"\b(?:(?:alarm|door|gate|entry|entrance|garage|locker|access|lock|safe|key|pin|building|house|bike|gym"
    r"|voicemail) ?"
    r"(?:code|number|combination)|password|passcode|passphrase|wi-?fi (?:code|key|name)|pin|spare key|login"
    r"|shoe size)\b",
    ANY_CASE,
)
_OWN = LazyPattern(r"\b(?:my|our|i|we|mine|ours)\b", ANY_CASE)
_SAID_ALONE = LazyPattern(
    r"^(?:did|have|had) (?:i|we) (?:ever |already )?(?:say|said|tell|told)(?! (?:to )?you\b)", ANY_CASE
)
_DETAIL = LazyPattern(
    r"^(?:what|which)\s+(?:\w+\s+){1,3}\w+s\b|^where\s+\w+\s+(?:put|left|lives|works|parked)\b", ANY_CASE
)
_TOPIC = LazyPattern(r"^(?:about|where|what|who|when|which|how|that|my|our|if|whether)\b", ANY_CASE)
# "Do you know how I can ...", "do you know any song ..." ask for knowledge.
_KNOWLEDGE = LazyPattern(
    r"^(?:how\b|why\b|if\b|whether\b|any\b|an?\b|some\b|that\b)|\b(?:can|could|should|would|to)\b", ANY_CASE
)


def parse_recall(framed: Framed) -> RecallAbout | NeedsTools | None:
    """Return what is to be looked up of what was told."""
    text = framed.core
    if framed.can and framed.question and text.lower().startswith("remember"):
        return None  # which of the two it is, the words behind it say
    query = text.rstrip(END)
    if (match := _REMIND_WHAT.match(text)) is not None:
        asked = match["query"].rstrip(END)
        if _REMIND_WHEN.match(asked) and not TOLD.search(asked):
            return NeedsTools()
        told = TOLD.search(asked) is not None
        if told and (
            named := re.search(r"\b(?:told you|said|mentioned)\s+(?:about|on|regarding)\s+(\S.*)$", asked, WHOLE)
        ):
            asked = named[1]
        return RecallAbout(asked, certain=told or (_is_own(asked) and not TIME.search(asked)))
    match = None if framed.asks and TELLS.match(text) else _LOOK_UP.match(text)
    if match is not None and not SENTENCE_WITHIN.search(match["query"]):
        query = match["query"].rstrip(END)
        if HOLLOW.match(query):
            return None
        # "Do you know why the sky is blue?" asks for knowledge; "do you know where I parked?" for a memory.
        knowledge = match["do"] or match["know"] or match["idea"]
        own = MINE.search(query) is not None and not (match["do"] and query.lower() in ("me", "us"))
        # "Do you remember what size Ben takes?": that is no general knowledge.
        own = own or (match["do"] in ("remember", "recall") and _DETAIL.match(query) is not None)
        own = own and not (match["do"] == "know" and _KNOWLEDGE.search(query))
        if _SAID_ALONE.match(text) and not _TOPIC.match(query):
            own, knowledge = False, "say"  # "did I say something wrong?"
        more = MORE_THAN_ONE.search(query) or _HERE.search(text)
        return RecallAbout(query, certain=not more and (not knowledge or own))
    if (match := _REMIND_OF.match(text)) is not None and not TIME.search(text) and DATA.search(text):
        return RecallAbout(match["query"].rstrip(END))
    if (match := _STILL_HAVE.match(text)) is not None and not OTHER_THINGS.search(text):
        return RecallAbout(match["query"].rstrip(END))
    if (match := _DO_YOU_HAVE.match(text)) is not None:
        return RecallAbout(re.sub(r"^(?:any|save|note|keep)\s+", "", match["query"]))
    if SENTENCE_WITHIN.search(text) is None and _QUESTION.match(text) and (told_part := TOLD.search(text)) is not None:
        gave = _GAVE.search(told_part[0]) is not None
        vague = gave and not re.match(r"(?:what|which|who|where|when)\s+(?:was|were)\b|.*\bdid\s+i\b", text, WHOLE)
        rest = text[: told_part.start()] + " " + text[told_part.end() :]
        yields = _NOT_TOLD.search(rest) or _HERE.search(text) or MORE_THAN_ONE.search(text)
        return RecallAbout(query, certain=not (vague or yields))
    if (match := _KNEW.match(text)) is not None and _KNEW_ABOUT.search(text) and _OWN.search(text):
        return RecallAbout(re.split(r"\s*[.;–—]\s*|\s-+\s|,\s*(?=\w+ [^,]*$)", query)[0])
    if (match := _AGAIN.match(text)) is not None and not SENTENCE_WITHIN.search(text):
        asked = match["query"].rstrip(END)
        private = _is_own(asked) or _PRIVATE.search(asked) is not None
        return RecallAbout(asked, certain=private and _HERE.search(text) is None)
    return None


def _is_own(question: str) -> bool:
    """Return True where something of the user's is asked, not what they should do."""
    return _OWN.search(question) is not None and _NOT_TOLD.search(question) is None
