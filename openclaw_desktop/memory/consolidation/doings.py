"""What people do, have, like and can, as claims: "I stopped smoking", "we have three kids".

Owns how those are told. A wrong match costs a memory, a missed one nothing. English, like the prompts. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.memory.consolidation.claims import ARTICLE, COUNT, FOR_A_WHILE, Claim, Found, cut, plain, stems
from openclaw_desktop.memory.consolidation.clauses import SAME_KIN, Clause, listed

_HABITS = {
    "drink": "drink", "drinks": "drink", "drinking": "drink", "take": "take", "takes": "take", "taking": "take",
    "play": "play", "plays": "play", "playing": "play", "speak": "speak", "speaks": "speak", "speaking": "speak",
    "use": "use", "uses": "use", "using": "use", "drive": "drive", "drives": "drive", "driving": "drive",
    "wear": "wear", "wears": "wear", "wearing": "wear", "smoke": "smoke", "smokes": "smoke", "smoking": "smoke",
    "eat": "eats", "eats": "eats", "eating": "eats", "study": "study", "studies": "study", "studying": "study",
    "teach": "teach", "teaches": "teach", "teaching": "teach", "learn": "learn", "learning": "learn",
}  # fmt: skip
# What is given up, and what one did with it.
_GIVEN_UP = {
    **dict.fromkeys(listed("coffee tea alcohol beer wine soda cola caffeine milk"), "drink"),
    **dict.fromkeys(listed("meat fish sugar sweets chocolate bread dairy cheese eggs gluten pork beef"), "eats"),
    **dict.fromkeys(listed("cigarettes tobacco"), "smoke"),
}
_SKILLS = frozenset(
    listed("""
swim drive cook ride dance sing read write whistle ski skate cycle juggle sail fly climb dive surf knit sew paint draw
type code program play speak eat drink digest walk
""")
)
_COUNTS = listed("one two three four five six seven eight nine ten eleven twelve")
_UNCOUNTED = frozenset(
    listed("""
seconds minutes hours days weeks months years times questions meetings calls problems issues options ideas things
points reasons tasks ways items choices appointments errors requests
""")
)
_LIKES = {
    "like": False, "likes": False, "love": False, "loves": False, "enjoy": False, "enjoys": False, "adore": False,
    "hate": True, "hates": True, "dislike": True, "dislikes": True, "detest": True, "detests": True,
}  # fmt: skip


def read_skill(clause: Clause) -> Found:
    """`I can swim`, `I learned to drive`: what one once can, or can no more."""
    found = re.match(
        r"(?:can|(?:am|is|are) able to|(?:have |has )?learn(?:ed|t) (?:how )?to|knows? how to)\s+"
        rf"(?P<value>(?:{'|'.join(sorted(_SKILLS))})\b.*)",
        clause.rest,
    )
    if found is None:
        return None
    value, rest = cut(found["value"])
    if re.search(r"\b(?:this|that|it|you|your|the)\b", value, re.I):
        return None  # "I can't read the attachment" is about that
    return Claim(clause.subject, "can", stems(value), clause.denied), rest


def read_count(clause: Clause) -> Found:
    """`We have three kids`."""
    found = re.match(
        rf"(?:have|has|owns?|have got|has got) (?P<count>no|\d{{1,2}}|{'|'.join(_COUNTS)}) (?P<what>[a-z][\w-]+)\W*$",
        clause.rest,
    )
    if found is None or clause.adds or found["what"] in _UNCOUNTED:
        return None
    what = stems(found["what"]).replace("children", "child")
    what = SAME_KIN.get(what, what)
    if found["count"] == "no":
        return Claim(clause.subject, "has", what, not clause.denied), ""
    count = str(_COUNTS.index(found["count"]) + 1) if found["count"] in _COUNTS else found["count"]
    return Claim(clause.subject, f"{COUNT} {what}", count, clause.denied), ""


def read_owned(clause: Clause) -> Found:
    """`I adopted a cat called Tom`, `we sold our boat`."""
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
    value, _ = cut(found["what"] or found["lost"])
    if found["lost"] and value.lower().startswith("old "):
        return None  # there may be a new one, which stays
    value = stems(re.sub(r"^(?:new|used|little|small|big|old)\s+", "", ARTICLE.sub("", value)))
    value = SAME_KIN.get(value, value)
    if found["name"]:
        name, rest = cut(found["name"])
        return Claim(clause.subject, f"has {value}", plain(name), clause.denied), rest
    gone = clause.denied or bool(found["gone"])
    return (Claim(clause.subject, "has", value, gone), found["rest"]) if value else None


def read_taste(clause: Clause) -> Found:
    """`I love tea`, `I can't stand noise`."""
    found = re.match(r"(?P<verb>\w+)\s+(?P<value>.+)", clause.rest)
    # "Can't stand": the denial is taken off already.
    bad = re.match(r"can stand\s+(?P<value>.+)", clause.rest)
    if bad is not None:
        denied, given = clause.denied, bad["value"]
    elif found is not None and found["verb"] in _LIKES:
        denied, given = _LIKES[found["verb"]] != clause.denied, found["value"]
    else:
        return None
    return _object_claim(clause, "likes", given, denied)


def read_habit(clause: Clause) -> Found:
    """`I drink tea`, `I stopped smoking`."""
    given_up = re.match(r"(?:have |has )?(?:quit|gave up|given up|cut out) (?P<what>\w+)\b(?P<rest>.*)", clause.rest)
    if given_up and (habit := _GIVEN_UP.get(given_up["what"])) and not clause.denied:
        if FOR_A_WHILE.search(clause.rest):
            return None
        value = "" if habit == "smoke" else stems(given_up["what"])
        return Claim(clause.subject, habit, value, denied=True), given_up["rest"]
    stopped = re.match(r"(?:have |has )?(?:stopped|quit|gave up|given up) (?P<rest>\w+ing\b.*)", clause.rest)
    text = stopped["rest"] if stopped else re.sub(r"^(?:am|is|are) (?=\w+ing\b)", "", clause.rest)
    verb, space, given = text.partition(" ")
    given = space + given  # "I smoke at home": what begins with the tail has no value
    if (habit := _HABITS.get(verb.rstrip(".!"))) is None:
        return None
    value, rest = cut(given)
    denied = clause.denied != bool(stopped)
    if denied and FOR_A_WHILE.search(clause.rest):
        return None
    if not value and habit == "smoke":
        return Claim(clause.subject, habit, "", denied), rest
    return _object_claim(clause, habit, given, denied)


def _object_claim(clause: Clause, slot: str, given: str, denied: bool) -> Found:
    value, rest = cut(given)
    # "I don't like that tea" leaves other tea as it is.
    if re.match(r"(?:this|that|these|those)\b", given, re.I) or re.match(
        r"(?:it|that|this|them|those|these|you|your|him|her|to|how|what|when|one|both)\b", value, re.I
    ):
        return None
    words = stems(value)
    # "Less coffee" and "much meat" are neither yes nor no.
    if not words or re.search(r"\b(?:less|more|much|many|enough|only|just|too|often|every|all)\b", value, re.I):
        return None
    return Claim(clause.subject, slot, words, denied), rest
