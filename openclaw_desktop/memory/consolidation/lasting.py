"""Which plain sentences tell what lasts: of the user, of those around them, and of their things.

Owns what people do, have and are for longer than a day, and small talk. Whether a sentence asks, supposes or quotes is
told elsewhere (`mood`). English, like the prompts. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.memory.consolidation.clauses import KIN, NO_NAMES
from openclaw_desktop.memory.consolidation.spans import MONTHS

_FIRST_PERSON = LazyPattern(r"(?:\bI\b|\b(?:i|i'm|i've|my|mine|our|ours|we|we're|we've|me|us)\b)", re.I)
_VAGUE_OBJECT = (
    r"(?!\s*(?:[.!,]|$)|\s+(?:it|that|this|them|those|these|you|your|so|to say|what|how|when|where|why|the (?:same"
    r"|idea|way"
    r"|answer|first|second|last|other|previous|above)|a lot|one more|another one|nothing|something|anything"
    r"|everything)\b)"
)
# What people do, have and are for longer than a day.
_LASTING = LazyPattern(
    r"\b(?:i|we|i've|we've)(?:'m|'re|'ve)?\s+(?:(?:have|had|always|never|usually|really|also|still|now|just|recently"
    r"|finally"
    r"|don't|do not|no longer|already|both|am|are|only|mostly|absolutely|often|can't|cannot|even)\s+){0,3}"
    r"(?:live|lived|work|worked|like|love|loved|prefer|hate|dislike|enjoy|adore|own|bought|sold|adopted|decided"
    r"|chose|chosen"
    r"|picked|settled on|agreed|signed|joined|left|started|quit|stopped|began|begun|moved|graduated|studied|study"
    r"|teach|taught"
    r"|speak|play|practise|practice|collect|drive|ride|drink|eat|avoid|take|wear|use|volunteer|belong|support"
    r"|subscribe|rent"
    r"|renewed|booked|married|met|grew up|was born|were born|was diagnosed|suffer|allergic|vegan|vegetarian"
    r"|intolerant|afraid"
    r"|a|an|from|called|engaged|divorced|retired|learning|studying|training|saving|renting|building|writing"
    r"|expecting|stand"
    r"|keep|parked|put|lent|borrowed|owe|inherited|named|planted|painted|installed|hired|switched|changed|run|swim"
    r"|cycle|cook"
    r"|meet|visit|see|go|(?:got|was) promoted)\b" + _VAGUE_OBJECT,
    re.I,
)
_HAVE = LazyPattern(
    r"\b(?:i|we)(?:'ve| have| own)(?: got)?\s+(?:a|an|two|three|four|five|\d+|no|some|both)\s+\w+", re.I
)
# "My passport expires on 3 May", "our neighbour's cat is called Tom".
_MINE = LazyPattern(
    r"\b(?:my|our)\s+(?:[\w'-]+\s+){1,4}?(?:is|are|was|were|has|have|lives?|works?|likes?|loves?|hates?|prefers?"
    r"|plays?"
    r"|studies|speaks?|starts?|ends?|expires?|costs?|runs?|got|moved|died|bought|owns?|eats?|drinks?|takes?|needs?"
    r"|teaches"
    r"|goes|comes|visits|started|finished|joined|sold|passed|means|turns?|hates|keeps?|sits|stands|opened|opens"
    r"|closes|changed|left|graduated|retired|doesn't|isn't|can't)\b",
    re.I,
)
# A name, a number or a place among the words makes a plain sentence about one's own worth keeping.
_ANCHOR = LazyPattern(r"\d|(?<![.!?] )(?<!^)\b(?!I\b|I'|OK\b|TV\b)[A-Z][a-z]+")
_SMALL_TALK = LazyPattern(
    r"\b(?:i(?:'m| am) (?:so |very |really |a bit |just |pretty |feeling )*(?:fine|good|ok|okay|great|tired|hungry"
    r"|thirsty|bored"
    r"|busy|back|here|done|sorry|sure|glad|happy|sad|sick|ready|late|lost|confused|curious|afraid (?:not|so|that)"
    r"|stuck|in a"
    r" (?:hurry|rush|meeting)|on (?:my|the) way|at (?:work|home|lunch)|out of|excited|stressed|worried|impressed"
    r"|kidding|joking"
    r"|asking|talking|trying|looking(?! after)|having|getting|about|used to it|all|not|with you|right|wrong"
    r"|feeling|freezing|exhausted"
    r"|overwhelmed|grateful|surprised|annoyed|a (?:bit|little|fool|mess|genius))"
    r"|i (?:see|agree|know|understand|forgot|forget|mean|meant|think so|thought so|guess|suppose|don't (?:know|care"
    r"|mind|think|get"
    r"|understand|remember|see|need|want)|didn't|couldn't|can't (?:believe|wait|find|see|hear|tell|remember"
    r"|sleep|think"
    r"|open|get)"
    r"|appreciate|owe you|love (?:it|that|this|you|how)|like (?:it|that|this|your|how|where)|hate (?:it|that|this"
    r"|when|how|mondays)"
    r"|see you|got it|get it|had (?:a|an) (?:great|good|bad|long|awful|nice|terrible|rough|lovely) |feel|slept|need"
    r"|never (?:said|mind|thought|know)|do(?:n't)? too|have to|had to|must|take it|keep (?:forgetting|getting|losing)"
    r"|see (?:what|that|your|the)|go (?:now|to bed|back)|put it|met (?:a|some) |left (?:the|a) (?:house|message))"
    r"|my (?:bad|pleasure|god|goodness|day|head hurts|apologies|mistake|fault|mood|coffee is|lunch|computer is"
    r"|internet is|screen"
    r"|question|point|guess|idea|impression|battery is|brain|back hurts|eyes)\b"
    r"|(?:we|i) (?:have|had|'ve) (?:got )?(?:a|an|no|some) (?:idea|clue|problem|question|issue|minute|moment"
    r"|meeting(?!.*\b(?:every|each|on \w+days)\b)"
    r"|headache"
    r"|cold|feeling"
    r"|point|lot|bit|look|great|good|nice|hard time|choice|few|long)\b)",
    re.I,
)


# What is usual, what one can do, and what one has lived through.
_USUAL = LazyPattern(
    r"\b(?:i|we|my \w+ and i|[a-z]+ and i)\s+(?:\w+ly )?"
    r"(?:always|never|usually|often|rarely|mostly|normally|once|both|still) \w+"
    r"|\b(?:i|we) (?:can|can't|cannot|know how to|learned to|learnt to|was taught|grew up|won|broke my|gave up"
    r"|find it (?:hard|easy)|used to|don't|do not) \w+"
    r"|\b(?:i|we)(?:'ve| have) (?:been to|visited|known|learned|never|always|had|owned|lived|worked|played|won|lost"
    r"|an? (?:scar|licen[cs]e|daughter|son|brother|sister|twin))\b"
    r"|\b(?:i|we)\b.*\b(?:most (?:days|weeks|mornings|evenings)|every (?:day|week|month|year|summer|winter|morning"
    r"|evening|\w+day)|on \w+days|on holiday|at weekends|for years|for a living|years ago"
    r"|when i was (?:\d+|a (?:child|kid"
    r"|boy|girl)"
    r"|young|little))\b"
    r"|^(?:on holiday|at home|in (?:my|our) (?:house|family)|at weekends|on \w+days),? (?:i|we) \w+"
    r"|\b(?:taught|gave|showed|left) me \w+|\bmy (?:parents|family|grandparents|ancestors) \w+",
    re.I,
)


# What goes on at the moment it is told: "I'm waiting for a call from Ann". Some go on for months.
_GOING_ON = LazyPattern(
    r"\b(?:i|we)(?:'m|'re|'ve been| am| are| was| were| have been) (?:\w+ly |just |still |now |already )*"
    r"(?!living|working|learning|studying|training|saving|renting|building|writing|expecting|seeing|meeting|looking"
    r" after|playing|teaching|raising|paying|using|taking|married|banking|moving (?:house|to (?-i:[A-Z]))"
    r"|getting (?:married|divorced))\w+ing\b"
    r"|\b(?:i|we) (?:was|were|am|are) (?:in|at|on|behind|near|off|out|nearly|almost)\b",
    re.I,
)
# Of all and of nobody: no fact about anyone, unless they are the user's own.
_OF_ALL = LazyPattern(
    r"^(?:every|each|all|most|few|many|some|no|nobody|everybody|everyone|people|there|a|an|one)\b"
    r"(?!.*\b(?:my|our)\b| is no (?:\w+ ){1,3}(?:that )?i \w+)",
    re.I,
)
# What the talk itself is about at the moment: it is in the talk, and no fact of the user's life.
_AT_HAND = LazyPattern(
    r"\b(?:errors?|exceptions?|bugs?|crash(?:ed|es)?(?! helmets?)|fail(?:s|ed)?"
    r"|(?:does|did)(?:n't| not) work|tr(?:y|ied|ying)"
    r"|install(?:ed)?|upload(?:ed)?|download(?:ed)?|click(?:ed)?|lines?|functions?|scripts?|terminal|browser|tests?"
    r"|commit(?:ted)?|merged?|pasted?|screenshots?|tabs?|columns?|rows?|cells?|slides?|paragraphs?|drafts?|versions?"
    r"|prompts?|outputs?|pages?|need|want|get|saw|looked|noticed|read|heard|checked|asked|sent|wrote)\b",
    re.I,
)
_PERSON = rf"(?:(?!(?:{'|'.join(sorted(NO_NAMES))})\b)[A-Z][\w'-]*[a-z](?: [A-Z][\w-]*[a-z])?)"
_ANIMALS = (
    "dog|cat|puppy|kitten|parrot|budgie|canary|tortoise|rabbit|hamster|guinea pig|ferret|pony|horse|donkey|goat|sheep"
    "|hen|snake|lizard|gecko|fish"
)
_OURS = r"(?i:my|our) (?:[\w'-]+ ){1,3}"
# A person is told by a name and by what only people do; one of the user's own by anything that is so.
_OF_SOMEBODY = LazyPattern(
    rf"(?:^|[,:] |\b(?:and|of|from|that|is) )(?:{_OURS})?{_PERSON},? (?:(?i:now|still|has|also|both) )?"
    r"(?:lives?|living|resides?|settled|moved|relocated|has been living|is at home|was born|is married|got married"
    r"|works? (?:as|at|for)|trained as|retrained|started over|earns"
    r"|has (?:a|an|two|three) [\w ]*(?:job|flat|house|home|dog|cat|child|son|daughter)"
    r"|is (?:now )?an? [\w -]+ (?:by|now|these days)\b|celebrates|shares? a birthday|turn(?:s|ed)? \d+|turns another"
    r"|(?:is getting|got) (?:married|engaged|divorced)"
    r"|(?:has )?(?:returned|brought back|gave back|given back) (?:my|our)"
    r"|calls (?:the|his|her|their) |borrowed|has put down|makes a good|quit|retired|studies|speaks|plays the)\b"
    rf"|{_PERSON}'s (?:[\w-]+ ){{0,2}}(?:birthday|profession|job|husband|wife|partner|son|daughter|dog|cat|name"
    rf"|number"
    r"|address|home|employer|boss|doctor|teacher|coach|big day)\b"
    rf"|^{_PERSON} and {_PERSON} (?:have )?(?:broke(?:n)? up|split up|got (?:married|engaged|divorced)"
    r"|are (?:married|engaged|divorced|together|getting (?:married|divorced)))\b"
    rf"|{_PERSON} (?:still |now )?(?:has|had|got|took|keeps|borrowed) (?:my|our)\b"
    rf"|\b[Bb]y day,? {_PERSON} is an? \w"
    rf"|\banswers to (?:the name of )?{_PERSON}"
    rf"|^{_PERSON} and I (?:have been|are|live|work|share|met|got)\b"
    rf"|\b(?:[Yy]ou can (?:reach|find|visit|meet|catch)|[Nn]ews from|[Ww]ord from) {_PERSON}\b"
    rf"|\b{_PERSON}, {_PERSON}'s (?:[\w-]+ )?(?:{'|'.join(sorted(KIN))}|{_ANIMALS})\b"
    rf"|\b{_PERSON}'s (?:[\w-]+ )?(?:{_ANIMALS})\b"
    rf"|\b{_PERSON}(?:'s)? .*\b(?:birthday|wedding|christening|anniversary|name day)\b.*\d"
    rf"|\b{_PERSON} (?:[\w-]+ )*(?:over the moon|delighted|thrilled|happy|overjoyed) (?:about|with"
    rf"|at)\b.*\b(?:my|our) "
    r"(?:gift|present)\b"
    rf"|\b{_PERSON}.*\bit(?:'s| is) (?:now )?(?:at|with) {_PERSON}"
    rf"|\b(?i:the|my|our) (?:[\w'-]+ ){{1,4}}?(?:went|goes|is|has gone) to {_PERSON}\b.*"
    r"\b(?:back|loan|lent|borrow\w*)\b"
    r"|\b(?:family|household|flat|house|team|class|club) vote (?:on|about|for) .* went to\b"
    rf"|\b(?:is|was|are|were) (?:called|named) {_PERSON}|\bthe name of {_PERSON}'s"
    rf"|\b{_OURS}{_PERSON},? (?:is|was|has|had|got|gets|keeps|owns|bought|loves|likes|hates|can|can't|received"
    r"|unwrapped|makes|earns|turns|who|an? )",
)
_THING_FIRST = LazyPattern(
    r"^(?:(?:in case [\w ]+,? )?the (?:[\w'-]+ ){1,5}?(?:is|are|belongs?|stays?)\b|the place for"
    r"|(?:from now on|after [\w ]+|if any\w+ asks),? the )",
    re.I,
)
# Where a thing has its place.
_PLACED = LazyPattern(
    r"\b(?:is|are|'s|belongs?|stays?|kept|put|hid|hidden|stored|ended up|left)"
    r" (?:now |always |still |back |kept |stored |hidden |not )*"
    r"(?:in|on|under|behind|beneath|inside|at|with|by|below|above|between|on top of|next to|at the back of)"
    r" (?:the|my|our|an? )\b",
    re.I,
)
_HEADS = (
    r"(?:code|number|pin|passwords?|passcode|combination|size|key|address|deadline|budget|appointment|lead|client"
    r"|contact|serial|plate|extension|policy|membership|account|date|slot|reading|dose|allergy|birthday|anniversary"
    r"|salary|rent|pressure|level)"
)
_VALUE = r"(?:(?:now|set to|the|about|on|at) )*(?:\d|(?-i:[A-Z])\w)"
# What a thing of one's own is told by: a number, a date or a name.
_VALUED = LazyPattern(
    rf"\b{_HEADS}\b[\w' -]{{0,40}}? (?:is|was|are|stands at|has changed to|changed to|turned out to be|was moved to"
    rf"|came to|has been moved to|went up to|rose to|dropped to"
    rf"|came down to) {_VALUE}|\b{_HEADS}\b[\w' -]{{0,40}}: ?{_VALUE}"
    rf"|{_VALUE}[\w ,&'-]* as (?:its|the|my|our|[\w]+'s) (?:[\w-]+ ){{0,5}}{_HEADS}\b"
    rf"|\b{_HEADS}\b[^.:;]{{0,30}}, it(?:'s| is) (?:now )?{_VALUE}"
    rf"|\b(?:has a|have a|a) new {_HEADS}, {_VALUE}|^new {_HEADS}\b[^:]*: {_VALUE}",
    re.I,
)
# What is to be on a day that is named, for the user, is in their diary.
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_A_DAY = rf"\b(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{_MONTH})|(?:{_MONTH})\.? \d{{1,2}}(?:st|nd|rd|th)?)\b(?! ?%)"
_DATED = LazyPattern(
    rf"\b(?:i|we|me|us|my|our)\b.*\b(?:appointment|slot|gap|practice|surgery|check-up|viewing|interview|exam|lesson"
    rf"|meeting|have to be|need to be|must be|booked|reserved|confirmed|fit(?:s|ted)? me in)\b.*{_A_DAY}"
    rf"|\b(?:appointment|slot|gap|booking|confirmed|booked|reserved)\b.*{_A_DAY}.*\b(?:i|we|me|us)\b"
    rf"|^(?:they|the [\w-]+) (?:have |has )?(?:confirmed|booked|moved|agreed|offered)\b.*{_A_DAY}"
    rf"|\bparty\b.*{_A_DAY}.*\bbirthday\b|\bbirthday\b.*{_A_DAY}",
    re.I,
)
# An entry in a list of the user's, and a value that they know by heart.
_ENTERED = LazyPattern(
    r"\bon (?:the|my|our) list of [\w' -]+: \S|\bby heart: \S"
    r"|^new (?:[\w'-]+ ){1,4}?(?:since|from|after) [\w' -]+: \S"
    r"|\b(?:got|have|had) (?:the|my) (?:\w+ )?(?:results?|readings?|diagnosis|prescription),? (?:and )?(?:my |the )?"
    r"\w+ \w+",
    re.I,
)
_CHOSEN = LazyPattern(
    r"\b(?:i|we|i've|we've|our|my) (?:\w+ ){0,8}?(?:decided|chose|picked|settled|agreed|gone with|went (?:for|with)"
    r"|made up (?:my|our) minds?|changed (?:my|our) minds?|fell on|opted|switched|hid|stored|loathe|detest"
    r"|can't (?:stand|abide|bear)|replaced|overturned|rescheduled|handed|passed|let \w+ (?:take|have|borrow)"
    r"|ended up with|start|starts|begins?|bank|earn|pay|become|became|turned|gave up|given up)\b"
    r"|\bthe [\w' -]+ (?:is|are) (?:sorted|settled|decided|fixed|agreed),? .*\b(?:i|we)\b"
    r"|\b(?:i|we) (?:get|buy|order|have) (?:my|our) (?:[\w-]+ ){1,3}from (?-i:[A-Z])"
    r"|\bas an? (?!child|kid|boy|girl|rule|result|treat|joke|matter|test|bonus|consequence|start|whole|last|first)"
    r"[\w-]+(?: [\w-]+)?,? (?:i|we) \w+",
    re.I,
)


# What one likes and dislikes, and "as for my skin, it's dry": told of nothing else than oneself.
_TASTE = LazyPattern(
    r"\b(?:favou?rite|of choice|best of all|love most|like best|loyal to|prefer|nothing beats|loathe|detest|abide)\b"
    r"|\bmakes? me (?:shudder|gag|sick|sneeze|itch|happy)\b"
    r"|\b(?:dis)?likes? (?:\w+ ){0,4}(?:more|less) than\b|\b(?:my|our) (?:[\w'-]+ ){0,3}[\w'-]+, (?:it's|it is"
    r"|which is) ",
    re.I,
)


# What stands first or last of its kind for somebody is no mood.
_RANKED = LazyPattern(
    r"\b(?:i|we)\b.*\b(?:more|less) than any other\b|\b(?:my|our) (?:least|most) (?:loved|liked|hated|favou?rite)\b"
    r"|\b(?:i|we) (?:could never|never could|never can|can never) (?:stand|bear|abide|stomach)\b",
    re.I,
)


# What one is for good: "I'm left-handed", "we are Danish".
_TRAIT = LazyPattern(
    r"(?:i'm|i am|we're|we are) (?:(?:half|partly|originally|also|both|mildly|severely) )*"
    r"(?:[\w-]+[ -](?:intolerant|handed|sighted|blind)|diabetic|epileptic|asthmatic|deaf|blind|dyslexic|autistic"
    r"|(?-i:(?:[A-Z][a-z]+(?:ish|ese|an|ch|i)|Greek|Swiss|Thai|Muslim|Hindu|Catholic)))\W*$",
    re.I,
)


def is_trait(text: str) -> bool:
    """True for what one is for good, in as many words: "I'm Danish"."""
    return _TRAIT.match(text) is not None


def is_small_talk(text: str) -> bool:
    """True for what people say in passing."""
    return _SMALL_TALK.search(text) is not None


def is_at_hand(text: str) -> bool:
    """True for what the talk is about just now, and not the user's life: an error, a file, a page."""
    return _AT_HAND.search(text) is not None


def has_anchor(text: str) -> bool:
    """True where a name, a number or a place stands in a text: by it the text will be looked up."""
    return _ANCHOR.search(text) is not None


def is_about_me(text: str) -> bool:
    """True where the user is in a sentence, with a name, a number or a place, or with what they like."""
    return _FIRST_PERSON.search(text) is not None and (has_anchor(text) or _TASTE.search(text) is not None)


def is_valued(text: str) -> bool:
    """True where a number, a day or a name of something is told: it stands for itself, whoever "they" are."""
    return any(sign.search(text) for sign in (_VALUED, _DATED, _ENTERED))


def lasts(text: str) -> bool:
    """True for a plain sentence that is worth keeping for itself."""
    if re.match(r"(?:I|We) (?:know how|never learned|don't like) to\b", text):
        return True
    if _GOING_ON.search(text) or (_OF_ALL.match(text) and not _DATED.search(text)):
        return False
    if is_trait(text) or _OF_SOMEBODY.search(text) or is_valued(text):
        return True
    if _THING_FIRST.search(text) and _PLACED.search(text):
        return _AT_HAND.search(text) is None
    if _RANKED.search(text):
        return True
    if is_small_talk(text) or not _FIRST_PERSON.search(text):
        return False
    if re.match(r"As an? ", text) and _CHOSEN.search(text):
        return True
    if _HAVE.search(text) or _USUAL.search(text) or (has_anchor(text) and not _AT_HAND.search(text)):
        return len(text.split()) >= 3
    return any(sign.search(text) for sign in (_LASTING, _MINE, _CHOSEN, _TASTE)) and len(text.split()) >= 4
