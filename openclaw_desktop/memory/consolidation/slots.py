"""What a sentence says of whom, as (subject, slot, value), so that another which says otherwise can be told.

Owns a small grammar of what people tell about themselves and those around them, which slots hold one value at a time,
and what contradicts what. A wrong match costs a memory, a missed one nothing: whatever does not fit whole has no claim.
English, like the prompts. Pure.

`I moved to Lisbon` and `I live in Porto` both claim (user, lives, ...), which has one value; `I hate tea` is
(user, likes, tea), denied, and contradicts `I like tea`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from openclaw_desktop.core.sentences import sense
from openclaw_desktop.memory.consolidation import mood
from openclaw_desktop.memory.consolidation.clauses import UNIQUE_KIN, Clause, cut_clauses, listed
from openclaw_desktop.memory.consolidation.spans import MONTHS

USER = "user"

_ONE_VALUE = frozenset(("lives", "works", "name", "birthday", "age", "diet", "spouse", "status"))
# Attributes that one has one of, and that are told by a number, a name or a single word.
_NAMED_HEADS = frozenset(
    listed("""
    phone number mobile email address name surname nickname plate id username handle account iban postcode zip dentist
    doctor boss manager landlord hometown husband wife partner girlfriend boyfriend fiance fiancee employer therapist
    accountant lawyer vet school university passport licence license bank anniversary birthday
""")
)
_NUMBERED_HEADS = frozenset(listed("age size height weight salary rent"))
_WORD_HEADS = frozenset(listed("password passcode code pin username handle email wifi ssid"))
_ANY_HEADS = _NAMED_HEADS | _NUMBERED_HEADS | _WORD_HEADS
_OTHERS = frozenset(listed("old former previous ex last first next second third other another emergency"))
_SAME_AS = {
    "mobile": "phone", "cell": "phone", "telephone": "phone", "cellphone": "phone", "e-mail": "email", "mail": "email",
    "b-day": "birthday", "favorite": "favourite", "zip": "postcode", "license": "licence", "pass": "password",
}  # fmt: skip
_DROPPED = frozenset(listed("new current number address full own personal main present actual"))
_COUNTRIES = frozenset(
    listed("""
germany france spain portugal italy england scotland wales ireland britain uk usa us america canada mexico
brazil argentina chile peru china japan korea india australia austria switzerland belgium netherlands holland
denmark sweden norway finland iceland poland czechia hungary romania bulgaria greece turkey russia ukraine
croatia serbia slovenia egypt morocco kenya nigeria israel iran iraq vietnam thailand indonesia malaysia
singapore philippines europe asia africa texas california florida bavaria catalonia
""")
)
_DIETS = {
    "vegetarian": frozenset(listed("meat fish beef pork chicken steak bacon ham seafood sushi lamb turkey")),
    "pescatarian": frozenset(listed("meat beef pork chicken steak bacon ham lamb turkey")),
}
_DIETS["vegan"] = _DIETS["vegetarian"] | frozenset(listed("dairy cheese milk egg butter yoghurt yogurt honey cream"))
_HABITS = {
    "drink": "drink", "drinks": "drink", "drinking": "drink", "take": "take", "takes": "take", "taking": "take",
    "play": "play", "plays": "play", "playing": "play", "speak": "speak", "speaks": "speak", "speaking": "speak",
    "use": "use", "uses": "use", "using": "use", "drive": "drive", "drives": "drive", "driving": "drive",
    "wear": "wear", "wears": "wear", "wearing": "wear", "smoke": "smoke", "smokes": "smoke", "smoking": "smoke",
    "eat": "eats", "eats": "eats", "eating": "eats", "study": "study", "studies": "study", "studying": "study",
    "teach": "teach", "teaches": "teach", "teaching": "teach", "learn": "learn", "learning": "learn",
}  # fmt: skip
_LIKES = {
    "like": False, "likes": False, "love": False, "loves": False, "enjoy": False, "enjoys": False, "adore": False,
    "hate": True, "hates": True, "dislike": True, "dislikes": True, "detest": True, "detests": True,
}  # fmt: skip
_ARTICLE = re.compile(r"^(?:a|an|the|my|our|some|any|his|her|their|lots of|two|three|four|both|this|that)\s+", re.I)
_LEFT_OUT = re.compile(r"[^\w@.+:'-]+")
# What ends a value and begins something else.
_TAIL = re.compile(
    r"(?:,|;|\s[-–—]\s|\s\()|\s(?:with|because|since|for|near|until|till|and|but|which|where|who|when|while|so|as|after"
    r"|before|from|though|although|every|at|on|in|by|to|than|or|during|again|too|anyway|very|a lot|most)\b",
    re.I,
)


# "I don't like tea with milk" leaves "I like tea" as it is.
_RESTRICTS = re.compile(
    rf"\s+(?:with|for|near|at(?! all\b)|on|by|to|than|during|after|before|when|while|until|every|most"
    rf"|in(?! (?:\d|{'|'.join(MONTHS)})))\b",
    re.I,
)
# One may live elsewhere for a part of the year.
_PARTLY = re.compile(
    r"\b(?:in (?:the )?|during (?:the )?|over (?:the )?|at (?:the )?|on |every )"
    r"(?:spring|summer|autumn|fall|winter|week|weekend|weekday|term|holiday|\w+day)s?\b"
    r"|\b(?:half|part|most|some) (?:of )?the (?:year|week|month|time)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing said of `subject`. `denied`: it is said not to be so."""

    subject: str
    slot: str
    value: str
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text claims. `whole`: it says nothing else of weight, so that what contradicts its claims ends all of it.

    `changes`: it says itself that something is new or over.
    """

    claims: tuple[Claim, ...]
    whole: bool
    changes: bool


NOTHING = Reading((), whole=False, changes=False)


def read_claims(text: str, speaker: str = USER) -> Reading:
    """Return what a text claims; nothing where it asks, supposes, jokes, quotes or is soon over."""
    if not mood.tells(text) or mood.passes(text):
        return NOTHING
    claims: list[Claim] = []
    whole, changes = True, False
    for clause in cut_clauses(text, speaker):
        # What is said of the user's boat is not said of the user.
        readers = () if not clause.subject else _READERS if clause.noun is None else (_attribute,)
        found = next((fit for read in readers if (fit := read(clause)) is not None), None)
        changes |= clause.changes
        if found is None or (found[0].denied and not clause.changes and _RESTRICTS.match(found[1])):
            whole = False
            continue
        claim, rest = found
        if claim not in claims:
            claims.append(claim)
        whole &= not _weighs(rest)
    if any(claim.value == other.value and claim.slot == other.slot and claim.denied != other.denied
           for claim in claims for other in claims):  # fmt: skip
        return NOTHING
    return Reading(tuple(claims), whole and bool(claims), changes)


def contradicts(new: Reading, old: Reading) -> bool:
    """True where all that `old` claims is no longer so after `new`, and `old` says nothing else."""
    return (
        old.whole
        and bool(new.claims)
        and all(any(_ends(claim, held, new.changes) for claim in new.claims) for held in old.claims)
    )


def weight_of(claims: Sequence[Claim]) -> float:
    """Return how much a fact with these claims matters by its kind alone, 0 to 1."""
    return max((_WEIGHT.get(claim.slot, 0.8 if claim.slot in _ONE_VALUE else 0.6) for claim in claims), default=0.4)


_WEIGHT = {"allergic": 1.0, "name": 1.0, "lives": 1.0, "works": 0.9, "birthday": 0.9, "phone": 0.9, "diet": 0.9,
           "spouse": 0.9, "email": 0.9, "password": 0.9}  # fmt: skip


def _ends(new: Claim, old: Claim, changes: bool) -> bool:
    if new.subject != old.subject:
        return False
    if new.slot == old.slot and new.value == old.value:
        return new.denied != old.denied
    if new.slot == "has" and new.denied and old.slot == f"has {new.value}":
        return not old.denied
    if {new.slot, old.slot} == {"diet", "eats"}:
        diet, food = (new, old) if new.slot == "diet" else (old, new)
        forbidden = food.value in _DIETS.get(diet.value, ())
        return forbidden and not diet.denied and not food.denied
    if new.slot != old.slot or new.denied or old.denied or not _holds_one(new.slot):
        return False
    if _is_part(new.value, old.value) or (_is_one_of_many(new.subject) and not changes):
        return False  # of sisters and friends there may be two
    if new.slot == "lives" and not changes:
        # "I live in Portugal" does not end "I live in Lisbon": one may lie in the other.
        return (new.value in _COUNTRIES) == (old.value in _COUNTRIES)
    return True


def _holds_one(slot: str) -> bool:
    return slot in _ONE_VALUE or slot.startswith("favourite ") or slot.rsplit(maxsplit=1)[-1] in _ANY_HEADS


def _is_part(value: str, other: str) -> bool:
    words, others = set(value.split()), set(other.split())
    return words <= others or others <= words


def _is_one_of_many(subject: str) -> bool:
    kin = subject.removeprefix("user's ")
    return kin != subject and kin not in UNIQUE_KIN


def _weighs(rest: str) -> bool:
    """True where words left over hold a name, a number or somebody of the user's."""
    return bool(re.search(r"\d|\b(?:my|our|i|we)\b|(?<![.!?] )\b[A-Z][a-z]", rest))


Found = tuple[Claim, str] | None


def _lives(clause: Clause) -> Found:
    found = re.match(
        r"(?P<moved>(?:have |has )?(?:moved|relocated)(?: back)? (?:over |here |down |up )?to"
        r"|(?:have |has )?(?:moved|relocated) from [\w ]+? to)\s+(?P<to>.+)"
        r"|(?:live|lives|am living|is living|are living|(?:have|has) (?:been living|lived)|reside|resides|am based"
        r"|is based|are based|living) in\s+(?P<in>.+)"
        r"|(?P<left>(?:have |has )?(?:moved (?:out of|away from)|left))\s+(?P<out>[A-Z].+)",
        clause.rest,
    )
    if found is None or (found["left"] and not found["left"].endswith(("of", "from"))):
        return None
    value, rest = _cut(found["to"] or found["in"] or found["out"])
    # Only a name: "a flat", "the centre" and "another team" say little about the town, "Building 7" nothing.
    if not value[:1].isupper() or re.search(r"\d", value) or (found["in"] and _PARTLY.search(clause.rest)):
        return None
    return Claim(clause.subject, "lives", _plain(value), clause.denied or bool(found["left"])), rest


def _works(clause: Clause) -> Found:
    found = re.match(
        r"(?:work|works|am working|is working|am employed|is employed|working) (?:at|for|by)\s+(?P<at>.+)"
        r"|(?:have |has )?(?:changed|switched|moved) (?:jobs?|companies|employers?) to\s+(?P<to>.+)"
        r"|(?:have |has )?(?:got|started|took|landed) (?:a|my|his|her|the|their)? ?(?:new )?(?:job|position|role)"
        r" (?:at|with)"
        r"\s+(?P<job>.+)"
        r"|(?:have |has )?started working (?:at|for)\s+(?P<start>.+)"
        r"|(?P<quit>(?:have |has )?(?:quit|left|resigned from|lost)(?: (?:my|his|her|the) (?:job|position) (?:at"
        r"|with))?)"
        r"\s+(?P<from>.+)",
        clause.rest,
    )
    if found is None or clause.adds:
        return None
    if found["quit"] and not re.search(r"job|position|resigned", found["quit"]):
        return None
    value, rest = _cut(next(value for value in (found["at"], found["to"], found["job"], found["start"], found["from"])
                            if value))  # fmt: skip
    if not re.match(r"(?:the )?[A-Z\d]", value) or re.search(r"part[- ]time|weekends?|freelance", clause.rest):
        return None
    return Claim(clause.subject, "works", _plain(value), clause.denied or bool(found["quit"])), rest


def _called(clause: Clause) -> Found:
    found = re.match(r"(?:am|is|are) (?:called|named)\s+(?P<value>.+)|go by\s+(?P<by>.+)", clause.rest)
    if found is None:
        return None
    value, rest = _cut(found["value"] or found["by"])
    if not value[:1].isupper():
        return None
    return Claim(clause.subject, "name", _plain(value), clause.denied), rest


def _married(clause: Clause) -> Found:
    found = re.match(r"(?:am|is|are|got) (?P<how>married|engaged) to\s+(?P<value>[A-Z].+)", clause.rest)
    if found is None:
        return None
    value, rest = _cut(found["value"])
    return Claim(clause.subject, "spouse", _plain(value), clause.denied), rest


def _allergic(clause: Clause) -> Found:
    found = re.match(r"(?:am|is|are) (?:\w+ly )?(?:allergic|intolerant) to\s+(?P<value>.+)", clause.rest)
    if found is None:
        return None
    value, rest = _cut(found["value"])
    return Claim(clause.subject, "allergic", _stems(value), clause.denied), rest


def _diet(clause: Clause) -> Found:
    found = re.match(
        r"(?:am|is|are|have become|has become|became|went|have gone|has gone|turned) (?:a |an )?(?:strict )?"
        r"(?P<value>vegan|vegetarian|pescatarian)s?\b(?P<rest>.*)",
        clause.rest,
    )
    return (Claim(clause.subject, "diet", found["value"], clause.denied), found["rest"]) if found else None


def _birthday(clause: Clause) -> Found:
    found = re.match(r"(?:was|were) born on\s+(?P<value>.+)", clause.rest)
    if found is None or (value := _date(found["value"])) is None:
        return None
    return Claim(clause.subject, "birthday", value, clause.denied), ""


def _age(clause: Clause) -> Found:
    found = re.match(r"(?:am|is|turned) (?P<value>\d{1,3})(?: years old| years of age)?(?P<rest>\W*)$", clause.rest)
    return (Claim(clause.subject, "age", found["value"], clause.denied), "") if found else None


def _attribute(clause: Clause) -> Found:
    """`my favourite colour is green`, `Anna's phone number is ...`, `our wifi password is ...`."""
    if clause.noun is None:
        return None
    found = re.match(r"(?:is|are)(?: (?:now|called|named|set to|in|on))*[: ]\s*(?P<value>.+)", clause.rest)
    slot = _slot_of(clause.noun)
    if found is None or slot is None:
        return None
    given = found["value"]
    if slot == "birthday":
        value = _date(given)
        return None if value is None else (Claim(clause.subject, slot, value, clause.denied), "")
    head = slot.rsplit(maxsplit=1)[-1]
    if head == "phone":
        digits = re.match(r"[+\d][\d ()/.-]{3,}\d", given)
        return None if digits is None else (
            Claim(clause.subject, slot, re.sub(r"\D", "", digits[0]), clause.denied), given[digits.end():]
        )  # fmt: skip
    if head in _WORD_HEADS and re.fullmatch(r"\S+?[.!]?", given):
        return Claim(clause.subject, slot, given.rstrip(".!"), clause.denied), ""
    value, rest = (given.rstrip(".! "), "") if head == "address" else _cut(given)
    if slot.startswith("favourite "):
        value = _stems(value)
    elif not re.search(r"\d" if head in _NUMBERED_HEADS else r"[\d@]|^[A-Z]", value):
        return None
    return (Claim(clause.subject, slot, _plain(value), clause.denied), rest) if value else None


def _favourite(clause: Clause) -> Found:
    """`Dune is my favourite book`."""
    found = re.fullmatch(r"is (?:still |now )?my (?P<noun>favou?rite [\w -]+?)[.! ]*", clause.rest)
    if found is None or clause.subject == USER:
        return None
    slot = _slot_of(found["noun"])
    return (Claim(USER, slot, _plain(_stems(clause.subject)), clause.denied), "") if slot else None


def _has(clause: Clause) -> Found:
    found = re.match(
        r"(?:(?:have|has|own|owns|have got|has got|got|bought|adopted) (?P<what>(?:a|an|two|three|any)\s+(?:new "
        r"|used |little |small |big |old )?[\w -]+?)"
        r"(?: (?:called|named) (?P<name>[A-Z].*))?"
        r"|(?P<gone>(?:have |has )?(?:sold|gave away|got rid of)) (?:my|our|his|her|the|their)\s+(?P<lost>[\w -]+?))"
        r"(?P<rest>(?:\s(?:with|for|from|in|since|at|on|to)\b.*)?[.! ]*)$",
        clause.rest,
    )
    if found is None:
        return None
    value, _ = _cut(found["what"] or found["lost"])
    value = _stems(re.sub(r"^(?:new|used|little|small|big|old)\s+", "", _ARTICLE.sub("", value)))
    if found["name"]:
        name, rest = _cut(found["name"])
        return Claim(clause.subject, f"has {value}", _plain(name), clause.denied), rest
    gone = clause.denied or bool(found["gone"])
    return (Claim(clause.subject, "has", value, gone), found["rest"]) if value else None


def _likes(clause: Clause) -> Found:
    found = re.match(r"(?P<verb>\w+)\s+(?P<value>.+)", clause.rest)
    # "Can't stand": the denial is taken off already.
    bad = re.match(r"can stand\s+(?P<value>.+)", clause.rest)
    if bad is not None:
        denied, given = clause.denied, bad["value"]
    elif found is not None and found["verb"] in _LIKES:
        denied, given = _LIKES[found["verb"]] != clause.denied, found["value"]
    else:
        return None
    value, rest = _cut(given)
    return _object_claim(clause, "likes", value, denied, rest)


def _habit(clause: Clause) -> Found:
    stopped = re.match(r"(?:have |has )?(?:stopped|quit|gave up|given up) (?P<rest>\w+ing\b.*)", clause.rest)
    text = stopped["rest"] if stopped else re.sub(r"^(?:am|is|are) (?=\w+ing\b)", "", clause.rest)
    verb, _, given = text.partition(" ")
    if (habit := _HABITS.get(verb.rstrip(".!"))) is None:
        return None
    value, rest = _cut(given)
    denied = clause.denied != bool(stopped)
    if not value and habit == "smoke":
        return Claim(clause.subject, habit, "", denied), rest
    return _object_claim(clause, habit, value, denied, rest)


def _object_claim(clause: Clause, slot: str, value: str, denied: bool, rest: str) -> Found:
    if re.match(r"(?:it|that|this|them|those|these|you|your|him|her|to|how|what|when|one|both)\b", value, re.I):
        return None
    stems = _stems(value)
    # "Less coffee" and "much meat" are neither yes nor no.
    if not stems or re.search(r"\b(?:less|more|much|many|enough|only|just|too|often|every|all)\b", value, re.I):
        return None
    return Claim(clause.subject, slot, stems, denied), rest


_READERS: tuple[Callable[[Clause], Found], ...] = (
    _attribute, _favourite, _lives, _works, _called, _married, _allergic, _diet, _birthday, _age, _has, _likes, _habit,
)  # fmt: skip


def _slot_of(noun: str) -> str | None:
    """Return the slot of an attribute's words; None where one may have several, or it is no attribute of this kind."""
    words = [_SAME_AS.get(word, word) for word in noun.lower().replace("-mail", "mail").split()]
    if not words or len(words) > 4 or not _OTHERS.isdisjoint(words):
        return None
    if words[0] == "favourite":
        return " ".join(words) if len(words) > 1 else None
    if words[-1] not in _ANY_HEADS:
        return None
    kept = [word for word in words if word not in _DROPPED]
    return " ".join(dict.fromkeys(kept)) or words[-1]


def _cut(given: str) -> tuple[str, str]:
    """Return the value at the start of a text, and the rest."""
    found = _TAIL.search(given)
    value, rest = (given[: found.start()], given[found.start() :]) if found else (given, "")
    value = _ARTICLE.sub("", value.strip(" .!\"'"))
    return re.sub(r"\s+(?:now|anymore|any more|these days|instead|nowadays)$", "", value), rest


def _plain(value: str) -> str:
    return " ".join(_LEFT_OUT.sub(" ", value.lower()).split()).strip(".'")


def _stems(value: str) -> str:
    return " ".join(sense(_ARTICLE.sub("", value), by_user=False))


def _date(given: str) -> str | None:
    """Return "05-03" or "1990-05-03" for a date in words; None where there is no day in it."""
    words = re.findall(r"[a-z]+|\d+", re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", given.lower()))
    month = next((MONTHS[word] for word in words if word in MONTHS), None)
    day = next((int(word) for word in words if word.isdigit() and 1 <= int(word) <= 31), None)
    year = next((word for word in words if word.isdigit() and len(word) == 4), None)
    if iso := re.search(r"\b(\d{4})-(\d\d)-(\d\d)\b", given):
        return f"{iso[2]}-{iso[3]} {iso[1]}"
    return None if month is None or day is None else f"{month:02}-{day:02}{' ' + year if year else ''}"
