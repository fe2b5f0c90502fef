"""What is to be erased of what was told: a verb of erasing with something that is a memory.

Owns the shapes of such a request. It yields to dropped subjects, plans and files. English, like the prompts. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.agent.plain_frames import Framed
from openclaw_desktop.agent.plain_kinds import ForgetAbout, NeedsTools
from openclaw_desktop.agent.plain_words import (
    ANY_CASE,
    DATA,
    END,
    HOLLOW,
    MINE,
    MORE_THAN_ONE,
    ORDER,
    OTHER_THINGS,
    WHOLE,
)
from openclaw_desktop.core.patterns import LazyPattern

_DROP = (
    r"(?:erase|delete|remove|wipe(?: out)?|scrub|clear(?: out)?|drop|purge|discard|lose|get rid of"
    r"|throw (?:out|away)|take|get(?! rid of)"
    r"|strike|expunge|dump|eliminate|destroy|scrap)"
)
_LET_GO = (
    r"(?:forget|unlearn|unremember|stop remembering|no longer (?:remember|know|keep|store|hold on to)|not remember)"
)
_ALL = r"(?:everything|anything|all|whatever|what|all of what|the things|things|the stuff|any of what|that)"
_SAID = (
    r"(?:(?:i|we)(?:'ve| have|'d| had)?\s+(?:ever |once |just )?(?:said|told you|mentioned|shared|given you"
    r"|gave you|asked you to"
    r" (?:remember|keep|note|save))"
    r"|you(?:'ve| have)?\s+(?:ever |still |got )*(?:know|remember|saved?|stored?|kept|keep|noted|have|hold"
    r"|got|learned|learnt"
    r"|recorded|written down|memori[sz]ed)(?:\s+(?:saved|stored|noted|on record|on file|written down"
    r"|in (?:your )?memory))?)"
)
_NOTE = r"(?:notes?|memor(?:y|ies)|facts?|records?|entr(?:y|ies)|info|information|details?|data)"
_ABOUT = r"(?:about|of|on|regarding|concerning|for|that)"
_FROM_MEMORY = (
    r"(?:\s+(?:from|in|out of|off)\s+(?:your\s+)?(?:own\s+)?(?:memory|memories|mind|head|records?"
    r"|memory banks?|brain))"
)
# What makes it a memory, and not a file or a plan; `query` stands behind it.
_TOLD_THING = LazyPattern(
    rf"^(?:{_ALL}\s+(?:that\s+)?{_SAID}|(?:the|that|your|any|all|my|every|those|these)(?: the)? (?:\w+ )?{_NOTE}"
    rf"\s+(?:that\s+)?{_SAID}|(?:the|that|your|any|all|all your|every) (?:memory|memories)"
    rf"|the fact(?= that ))(?:\s+(?:to|in|with) (?:you|your memory))?"
    rf"(?:\s+{_ABOUT})?\s+(?P<query>\S.*)$",
    WHOLE,
)
_SAID_WHERE = LazyPattern(rf"^(?P<query>\S.*?){_FROM_MEMORY}\s*$", WHOLE)
_SAID_AFTER = LazyPattern(rf"^(?P<query>(?:the|my|our|that)\b.*?)\s+(?:that\s+)?{_SAID}(?:\s+for me)?$", WHOLE)
_ALL_ABOUT = LazyPattern(r"^(?:everything|all|anything)\s+(?:about|on|regarding|concerning)\s+(?P<query>\S.*)$", WHOLE)
_REQUEST = LazyPattern(rf"^(?:(?P<go>{_LET_GO})|(?P<drop>{_DROP}))\s+(?P<object>\S.*)$", WHOLE)
# ", we've moved out", "because it's old", ", it's out of date": why, not what.
_REASON = LazyPattern(
    r"\s*(?:[,;.–—]|\s-)\s*(?:because|since|as|it|it's|that's|that|they|they're|we|we're|we've|i|i'm|i've|he"
    r"|he's|she|she's"
    r"|this|these|those|no longer|not|now that|there's)\b[^,;]*$|\s+(?:because|since)\b.*$",
    WHOLE,
)
_SECOND = LazyPattern(
    r"[,;.!?–—]\s*(?:and |then |so |just |instead |please |now )*(?:let's|let|just|cancel|stop|do|don't|go"
    r"|use|instead|what|how|why|where"
    r"|who|tell|show|give|make|write|can|could|would|will|is|are|we'll|i'll|start|try|help|order|book|set"
    r"|take|call|play)\b"
    r"|\binstead\b|\bfor (?:a|the|one) (?:moment|minute|second|while|now)\b|\bfor now\b",
    ANY_CASE,
)
# "Forget it" drops the subject, and "forget that file" may mean many things.
_NOT_A_MEMORY = LazyPattern(
    r"^(?:it|that|this|about (?:it|that|this|him|her|them|us|me|you|everything)|me|you|him|her|them|us"
    r"|yourself|myself"
    r"|me not|everyone|everything|anything|nothing|all(?: of (?:it|this|that))?|(?:the|my) (?:file|folder|job|task"
    r"|reminder|list)"
    r"|(?:that )?i (?:ever )?(?:asked|said (?:anything|that|it|so)|mentioned (?:it|that))|(?:what"
    r"|that) i (?:just )?(?:said|asked)"
    r"|(?:the|my|that|this) (?:last |previous )?(?:message|question|request)"
    r"|(?:(?:all|everything)(?: of| in)? )?(?:my |your |the )?(?:whole |entire )?memor(?:y|ies))\b\W*"
    r"(?:all|then|now|already|never mind)?\W*$"
    r"|^(?:the|that) (?:file|folder|job|task|reminder)\b",
    ANY_CASE,
)
# "That note about the wifi is out of date, drop it from your memory."
_IT_BEFORE = LazyPattern(
    rf"^(?P<before>\S.{{5,}}?)\s*[,.;!–—-]+\s*(?:(?:so|and|now|just|please|you can|you should|you may"
    rf"|could you|can you),?\s+){{0,3}}"
    rf"(?:{_LET_GO}|{_DROP})\s+(?:it|that|this|them|those)\b(?P<memory>{_FROM_MEMORY})?(?:\s+(?:now|again"
    rf"|then|please|for me))*[\s.!?]*$",
    WHOLE,
)
_NOTE_BEFORE = LazyPattern(
    rf"^(?:that|the|your|my)\s+(?:\w+\s+)?{_NOTE}\s+(?:you\s+\w+\s+)?{_ABOUT}\s+(?P<query>.+?)"
    r"(?:\s+(?:is|are|was|were|isn't|has|have|doesn't|no longer)\b.*)?$",
    WHOLE,
)
_KEPT_BEFORE = LazyPattern(
    r"^(?:i'd rather you (?:didn't|did not|wouldn't|not)|i (?:don't|do not|no longer)"
    r" (?:want|like|need) (?:you to|that you|you)|you (?:don't|needn't|do not)"
    r" (?:need|have)?(?: to)?|there's no (?:need|reason) to|you shouldn't|no need to|please don't"
    r"|i'd prefer (?:that )?you (?:didn't|not))\s+"
    r"(?:keep|keeping|remember|remembering|know|store|storing|hold on to|hang on to|have|save)\s+(?P<query>\S.*?)"
    r"(?:\s+(?:on record|on file|in (?:your )?(?:memory|mind)|any ?more|any longer|saved|stored))*$",
    WHOLE,
)
_REMEMBERS = LazyPattern(r"(?:stop remembering|no longer remember|unremember)\b", ANY_CASE)
_IN_MEMORY = LazyPattern(r"\b(?:in (?:your )?memory|on record|on file)\b", ANY_CASE)
_ANY_MORE = LazyPattern(
    r"\s+(?:any ?more|any longer|from now on|altogether|completely|entirely|please|for good|at all"
    r"|again)$",
    ANY_CASE,
)
# "Take everything about Ann" and "drop all about it" may be said of many things.
_LOOSE = LazyPattern(r"^(?:take|drop|lose|strike|throw|dump|get)\b", ANY_CASE)
_DEED = LazyPattern(r"^(?:about\s+)?\w{3,}ing\b(?!\s+(?:address|code|number|name))|^to\b|^about to\b", ANY_CASE)


def parse_forget(framed: Framed) -> ForgetAbout | NeedsTools | None:
    """Return what is to be erased of what was told."""
    text = framed.core.rstrip(END)
    if framed.question and not (framed.asks or framed.can):
        return None
    if (match := _IT_BEFORE.match(text)) is not None and not _REQUEST.match(match["before"]):
        return _forget_before(match)
    if (kept := _KEPT_BEFORE.match(text)) is not None and _IN_MEMORY.search(text):
        return ForgetAbout(kept["query"])
    if (match := _REQUEST.match(text)) is None:
        return None
    object_ = match["object"].strip()
    if _NOT_A_MEMORY.match(object_):
        return NeedsTools()
    if match["go"] and match["go"].lower() == "not remember" and not _ANY_MORE.search(object_):
        return None
    while (extra := _ANY_MORE.search(object_)) is not None:
        object_ = object_[: extra.start()]
    if (thing := _told_thing(object_)) is not None:
        second = _SECOND.search(thing) is not None or thing.startswith("to ")
        return None if second or HOLLOW.match(thing) else ForgetAbout(thing, MORE_THAN_ONE.search(thing) is None)
    if OTHER_THINGS.search(object_):
        return None if _LOOSE.match(text) else NeedsTools()
    if (everything := _ALL_ABOUT.match(object_)) is not None and not _LOOSE.match(text):
        query = _REASON.sub("", everything["query"])
        return None if _SECOND.search(query) else ForgetAbout(query, MINE.search(query) is not None)
    return _let_go(framed, object_) if match["go"] else None


def _told_thing(object_: str) -> str | None:
    """Return what a memory is about: what was told, kept, or said to lie in the memory."""
    short = _REASON.sub("", object_)
    for pattern in (_SAID_WHERE, _TOLD_THING, _SAID_AFTER):
        if (match := pattern.match(short)) is not None:
            query = match["query"]
            if pattern is _SAID_WHERE and (inner := _TOLD_THING.match(query) or _ALL_ABOUT.match(query)) is not None:
                query = inner["query"]
            return query
    return None


def _let_go(framed: Framed, object_: str) -> ForgetAbout | NeedsTools | None:
    """Return what "forget my locker code" erases: something of the user's, or a fact by its name."""
    if _SECOND.search(object_):
        return NeedsTools() if object_.lower().startswith("about ") else None
    if _DEED.match(object_):
        return NeedsTools()
    short = _REASON.sub("", object_)
    if short != object_ and not DATA.search(short) and not _REMEMBERS.match(framed.core):
        return None  # "forget my coat, it's warm" drops a thought
    query = re.sub(r"^(?:anything |everything )?(?:about|of)\s+", "", short, flags=ANY_CASE)
    own = MINE.search(query) is not None
    about = (
        object_.lower().startswith("about ") or re.match(r"(?:anything|everything) about ", object_.lower()) is not None
    )
    if _NOT_A_MEMORY.match(query) or not (
        own or DATA.search(query) or (about and query[:1].isupper() and not framed.advises)
    ):
        return None
    return ForgetAbout(query, certain=own and MORE_THAN_ONE.search(query) is None)


def _forget_before(match: re.Match[str]) -> ForgetAbout | None:
    """Return what "it" is in "that note is out of date, drop it"."""
    before = match["before"].strip()
    if (kept := _KEPT_BEFORE.match(before)) is not None:
        return ForgetAbout(kept["query"])
    noted = _NOTE_BEFORE.match(before)
    if noted is not None and (match["memory"] or not OTHER_THINGS.search(before)):
        return ForgetAbout(noted["query"], certain=match["memory"] is not None)
    if match["memory"] and not ORDER.match(before):
        return ForgetAbout(before, certain=MINE.search(before) is not None)
    return None
