"""What of a sentence is to be kept: "remember that ...", "store this for me: ...", "... Keep that in mind".

Owns the shapes of such a request. It yields when unsure, and to a reminder. English, like the prompts. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.agent.plain_frames import Framed, any_of
from openclaw_desktop.agent.plain_kinds import NeedsTools, RecallAbout, RememberThis
from openclaw_desktop.agent.plain_words import (
    ANY_CASE,
    END,
    MINE,
    MORE_THAN_ONE,
    ORDER,
    SENTENCE_WITHIN,
    TELLS,
    TIME,
    WHOLE,
)
from openclaw_desktop.core.patterns import LazyPattern

_TO_MEMORY = any_of("""
    in mind, in memory, in your memory, to memory, to your memory, into memory, into your memory, in your memories
    in your notes, to your notes, into your notes, on record, on file, in your records, for me, for later
    for next time
    for the future, for future reference, for later reference, for reference, down, away, somewhere
    somewhere safe, safe
    please, would you, will you, could you, can you, from now on, as a note, as a memory, right now, now, well, handy
""")
_THIS = (
    r"(?:this|that|it|these|the following|the following fact|this fact|this information"
    r"|this info|this detail|one thing|something|a fact)"
)
_RECORDERS = any_of("""
    save, store, keep, note, record, log, write, jot, file, put, add, commit, hang on to, hang onto
    hold on to, hold onto
    remember, memorise, memorize, retain, make a note of, make note of, take note of, take a note of
    keep a note of, learn
    make a mental note of, keep track of, don't forget, do not forget, never forget, bear, have
""")
# "Store this for me: FACT", "commit this to memory, would you - FACT", "could you hang on to this? FACT".
_KEEP_THIS = LazyPattern(
    rf"^{_RECORDERS}\s+{_THIS}(?:[\s,]+{_TO_MEMORY}){{0,4}}\s*(?:(?<=[\w ])[-–—]+\s|[:.!?,;–—\n]"
    rf"|\s-+\s)\s*(?P<text>\S.*)$",
    WHOLE,
)
# "Remember that FACT", "remember FACT": these say by themselves that a fact follows.
_KEEPERS = (
    r"(?:remember|memori[sz]e|(?:keep|bear|have)(?: this| it)? in mind|(?:don't|do not|never)(?: ever)? forget"
    r"|(?:make|take|keep) (?:a |yourself a )?(?:mental |quick )?note(?: of)?|take note|note to self"
    r"|note to yourself"
    r"|(?:save|store|keep|add|put|commit|file) (?:this |it |the fact )?(?:in|to|into) (?:your )?memory)"
)
# These may begin an order too ("write down ten ideas"): only with "that", a colon, or a fact about oneself behind them.
_WRITERS = (
    r"(?:note(?: down)?|jot(?: down)?|write down|put down|put on record|record|log|learn|know|save|store|keep"
    r"|retain"
    r"|mark down|take down)"
)
_FOR_LATER = r"(?:\s+(?:for (?:me|later|the future|next time|future reference)|please|the following))*"
_KEEP = LazyPattern(
    rf"^(?:(?P<keeper>{_KEEPERS})|(?P<writer>{_WRITERS})){_FOR_LATER}(?P<link>\s*(?:[:,]|\s-)?\s*"
    r"(?:(?:the fact )?that\b(?!\s+(?:is|was)\b)\s*)?)(?P<text>\S.*)$",
    WHOLE,
)
# "For future reference, FACT".
_REFERENCES = any_of("""
    for future reference, for later reference, for reference, for your reference, for the record, for your records
    for the future, for your information, for next time, fyi, just so you know, note to self, note, so you know
    as a note for later, for later, here's something to remember, here is something to remember, something to remember
    one thing to remember, here's one to remember, one more thing to remember, here's a fact to remember, important
    things to remember, here's something for you to remember, this is important
""")
_FOR_REFERENCE = LazyPattern(
    rf"^(?:{_REFERENCES}\s*[,:–—-]|(?:from now on,? )?(?:you should|you need to|so you|just so you) know"
    r" (?:for later,|that\b))\s*(?P<text>\S.*)$",
    WHOLE,
)
_IDIOM = LazyPattern(r"^(?:for the record|for your information|fyi|just so you know|so you know)", ANY_CASE)
_OWN_FACT = LazyPattern(
    r"^(?:(?:my|our)\b|[\w'-]+'s\s+\w+.*\b(?:is|are)\b|i(?:'m| am| have|'ve got| live| work| like| love| hate"
    r"| prefer"
    r"| take| drink| eat| use| need| wear| speak| own| drive)\b(?!\s+(?:not|sure|sorry|afraid|glad|happy"
    r"|right|kidding|done)\b))",
    WHOLE,
)
# "My number is 5550199, please save that", "The key is in the shed. Could you remember that for me?"
_THAT_DONE = LazyPattern(
    r"^(?P<text>\S.{5,}?)\s*[,.;:!–—-]+\s*(?:(?:so|and|now|just|please|kindly|also|do|always),?\s+){0,3}"
    r"(?P<asks>(?:can|could|would|will) you\s+(?:please\s+)?|i'd like you to\s+|i want you to\s+)?(?:please\s+)?"
    rf"(?P<verb>{_RECORDERS})\s+(?P<object>that|this|it)(?P<tail>(?:[\s,]+{_TO_MEMORY}){{0,4}})\s*[.!?]*$",
    WHOLE,
)
_ASKED = LazyPattern(
    r"^(?:what|who|where|when|which|why|how|is|are|do|does|did|can|could|would|will|should|have|has)\b", ANY_CASE
)
_CONDITION = LazyPattern(r"^(?:if|when|whenever|unless|until|once|before|after|as soon)\b", ANY_CASE)
_VERB = (
    r"\b(?:is|are|am|was|were|has|have|had|will|means?|likes?|loves?|hates?|prefers?|needs?|lives?|works?"
    r"|goes|takes?"
    r"|wants?|owes?|uses?|drinks?|eats?|can't|doesn't|don't|isn't|starts?|ends?|runs?|sleeps?|keeps?|drives?|wears?"
    r"|sits?|stands?|belongs?|expires?|moved|parked|left|put|bought|lent|borrowed|promised|turns?|costs?"
    r"|comes?|knows?)\b"
    r"|\w'(?:s|m|re|ve|ll|d)\b"
)
_STATES = LazyPattern(
    rf"^(?:my|our|he|she|it|they|his|her|their|there|the|this|that)\b|\b(?:i|we)\b|{_VERB}|:\s",
    ANY_CASE,
)
# "Remember milk" and "remember the Alamo" state nothing; a number or something of the user's does.
_SAYS = LazyPattern(rf"{_VERB}|:\s|\d{{3}}|\b(?:my|our|i|we)\b", ANY_CASE)
# "Remember that the door sticks", and not "remember that song".
_CLAUSE = LazyPattern(r"^(?:[A-Z][\w'-]*|(?i:the|an?|my|our|his|her|their|its|there|all|no|every)\b\s+\S+)\s+\S")
_OWN_VALUE = LazyPattern(rf"^(?:my|our)\b.*(?:\d|:|{_VERB})|^(?:i|we)\b", WHOLE)
# "Remember where I parked?" asks, and "remember me" says nothing to keep.
_NO_FACT = LazyPattern(
    r"^(?:(?:when|where|who|what|which|how|why|if|whether|me|us|and|or|but|then)\b"
    r"|(?:the |one |that )?time (?:when|we|i|you|that)\b"
    r"|(?:you|your)\b(?!'s)|(?:the )?(?:good )?(?:old )?days\b)",
    ANY_CASE,
)
_NOTHING = LazyPattern(
    rf"^(?:{_THIS}|things|stuff|everything|anything|all(?: of)? (?:this"
    rf"|that))(?:[\s,]+{_TO_MEMORY}){{0,4}}[\s.!?]*$",
    ANY_CASE,
)
_NOSTALGIA = LazyPattern(r"^(?:when (?:we|you)|(?:the|that) (?:time|day|night|summer)s?)\b", ANY_CASE)
# "This is a test, now write a poem": the order is what is wanted.
_ORDER_BEHIND = LazyPattern(
    r"[,;–—]\s*(?:so|now|then)\s+(?:please\s+)?(?:write|remind|tell|translate|make|show|give|explain|open"
    r"|read|send|do|fix)\b",
    ANY_CASE,
)
_REMINDER = LazyPattern(r"^to\s+(?:remind|wake|tell|notify|alert|ping|e-?mail|message|text|call me|send)\b", ANY_CASE)
_WHAT_YOU_ARE_TOLD = LazyPattern(
    r"^(?:(?:things|stuff|everything|anything|what|facts?|whatever)\b.*\btell\b|(?:what (?:i"
    r"|we) (?:just )?(?:said|told you)|me|us)\W*$)",
    ANY_CASE,
)


def parse_remember(framed: Framed) -> RememberThis | RecallAbout | NeedsTools | None:
    """Return what is to be kept; a question with "remember" asks for it instead."""
    text = framed.core
    polite = framed.asks or framed.can
    if (match := _THAT_DONE.match(text)) is not None and (
        not framed.question or (match["asks"] and (match["tail"] or not match["verb"].lower().startswith("remember")))
    ):
        return _told_before(match)
    if (match := _KEEP_THIS.match(text)) is not None:
        fact = match["text"].strip()
        return (
            None
            if _is_no_statement(fact) or fact.endswith("?")
            else RememberThis(fact, MORE_THAN_ONE.search(fact) is None)
        )
    if (match := _FOR_REFERENCE.match(text)) is not None and not framed.question:
        fact = match["text"].strip()
        if _IDIOM.match(text) and not _OWN_FACT.match(fact):
            return None
        if _KEEP.match(fact) is None and not _is_no_statement(fact):
            return RememberThis(fact, MORE_THAN_ONE.search(fact) is None)
        text = fact
    match = _KEEP.match(text)
    return _keep(framed, match, polite) if match is not None else None


def _told_before(match: re.Match[str]) -> RememberThis | None:
    """Return the fact in front of "remember that"."""
    told, verb = match["text"], match["verb"].lower()
    if _is_no_statement(told) or told.endswith("?") or _NO_FACT.match(told):
        return None
    # "I finished the report, save it" may mean the report.
    thing = match["object"].lower() == "it" and verb in (
        "save",
        "store",
        "write",
        "record",
        "log",
        "keep",
        "put",
        "add",
    )
    if verb in ("put", "add", "have", "bear", "file") and "mem" not in match["tail"] and "mind" not in match["tail"]:
        return None
    thing = thing and "mem" not in match["tail"] and "mind" not in match["tail"]
    return RememberThis(told, certain=not thing and MORE_THAN_ONE.search(told) is None)


def _is_no_statement(text: str) -> bool:
    return bool(ORDER.match(text) or _ASKED.match(text) or _CONDITION.match(text) or not _STATES.search(text))


def _keep(framed: Framed, match: re.Match[str], polite: bool) -> RememberThis | RecallAbout | NeedsTools | None:
    fact, link = match["text"].strip(), match["link"]
    verb = (match["keeper"] or match["writer"]).lower()
    linked = "that" in link.lower() or ":" in link or " -" in link
    if match["writer"] and not linked and not _OWN_VALUE.match(fact):
        return None
    if (
        match["writer"]
        and verb in ("keep", "save", "store", "retain", "learn", "know", "record")
        and not (
            re.search(r"\bfact that\b|:", link)
            or (verb in ("learn", "record") and linked)
            or (verb == "know" and framed.advises)
        )
    ):
        return None
    if framed.question and SENTENCE_WITHIN.search(fact):
        return None
    if framed.question and verb == "remember" and not (polite and TELLS.match(match.string)):
        if _WHAT_YOU_ARE_TOLD.match(fact) or _NOTHING.match(fact):
            return None
        query = (link.strip(" ,:-") + " " + fact).strip().rstrip(END)
        own = framed.can or (MINE.search(query) is not None and not _NOSTALGIA.match(query))
        return RecallAbout(query, certain=own and not fact.startswith("to "))
    if framed.question and not polite:
        return None
    fact = fact.removesuffix("?").rstrip() if framed.question else fact
    if _NOTHING.match(fact) or _NO_FACT.match(fact) or _ORDER_BEHIND.search(fact):
        return None
    if fact.startswith("to "):
        # "Make a note to call Ann" is a to-do.
        if TIME.search(fact) or _REMINDER.match(fact) or not re.search(r"remember|forget", verb):
            return NeedsTools()
        return RememberThis(fact, certain=False)
    if not _SAYS.search(fact) and not (linked and (":" in link or _CLAUSE.match(fact))):
        return None
    if "," in link and not linked and not MINE.search(fact):
        return None
    return RememberThis(fact, certain=MORE_THAN_ONE.search(fact) is None)
