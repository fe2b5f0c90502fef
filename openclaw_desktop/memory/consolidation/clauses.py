"""A text cut into clauses, each with whom it is about, whether it denies, and what it says.

Owns subjects and the small words in front of a statement. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from openclaw_desktop.core.labels import USER as USER_LABEL
from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.core.sentences import Passage, split_sentences
from openclaw_desktop.memory.consolidation.spans import as_present, without_span


def listed(words: str) -> tuple[str, ...]:
    """Return the words of a list."""
    return tuple(words.split())


KIN = listed("""
wife husband partner mother father mum mom dad girlfriend boyfriend fiance fiancee boss manager landlord landlady
sister brother son daughter friend cousin uncle aunt niece nephew grandmother grandfather grandma grandpa neighbour
neighbor colleague flatmate roommate child kid twin stepmother stepfather stepson stepdaughter stepsister stepbrother
mother-in-law father-in-law sister-in-law brother-in-law dog cat
""")
# Of whom there is one at a time.
UNIQUE_KIN = frozenset(
    listed("""
    wife husband partner mother father mum mom dad girlfriend boyfriend fiance fiancee boss manager landlord landlady
    mother-in-law father-in-law
""")
)
# "My mom" and "my mother" are one.
SAME_KIN = {
    "mom": "mother", "mum": "mother", "dad": "father", "grandma": "grandmother", "grandpa": "grandfather",
    "kid": "child", "neighbor": "neighbour",
}  # fmt: skip
# Words before a kin that tell it from no other.
_SAME_ONE = frozenset(("", *listed("dear own current present lovely beloved dearest darling poor sweet")))
_KIN = "|".join(sorted(KIN, key=len, reverse=True))
_NAME = r"[A-Z](?:[\w-]|'(?!s\b))*[a-z](?: [A-Z][\w-]*[a-z])?"
NO_NAMES = frozenset(
    listed("""
The This That These Those It He She They We You There Here What When Where Who Why How My Our Your His Her Their
Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August September
October November December Today Tomorrow Yesterday Yes No Not Now Also Actually Please Some Every All Any Both Most Many
Italian Portuguese Spanish German French English British American Irish Scottish Dutch Polish Russian Chinese Japanese
Indian Brazilian Swedish Danish Norwegian Greek Turkish Canadian Mexican Ukrainian
After Before Since During Until By With Without At In On For From Of To As Whenever Although Because Still Just Only
Even Maybe Next Last Once While Got Nothing
One Two Three Everyone Everybody Someone Somebody Nobody People And But So Or If Then Than
""")
)
_NO_SUBJECTS = NO_NAMES - {"My", "Our", "We", "Now"}
_OWN_KIN = LazyPattern(
    rf"(?i:my|our) (?:(?P<which>\w+) )??(?P<kin>{_KIN})(?: (?P<name>{_NAME})|,"
    rf" (?P<named>{_NAME}),)?(?P<has>'s?)?\s+(?P<rest>.+)"
)
# What stands before a statement and says nothing, or says that something is put right.
MOVED = (
    r"(?:(?:was|is|has|got|has been|is being) )?(?:moved|rescheduled|changed|postponed|pushed(?: back| out)?|extended"
    r"|brought forward|put off)"
)
CHANGED_TO = r"(?:(?:has|have|was|were|got|has been|have been) )?(?:changed|switched|reset|updated) to"
# "My pressure has changed, it's 203 now".
_IT_CHANGED = r"(?:has|have) changed\b(?=[,:;]? (?:and |so )?it\b)"
_CHANGED_IT_IS = LazyPattern(
    r"^(?:has|have|is|are|was|were|got) (?:been )?changed[,:;]? (?:and |so )?it(?: is|'s) (?:now )?", re.I
)
_OPENING = LazyPattern(
    r"^\W*(?:(?:no|nope|yes|yeah|well|oh|ah|ok|okay|so|and|but|also|plus|hey|hi|hello|btw|fyi|sorry|look|correction"
    r"|anyway"
    r"|actually|wait|right|thanks|thank you|by the way|just so you know|for the record|you should know(?: that)?"
    r"|note(?: that)?"
    r"|(?:please )?remember(?: that)?|don't forget(?: that)?|in fact|i meant|i mean|that's wrong|that is wrong|not"
    r" quite"
    r"|(?:it )?turns out(?: that)?|put (?:differently|another way|simply|briefly)|in other words|to be precise"
    r"|it(?:'s| is) (?:decided|settled|official|agreed|final|certain)"
    r"|it(?:'s| is) (?:in|on) my (?:file|records?|card|chart|papers|passport|notes)"
    r"|i used to (?:think|say|believe|see it) (?:otherwise|differently),? but"
    r"|good news|update|big news|guess what)(?:[,:;.!]\s*|\s*[–—-]\s+"
    r"|\s+))+",
    re.I,
)
# What says since when, in front of a statement, and that it was otherwise before.
_FROM_NOW = r"(?:as of now|from now on|these days|nowadays|now),? "
_LEADS_IN = LazyPattern(rf"^{_FROM_NOW}(?!(?:that|is|and|then|what)\b)", re.I)
_GOT_NEW = LazyPattern(
    r"(?:I|i|[Ww]e) (?:have|got|have got) a (?:new|different) (?P<noun>[\w -]+?)(?: now)?(?::|,(?= [+\d])|,?"
    r" (?:and )?it(?: is|'s))"
    r" (?P<value>.+)"
)
# "My boss's assistant Oriel is a baker": of Oriel.
_ACQUAINTANCE = LazyPattern(
    rf"(?i:my|our) (?:[\w-]+ )?[\w-]+'s (?:[\w-]+ ){{1,2}}?(?P<name>{_NAME})\s+(?P<rest>[a-z].+)"
)
# "My piano teacher Noor lives in Ghent": of Noor, whatever Noor is to the user.
_OF_MINE = LazyPattern(
    rf"(?i:my|our) (?:[a-z][\w-]* ){{1,3}}?(?P<name>{_NAME})\s+(?P<rest>(?:(?:now|still|also|just|finally) )?"
    r"(?:lives?|works?|moved|left|has|is an? [a-z]|is at home|was born|settled|resides|retrained|quit|trained|earns"
    r"|relocated|studies|teaches|is married|got married)\b.+)"
)
# "Chassis number: 233199".
_ENTRY = LazyPattern(r"(?P<noun>[A-Z][\w'-]+(?: [\w'-]+){0,3}): (?P<value>\S.*)")
_SUBJECT_AHEAD = (
    rf"(?i:{_FROM_NOW})?(?:I\b(?! (?:by|of|from)\b)|i(?:'m| am| have| live| work)\b|we\b|(?i:my|our)\s"
    rf"|{_NAME}(?:'s)?\s+(?:is|was|has|lives|works|moved|and)\b)"
)
_JOINT = LazyPattern(rf"\s*(?:;|,?\s+(?:and|but|so|while)|,)\s+(?={_SUBJECT_AHEAD})")
_JOINS = LazyPattern(rf"\s*(?:;|,?\s+(?:and|but)|,)\s+(?={_SUBJECT_AHEAD})")
_FOR_ITSELF = LazyPattern(_SUBJECT_AHEAD)
# What holds of all parts, or of which nobody can tell of which it holds.
_BINDS = LazyPattern(
    r"\b(?:only|until|till|unless|if|whether|when|whenever|while|or|both|either|neither|respectively|except|because"
    r"|that I|now and then|(?:is|was|are|means?) I)\b|\bnot\W*$",
    re.I,
)
_POINTS_BACK = LazyPattern(r"\b(?:there|it|them|him|her|he|she|they|that|this|those|these(?! days)|ones?|too)\b", re.I)
_DENIAL = LazyPattern(
    r"^(?P<aux>do|does|did|am|is|are|have|has|was|were|can|will)? ?(?P<no>not|never|no longer|not any longer)\b ?"
    r"|^(?P<used>used to) |^(?:(?:do|does|am|is|are) )?(?P<hardly>hardly|barely|rarely|seldom) ",
)
# "I don't always like tea", "I don't just like it": neither yes nor no.
_NOT_QUITE = LazyPattern(
    r"\bnot (?:always|just|only|usually|mostly|often|generally|both|strictly|totally|absolutely)\b", re.I
)
_ENDED = LazyPattern(r"\b(?:any ?more|any longer)\b", re.I)
_CHANGE = LazyPattern(
    r"\b(?:now|no longer|any ?more|any longer|moved|relocated|changed|switched|instead|these days|nowadays|from now"
    r" on|used"
    r" to|new|stopped|quit|gave up|given up|sold|became|become|went|turned|started|recently|actually|correction|not"
    r" .+ but|replaced|swapped|cancelled|canceled|rescheduled|retrained|overturned|postponed|reset|updated|brought"
    r" forward|put off)\b"
    r"|^\W*no\b",
    re.I,
)
# What was so once, and may have been over long before anything else was said.
_ONCE = LazyPattern(
    r"\bas (?:an? )?(?:\w+ )?(?:child|children|kids?|boys?|girls?|teenagers?|baby)\b"
    r"|\bwhen (?:i|we|he|she|they) (?:was|were)\b|\b(?:back then|years ago|long ago|in those days)\b"
    r"|\bin (?:my|our|his|her|their) (?:childhood|youth|teens|twenties|thirties)\b|\bbefore\W*$"
    r"|\bback in (?:the|19|20)|\bin the (?:\w+ties|'?\d0s)\b|\b(?:came|moved|went) back\W*$|\bcame back\b",
    re.I,
)
# With how long, somebody lives there still: "I have lived in Lisbon for ten years".
_HAS_LIVED = LazyPattern(r"\b(?:have|has) (?:\w+ )?lived in\b(?!.*\b(?:for|all (?:my|our|his|her|their)|now)\b)")
# "My number is 5550, the old one doesn't work any more": that something is new, and no more.
_OLD_GONE = LazyPattern(
    r"[,;]?\s(?:and |so |but )?(?:please |you can )?(?:forget|ignore|drop|delete|scrap)(?: about)? (?:the|my)"
    r" (?:old|previous|former|other) (?:one|\w+)\b[^,;]*$"
    r"|[,;]\s(?:and |as |since |because )?(?:the|my) (?:old|previous|former)"
    r" (?:one|number|code|pin|password|address|phone)\s[^,;]*$"
    r"|[,;]\swhat a (?:change|surprise)\W*$",
    re.I,
)
_FILLER = LazyPattern(
    r"\b(?:now|currently|actually|really|just|still|recently|finally|already|officially|always|definitely|usually"
    r"|mostly"
    r"|absolutely|totally|both|indeed|also|truly|certainly|generally|sometimes|often|strictly)\b ?",
    re.I,
)
_ADDS = LazyPattern(r"\b(?:also|as well|too|another|additionally|second|side)\b", re.I)
_CONTRACTIONS = (
    (LazyPattern(r"\b(can)'t\b|\bcannot\b", re.I), "can not"),
    (LazyPattern(r"\bwon't\b", re.I), "will not"),
    (LazyPattern(r"n't\b", re.I), " not"),
    (LazyPattern(r"\b(I)'m\b", re.I), "I am"),
    (LazyPattern(r"'ve\b", re.I), " have"),
    (LazyPattern(r"'re\b", re.I), " are"),
    (
        LazyPattern(
            r"'s (?=(?:now |still |also |really |not |no longer )*(?:(?:allergic|married|engaged|vegan|vegetarian"
            r"|pescatarian"
            r"|called|named|living|working|based|a|an|moved|got|become|gone)\b|\d+\b(?! \w+ is)))",
            re.I,
        ),
        " is ",
    ),
)


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause. `subject`: "user", "user's sister" or a name, lower case; `noun`: what of theirs it is about, or None.

    `rest`: what follows, without its denial and fillers. `kin`: what a named one is to the speaker, where that is said.
    `text`: all of it, without what leads to it and without its span.
    """

    subject: str
    noun: str | None
    rest: str
    denied: bool
    changes: bool
    adds: bool
    text: str
    kin: str = ""
    # "Hardly", "once", "any more": nothing is told for certain. `speaker`: whose "I" it is.
    hedged: bool = False
    speaker: str = "user"


def cut_clauses(text: str, speaker: str) -> Iterator[Clause]:
    """Yield the clauses of a text; those with no subject that can be told have an empty one, and no claim fits them."""
    for sentence in split_sentences([Passage("", text.replace("’", "'"), USER_LABEL)]):
        told = _OLD_GONE.sub("", sentence.text)
        changes = told != sentence.text or _CHANGE.search(told) is not None
        for part in _JOINT.split(as_present(told)):
            if _LEADS_IN.sub("", _OPENING.sub("", f"{part} ")).strip(" .,!"):
                yield _read(part, speaker, changes)


def split_clauses(sentence: str) -> list[str]:
    """Return the clauses that a sentence joins, where each names whom and what it is about; else the sentence alone."""
    ahead = len(opening(sentence))
    ahead += len(found[0]) if (found := _LEADS_IN.match(sentence[ahead:])) else 0
    first, *others = _JOINS.split(sentence[ahead:])
    told = [first, *(part[len(opening(part)) :] for part in others)]
    stand = all(_FOR_ITSELF.match(part) and part.split()[0] not in _NO_SUBJECTS for part in told)
    if not stand or _BINDS.search(sentence) or any(map(_POINTS_BACK.search, others)):
        return [sentence]
    return [sentence[:ahead] + first, *others]


def opening(text: str) -> str:
    """Return the words in front of a statement that only lead to it."""
    found = _OPENING.match(text)
    return found[0] if found else ""


def _read(part: str, speaker: str, changes: bool) -> Clause:
    adds = _ADDS.search(part) is not None
    opened = _OPENING.sub("", part).strip()
    text = _LEADS_IN.sub("", without_span(opened))
    lasts = text != opened
    for pattern, whole in _CONTRACTIONS:
        text = pattern.sub(whole, text)
    text = " ".join(text.split())
    about, noun, rest = _subject(text, speaker)
    subject = about
    if _NOT_QUITE.search(rest):
        subject = ""
    rest = _FILLER.sub("", rest).strip()
    denied = False
    if (found := _DENIAL.match(rest)) is not None:
        denied = True
        aux = found["aux"] if found["aux"] in ("am", "is", "are", "have", "has", "was", "were", "can") else ""
        rest = f"{aux} {rest[found.end() :].strip()}".strip() if aux else rest[found.end() :].strip()
        if found["hardly"] or found["aux"] == "did":
            subject = ""
    elif _ENDED.search(rest):
        subject = ""
    if _ONCE.search(text) or (not lasts and _HAS_LIVED.search(text)):
        subject = ""
    kin = _kin_of(found) if (found := _OWN_KIN.match(text)) and (found["name"] or found["named"]) else ""
    if noun is not None:
        rest = _CHANGED_IT_IS.sub("is ", rest)
    hedged = not subject and bool(about)
    return Clause(subject, noun, _FILLER.sub("", rest).strip(), denied, changes, adds, text, kin, hedged, speaker)


def _subject(text: str, speaker: str) -> tuple[str, str | None, str]:
    """Return subject, noun and the rest of a clause."""
    if found := _GOT_NEW.match(text):
        return speaker, found["noun"], f"is {found['value']}"
    if found := re.match(r"(?:I|i|[Ww]e|[Tt]he user|User)\b(?!')\s+(?P<rest>.+)", text):
        return speaker, None, found["rest"]
    if found := _ACQUAINTANCE.match(text):
        return found["name"].lower(), None, found["rest"]
    if found := _OWN_KIN.match(text):
        return _kin(found, speaker)
    if found := _OF_MINE.match(text):
        return found["name"].lower(), None, found["rest"]
    if found := _ENTRY.match(text):
        return speaker, found["noun"], f"is {found['value']}"
    if found := re.match(
        rf"(?:(?i:my|our)|(?P<the>(?i:the))|(?P<name>{_NAME})'s?|(?i:the user|user)'s)\s+(?P<noun>[\w"
        rf" -]+?)\s*(?P<rest>(?::|\b(?:is|are|{CHANGED_TO}|{MOVED}|turned out to be|stands at)\b|{_IT_CHANGED}).+)",
        text,
    ):
        noun, rest = found["noun"], re.sub(r"^:", "is", found["rest"])
        if (found["the"] and not _is_shared(noun)) or (found["name"] and found["name"].split()[0] in NO_NAMES):
            return "", None, text
        return (found["name"] or speaker).lower(), noun, rest
    if (found := re.match(rf"(?P<name>{_NAME})\s+(?P<rest>.+)", text)) and found["name"].split()[0] not in NO_NAMES:
        return found["name"].lower(), None, found["rest"]
    return "", None, text


def _kin(found: re.Match[str], speaker: str) -> tuple[str, str | None, str]:
    name, kin, rest = found["name"] or found["named"], _kin_of(found), found["rest"]
    # "My older sister" is not the younger one, and of a boss the new one is the one that there is.
    which = (found["which"] or "").lower()
    kin = kin if which in _SAME_ONE or (which == "new" and kin in UNIQUE_KIN) else f"{which} {kin}"
    subject = name.lower() if name else f"{speaker}'s {kin}"
    if not found["has"]:
        # "My boss is Ruth" names her.
        if not name and (
            called := re.match(
                r"(?:is|are)(?: now)? (?:called |named )?(?=(?:(?:Dr|Mrs?|Ms|Miss|Prof)\.? )?[A-Z][\w'-]+(?:"
                r" now)?[.!]?$)",
                rest,
            )
        ):
            return subject, None, "is called " + rest[called.end() :]
        return subject, None, rest
    owned = re.match(r"(?P<noun>[\w -]+?)\s+(?P<rest>(?:is|are)\b.+)", rest)
    return (subject, owned["noun"], owned["rest"]) if owned else ("", None, rest)


def _kin_of(found: re.Match[str]) -> str:
    kin = found["kin"].lower()
    return SAME_KIN.get(kin, kin)


def _is_shared(noun: str) -> bool:
    words = noun.lower().split()
    return words[-1] in ("password", "passcode", "code", "pin", "combination", "size") or (
        words[-1] == "number" and len(words) > 2
    )
