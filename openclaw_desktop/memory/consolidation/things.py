"""Where the user's things are, what they chose, and when they meet whom: "the spare key is behind the boiler".

Owns how those are told, by forms of whole sentences. A thing has one place at a time and a matter one deadline; of the
rest there may be two, unless the new one is told as a change. English, like the prompts. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.memory.consolidation.clauses import CHANGED_TO, KIN, MOVED, NO_NAMES, Clause
from openclaw_desktop.memory.consolidation.spans import MONTHS

PLACE = "place"
_AT = r"(?:in|on|under|behind|beneath|inside|at|with|by|below|above|between|next to)"
_THING = r"(?P<thing>[\w'-]+(?: [\w'-]+){0,4}?)"
# "In the afternoon" and "in the best shape" are no places.
_NO_PLACE = (
    r"(?!(?:morning|afternoon|evening|night|end|meantime|future|past|team|beginning|middle|way|best|photo|picture"
    r"|video|news|\d)\b)"
)
_PLACE = rf"(?P<place>{_AT} (?:the|my|our|an?|its|his|her|their) {_NO_PLACE}.+)"
_LIES = LazyPattern(
    rf"(?:(?:from now on|in case [\w ]+|after [\w ]+),? )?(?:the|my|our) {_THING}"
    rf" (?:(?:is|are) (?:no longer [\w ]+ but )?(?:kept |stored |hidden )?|belongs? |stays? |ended up ){_PLACE}",
    re.I,
)
_PUT = LazyPattern(
    r"(?:have |had |always )*(?:put|keep|keeps|kept|hid|hide|hidden|store|stored|left|placed|have|moved|found)"
    rf" (?:the|my|our) {_THING},?(?: and)?(?: it(?:'s| is))? {_PLACE}",
    re.I,
)
# What a place ends with and is none of it.
_TAIL = LazyPattern(r",.*|\b(?:so that|because|and|which|until|since|from now on)\b.*|\bfor (?:the|now|good)\b.*", re.I)
_LAST = LazyPattern(r"(?:\s+(?:now|instead|again|too))*[.!]*$", re.I)
# One of these a matter has at a time.
MATTERS = ("deadline", "budget", "lead", "client")
_MATTER = rf"(?P<slot>{'|'.join(MATTERS)})"
_NAME = r"(?P<name>(?-i:[A-Z][\w-]*[a-z]))"
# "Project Falcon", "the Falcon report", "my tax return".
_WHAT = rf"(?:(?:the|my|our) (?:project )?(?P<what>[\w'-]+(?: [\w'-]+){{0,2}}?)(?: project)?|(?:project )?{_NAME})"
_DAY = LazyPattern(
    rf"\b(?:{'|'.join(MONTHS)}|(?:mon|tues|wednes|thurs|fri|satur|sun)day|\d{{1,2}}(?:st|nd|rd|th)"
    r"|\d{1,4}[./-]\d{1,2}|noon|midnight|easter|christmas)\b",
    re.I,
)
_SETTLED = (
    LazyPattern(
        rf"the {_MATTER} (?:of|for) {_WHAT}"
        rf" (?:is|{CHANGED_TO}|{MOVED} to|was set to|stands at|came in today,) (?:now )?(?P<value>.+)",
        re.I,
    ),
    LazyPattern(rf"{_WHAT} (?:is|are) (?:now )?due (?:on |by |in )?(?P<value>.+)", re.I),
    LazyPattern(rf"new {_MATTER} (?:of|for) (?:project )?{_NAME}: (?P<value>.+)", re.I),
    LazyPattern(rf"(?:project )?{_NAME},? (?:has a new )?{_MATTER}[:,] (?P<value>.+)", re.I),
    LazyPattern(rf"(?:they|we|the client) moved {_NAME}'s {_MATTER}, it(?:'s| is) (?:now )?(?P<value>.+)", re.I),
    LazyPattern(rf"{_NAME}'s {_MATTER} (?:is|has changed to) (?:now )?(?P<value>.+)", re.I),
)


_VALUE = r"(?P<value>[^,;]+?)"
_END = r"(?: (?:now|instead|these days))?(?:[,;.!].*)?$"
_WITH = r"(?P<thing>(?:the|my|our|Dr|Mr|Mrs|Ms) [\w .'-]+?)"
_ON = r"(?:now )?(?:on |to |for )?(?P<value>(?:the )?\d[\w :.]*?|(?-i:[A-Z])[a-z]+ (?:at )?\d[\w :.]*?)"
_EVENT = r"(?:interview|exam|flight|surgery|operation|check-up|checkup|hearing|wedding|viewing|lesson|party|inspection)"
CHOICE, FAVOURITE, OWNED, MEETING = "choice", "favourite", "own", "meeting"
BEGINS, ENDS = "begins", "ends"
_TOLD = {
    CHOICE: (
        r"(?:i|we)(?:'ve| have)? (?:decided on|chose|chosen|settled on|picked|gone with|went (?:for|with)|switched to"
        rf"|took) {_VALUE} for the {_THING}{_END}",
        rf"for the {_THING} (?:i|we)(?:'ve| have)? (?:picked|chosen|decided on) {_VALUE}{_END}",
        rf"for the {_THING} it(?:'s| is) (?:now )?{_VALUE}{_END}",
        rf"after [\w ]+ (?:i|we) (?:chose|picked) {_VALUE} for the {_THING}{_END}",
        rf"(?:i|we) (?:made up|changed) (?:my|our) minds? about the {_THING}(?:,| and took) {_VALUE}(?: it is)?{_END}",
        rf"(?:my|our) (?:decision|choice) (?:on|for|about) the {_THING} (?:stands:|fell on|is) {_VALUE}{_END}",
        rf"(?:i|we) overturned the decision (?:on|about) the {_THING}: {_VALUE}{_END}",
    ),
    FAVOURITE: (
        rf"i(?:'ve| have) switched to {_VALUE} as my favou?rite {_THING}{_END}",
        rf"(?:these days )?i like {_VALUE} best (?:of all when it comes to|as|of) an? {_THING}{_END}",
        rf"i prefer {_VALUE} (?:over|to) any other {_THING}{_END}",
        rf"(?:for me )?the best {_THING} (?:for me )?is {_VALUE}{_END}",
        rf"{_VALUE} is my {_THING} of choice{_END}",
        rf"i(?:'ve| have) loved {_VALUE} for years, it's my {_THING} of choice{_END}",
    ),
    OWNED: (
        rf"my {_THING} is (?:now )?an? (?P<value>(?-i:[A-Z])[\w -]*?){_END}",
        rf"(?:i|we)(?:'ve| have)? (?:replaced|swapped) (?:my|our) {_THING} (?:with|for) an? {_VALUE}{_END}",
        rf"(?:i|we) sold (?:the|my) old {_THING} and (?:got|bought) an? {_VALUE}{_END}",
        rf"the (?:new )?{_THING} (?:i own )?is an? (?P<value>(?-i:[A-Z])[\w -]*?){_END}",
        rf"i(?:'ve| have) (?:got )?an? (?P<value>(?-i:[A-Z])[\w -]*?\d) {_THING}{_END}",
        rf"my {_THING} is (?:now )?the (?P<value>(?-i:[A-Z])[\w -]*?\d[\w-]*){_END}",
        rf"(?:i|we)(?:'ve| have)? (?:picked|chose|bought|took|got) (?:the|an?) (?P<value>(?-i:[A-Z])[\w -]*?)"
        rf" when (?:i|we) needed an? (?:new )?{_THING}{_END}",
    ),
    BEGINS: (rf"(?:my|our) {_THING} (?:begins?|starts?|opens?) (?:now )?at (?P<value>\d[\w:. ]*?){_END}",),
    ENDS: (rf"(?:my|our) {_THING} (?:ends?|finishes|closes?) (?:now )?at (?P<value>\d[\w:. ]*?){_END}",),
    MEETING: (
        rf"i have an appointment with {_WITH} {_ON}{_END}",
        rf"(?:the|my) (?:appointment|date|slot) with {_WITH} (?:{MOVED}|is|was) {_ON}{_END}",
        rf"(?:the|my|our) (?P<thing>[\w'-]+(?: [\w'-]+)?) (?:appointment|slot) (?:{MOVED}|is|was) {_ON}{_END}",
        rf"(?:the|my|our) (?P<thing>(?:[\w'-]+ ){{0,2}}{_EVENT}) (?:{MOVED}|is|was) {_ON}{_END}",
        rf"i (?:booked|rescheduled|moved|met) {_WITH} {_ON}{_END}",
        rf"i(?:'m| am) seeing {_WITH} {_ON}{_END}",
        rf"i got a date with {_WITH}, {_ON}{_END}",
        rf"{_WITH} (?:can fit me in|cancelled and offered) {_ON}{_END}",
        rf"(?:they|the receptionist) [\w ]*?(?:put me down with|confirmed it:) {_WITH},? {_ON}{_END}",
    ),
}
_FORMS = tuple((slot, LazyPattern(form, re.I)) for slot, forms in _TOLD.items() for form in forms)
# Of these one may have several, so that only a change ends one.
SEVERAL = (f"{CHOICE} ", f"{OWNED} ", f"{MEETING} ", f"{BEGINS} ", f"{ENDS} ")


def read_told(clause: Clause) -> tuple[str, str] | None:
    """Return a slot of the user's and its value, as one of the forms tells it; None where none fits."""
    for slot, form in _FORMS:
        if (found := form.match(clause.text)) and not clause.denied:
            thing = re.sub(r"^(?:the|my|our) ", "", found["thing"].lower())
            if thing.rsplit(maxsplit=1)[-1] in KIN:
                continue  # "my boss is a Virgo"
            return f"{slot} {thing}", re.sub(r"^(?:an?|the) ", "", found["value"].lower().strip(" ."))
    return None


def read_place(clause: Clause) -> tuple[str, str] | None:
    """Return a thing of the user's and its place, each in plain words; None where the clause tells no such."""
    found = _LIES.match(clause.text) or (_PUT.match(clause.rest) if clause.subject and not clause.noun else None)
    if found is None or clause.denied:
        return None
    place = _LAST.sub("", _TAIL.sub("", found["place"])).strip()
    return found["thing"].lower(), place.lower()


def _fits(slot: str, value: str) -> bool:
    """False where "the deadline is 5 people" and "the budget is Tom's job" tell something else."""
    if slot == "deadline":
        return _DAY.search(value) is not None
    return bool(re.search(r"\d", value)) if slot == "budget" else not re.search(r"'s\s", value)


def read_matter(clause: Clause) -> tuple[str, str, str] | None:
    """Return (name, slot, value) of what is settled about a matter; None where the clause tells no such."""
    for form in _SETTLED:
        if (found := form.match(clause.text)) and found["name"] not in NO_NAMES:
            told = found.groupdict()
            value = _LAST.sub("", re.sub(r",(?!\d).*", "", found["value"])).strip()
            slot = told.get("slot", "deadline").lower()
            if re.match(r"\d|(?-i:the \d|[A-Z])", value) and _fits(slot, value):
                return (found["name"] or told["what"]).lower(), slot, value.lower()
    return None
