"""By which words a fact is asked for, though it was told in others: "Anna settled in Rome", asked "Where is her home?".

Owns the everyday matters, how each is told, and the words that a question for it has. They stand in the index beside
the fact (`memories.neighbours`), and are no part of it. English, like the prompts. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.memory.consolidation.clauses import KIN
from openclaw_desktop.memory.consolidation.slots import LONGEST_READ

_ANIMALS = "dogs?|cats?|pets?|parrot|tortoise|rabbit|hamster|pony|horse|goat|ferret|canary|budgie|guinea pig|hens?"
# How a matter is told, and what it is asked by; a fact may be of several.
_MATTERS = tuple(
    (LazyPattern(told, re.I), asked)
    for told, asked in (
        (r"\b(?:lives?|living|lived|resides?|settled in|moved to|relocated|roots|at home in|stayed (?:at|with)"
         r"|(?:flat|house|home|address)\b.* in)\b", "live home house flat town city address place"),
        (r"\b(?:works?|working|job|profession|trade|trained as|retrained|started over as|employ\w+|earns?|career|by day"
         r"|(?:is|am|i'm) (?:now )?an? [\w -]+ (?:now|these days))\b",
         "work job profession occupation career earn money employer employ company"),
        (r"\b(?:birthday|born|celebrates?|year older"
         r"|big day)\b", "birthday born date age year party celebrate congratulate"),
        (r"\b(?:favou?rite|best|love|adore|prefer|of choice|nothing beats|always take|loyal)\b",
         "favourite best like love prefer enjoy happy"),
        (r"\b(?:hate|dislike|can't stand|don't (?:like|do)|detest|loathe|abide|never liked|shudder"
         r"|(?:could|can) (?:never )?bear|least"
         r"|likes? (?:\w+ ){0,3}less)\b",
         "dislike hate bear stand avoid refuse least worst"),
        (r"\b(?:bought|own|owns|sold|replaced|second-hand|my [\w ]+ is an? (?-i:[A-Z])|(?:got|have"
         r"|use[ds]?) an? (?-i:[A-Z]))",
         "own have model make brand"),
        (r"\b(?:put|keep|kept|hid|hidden|stored|belongs|stays|left|found|place for|(?:is|are"
         r"|it's) (?:now )?(?:in|on|under|behind"
         r"|beneath|inside|at|with) (?:the|my|our|a))\b", "put find keep kept place hide hiding"),
        (r"\b(?:appointment|slot|booked|reschedul\w+|cancelled|date with|fit me in|practice|seeing|meet|diary"
         r"|down with)\b",
         "appointment date time day meet booked"),
        (r"\b(?:lent|lend|borrow\w*|loan|handed|passed|still has my|let \w+ take)\b", "lend lent borrow borrowed"),
        (r"\b(?:gifts?|presents?|gave|wrapped|unwrapped|received|parcel|got .* from (?:me|us))\b",
         "gift present give gave get got choose"),
        (r"\b(?:decided|decision|chose|choice|picked|settled on|agreed|gone with|went (?:for|with)"
         r"|made up (?:my|our) minds?"
         r"|vote|changed our minds|switched|it is)\b", "decide decision choose choice option outcome"),
        (r"\b(?:trip|travel\w*|hiked|journey|week(?:end)? in|went to|photos|compartment|showed me around"
         r"|drove me|lost in)\b",
         "travel trip journey joined visit"),
        (r"\b(?:doctor|nurse|blood|allerg\w+|dose|pulse|tablets?|medical|results|check-up|chemist|my file"
         r"|injection|surgery)\b",
         "health ill doctor medical medicine file"),
        (r"\b(?:married|wife|husband|partner|together for)\b", "partner spouse married wife husband"),
        (rf"\b(?:{_ANIMALS})\b", "pet animal called name keep"),
        (r"\b(?:boss|manager|supervisor)\b", "boss manager report lead chief"),
        (r"\b(?:allerg\w+|rash|hives|intolerant)\b", "allergy allergic avoid eat food"),
        (r"\b(?:vegan|vegetarian|pescatarian|flexitarian|eats?|meat)\b", "diet eat food meal"),
        (r"\b(?:bank|account|money is at)\b", "bank account money"),
        (r"\b(?:rent|costs?|pay|fee|salary|a month|monthly)\b", "cost pay rent price money month"),
        (r"\b(?:euros|dollars|pounds|budget|price)\b|[€$£]\d", "cost price money sum"),
        (r"\b(?:phone|mobile|call me(?! (?-i:[A-Z])))\b", "phone number call ring reach contact"),
        (r"\b(?:go by|call me (?-i:[A-Z]))", "name called nickname"),
        (r"\b(?:expires?|runs out|(?:valid|good) until|due for renewal)\b", "expire run out valid until renew date"),
        (r"\b(?:codes?|pin|number|combination|password)\b", "code number digits"),
        (r"\b(?:every week|twice a week|sport|training|gym|fit)\b", "sport fit exercise train"),
        (r"\b(?:school|pupil|studied|university|degree)\b", "school study subject degree class town"),
        (r"\b(?:my shift|start work|working day)\b", "work begin start time day"),
        (r"\b(?:landlord|landlady|rent from)\b", "landlord rent pay owner name"),
        (rf"\b(?:my|our) (?:[\w-]+ )?(?:{'|'.join(sorted(KIN))})\b", "family"),
    )
)  # fmt: skip


def words_asked_by(text: str) -> str:
    """Return the words by which what a fact tells may be asked for, without those that it has itself."""
    text = text[:LONGEST_READ]
    own = set(re.findall(r"\w+", text.lower()))
    words = (word for told, asked in _MATTERS if told.search(text) for word in asked.split())
    return " ".join(word for word in dict.fromkeys(words) if word not in own)
