"""From whom, or from where, the user knows what they tell: "The doctor says my height is 174 cm".

Owns who and what can know such a thing of somebody, and the words that only lead to it. What anybody else says of the
user stays a quote. English, like the prompts. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.core.patterns import LazyPattern

# Whose business it is to know.
_EXPERTS = (
    r"(?:doctor|gp|nurse|dentist|vet|optician|eye doctor|pharmacist|chemist|midwife|physio(?:therapist)?|surgeon"
    r"|specialist|consultant|therapist|clinic|hospital|lab|practice|bank|insurer|insurance(?: company)?|accountant"
    r"|tax adviser|lawyer|solicitor|notary|landlord|landlady|letting agent|school|university|council|town hall"
    r"|registrar|personnel office|hr|mechanic|garage|plumber|electrician|tailor|trainer|receptionist|clerk)"
)
_PAPERS = (
    r"(?:card|file|records?|chart|notes|passport|licen[cs]e|contract|receipt|bill|invoice|prescription"
    r"|certificate|label"
    r"|statement|meter|scales?|thermometer|packaging|ticket|confirmation|results?|test|report card|policy)"
)
_DIARY = r"(?:diary|calendar|planner|agenda|timetable|schedule)"
_OWN = r"(?=(?:my|our)\b)"
_FROM = LazyPattern(
    rf"^\W*(?:(?:since|at|after|before|during|according to) (?:the|my|our|that) [\w' -]+?,? )?(?:"
    rf"(?:the|my|our|her|his) (?:\w+ )?{_EXPERTS} (?:just |now |has |also |once )*"
    rf"(?:says?|said|tells? me|told me|confirm(?:s|ed)|reports?|reported|measured|wrote) (?:to me )?(?:that )?{_OWN}"
    rf"|(?P<of_me>(?:the|my|our) (?:\w+ )?{_EXPERTS} (?:has )?(?:corrected|confirmed|changed) (?:it|that): )"
    rf"|(?:the|my|our) (?:\w+ )?{_PAPERS} (?:says?|shows?|reads?) (?:that )?{_OWN}"
    rf"|(?:on|in) (?:the|my|our) (?:\w+ )?{_PAPERS},? (?:it|they) (?:says?|shows?|reads?) (?:that )?"
    r"(?=.*\b(?:my|our)\b)"
    rf"|(?P<diary>(?:my|our) {_DIARY} (?:says?|shows?|reads?|has)(?: that)? )"
    # How it came to be known: "I have to tell every doctor that …", "it took an hour to find out that …".
    r"|(?:i|we)(?:'ve| have| had|'d)? (?:just |only |now |finally |always |(?:have|had|need|ought) to |must "
    r"|should )*"
    r"(?:know|knew|learn(?:ed|t)?|find out|found out|discover(?:ed)?|realised?|been told|was told|were told|tell"
    r"|remind"
    r"|remember(?:ed)?)"
    rf" (?:(?:every|each|any|the|my|all) (?:[\w-]+ ){{1,2}}|people |them )?that (?=(?:my|our)\b|(?-i:[A-Z]))"
    r"|it (?:only |just )?(?:took|cost) (?:me |us )?[\w' -]+ to (?:learn|find out|discover|hear|be told) that "
    rf"{_OWN})",
    re.I,
)
# "My calendar was wrong: my nephew …": the user goes on for themselves after that colon.
_OWN_COLON = LazyPattern(
    r"(?P<led>^[^:]{0,60}\b(?:wrong|mistaken|settled|decided|clear|sure|certain|official|final|correction|update|news"
    r"|reminder|note|record|confirmed it|corrected it|booked it|fixed it|changed it|moved it|changed jobs"
    r"|new job|moved|moved house)): (?=\S)",
    re.I,
)


def without_source(sentence: str) -> str:
    """Return what is told, without who said it or how it came to be known, where that is somebody who knows."""
    straight = sentence.replace("’", "'")
    if (found := _FROM.match(straight)) is None:
        return straight
    told = straight[found.end() :]
    if re.match(r"(?:my|our|i|we)\b", told, re.I):
        return told
    # "The doctor corrected it: skin type is 2": of the user's skin. "My diary says the dentist on 3 May."
    return ("my " if found["of_me"] else "I meet " if found["diary"] else "") + told


def with_own_colons(text: str) -> str:
    """Return `text` with a comma for a colon after which the user goes on for themselves."""
    return _OWN_COLON.sub(r"\g<led>, ", text)
