"""Where the user's things are, what they chose, and when they meet whom: "the spare key is behind the boiler".

Owns how those are told, by forms of whole sentences. A thing has one place at a time and a matter one deadline; of the
rest there may be two, unless the new one is told as a change. English, like the prompts. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.memory.consolidation.clauses import CHANGED_TO, KIN, MOVED, NO_NAMES, Clause
from openclaw_desktop.memory.consolidation.spans import MONTHS

PLACE, LENT = "place", "lent"
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
# What is lent is with somebody until it comes back.
_WHO = r"(?:my (?:[\w-]+ )??)?(?P<who>(?-i:[A-Z])[\w-]*[a-z]|(?<=my )[\w-]+)"
_MINE = rf"(?:the|my|our) {_THING}"
_LENT_FOR = r"for|last|on|in|since|until|this|two|three|a"
_BACK_SINCE = r"today|yesterday|last|on|in|this|at last"
# Each with whether it came back.
_LOANS = tuple(
    (is_back, LazyPattern(rf"{form}(?P<rest>(?:[ ,](?:{rest})\b.*)?[.! ]*)$", re.I))
    for is_back, rest, form in (
        (False, _LENT_FOR, rf"(?:i|we)(?:'ve| have)? (?:lent|loaned) {_MINE} to {_WHO}"),
        (False, _LENT_FOR, rf"(?:i|we)(?:'ve| have)? (?:lent|loaned) {_WHO} {_MINE}"),
        (False, _LENT_FOR, rf"{_WHO} (?:still |now )?(?:has|borrowed|has borrowed) (?:my|our) {_THING}"),
        (True, _BACK_SINCE, rf"{_WHO} (?:has )?(?:returned|brought back|gave back|given back) (?:my|our) {_THING}"),
        (True, _BACK_SINCE, rf"{_WHO} (?:has )?(?:brought|gave|given) (?:me |us )?{_MINE} back(?: to me| to us)?"),
        (True, _BACK_SINCE, rf"(?:i|we)(?:'ve| have)? (?:got|had) {_MINE} back from {_WHO}"),
    )
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
# What a matter is told by: "the lead for Falcon", "Falcon's lead".
_OF_MATTER = rf"(?:the {_MATTER} (?:of|for) {_WHAT}|{_NAME}'s (?P<slot_after>{'|'.join(MATTERS)}))"
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
    LazyPattern(rf"{_NAME}'s {_MATTER} (?:is|has changed to|{MOVED} to) (?:now )?(?P<value>.+)", re.I),
    LazyPattern(
        rf"(?:i|we|they) (?:fixed|set|agreed on|settled) the {_MATTER} (?:of|for) {_WHAT}: (?P<value>.+)", re.I
    ),
    LazyPattern(rf"(?:at work |on the project )?{_NAME} has (?P<value>.+) as its {_MATTER}", re.I),
    LazyPattern(rf"on {_NAME} the {_MATTER} (?:stands at|is) (?:now )?(?P<value>.+)", re.I),
    LazyPattern(
        r"(?:i|we|they|my \w+|our \w+|the client|the customer) (?:have |has )?(?:put|named|wants?|set|confirmed"
        r"|chose|picked)"
        r" (?P<value>[^,]+?(?:,\d+[^,]*?)?) (?:into [\w ]+ |down )?as "
        rf"(?:the {_MATTER} (?:of|for) {_WHAT}|(?P<owner>(?-i:[A-Z][\w-]*[a-z]))'s"
        rf" (?P<owned>{'|'.join(MATTERS)}))\W*$",
        re.I,
    ),
)


_VALUE = r"(?P<value>[^,;]+?)"
_END = r"(?: (?:now|instead|these days))?(?:[,;.!].*)?$"
_WITH = r"(?P<thing>(?:the|my|our|Dr|Mr|Mrs|Ms) [\w .'-]+?)"
_ON = r"(?:now )?(?:on |to |for )?(?P<value>(?:the )?\d[\w :.]*?|(?-i:[A-Z])[a-z]+ (?:at )?\d[\w :.]*?)"
_EVENT = r"(?:interview|exam|flight|surgery|operation|check-up|checkup|hearing|wedding|viewing|lesson|party|inspection)"
CHOICE, FAVOURITE, OWNED, MEETING = "choice", "favourite", "own", "meeting"
BEGINS, ENDS, SUPPLIER, EXPIRES = "begins", "ends", "supplier", "expires"
# Who has a name of their own: "I changed my dentist to Dr Patel".
_PEOPLE = r"(?:dentist|doctor|gp|vet|therapist|lawyer|accountant|physio)"
_WORK = "(?P<thing>work)"
_FIRM = (
    r"(?P<value>(?:the |Dr\.? |Prof\.? |Mrs?\.? |Ms\.? )?"
    rf"(?-i:(?!(?:{'|'.join(sorted(NO_NAMES))})\b)[A-Z])[\w'&. -]*?)(?: (?:ages ago|last \w+))?"
)
# "My shift" and "my working day" are one's work.
_SAME = {
    "shift": "work", "working day": "work", "workday": "work", "power": "electricity", "money": "account",
    "bank": "account",
}  # fmt: skip
_TOLD = {
    CHOICE: (
        r"(?:i|we)(?:'ve| have)? (?:decided on|chose|chosen|settled on|picked|gone with|went (?:for|with)|switched to"
        rf"|took) {_VALUE} for the {_THING}{_END}",
        rf"for the {_THING} (?:i|we)(?:'ve| have)? (?:picked|chosen|decided on) {_VALUE}{_END}",
        rf"for the {_THING} it(?:'s| is) (?:now )?{_VALUE}{_END}",
        rf"after [\w ]+ (?:i|we) (?:chose|picked) {_VALUE} for the {_THING}{_END}",
        rf"(?:i|we) (?:made up|changed) (?:my|our) minds? about the {_THING}(?:,| and took) {_VALUE}(?: it"
        rf" is)?{_END}",
        rf"(?:the|my|our) (?:family )?(?:decision|choice|vote) (?:on|for|about) the {_THING} (?:stands:|fell on"
        rf"|went to|is) {_VALUE}{_END}",
        rf"the {_THING} is (?:sorted|settled|decided), (?:i|we) (?:took|chose|picked|went (?:for|with))"
        rf" {_VALUE}{_END}",
        rf"the {_THING} will be done with {_VALUE}{_END}",
        rf"(?:i|we) agreed that {_VALUE} is right for the {_THING}{_END}",
        rf"(?:i|we) overturned the decision (?:on|about) the {_THING}: {_VALUE}{_END}",
    ),
    FAVOURITE: (
        rf"i(?:'ve| have) switched to {_VALUE} as my favou?rite {_THING}{_END}",
        rf"(?:these days )?i like {_VALUE} best (?:of all when it comes to|as|of) an? {_THING}{_END}",
        rf"i prefer {_VALUE} (?:over|to) any other {_THING}{_END}",
        rf"(?:for me )?the best {_THING} (?:for me )?is {_VALUE}{_END}",
        rf"{_VALUE} is my {_THING} of choice{_END}",
        rf"nothing beats {_VALUE} (?:as|for) an? {_THING}{_END}",
        rf"i (?:adore|love|like) {_VALUE}, no other {_THING} (?:comes close|compares|will do)\W*$",
        rf"when(?:ever)? i (?:get to |can |may )?choose an? {_THING},? i (?:always |usually )?(?:take|have)"
        rf" {_VALUE}{_END}",
        rf"they had {_VALUE} again, my favou?rite {_THING}\W*$",
        rf"if there is one {_THING} i'm loyal to, it's {_VALUE}{_END}",
        rf"i(?:'ve| have) loved {_VALUE} for years, it's my {_THING} of choice{_END}",
    ),
    OWNED: (
        rf"my {_THING} is (?:now )?an? (?P<value>(?:\d{{4}} )?(?-i:[A-Z])[\w -]*?){_END}",
        rf"(?:i|we)(?:'ve| have)? (?:replaced|swapped) (?:my|our) {_THING} (?:with|for) an? {_VALUE}{_END}",
        rf"(?:i|we) sold (?:the|my) old {_THING} and (?:got|bought) an? {_VALUE}{_END}",
        rf"the (?:new )?{_THING} (?:i own )?is an? (?P<value>(?-i:[A-Z])[\w -]*?){_END}",
        rf"i(?:'ve| have) (?:got )?an? (?P<value>(?-i:[A-Z])[\w -]*?\d) {_THING}{_END}",
        rf"(?:for years )?(?:i|we)(?:'ve| have)? (?:ended up with|used?|got|took|chose) (?:an?|the)"
        rf" (?P<value>(?-i:[A-Z])[\w -]*?)"
        rf" as (?:my|our) {_THING}{_END}",
        rf"(?:i|we) (?:finally |now )?(?:own|have|bought|got) an? (?:\w+ )?{_THING}: an?"
        rf" (?P<value>(?-i:[A-Z])[\w -]*?){_END}",
        rf"my {_THING} is (?:now )?the (?P<value>(?-i:[A-Z])[\w -]*?\d[\w-]*){_END}",
        rf"(?:i|we)(?:'ve| have)? (?:picked|chose|bought|took|got) (?:the|an?) (?P<value>(?-i:[A-Z])[\w -]*?)"
        rf" when (?:i|we) needed an? (?:new )?{_THING}{_END}",
    ),
    SUPPLIER: (
        rf"(?:i|we)(?:'ve| have)? (?:switched|moved|changed) (?:my|our) {_THING} to {_FIRM}{_END}",
        rf"(?:my|our) {_THING}(?: contract| account| policy)? (?:is|are) with {_FIRM}{_END}",
        rf"(?:i|we) get (?:my|our) {_THING} from {_FIRM}{_END}",
        rf"(?:i|we) (?P<thing>bank) with {_FIRM}{_END}",
        rf"(?:my|our) {_THING} comes? from {_FIRM}{_END}",
        rf"(?:i|we)(?:'ve| have)? (?:switched|changed) (?P<thing>{_PEOPLE})s?,? (?:and |to )?(?:now )?"
        rf"(?:(?:it's|it is|i'm with|i am with|mine is) )?(?:now )?{_FIRM}{_END}",
    ),
    BEGINS: (
        rf"i (?:start|begin) {_WORK} at (?P<value>\d[\w:. ]*?){_END}",
        rf"(?:my|our) (?P<thing>shift|working day|workday) (?:begins?|starts?) (?:now )?at"
        rf" (?P<value>\d[\w:. ]*?){_END}",
        rf"(?:my|our) {_THING} (?:begins?|starts?|opens?) (?:now )?at (?P<value>\d[\w:. ]*?){_END}",
    ),
    EXPIRES: (
        rf"(?:my|our) {_THING} (?:expires?|runs out|is valid until|is due for renewal) (?:on |in |at the end of )?"
        rf"(?P<value>(?-i:[A-Z])[a-z]+(?: \d{{4}})?|(?:the )?\d[\w :.]*?|(?-i:[A-Z])[a-z]+ \d[\w ,]*?){_END}",
        rf"(?:i|we)(?:'ve| have)? renewed (?:my|our) {_THING},? (?:and |so )?(?:now )?(?:it )?(?:now )?"
        rf"(?:expires?|runs out|is valid until|is good until) (?:on |in )?"
        rf"(?P<value>(?-i:[A-Z])[a-z]+(?: \d{{4}})?|\d[\w :.]*?){_END}",
    ),
    ENDS: (rf"(?:my|our) {_THING} (?:ends?|finishes|closes?) (?:now )?at (?P<value>\d[\w:. ]*?){_END}",),
    MEETING: (
        rf"i have an appointment with {_WITH} {_ON}{_END}",
        rf"i have an? (?P<thing>[\w'-]+(?: [\w'-]+)?) (?:appointment|slot) {_ON}{_END}",
        rf"i have an? (?P<thing>(?:[\w'-]+ ){{0,2}}{_EVENT}) {_ON}{_END}",
        rf"(?:the|my) (?:appointment|date|slot) with {_WITH} (?:{MOVED}|is|was) {_ON}{_END}",
        rf"(?:the|my|our) (?P<thing>[\w'-]+(?: [\w'-]+)?) (?:appointment|slot) (?:{MOVED}|is|was) {_ON}{_END}",
        rf"(?:the|my|our) (?P<thing>(?:[\w'-]+ ){{0,2}}{_EVENT}) (?:{MOVED}|is|was) {_ON}{_END}",
        rf"i (?:booked|rescheduled|moved|met) {_WITH} {_ON}{_END}",
        rf"i(?:'m| am) seeing {_WITH} {_ON}{_END}",
        rf"i (?:meet|see|have to be at(?: the practice of)?) {_WITH} {_ON}{_END}",
        rf"my (?:diary|calendar|planner|agenda) (?:says|has) {_WITH} {_ON}{_END}",
        rf"there was (?:only )?(?:one|an?) (?:gap|slot|opening) (?:left )?(?:with|at) {_WITH},? {_ON}{_END}",
        rf"my slot with {_WITH} is {_ON}{_END}",
        rf"i got a date with {_WITH}, {_ON}{_END}",
        rf"{_WITH} (?:can fit me in|cancelled and offered) {_ON}{_END}",
        rf"(?:they|the receptionist) [\w ]*?(?:put me down with|confirmed it:) {_WITH},? {_ON}{_END}",
    ),
}
_FORMS = tuple((slot, LazyPattern(form, re.I)) for slot, forms in _TOLD.items() for form in forms)
# Of these one may have several, so that only a change ends one.
SEVERAL = (f"{SUPPLIER} ", f"{CHOICE} ", f"{OWNED} ", f"{MEETING} ", f"{BEGINS} ", f"{ENDS} ")


def read_told(clause: Clause) -> tuple[str, str] | None:
    """Return a slot of the user's and its value, as one of the forms tells it; None where none fits."""
    for slot, form in _FORMS:
        if (found := form.match(clause.text)) and not clause.denied:
            thing = re.sub(r"^(?:the|my|our) ", "", found["thing"].lower())
            thing = thing.removeprefix("new ") if slot == OWNED else thing
            if thing.rsplit(maxsplit=1)[-1] in KIN:
                continue  # "my boss is a Virgo"
            if slot == SUPPLIER and re.fullmatch(_PEOPLE, thing):
                return thing, found["value"].lower().strip(" .")
            return f"{slot} {_SAME.get(thing, thing)}", re.sub(r"^(?:an?|the) ", "", found["value"].lower().strip(" ."))
    return None


# A number or a code as it is given, set, written down or found out.
_NUMBER_OF = (
    r"(?P<noun>(?:[\w-]+ ){0,3}?(?:numbers?|code|pin|password|passcode|combination|rent|salary|fee|pressure"
    r"|licen[cs]e plate"
    r"|plate)(?: (?:at|of|for|in) (?:the |my )?[\w'-]+(?: [\w'-]+)?)?)"
)
_SUM = r"(?P<value>(?=[\w./:+-]*\d)[\w./:+-]+(?:[ ,.]\d+)*(?: [a-z]+)?)"
_NUMBERS = tuple(
    LazyPattern(
        form + r"(?: (?:now|instead|from today|from now on|as of today))?[,;.!]*(?: (?:in case|at last)[\w ]*)?\W*$",
        re.I,
    )
    for form in (
        rf"(?:i|we)(?:'ve| have)? (?:had to )?(?:set|changed?|reset) (?:the|my|our) {_NUMBER_OF}(?: to|:) {_SUM}",
        rf"(?:they|the [\w -]+) (?:gave|sent|assigned) (?:me|us) an? (?:new )?{_NUMBER_OF}[,:] {_SUM}",
        rf"(?:i|we)(?:'ve| have)? (?:wrote|written|noted|jotted)(?: down)? (?:the|my|our) {_NUMBER_OF}[\w ]*: {_SUM}",
        rf"(?:i|we) had to look it up (?:again)?, (?:the|my) {_NUMBER_OF} is {_SUM}",
        rf"(?:they|we|i) (?:replaced|changed) (?:the|my|our) {_NUMBER_OF}, (?:and )?it(?:'s| is) {_SUM}",
        rf"(?:i|we)?(?:'ve| have)? ?got (?:the|my) {_NUMBER_OF}(?: at last)?, (?:and )?it(?:'s| is) {_SUM}",
        rf"(?:the|my|our) {_NUMBER_OF} (?:went up to|rose to|was raised to|dropped to|came down to|turned out to"
        rf" be) {_SUM}",
        rf"[\w ]+ confirmed {_SUM} as (?:my|our) {_NUMBER_OF}",
        rf"i always forget that (?:the|my) {_NUMBER_OF} is {_SUM}",
        rf"(?:i|we) pay {_SUM}(?: a month| per month)? (?:of |in |for |as )?(?P<noun>rent)",
        rf"the (?P<noun>rent) is (?:now )?{_SUM}",
    )
)


def read_number(text: str) -> tuple[str, str] | None:
    """Return what a number or a code of the user's is of, and the number, where a clause tells of it in other ways."""
    found = next((fit for form in _NUMBERS if (fit := form.match(text))), None)
    return (found["noun"], found["value"]) if found else None


def read_place(clause: Clause) -> tuple[str, str] | None:
    """Return a thing of the user's and its place, each in plain words; None where the clause tells no such."""
    found = _LIES.match(clause.text) or (_PUT.match(clause.rest) if clause.subject and not clause.noun else None)
    if found is None or clause.denied:
        return None
    place = _LAST.sub("", _TAIL.sub("", found["place"])).strip()
    return found["thing"].lower(), place.lower()


def read_loan(clause: Clause) -> tuple[str, str, bool, str] | None:
    """Return a thing of the user's, with whom it is, whether it came back, and the words left; None for no such."""
    for is_back, form in _LOANS:
        if not clause.denied and (found := form.match(clause.text)) and found["who"] not in NO_NAMES:
            return found["thing"].lower(), found["who"].lower(), is_back, found["rest"]
    return None


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
            slot = (told.get("slot") or told.get("owned") or "deadline").lower()
            if re.match(r"\d|(?-i:the [\dA-Z]|[A-Z])", value) and _fits(slot, value):
                return (found["name"] or told.get("what") or told["owner"]).lower(), slot, value.lower()
    return None
