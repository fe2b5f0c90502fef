"""What a sentence says of whom, as (subject, slot, value), so that another which says otherwise can be told.

Owns which slots hold one value at a time, what contradicts what, and how much each weighs; how they are told is in
`forms`. English, like the prompts. Pure.

`I moved to Lisbon` and `I live in Porto` both claim (user, lives, ...), which has one value; `I hate tea` is
(user, likes, tea), denied, and contradicts `I like tea`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.core.sentences import sense
from openclaw_desktop.memory.consolidation import mood, things
from openclaw_desktop.memory.consolidation.casing import with_capitals
from openclaw_desktop.memory.consolidation.claims import COUNT, USER, Claim
from openclaw_desktop.memory.consolidation.clauses import UNIQUE_KIN, cut_clauses, listed
from openclaw_desktop.memory.consolidation.forms import ANY_HEADS, read_clause
from openclaw_desktop.memory.consolidation.places import COUNTRIES
from openclaw_desktop.memory.consolidation.reported import without_source
from openclaw_desktop.memory.consolidation.spans import MONTHS
from openclaw_desktop.memory.recall.words import DAILY

_ONE_VALUE = frozenset(
    ("lives", "works", "name", "birthday", "age", "diet", "spouse", "status", "job", *things.MATTERS)
)


def _stems_of(words: str) -> frozenset[str]:
    return frozenset(sense(words, by_user=False))


_DIETS = {
    "vegetarian": _stems_of("meat fish beef pork chicken steak bacon ham seafood sushi lamb turkey"),
    "pescatarian": _stems_of("meat beef pork chicken steak bacon ham lamb turkey"),
}
_DIETS["vegan"] = _DIETS["vegetarian"] | _stems_of("dairy cheese milk egg butter yoghurt yogurt honey cream")
_TOGETHER = ("married", "engaged")
# Who is no longer one's own after it.
_LOST: dict[str, tuple[str, ...]] = dict.fromkeys(("divorced", "widowed", "separated"), ("wife", "husband"))
_LOST["single"] = ("wife", "husband", "partner", "girlfriend", "boyfriend", "fiance", "fiancee")
# "I don't like tea with milk" leaves "I like tea" as it is.
_RESTRICTS = LazyPattern(
    rf"(?:\s*,)?\s+(?:but|except|only|unless|with|for|near|at(?! all\b)|on|by|to|than|during|after|before|when|while"
    rf"|until|every|most"
    rf"|in(?! (?:\d|{'|'.join(MONTHS)})))\b",
    re.I,
)
# Why or since when it is so restricts nothing: "I stopped smoking for my health", "… on 3 May", "… after Easter".
_HOUR = (
    rf"(?:\d|{DAILY}|meals"
    r"|(?:five|six|seven|eight|nine|ten|eleven|twelve)\b)"
)
_NO_PART = LazyPattern(
    r"\s+(?:for (?:ages|years|decades|the (?:last|past) \w+|[\w-]+ years|a long time|good|ever|now|all|an? "
    r"|[\w' ]+? (?:reasons?|sake)\b|(?:my|the) [\w ]*health)|by now"
    rf"|to (?!(?:my|the|work)\b)|on (?:the )?(?:\d|(?:{'|'.join(MONTHS)})\b|\w+day\b)"
    rf"|(?:after|before|during|until) (?!{_HOUR})|(?:when|while) (?:i|we|my|our|he|she|they) )",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Rival:
    """Claims that may contradict another; None: whatever their value is, and whether or not they deny it."""

    subject: str
    slot: str
    value: str | None = None
    denied: bool | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text claims. `whole`: it says nothing else of weight, so that what contradicts its claims ends all of it.

    `changes`: it says itself that something is new or over.
    """

    claims: tuple[Claim, ...]
    whole: bool
    changes: bool
    # ... but for where, when or with whom alone it is so: "I play tennis with Ana".
    whole_within: bool = False


NOTHING = Reading((), whole=False, changes=False)
# A longer text tells more than it claims, and to read it would hold up the file.
LONGEST_READ = 1500


def read_claims(text: str, speaker: str = USER) -> Reading:
    """Return what a text claims; nothing where it asks, supposes, jokes, quotes, is long or soon over."""
    if len(text) > LONGEST_READ:
        return NOTHING
    if not mood.tells(text := without_source(text)) or mood.passes(text):
        return NOTHING
    claims: list[Claim] = []
    whole, within, changes = True, True, False
    for clause in cut_clauses(with_capitals(text), speaker):
        found = read_clause(clause)
        changes |= clause.changes
        if found is None or (found[0].denied and not clause.changes and _RESTRICTS.match(found[1])):
            whole = within = False
            continue
        claim, rest = found
        if claim.subject == clause.subject:
            claim = replace(claim, kin=clause.kin)
        if _RESTRICTS.match(rest) and not _NO_PART.match(rest):
            claim = replace(claim, within=claim.within or " ".join(sense(rest, by_user=False)))
        else:
            within &= not _weighs(rest)
        if claim not in claims:
            claims.append(claim)
        whole &= not _weighs(rest)
    if any(claim.value == other.value and claim.slot == other.slot and claim.denied != other.denied
           for claim in claims for other in claims):  # fmt: skip
        return NOTHING
    return Reading(tuple(claims), whole and bool(claims), changes, within and bool(claims))


def contradicts(new: Reading, old: Reading) -> bool:
    """True where all that `old` claims is no longer so after `new`, and `old` says nothing else."""
    return bool(new.claims and old.claims) and all(
        any(
            (old.whole or (old.whole_within and _ends_in_part(claim, held))) and _ends(claim, held, new.changes)
            for claim in new.claims
        )
        for held in old.claims
    )


def contradicts_in_part(new: Reading, old: Reading) -> bool:
    """True where something that `old` claims is no longer so after `new`; the rest of it may well be."""
    return any(_ends(claim, held, new.changes) for claim in new.claims for held in old.claims)


def _ends_in_part(claim: Claim, held: Claim) -> bool:
    """True where what is held so for a part alone ends: as told for that part, or where all of it is denied."""
    return claim.within == held.within or (claim.denied and not claim.within)


def rivals(claim: Claim) -> Iterator[Rival]:
    """Yield what may contradict a claim, whichever of the two is the newer: so little that it can be read anew."""
    subject, slot, value = claim.subject, claim.slot, claim.value
    yield Rival(subject, slot, value, not claim.denied)
    if _holds_one(slot) and not claim.denied:
        if not _is_one_of_many(subject):
            yield Rival(subject, slot, None, denied=False)
        elif slot == "age" and value.isdigit():
            yield from (Rival(subject, slot, str(int(value) + year), denied=False) for year in (-1, 1))
    if slot == "has" and claim.denied:
        yield from (Rival(subject, having, None, denied=False) for having in _having(value))
    for having in ("has ", f"{COUNT} "):
        if slot.startswith(having):
            yield Rival(subject, "has", slot.removeprefix(having), denied=True)
    if slot == "status":
        yield Rival(subject, "spouse", None, denied=False)
        yield from (Rival(f"{subject}'s {partner}", "name", None, denied=False) for partner in _LOST.get(value, ()))
    if slot == "spouse":
        yield Rival(subject, "status")
    owner, _, kin = subject.rpartition("'s ")
    if slot == "name":
        yield from (Rival(owner, "status", lost, denied=False) for lost, partners in _LOST.items() if kin in partners)
    if slot == "diet":
        yield from (Rival(subject, "eats", food, denied=False) for food in _DIETS.get(value, ()))
    if slot == "eats":
        yield Rival(subject, "diet", None, denied=False)


def same_person(claim: Claim, other: Claim) -> bool:
    """False where two claims are about people of one name, told from one another: a sister and a colleague Ana."""
    return not (claim.kin and other.kin and claim.kin != other.kin)


def same_part(claim: Claim, other: Claim) -> bool:
    """False where two claims are of other times, places or company: "I use Linux" and "I use Linux at work"."""
    return claim.slot == "works" or claim.within == other.within


def weight_of(claims: Sequence[Claim], text: str) -> float:
    """Return how much a fact matters by its kind alone, 0 to 1; what is told of others is less.

    One that fits no slot is kept for good where it has a name, a number or a date, by which it will be looked up.
    """
    return max((_weight(claim.slot) * (1.0 if claim.subject == USER else _OF_OTHERS) for claim in claims),
               default=_LOOKED_UP if _HAS_ANCHOR.search(text) else _UNREAD)  # fmt: skip


def _weight(slot: str) -> float:
    return 1.0 if slot in _WHO_ONE_IS else 0.85 if _holds_one(slot) else 0.7


_WHO_ONE_IS = frozenset(
    listed("allergic name lives works job birthday phone email diet spouse wife husband partner address password")
)
# A text that fits no slot, and what is said of others.
_LOOKED_UP, _UNREAD, _OF_OTHERS = 0.45, 0.28, 0.75
_EMPTY_TAIL = LazyPattern(
    r"[,;]?\s(?:in case (?:i|we|you) [\w' ]+|as it turns out|at last|in the end|if (?:you ask me|i remember right))"
    r"\W*$",
    re.I,
)
_HAS_ANCHOR = LazyPattern(r"\d|(?<![.!?] )(?<!^)\b(?!I\b|I')[A-Z]\w+")


def _ends(new: Claim, old: Claim, changes: bool) -> bool:
    if _parts(new, old):
        return True
    if new.subject != old.subject or not same_person(new, old):
        return False
    if new.kin and not old.kin and not changes:
        return False  # "my boss Anna" may be another Anna than the one who was told of by her name alone
    if new.slot == old.slot and new.value == old.value:
        # Of two sons one may swim. And "I no longer use Linux at work" tells nothing of home.
        no = new if new.denied else old
        return (
            new.denied != old.denied
            and no.within in ("", (old if new.denied else new).within)
            and (changes or new.slot != "can" or not _is_one_of_many(new.subject))
        )
    if "has" in (new.slot, old.slot):
        none, some = (new, old) if new.slot == "has" else (old, new)
        return none.denied and not none.within and not some.denied and some.slot in _having(none.value)
    if {new.slot, old.slot} == {"status", "spouse"}:
        status, spouse = (new, old) if new.slot == "status" else (old, new)
        return not spouse.denied and (status.value in _TOGETHER) == status.denied
    if {new.slot, old.slot} == {"diet", "eats"}:
        diet, food = (new, old) if new.slot == "diet" else (old, new)
        forbidden = food.value in _DIETS.get(diet.value, ())
        return forbidden and not diet.denied and not food.denied
    if new.slot != old.slot or new.denied or old.denied or not _holds_one(new.slot):
        return False
    if not changes and new.slot.startswith(("job", *things.SEVERAL)):
        return False
    if not changes and new.slot == "works" and new.within != old.within:
        return False  # "I work for Tom" may be a favour, beside the work at IBM
    if new.slot == "age" and new.value.isdigit() and old.value.isdigit() and int(new.value) == int(old.value) + 1:
        return True
    if _is_part(new.value, old.value) or _is_one_of_many(new.subject):
        return False  # of sisters and friends there may be two: without a name nobody knows which one it is
    if new.slot == "lives" and not changes:
        # "I live in Portugal" does not end "I live in Lisbon": one may lie in the other.
        return (new.value in COUNTRIES) == (old.value in COUNTRIES)
    return True


def _having(thing: str) -> tuple[str, ...]:
    """Return by which slots something is had: it has a name, or there are some."""
    return f"has {thing}", f"{COUNT} {thing}"


def _parts(new: Claim, old: Claim) -> bool:
    """True where "I'm divorced" ends "my wife is called Ana"."""
    owner, _, kin = old.subject.rpartition("'s ")
    told = new.slot == "status" and not new.denied and old.slot == "name" and not old.denied
    return told and owner == new.subject and kin in _LOST.get(new.value, ())


def _holds_one(slot: str) -> bool:
    return (
        slot in _ONE_VALUE
        or " @ " in slot
        or slot.startswith(
            ("favourite ", f"{things.PLACE} ", f"{things.LENT} ", f"{things.EXPIRES} ", f"{COUNT} ", *things.SEVERAL)
        )
        or slot.rsplit(maxsplit=1)[-1] in ANY_HEADS
    )


def _is_part(value: str, other: str) -> bool:
    words, others = set(value.split()), set(other.split())
    return words <= others or others <= words


def _is_one_of_many(subject: str) -> bool:
    kin = subject.removeprefix("user's ")
    return kin != subject and kin not in UNIQUE_KIN


def _weighs(rest: str) -> bool:
    """True where words left over hold a name, a number, somebody of the user's, or something else that is told."""
    rest = _EMPTY_TAIL.sub("", rest)
    return bool(
        re.search(r"\d|\b(?:my|our|i|we)\b|(?<![.!?] )\b[A-Z]\w", rest)
        or re.search(r"\b(?:and|but|while)\s+(?!(?:so on|all|that's|everything|more)\b)\w", rest)
    )
