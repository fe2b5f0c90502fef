"""What one clause claims, as (subject, slot, value): a small grammar of what people tell of themselves and others.

Owns the slots that there are and how each is told. A wrong match costs a memory, a missed one nothing: whatever does
not fit whole has no claim. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.memory.consolidation import things
from openclaw_desktop.memory.consolidation.claims import (
    FOR_A_WHILE,
    IN_MONTH,
    PARTLY,
    USER,
    Claim,
    Found,
    cut,
    day_of,
    plain,
    stems,
)
from openclaw_desktop.memory.consolidation.clauses import CHANGED_TO, NO_NAMES, SAME_KIN, UNIQUE_KIN, Clause, listed
from openclaw_desktop.memory.consolidation.doings import read_count, read_habit, read_owned, read_skill, read_taste
from openclaw_desktop.memory.consolidation.places import may_be_place
from openclaw_desktop.memory.consolidation.trades import trade_of

_NAMED_HEADS = frozenset(
    listed("""
    phone number mobile email address name surname nickname plate id username handle account iban postcode zip dentist
    doctor boss manager landlord hometown husband wife partner girlfriend boyfriend fiance fiancee employer therapist
    accountant lawyer vet school university passport licence license bank anniversary birthday
""")
)
_NUMBERED_HEADS = frozenset(listed("age size height weight salary rent dose pressure pulse level"))
_WORD_HEADS = frozenset(listed("password passcode code pin username handle email wifi ssid combination"))
ANY_HEADS = _NAMED_HEADS | _NUMBERED_HEADS | _WORD_HEADS
# "Our e-mail is info@…" is the firm's, and leaves "my e-mail" as it is.
_ONES_OWN = frozenset(listed("phone name surname nickname email id username handle birthday age height weight salary"))
# What is said of a password, and is none: "is wrong", "is 12 characters long".
_OF_WORDS = LazyPattern(
    r"^(?:wrong|right|correct|incorrect|expired|invalid|valid|too|very|long|longer|short|weak|strong|secure|safe|gone"
    r"|lost|broken|blocked|locked|required|needed|saved|stored|outdated|secret|private|hidden|missing|fine|ok"
    r"|okay|good"
    r"|bad|unchanged|known|unknown|public|different|mine|hers|yours|working|case-sensitive|here|there)\b"
    r"|\b(?:characters?|digits?|letters?|words|times|years?|months?|days?|hours?|minutes?)\b",
    re.I,
)
_OTHERS = frozenset(listed("old former previous ex last first next second third other another emergency"))
_SAME_AS = {
    "mobile": "phone", "cell": "phone", "telephone": "phone", "cellphone": "phone", "e-mail": "email", "mail": "email",
    "b-day": "birthday", "favorite": "favourite", "zip": "postcode", "license": "licence",
}  # fmt: skip
_DROPPED = frozenset(listed("my our the new current number address full own personal main present actual"))
_PETS = ("dog", "cat")
# "The loyalty card number at the bakery" is another than the one at the chemist's.
_NUMBERS = frozenset(listed("number code pin password passcode id"))
_AT_PLACE = LazyPattern(r"(?P<noun>[\w-]+(?: [\w-]+){0,3}?) (?:at|of|for|in) (?:the |my |our )?(?P<place>[\w' -]+)")
_NUMBER = r"\d+(?:[.,]\d+)?"


def _lives(clause: Clause) -> Found:
    found = re.match(
        r"(?P<moved>(?:have |has )?(?:\w+ up and |left [\w ]+ and )?(?:moved|relocated)(?: back)?"
        r" (?:over |here |down |up )?to"
        r"|(?:have |has )?(?:moved|relocated) from [\w ]+? to)\s+(?P<to>.+)"
        r"|(?:live|lives|am living|is living|are living|(?:have|has) (?:been living|lived)|reside|resides|am based"
        r"|(?:have |has )?(?:left [\w ]+ and )?(?:settled|put down roots)|(?:am|is|are) at home"
        r"|is based|are based|living) in\s+(?P<in>.+)"
        r"|(?P<left>(?:have |has )?(?:moved (?:out of|away from)|left))\s+(?P<out>[A-Z].+)",
        clause.rest,
    )
    if found is None or (found["left"] and not found["left"].endswith(("of", "from"))):
        return None
    value, rest = cut(found["to"] or found["in"] or found["out"])
    partly = (found["in"] and PARTLY.search(clause.rest)) or FOR_A_WHILE.search(clause.rest)
    if not may_be_place(value) or partly:
        return None
    return Claim(clause.subject, "lives", plain(value), clause.denied or bool(found["left"])), rest


def _home(clause: Clause) -> Found:
    """`My new home is in Lisbon`."""
    found = re.match(r"(?:is|are) in (?P<value>[A-Z].+)", clause.rest)
    if found is None or not re.fullmatch(
        r"(?:new |current )?(?:home|house|flat|apartment|address|place)", clause.noun or ""
    ):
        return None
    value, rest = cut(found["value"])
    return (Claim(clause.subject, "lives", plain(value), clause.denied), rest) if may_be_place(value) else None


def _works(clause: Clause) -> Found:
    found = re.match(
        r"(?:work|works|am working|is working|am employed|is employed|working) (?P<how>at|for|by)\s+(?P<at>.+)"
        r"|(?:have |has )?(?:changed|switched|moved) (?:jobs?|companies|employers?) to\s+(?P<to>.+)"
        r"|(?:have |has )?(?:got|started|took|landed) (?:a|my|his|her|the|their)? ?(?:new )?(?:job|position|role)"
        r" (?:at|with)"
        r"\s+(?P<job>.+)"
        r"|(?:have |has )?started working (?:at|for)\s+(?P<start>.+)"
        r"|(?:have |has )?(?:changed|switched) jobs?(?:[:,;]| and)* (?:(?:I|he|she) )?(?:am|is|works?)"
        r" (?:at|for|with)\s+(?P<new>.+)"
        r"|(?P<no_more>(?:am|is|are) (?:at|with)|(?:was|were|got|have been|has been) (?:fired|sacked|dismissed"
        r"|laid off"
        r"|let go|made redundant) (?:from|by|at))\s+(?P<out>.+)"
        r"|(?P<quit>(?:have |has )?(?:quit|left|resigned from|lost)(?: (?:my|his|her|the) (?:job|position) (?:at"
        r"|with))?)"
        r"\s+(?P<from>.+)",
        clause.rest,
    )
    if found is None or clause.adds:
        return None
    if found["quit"] and not re.search(r"job|position|resigned", found["quit"]):
        return None
    is_at = re.match(r"(?:am|is|are) ", found["no_more"] or "")
    if is_at and not (clause.denied and clause.changes):
        return None  # for an hour, it may be
    value, rest = cut(next(found[name] for name in ("at", "to", "job", "start", "new", "out", "from") if found[name]))
    if value.split("'")[0] in NO_NAMES:
        return None  # "I work for Monday's meeting"
    if not re.match(r"(?:the )?[A-Z\d]", value) or re.search(r"part[- ]time|weekends?|freelance", clause.rest):
        return None
    if PARTLY.search(rest):
        return None
    gone = clause.denied or bool(found["quit"] or found["no_more"])
    # For whom one works may be a friend; where one does is a firm.
    within = "for" if found["how"] == "for" and not gone else ""
    return Claim(clause.subject, "works", plain(value), gone, within=within), rest


def _new_job(clause: Clause) -> Found:
    """`My new job is at Siemens`."""
    found = re.match(r"is (?:at|with) (?P<value>(?:the )?[A-Z].+)", clause.rest)
    if found is None or not re.fullmatch(r"(?:new |current )?(?:job|position)", clause.noun or ""):
        return None
    value, rest = cut(found["value"])
    return Claim(clause.subject, "works", plain(value), clause.denied), rest


def _job(clause: Clause) -> Found:
    """`Anna is a nurse by trade`, `I changed jobs and work as a baker now`, `Ben's profession is translator`."""
    found = (
        None
        if clause.noun
        else re.match(
            r"(?:(?:have |has )?(?:quit|changed jobs?|retrained)(?:,| and) )?(?:(?:works?|working|am working|is"
            r" working"
            r"|am employed|is employed|trained|retrained|started over|earns? (?:a|my|his|her) (?:living|money)"
            r"|(?:have|has) a job) as an? (?P<as>[a-z][\w ]+)"
            r"|(?:am|is) an? (?P<by>[a-z][\w ]+?)(?: (?:by (?:trade|profession)|these days)|\W.*\b(?:old|new"
            r"|last) job)\b)",
            clause.rest,
        )
    )
    if clause.noun is None and not clause.adds and clause.kin not in _PETS:
        if over := _GAVE_UP.match(clause.rest):
            value, rest = cut(over["trade"])
            return None if clause.denied else (Claim(clause.subject, "job", plain(value), denied=True), rest)
        if found is None and (by_name := trade_of(clause.rest)) is not None:
            return Claim(clause.subject, "job", plain(by_name[0]), clause.denied), cut(by_name[1])[1]
    of_noun = clause.noun in ("profession", "trade") and re.match(r"is (?P<is>[a-z][\w ]+)", clause.rest)
    if not (found or of_noun) and clause.subject != USER and re.search(r"\bnow\b", clause.text):
        # "Oriel is an accountant now": of a trade, by its ending.
        found = _IS_NOW.match(clause.rest)
    if clause.adds or not (found or of_noun):
        return None
    value, rest = cut(of_noun["is"] if of_noun else found["as"] or found["by"] if found else "")
    return Claim(clause.subject, "job", plain(value), clause.denied), rest


_GAVE_UP = LazyPattern(
    r"(?:have |has )?(?:quit|left|lost|gave up|given up|resigned from) (?:my|his|her|the) (?:job|position|work|post)"
    r" as an? (?P<trade>[a-z][\w ]+)"
)
_IS_NOW = LazyPattern(
    r"is an? (?P<by>(?P<as>\b\B)?(?:[a-z]+ )?"
    r"(?!(?:teenager|winner|member|beginner|owner|pensioner|grand\w+|father|mother|brother|sister|daughter"
    r"|leader|user"
    r"|player|patient|student|parent|resident|vegetarian|loser)\b)"
    r"[a-z]*(?:er|or|ist|ian|ant|eer|wright|smith|nurse|vet|chef|cook|pilot|guide|judge|clerk))\W*$"
)


def _called(clause: Clause) -> Found:
    found = re.match(r"(?:am|is|are) (?:called|named)\s+(?P<value>.+)|go by\s+(?P<by>.+)", clause.rest)
    if found is None:
        return None
    value, rest = cut(found["value"] or found["by"])
    if not value[:1].isupper() or value.split()[0] in NO_NAMES or re.match("we ", clause.text, re.I):
        return None
    owner, _, kin = clause.subject.rpartition("'s ")
    if (kin := kin.removeprefix("new ")) in _PETS:
        return Claim(owner, f"has {kin}", plain(value), clause.denied), rest
    return Claim(clause.subject, "name", plain(value), clause.denied), rest


def _is_mine(clause: Clause) -> Found:
    """`Karin is my boss now`, `I report to Karin`."""
    if boss := re.match(r"reports? (?:directly )?to (?P<value>[A-Z].+)", clause.rest):
        value, rest = cut(boss["value"])
        known = value.split(" ")[0] not in NO_NAMES and clause.subject == USER
        return (Claim(f"{USER}'s boss", "name", plain(value), clause.denied), rest) if known else None
    found = re.fullmatch(rf"is my (?:new )?(?P<kin>{'|'.join(sorted(UNIQUE_KIN))})[.! ]*", clause.rest)
    if found is None or clause.subject.startswith(USER) or clause.speaker != USER:
        return None
    kin = SAME_KIN.get(found["kin"], found["kin"])
    return Claim(f"{USER}'s {kin}", "name", clause.subject, clause.denied), ""


def _died(clause: Clause) -> Found:
    """`My dog died`, `my cat Tom ran away`."""
    if not re.match(r"(?:(?:has|have) )?(?:died|passed away|ran away|run away)\b|is (?:dead|gone)\b", clause.rest):
        return None
    owner, _, kin = clause.subject.rpartition("'s ")
    if kin in _PETS:
        return Claim(owner, "has", kin, denied=True), ""
    return (Claim(USER, f"has {clause.kin}", clause.subject, denied=True), "") if clause.kin in _PETS else None


def _married(clause: Clause) -> Found:
    found = re.match(r"(?:am|is|are|got) (?P<how>married|engaged) to\s+(?P<value>[A-Z].+)", clause.rest)
    if found is None:
        return None
    value, rest = cut(found["value"])
    return Claim(clause.subject, "spouse", plain(value), clause.denied), rest


def _status(clause: Clause) -> Found:
    """`I'm divorced`, `Ana and I broke up`."""
    found = re.match(
        r"(?:(?:am|is|are|got|have been) )?(?P<status>single|divorced|widowed|separated|married|engaged)\W*$"
        r"|(?:have |has )?(?:broke|broken|split) up(?: with (?:(?P<name>[A-Z]\w+)|my \w+))?\W*$",
        clause.rest,
    )
    if found and found["name"]:
        return Claim(clause.subject, "spouse", plain(found["name"]), denied=True), ""
    return (Claim(clause.subject, "status", found["status"] or "single", clause.denied), "") if found else None


def _allergic(clause: Clause) -> Found:
    found = re.match(r"(?:am|is|are) (?:\w+ly )?(?:allergic|intolerant) to\s+(?P<value>.+)", clause.rest)
    if found is None:
        return None
    value, rest = cut(found["value"])
    return Claim(clause.subject, "allergic", stems(value), clause.denied), rest


def _diet(clause: Clause) -> Found:
    if any(partly.search(clause.rest) for partly in (PARTLY, FOR_A_WHILE, IN_MONTH)):
        return None
    found = re.match(
        r"(?:am|is|are|have become|has become|became|went|have gone|has gone|turned) (?:a |an )?(?:strict )?"
        r"(?P<value>vegan|vegetarian|pescatarian|flexitarian|omnivore)s?\b(?P<rest>.*)",
        clause.rest,
    )
    return (Claim(clause.subject, "diet", found["value"], clause.denied), found["rest"]) if found else None


def _birthday(clause: Clause) -> Found:
    found = re.match(r"(?:was|were) born on\s+(?P<value>.+)", clause.rest)
    if found is None or (value := day_of(found["value"])) is None:
        return None
    return Claim(clause.subject, "birthday", value, clause.denied), ""


def _age(clause: Clause) -> Found:
    found = re.match(
        r"(?:am|is|turned) (?P<value>\d{1,3})(?: years old| years of age)?"
        r"(?: today| yesterday| last \w+| this \w+)?\W*$",
        clause.rest,
    )
    return (Claim(clause.subject, "age", found["value"], clause.denied), "") if found else None


def _measured(clause: Clause) -> Found:
    """`I weigh 80 kg`, `Tom is 1.80 m tall`."""
    found = re.match(
        rf"(?:weighs?|(?:am|is|are)(?=.* tall)) (?:about |around |almost )?(?P<value>{_NUMBER}) ?(?P<unit>[a-z]+)?"
        rf"(?: {_NUMBER})?(?P<tall> tall)?\W*$",
        clause.rest,
    )
    if found is None:
        return None
    unit = re.sub(r"^(?:kilos?|kilograms?|kgs)$", "kg", found["unit"] or "")
    return Claim(clause.subject, "height" if found["tall"] else "weight", f"{found['value']} {unit}".strip()), ""


def _attribute(clause: Clause) -> Found:
    """`my favourite colour is green`, `Anna's phone number is ...`, `our wifi password is ...`."""
    if clause.noun is None:
        return None
    found = re.match(
        rf"(?:is|are|{CHANGED_TO}|turned out to be|stands at)(?: (?:now|called|named|set to|(?P<on>in|on)))*"
        r"[: ]\s*(?P<value>.+)",
        clause.rest,
    )
    noun, place = _AT_PLACE.fullmatch(clause.noun), ""
    slot = _slot_of(noun["noun"] if noun else clause.noun)
    if noun and slot and slot.rsplit(maxsplit=1)[-1] in _NUMBERS:
        place = f" @ {plain(noun['place'])}"
    elif noun:
        return None
    if found is None or slot is None:
        return None
    if found["on"] and slot not in ("birthday", "anniversary"):
        return None  # "my bank is in Lisbon"
    if slot.rsplit(maxsplit=1)[-1] in _ONES_OWN and re.match("our ", clause.text, re.I):
        return None
    given = found["value"]
    if slot == "birthday":
        value = day_of(given)
        return None if value is None else (Claim(clause.subject, slot, value, clause.denied), "")
    head = slot.rsplit(maxsplit=1)[-1]
    if head == "phone":
        digits = re.match(r"[+\d][\d ()/.-]{3,}\d", given)
        return None if digits is None else (
            Claim(clause.subject, slot, re.sub(r"\D", "", digits[0]), clause.denied), given[digits.end():]
        )  # fmt: skip
    if head in _WORD_HEADS and _OF_WORDS.search(given):
        return None
    if head in _WORD_HEADS and re.fullmatch(r"\S+?[.!]?", given):
        return Claim(clause.subject, slot + place, given.rstrip(".!"), clause.denied), ""
    value, rest = (given.rstrip(".! "), "") if head == "address" else cut(given)
    if slot.startswith("favourite "):
        value = "" if re.match(r"(?:by|about|from|near|under|behind)\b", value, re.I) else stems(value)
    elif re.search(r"'s\s", value) or (value.split(" ")[0] in NO_NAMES and not re.search(r"\d", value)):
        return None  # "my doctor is Anna's uncle", "my dentist is Portuguese"
    elif not re.search(r"\d" if head in _NUMBERED_HEADS else r"[\d@]|^[A-Z]", value):
        return None
    return (Claim(clause.subject, slot + place, plain(value), clause.denied), rest) if value else None


def _favourite(clause: Clause) -> Found:
    """`Dune is my favourite book`."""
    found = re.fullmatch(r"is (?:still |now )?my (?P<noun>favou?rite [\w -]+?)[.! ]*", clause.rest)
    if found is None or clause.subject == USER:
        return None
    slot = _slot_of(found["noun"])
    return (Claim(USER, slot, plain(stems(clause.subject)), clause.denied), "") if slot else None


def _placed(clause: Clause) -> Found:
    # What somebody of the user's own did with it is as good.
    if (
        not (clause.subject in ("", USER) or clause.subject.startswith(f"{USER}'s "))
        or (found := things.read_place(clause)) is None
    ):
        return None
    return Claim(USER, f"{things.PLACE} {found[0]}", found[1]), ""


def _lent(clause: Clause) -> Found:
    """`I lent my drill to Ben`, `Ben brought back my drill`."""
    if clause.hedged or clause.speaker != USER or (found := things.read_loan(clause)) is None:
        return None
    thing, who, is_back, rest = found
    return Claim(USER, f"{things.LENT} {thing}", who, denied=is_back), rest


_OF_ME = LazyPattern(r"(?:i|we|my|our)\b", re.I)


def _settled(clause: Clause) -> Found:
    if (found := things.read_matter(clause)) is not None:
        return Claim(*found), ""
    # "I" of another is no user.
    if _OF_ME.match(clause.text) and (clause.hedged or clause.speaker != USER):
        return None
    told = things.read_told(clause)
    return None if told is None else (Claim(USER, *told), "")


def _given(clause: Clause) -> Found:
    """`They gave me a locker number, 214`, `I've set the alarm code to 4711`."""
    if clause.hedged or clause.denied or clause.speaker != USER or (found := things.read_number(clause.text)) is None:
        return None
    noun, value = found
    return _attribute(replace(clause, subject=USER, noun=noun, rest=f"is {value}"))


def _news(clause: Clause) -> Found:
    """`News from Anna: the new address is in Graz`."""
    found = re.match(
        r"(?i:news|word|an? (?:letter|message|card|postcard)) from (?P<name>[A-Z][\w-]*[a-z]): (?i:the|his|her"
        r"|their) new"
        r" (?:address|home|flat|house|place) is in (?P<value>[A-Z].+)",
        clause.text,
    )
    if found is None or clause.hedged:
        return None
    value, rest = cut(found["value"])
    return (Claim(found["name"].lower(), "lives", plain(value)), rest) if may_be_place(value) else None


_READERS: tuple[Callable[[Clause], Found], ...] = (
    _attribute, _favourite, _lives, _job, _works, _called, _is_mine, _died, _married, _status, _allergic, _diet,
    _birthday, _age, _measured, read_skill, read_count, read_owned, read_taste, read_habit,
)  # fmt: skip


def read_clause(clause: Clause) -> Found:
    """Return what a clause claims, and the words of it that are left over."""
    # What is said of the user's boat is not said of the user.
    own = () if not clause.subject else _READERS if clause.noun is None else (_attribute, _job, _new_job, _home)
    return next(
        (fit for read in (_settled, _news, *own, _given, _lent, _placed) if (fit := read(clause)) is not None), None
    )


def _slot_of(noun: str) -> str | None:
    """Return the slot of an attribute's words; None where one may have several, or it is no attribute of this kind."""
    words = [_SAME_AS.get(word, word) for word in noun.lower().replace("-mail", "mail").split()]
    words = words[1:] if words[:1] == ["new"] else words
    if not words or len(words) > 4 or not _OTHERS.isdisjoint(words):
        return None
    if words[0] == "favourite":
        return " ".join(words) if len(words) > 1 else None
    if words[-1] not in ANY_HEADS:
        return None
    kept = [word for word in words if word not in _DROPPED]
    if kept and kept[-1] not in ANY_HEADS:
        kept.append(words[-1])  # of a library card one has a number, and of a phone just a phone
    slot = " ".join(dict.fromkeys(kept)) or words[-1]
    return "phone" if slot == "number" else slot
