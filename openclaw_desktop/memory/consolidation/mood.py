"""In what mood a sentence is said: whether it tells how things are, for longer than today, in the speaker's own words.

Owns the signs of questions, orders, supposing, joking, quoting and of what soon passes. It errs towards "no": what is
not taken for a fact can still be found where it was said. English, like the prompts. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.core.sentences import is_question
from openclaw_desktop.memory.consolidation.clauses import NO_NAMES, listed
from openclaw_desktop.memory.consolidation.earnest import can_be_meant
from openclaw_desktop.memory.consolidation.reported import with_own_colons
from openclaw_desktop.memory.consolidation.spans import as_present

_QUESTION = LazyPattern(
    r"^\W*(?:(?:and|but|so|ok|okay|well|also|then|hey|hi|sorry|wait|hmm),?\s+)*"
    # "When I choose a wine, I always …" tells of a habit.
    r"(?:what|when(?! (?:i|we) [^?]*, (?:i|we) (?:always|usually|mostly|never|only|take|have|go|drink|eat)\b[^?]*$)"
    r"|where|who|whom|whose|why|how|which|can|could|would|shall|should|do|does|did|is|are|was|were|am"
    r"|has|have|had|(?:may|will) (?:i|we|you|he|she|they|it|there|the|my)|any idea|isn't|aren't|don't|doesn't|didn't"
    r"|won't|can't|couldn't)\b"
    # "Do not …" is an order and "Will is my brother" a name: neither tells less for being left out.
    r"|\b(?:i wonder|i was wondering|i'm wondering|i'd like to know|i want to know|tell me)\b",
    re.I,
)
_ORDER_VERBS = listed("""
 add answer apologise apologize ask book bring buy calculate call cancel change check choose clean close
collect compare complete compose convert copy correct count create cut debug define delete describe design do
download draft draw edit email explain export fetch fill find finish fix forget format generate get give go
google grab guess help imagine implement improve include install keep let list look make mark mind move
multiply name note open order paraphrase pay pick plan play post practice prepare pretend print
proofread put quiz rank rate read rearrange recommend record refactor remember remind remove rename rephrase
reply rewrite roleplay run save say schedule search send set share shorten show sing solve sort speak spell
start stop store suggest summarise summarize suppose switch take teach tell test think text transcribe
translate try turn type update use wait wake watch write
""")
_ORDER = LazyPattern(
    # "Call me Sam" tells a name.
    rf"(?!\W*(?:please )?call me (?-i:(?!(?:{'|'.join(sorted(NO_NAMES))})\b)[A-Z][a-z]+)(?:, not\b|[.!]|$))"
    r"^\W*(?:(?:and|but|so|ok|okay|well|also|then|now|hey|hi|yes|sure|great|thanks|first|next|alright|sorry),?\s+)*"
    r"(?:please(?!,? no [\w' ]+, (?:i|we) (?:dislike|hate|loathe|detest|can't|don't|am|are|'m|'re)\b)"
    rf"|kindly|let's|lets|don't|do not|never mind|{'|'.join(_ORDER_VERBS)})\b(?!\s+(?:is|are|was|were)\b)"
    r"(?<!\bput(?= (?:differently|another way|simply|briefly)\b))"
    r"|\b(?:can|could|would|will) you\b|\bi(?:'d| would) (?:like|love|want|need|prefer)\b"
    r"|\bi (?:just )?(?:need|want) (?:you|to know|to ask|some help|help|a hand|an? (?:idea|answer|list|summary"
    r"|translation"
    r"|recipe|recommendation|poem|story|plan))\b|\bi have (?:a|one|another|some) (?:\w+ )?(?:question|request"
    r"|doubt)s?\b"
    r"|\b(?:please|(?<!not )for me)[.!]*$",
    re.I,
)
# What only might be, would be, or is to come.
_UNREAL = LazyPattern(
    r"\b(?:if(?! (?:anybody|anyone|somebody|you) asks?\b)"
    r"|unless|whether|suppose|supposing|imagine|imagining|picture|pretend\w*|assume|assuming|hypothetical\w*"
    r"|would"
    r"|wouldn't"
    r"|could|couldn't|might|may be|maybe|perhaps|possibly|probably|wish\w*|hopefully|hoping|i hope|should i|guess\w*"
    r"|considering|thinking (?:of|about)|thought (?:of|about|i)|(?:i|we) (?:think|believe|suspect|assume|expect)"
    r"|thinking i|not sure|unsure|no idea|can't decide"
    r"|i doubt|wonder\w*|dream\w*|as though|otherwise|i'd|we'd|he'd|she'd|they'd|what if|let's say|say i|were i"
    r"|someday|some day|one day i|when i(?:'m| am) (?:rich|old|retired)|almost|nearly|tempted|planning|plan to"
    r"|plans to"
    r"|want to|wants to|going to|gonna|will|won't|i'll|we'll|he'll|she'll|they'll|would've|could've|apparently"
    r"|rumou?r\w*"
    r"|supposedly|as if|had i|given the chance|rather|thought experiment|role ?-?play|fiction(?:al)?|in theory"
    r"|theoretically|no way"
    r"|(?:another|next|past|previous) life|parallel|for the sake of|for argument's sake|in (?:a|the|my|our) (?:game"
    r"|play"
    r"|story|novel|movie|film|dream|dreams|book)|in my (?:head|mind|imagination|fantas(?:y|ies))"
    r"|in an? (?:ideal|perfect|better|different|alternate|alternative) (?:world|timeline|universe|reality)"
    r"|for the purposes? of|(?:best|worst) case|provided (?:that )?(?:i|we)|allegedly|spiritually|you'd (?:think"
    r"|never)"
    r"|(?:my|our) (?:ideal|imaginary|invisible|fantasy|fictitious|make-believe) \w+|at heart|at this rate"
    r"|at least it feels|basically|practically)\b",
    re.I,
)
_TALE = (
    r"(?:(?:novel|stor(?:y|ie)|tale|book|film|movie|play|musical|opera|comic|manga|anime|cartoon|poem|script"
    r"|screenplay"
    r"|legend|myth|saga|fan ?fiction|campaign|game)s?|series|show)"
)
_WHOSE = r"(?:an?|the|my|our|his|her|their|its|this|that|another|some)"
_CHARACTER = r"(?:hero(?:es|ine)?s?|villains?|protagonists?|antagonists?|narrators?)"
# What is so in a tale alone: "in her latest novel, Anna …", "my main character lives …", "a game where Tom …".
_IN_TALE = LazyPattern(
    rf"(?i:\bonce upon a time\b|\bin (?:the )?(?:chapter|act|scene|episode|season|volume) \w+\b)"
    rf"|\b[Ii]n (?:{_WHOSE}|[A-Z][\w-]*'s) (?:[\w'&-]+ ){{0,2}}?{_TALE}"
    r"(?:,|(?= (?:[A-Z][a-z]+ [a-z]|he |she |they |there |i |I |the |an? |my )))"
    rf"|(?i:\b(?:main|title|minor|fictional|{_WHOSE}) character)s?"
    r" (?:[A-Z]|(?:in|of|is|has|was|called|named|lives?|works?)\b)"
    rf"|(?i:\b{_WHOSE} {_CHARACTER} (?:of|in) {_WHOSE}\b|\b{_TALE} (?:where|in which)\b)"
)
# What begins a tale, whose people have no other life.
_BEGINS_TALE = LazyPattern(
    r"\b(?:writ(?:e|es|ing|ten)|wrote|read(?:s|ing)?|watch(?:es|ed|ing)?|ma(?:de|king) up|invent(?:ed|ing)"
    r"|tell(?:ing)?"
    r"|told|saw|see|seen|play(?:s|ed|ing)?|film(?:ed|ing)|finish(?:ed|ing)?|draft(?:ed|ing))"
    rf" (?:(?:me|us|you|him|her|them) )?{_WHOSE} (?:[\w'&-]+ ){{0,2}}?{_TALE}\b"
    r"(?! (?:club|shop|store|fair|shelf|case|keeper|room|centre|center)s?\b)",
    re.I,
)
# "May" is a month where a day or a year stands beside it, or a preposition before it; "will" a name nowhere here.
_MAY = LazyPattern(r"\bmay\b(?=\s+(?:be|have|not|go|move|need|buy|get|take|try|want)\b)")
_JOKE = LazyPattern(
    r"\b(?:just kidding|ha(?: ha)*|kidding|jk|j/k|joking|just a joke|said (?:no one|nobody)|lol|lmao|rofl|haha\w*"
    r"|hehe\w*|sarcasm|april"
    r" fools?|not really"
    r"|as a joke|yeah right|of the month)\b|(?:,|[.!?…]) not\W*$|(?:^|\s)(?:[:;]-?P|XD)(?=\s|$)"
    r"|\B/s\b|[😂🤣😜😝😉🙃😅🤪😏😆]|;-?\)",
    re.I,
)
_QUOTED = LazyPattern(
    r"[\"“”«»]|(?:^|\s)['‘][^'’]{8,}['’](?:\s|[.,!?]|$)"
    r"|\b(?:(?i:he|she|they|it|who)|[A-Z]\w+|(?i:my|our|the|a|an|his|her|their|some|this) [\w'-]+(?: [\w'-]+)?)\s+"
    r"(?:just |always |once |also |has |have )?(?:said|says|say|tells?|told|claimed|wrote|writes"
    # "The expense claims" are a thing.
    r"|claims?(?=:| (?:that|to|he|she|they|it|i|my|the)\b)"
    r"|asked(?! for\b)|asks"
    r"|thinks?|thought|believes?"
    r"|believed|insists?|insisted|reads|argues?|argued|announced|reported|reports|suggests?|suggested|goes like"
    r"|replied"
    r"|mentioned|mentions|quipped|sings?|sang|texted|texts|put it"
    r"|puts it|keeps? (?:saying|telling|claiming)|kept (?:saying|telling)|begins with|began with|starts with"
    r"|ends with"
    r"|ends)\b"
    r"|,\s*(?:said|says|wrote|writes|claims|claimed|replied|goes|went) "
    r"(?:[A-Z]\w+|(?i:he|she|they|my|our|the|his|her|their)\b)"
    # What comes after a colon is handed over, and "which is wrong" takes it back.
    r"|(?i::\s+(?:i|i'm|i've|my|we|our)\b)"
    r"|(?i:\bwhich (?:is|was|isn't|is not) (?:\w+ )?(?:wrong|untrue|false|a lie|nonsense|rubbish|true|right)\b)"
    r"|(?i:\b(?:according to|quote|quoting|lyrics?|the character|protagonist|narrator|in the (?:book|movie|film|song"
    r"|story|novel|game"
    r"|show|series|article|poem|letter|joke|play)|the (?:article|book|song|story|novel|post|email|message|letter"
    r"|text|poem"
    r"|film|movie|headline|author|ad|page|website|chapter) (?:says|is|was|about)|i (?:read|heard|saw) (?:that|on|in"
    r"|somewhere)"
    r"|jokes that|joked|jokingly|(?:i|we) lied|they say|people say|the saying|proverb|for example|e\.g\."
    r"|as an example|(?:this|an)"
    r" example|example sentence|dictionary|poster|headline|caption|slogan"
    r"|quiz (?:says|asked|question|answer)|the mug|advert)\b)",
)
_TAKES_BACK = LazyPattern(
    r"^\W*(?:(?:no|sorry|ha\w*|lol|oh|ok|okay|just|only|i'm|i was|that was|it was|was)\W+)*"
    r"(?:kidding|joking|jk|j/k|not really|an? joke|sarcas\w+)\b",
    re.I,
)
# "If there is one dance I'm loyal to, it's rumba" and "I won't touch that fish" suppose nothing.
_SETTLED = LazyPattern(
    r"^\W*if (?:there(?:'s| is)|i (?:had|have) to (?:name|pick|choose)) (?:only |just )?(?:one|any|a)\b"
    r"|\b(?:that|this|it|which)(?:'s| is) going to (?=(?-i:[A-Z]))"
    r"|\bi won't (?:touch|eat|drink|wear)\b"
    r"|\b(?:i|we) (?:never could|could never|couldn't ever)(?= (?:bear|stand|abide|stomach|resist)\b)"
    r"|\bi used to (?:think|say|believe|see it) (?:otherwise|differently)\b"
    # What is decided, and where somebody is to be found.
    r"|^\W*(?:it's|it is|that's) (?:decided|settled|agreed|official|final|fixed|certain)\b.{0,60}?\bwill\b",
    re.I,
)
# What is over by tomorrow.
_PASSING = LazyPattern(
    r"\b(?:(?<!learned )(?<!learnt )today"
    r"|tonight|tomorrow|yesterday|right now|this (?:morning|afternoon|evening|week|weekend|minute)|at the"
    r" moment"
    r"|for now|last night|currently (?:in|on|at) (?:the|a)|a moment ago|just now|in a (?:minute|bit|moment|second)"
    r"|later"
    r"|temporarily|for the weekend|these past few days|lately|again and again|this time|for another (?:\w+ )?(?:hour"
    r"|minute|day|week)s?"
    r"|(?:has|have|'s|'ve) (?:just|gone (?:cold|off|out|missing))|just (?:had|died|broke|came|walked|spilled"
    r"|finished|saw|ate"
    r"|woke|called|went|heard|noticed|got (?:home|back|up)|\w+ (?:past|by))|a bit(?! of (?-i:[A-Z]))"
    r"|a little (?:\w+ )?(?:late|tired"
    r"|stiff)"
    r"|on (?:hold|my plate|my shirt|the phone)|percent(?= (?:left|charged|done|full|battery)|[.!]*$))\b",
    re.I,
)
# Where a thing is for the time being matters as long, and what was fixed today stays fixed.
_STAYS = LazyPattern(
    r"\b(?:my|our) (?:[\w'-]+ ){1,4}?(?:is|are|lives?|stays?) (?:with|at) (?-i:[A-Z])[\w' -]*?"
    r"\b(?:for now|at the moment|right now|for the time being|temporarily)\b|\bfrom (?:today|tomorrow)(?: on)?\b"
    r"|\bback (?:today|yesterday|this \w+)\b"
    r"|\bturned \d+ (?:just |only )?(?:today|yesterday|last night|this \w+)\b"
    r"|\b(?:came in|arrived|was (?:fixed|set|confirmed|announced|decided|agreed)|got fixed)"
    r" (?:just |only )?(?:today|yesterday|this (?:morning|afternoon|week))\b",
    re.I,
)
_SUBJUNCTIVE = LazyPattern(r"\bi were\b|\bwere i\b|\bhad i\b", re.I)


def asks(sentence: str) -> bool:
    """True for a sentence that wants an answer."""
    return is_question(sentence) or _QUESTION.search(_straight(sentence)) is not None


def orders(sentence: str) -> bool:
    """True for a sentence that wants something done."""
    return _ORDER.search(_straight(sentence)) is not None


def supposes(sentence: str) -> bool:
    """True for what only might be, is wished for, or is still to come on a day that is not named."""
    straight = _SETTLED.sub("", as_present(_straight(sentence)))
    return any(sign.search(straight) for sign in (_UNREAL, _MAY, _SUBJUNCTIVE, _IN_TALE))


def begins_tale(sentence: str) -> bool:
    """True where what is told of others after this may be made up: "I'm reading a novel about Tom. Tom lives …"."""
    straight = _straight(sentence)
    return _IN_TALE.search(straight) is not None or _BEGINS_TALE.search(straight) is not None


def jokes(text: str) -> bool:
    """True where a text takes back its own seriousness."""
    return _JOKE.search(text) is not None


def takes_back(text: str) -> bool:
    """True for a message that says of the one before it that it was no earnest: "just kidding"."""
    return _TAKES_BACK.search(_straight(text)) is not None


def quotes(sentence: str) -> bool:
    """True where other people's words stand in a sentence, or it is about a book, a song or an example."""
    return _QUOTED.search(with_own_colons(_straight(sentence))) is not None


def passes(sentence: str) -> bool:
    """True for what is over by tomorrow."""
    return _PASSING.search(_STAYS.sub("", _straight(sentence))) is not None


def tells(sentence: str) -> bool:
    """True where a sentence says how things are, in earnest and in the speaker's own words."""
    said = not (asks(sentence) or orders(sentence) or supposes(sentence) or jokes(sentence) or quotes(sentence))
    return said and can_be_meant(sentence)


def _straight(text: str) -> str:
    return text.replace("’", "'").replace("‘", "'")
