"""Which sentences can't be meant as they are said, though no sign of a joke stands in them: "I'm allergic to Mondays".

Owns what kind of thing may be told of a blood group, an allergy, a degree, a name, a home, a marriage, a pet and the
like. One with a value of another kind is a figure of speech or a deadpan joke: for a fact it is left out, and can still
be found where it was said. What is only unusual stays. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
from functools import cache

from openclaw_desktop.memory.consolidation.clauses import KIN
from openclaw_desktop.memory.consolidation.spans import MONTHS

_END = r"(?=\W*$|\s*[,;:.!?]|\s+(?:and|or|but|so|because|before|after|in|on|at|of|since|again|anyway|apparently|now)\b)"
_AM = r"\b(?:i'm|i am|i was|we're|we are|we were)"
_ALLERGEN = (
    r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?(?: (?:morn|even)ings?)?"
    r"|mornings?|afternoons?|evenings?|week(?:day|end|night)s?"
    rf"|(?-i:{'|'.join(month.title() for month in sorted(MONTHS) if len(month) > 3)})"
    r"|(?:being|doing|having|getting|going|losing|paying|waiting|waking|queuing)\b(?: [\w-]+){0,2}?"
    r"|(?:working|commuting|small talk|(?:home|house|paper|team)?work|chores|jobs|meetings?|e-?mails?|spreadsheets?"
    r"|deadlines?|alarm clocks?|bills|taxes"
    r"|people|crowds|kids|children|fools|idiots|stupidity|nonsense|politics|politicians|bureaucra\w+|drama|boredom"
    r"|commitment|responsibility|criticism|decisions|effort|rules)\b)"
)
# A field of study is known by its ending or by its name; what has neither, in small letters, is none.
_FIELD = (
    r"(?-i:[A-Z\d])|\w(?:log|nom|soph|graph|metr|atr|trop|urg|path|nauts?|gog)(?:y|ies)\b|\w(?:ics|istry|istries"
    r"|onautics"
    r"|tecture|culture|ature|ering|nese|\wish|science|sciences|studies|tion|tions|sing|nance|gement|ism|ship|ment|craft"
    r"|making|therapy|care|ality)\b"
    r"|\b(?:law|medicine|medical|music|dance|drama|theat(?:re|er)|film|cinema|acting|writing|directing|animation"
    r"|design|fashion|textiles?|business|accounting|accountancy|marketing|sales|advertising|trade|education|teaching"
    r"|comput(?:ers?|ing)|software|data|it|ai|history|humanities|classics|arts?|maths?|painting|sculpture|languages?"
    r"|french|german|greek|latin|arabic|hebrew|russian|italian|divinity|theolog\w+|sports?|dentistry|pharmacy"
    r"|veterinary|anatomy|horticulture|gardening|brewing|wine|catering|culinary|hospitality|insurance|banking"
    r"|economy|policy|security|media|work|trauma|civil|electrical|mechanical|chemical|fine|international|public|social"
    r"|applied|environmental|agricultural|biomedical|something|anything|nothing|it|this|that|the same|my|progress"
    r"|hand|years?|months?|weeks?|days?|time|spring|summer|autumn|fall|winter|school|college|university)\b"
)
_DEGREE = (
    r"\b(?:degree|diploma|ph\.?d\.?|doctorate|(?:master|bachelor)(?:'s|s)?(?: degree)?|majored|minored) in"
    r" (?P<field>[\w' -]+)"
)
# Where what is told of ends.
_CUT = r"\b(?:from|at|of|in|near|with|but|because|by|for|on|which|that|who|when|while|so|though|although|since)\b.*"
_DWELLING = (
    r"(?-i:[A-Z]\w|\d)|\b(?:flat|apartment|house|home|cottage|bungalow|room|floor|studio|loft|attic|basement|cellar"
    r"|annex\w*|wing|block|building|tower|villa|castle|manor|palace|mansion|cabin|hut|lodge|chalet|farm\w*|barn|mill"
    r"|stable|church|chapel|convent|monastery|vicarage|hotel|hostel|dorm\w*|barracks|boat|houseboat|ship|barge|yacht"
    r"|van|camper\w*|caravan|trailer|motorhome|bus|wagon|tent|yurt|shed|garage|village|town|city|suburbs?|country\w*"
    r"|hamlet|island|coast|hills?|mountains?|valley|street|road|lane|square|quarter|district|corner|end|one|place|same"
    r"|number|door|part|half|unit|terrace\w*|duplex|condo\w*|shelter|estate|lighthouse|school\w*|station|factory"
    r"|warehouse"
    r"|sea|forest|woods)\b"
)
_AT_HOME = r"\b(?:my|our) (?:own |real |true )?home(?: is|'s) (?P<what>(?:the|a|an|my|our|this|that) .+)"
_BLOOD = r"\bblood (?:type|group)(?: is|'s|:) (?P<what>.+)"
# Which one it is, or what is said of it.
_BLOOD_IS = (
    r"(?:(?:now|still|probably|also|really|actually|type|group|rh|an?(?= [abo]\b)) )*"
    r"(?:(?:ab|a|b|o|0|zero|rh)(?![a-z])|(?:not|the|un\w+|rare|common|universal|in|on|at|written|noted|listed|printed"
    r"|recorded|like|as|hers|his|theirs|mine|yours|different|important|needed|known|compatible|one|positive"
    r"|negative)\b)"
)
_ANIMAL = (
    r"(?:dogs?|puppy|cats?|kitten|parrots?|budgies?|canary|tortoises?|turtles?|rabbits?|hamsters?|guinea pigs?|ferrets?"
    r"|gerbils?|goldfish|fish|pon(?:y|ies)|horses?|donkeys?|goats?|sheep|hens?|chickens?|ducks?|geese|goose|cows?|pigs?"
    r"|snakes?|lizards?|geckos?|iguanas?|spiders?|hedgehogs?|rats?|mice|mouse|squirrels?|pigeons?|seagulls?|raccoons?"
    r"|sloths?|llamas?|alpacas?|monkeys?|toads?|frogs?)"
)
_STAFF = (
    r"(?:boss|manager|landlord|landlady|accountant|therapist|psychiatrist|assistant|trainer|coach|doctor|dentist|lawyer"
    r"|secretary|intern|colleague|co-?worker|supervisor|editor|chef|butler|bodyguard|ceo|husband|wife|boyfriend"
    r"|girlfriend|fiancee?|neighbou?r)"
)
_UNREAL_BEING = (
    r"(?:unicorn|dragon|vampire|zombie|werewolf|ghost|wizard|mermaid|robot|alien|cyborg|android|martian|hobbit|elf"
    r"|troll"
    r"|superhero|ninja|potato|vegetable|turnip|cabbage|pumpkin|pickle|cactus|dinosaur|fossil|emperor|empress|king|queen"
    r"|princess|prince|pharaoh|goddess|god|time travell?er|machine|sponge|fridge|teapot|toaster)"
)
_STUFF = (
    r"(?:coffee|caffeine|espresso|tea|sugar|chocolate|cake|biscuits|crisps|pizza|wine|beer|gin|spite|adrenaline|hope"
    r"|sarcasm|stress|deadlines|anxiety|panic|vibes|memes|fumes|air)"
)
_BELOVED = (
    r"(?:job|work|desk|office|career|company|phone|laptop|computer|keyboard|inbox|code|sofa|couch|bed|pillow|duvet|bike"
    r"|car|kitchen|oven|fridge|coffee|espresso|machine|food|pizza|cheese|chocolate|sea|game|telly|tv|projects?|thesis)"
)
_NOWHERE = (
    r"(?:the (?:moon|sun|future|stars|matrix)|(?<!\bin )(?:mars|venus|jupiter|saturn|uranus|neptune|pluto)"
    r"|another (?:planet|dimension"
    r"|galaxy)|outer space|narnia|hogwarts|mordor|atlantis|wonderland|neverland|gotham|middle[- ]earth|cloud nine"
    r"|(?:under )?a rock|a cave|hell|heaven|a different planet)"
)
_NEVER = (
    rf"\b(?:allergic|intolerant) to (?:the |all |most |any |early |late |long |other |stupid )*{_ALLERGEN}{_END}",
    # "My middle name is Trouble."
    r"\b(?:middle|second|other|real|true) name(?: is|'s) (?:\"|')?(?:trouble|danger|deadlines?|chaos|disaster"
    r"|mischief"
    r"|mayhem|adventure|late|procrastinat\w+|coffee|caffeine|pizza|wine|chocolate|cake|sleep|money"
    r"|stress|speed|panic|bug|error|overtime|budget|meetings?|punctual\w*|lazy|laziness|\w{3,}(?:tion|fulness"
    r"|siness|ism"
    r"|ency|ility|(?<!cle)ment))\b",
    r"^(?:the|this|that|my|our) (?!(?:[\w'-]+ )*?(?:house|flat|cottage|cabin|hut|farm|village|town|city|boat"
    r"|island)\b)"
    r"[\w' -]+ (?:is|are) (?:basically |now )?(?:my|our) (?:second|other|new|real|true) (?:home|bedroom"
    r"|living room)\b",
    r"\b(?:i|we) (?:\w+ly )?(?:live|reside|sleep|am living|are living) (?:in|at|inside|under|on) (?:the|my|our"
    r"|these)"
    r" (?:office|gym|library|lab|inbox|calendar|spreadsheets?|terminal|hoodies?|pyjamas|pajamas|sweatpants"
    rf"|jeans|pub|past|future|fridge|clouds?|internet|meetings|queue|airport){_END}",
    r"\bfluent(?:ly)? (?:in )?(?:\w+ )?(?:sarcasm|irony|emojis?|memes?|gibberish|nonsense|swearing|silence|sighs?"
    rf"|grunts?|cat|dog|whale|toddler|baby|teenager|legalese|bullshit|\w+ quotes){_END}",
    rf"\b(?:married|engaged) to (?:my|the|this|our|a|an) (?:[\w-]+ )?{_BELOVED}{_END}",
    rf"\b(?:relationship|affair) with (?:my|the|a|an|our) (?:[\w-]+ )?{_BELOVED}{_END}",
    # Who is as old as that?
    rf"(?:{_AM}|\b(?:my|our) (?:{'|'.join(sorted(KIN))})(?: is|'s)) (?:about |over |already |now |roughly "
    rf"|nearly )?"
    r"(?:1[3-9]\d|[2-9]\d\d|\d[\d,.]{3,}|(?:an? |\w+ )?(?:(?:two|three|four|five|six|seven|eight|nine) hundred"
    r"|thousand"
    r"|\w*illion)) (?:years|yrs) (?:old|young|of age)\b",
    r"\b(?:i've|i have|i was|i am|i'm)\b.* for (?:a |an |\w+ )?(?:(?:hundreds?|thousands?|\w+illions?)(?: of)?"
    r"|\d{3,})"
    r" years\b",
    r"\b(?:[bzq]illion|[gb]azillion|umpteen)s?\b",
    # What a beast never does, and who is none.
    rf"\b(?:my|our) (?:[\w-]+ )?{_ANIMAL}(?: (?-i:[A-Z])\w+)? (?:(?:just|still|always|usually|now|also|already"
    rf"|\w+ly) )*"
    r"(?:wrote|writes?|pays?\b(?! (?:no )?attention)|paid|voted?|votes|codes|programs|drives? (?:a|the|to|my|our)"
    r"|(?:runs|manages|owns) (?:the|a|my|our) (?:company|house|household|office|place|flat|show|business"
    r"|country|team)"
    r"|does (?:the|my|our) (?:taxes|accounts|accounting|books|dishes|cooking|laundry|ironing|shopping)"
    r"|(?:has|holds|got) (?:a|an|two) (?:[\w-]+ )?(?:degree|ph\.?d|doctorate|job|mortgage|salary|credit card"
    r"|bank account"
    r"|driving licen[cs]e)|works (?:from home|in (?:an? |the )?(?:office|it|finance|sales))"
    rf"|is (?:my|our|the) (?:[\w-]+ )?{_STAFF}\b)",
    rf"\b(?:my|our) (?:[\w-]+ )?{_STAFF}(?: is|'s| are) (?:basically )?(?:an?|my|our|the) (?:[\w-]+ )?"
    rf"(?:{_ANIMAL}|{_UNREAL_BEING}|toddler){_END}",
    rf"{_AM} (?:\w+ly |just |really |also )?(?:an?|the) (?:[\w-]+ )?{_UNREAL_BEING}(?: of [\w ]+)?{_END}",
    rf"\b(?:raised|brought up) by (?:a pack of |the )?(?:wolves|{_ANIMAL})\b",
    rf"\b(?:live|lives|living|from|born|raised|grew up|moved|comes?|home|landed) (?:\w+ )?(?:(?:on|to|from|in) )?"
    rf"{_NOWHERE}(?!, (?-i:[A-Z])){_END}",
    r"\bborn (?:yesterday|tired|hungry)\b",
    # Who sells that, where is that taught, and which sport is that?
    rf"\b(?:sold|sell) (?:my|our) souls?\b|\b(?:teach|teaching|taught) (?:my|our) {_ANIMAL} (?:\w+ )?(?-i:[A-Z])",
    r"\bblack belt in (?!(?:\w+ ){0,2}(?:karate|judo|\w*do|[\w-]*j[iu]t?su|kung fu|krav maga|kickboxing|capoeira"
    r"|martial|\w+ sigma|taijutsu|(?-i:[A-Z]))|\d)",
    r"\bfavou?rite (?:sport|exercise|workout|cardio)(?: is|'s|:) (?:napp|sleep|snooz|eat|drink|chew|scroll"
    r"|running (?:late"
    r"|away|out|my)|jumping to|sitting|lying|pushing my|lifting (?:a |my )?(?:fork|glass|spoon|beer)|doing nothing"
    r"|breath|complain|procrast|blink)",
    # A verdict tells nothing of what it is about.
    r"\b(?:my|our) [\w' -]+ (?:is|are) (?:(?:basically|just|really|still|now|such|a complete|a total) )*(?:an? )?"
    r"(?:(?:complete|total|absolute|bad|sick|big|walking) )?(?:joke|war crime|crime scene|state secret|work of art"
    r"|nightmare|disaster(?: area)?|monument|miracle|myth|zoo|circus|train ?wreck|dumpster fire|battlefield"
    r"|war zone|black hole|lost cause|desert|soap opera|roller ?coaster|horror (?:film|movie|story|show))"
    rf"(?: to \w+)?{_END}",
    r"\bi have (?:two left feet|eyes in the back|nine lives|the (?:memory|attention span|brain|patience"
    r"|reflexes) of)\b",
    rf"\b(?:i|we) (?:\w+ly )?(?:run|survive|live|function|operate|subsist) (?:\w+ly )?on (?:pure |nothing but "
    rf"|only )?"
    rf"(?:\w+ and )?{_STUFF}{_END}",
    rf"\b(?:runs?|flows?) (?:in|through) (?:my|our) veins\b|\b(?:my|our) (?:blood|veins|bones|heart|brain|soul"
    rf"|body)"
    rf"(?: is| are|'s) (?:\w+ )*?{_STUFF}{_END}|\b(?:my|our) (?:brain|heart|soul|bones|bladder) (?:is"
    rf"|are) made of\b",
    r"\b(?:my|our) (?:spirit animal|super ?power|toxic trait|kryptonite|secret identity|evil twin|alter ego|villain"
    r" (?:arc|origin story))(?: is|'s)\b|\b(?:my|our) (?:retirement|pension|career|savings) plan(?: is"
    r"|'s) (?:to win"
    r"|winning|the lottery|a lottery)",
)


@cache
def _sign(pattern: str) -> re.Pattern[str]:
    # When it is first needed: all of them at once would keep the start waiting.
    return re.compile(pattern, re.I)


def can_be_meant(sentence: str) -> bool:
    """Return False for a sentence that tells of something what can't be told of its kind."""
    straight = sentence.replace("’", "'").replace("‘", "'")
    if (blood := _sign(_BLOOD).search(straight)) and not _sign(_BLOOD_IS).match(blood["what"]):
        return False
    if (home := _sign(_AT_HOME).search(straight)) and not _sign(_DWELLING).search(_told(home["what"])):
        return False
    if (degree := _sign(_DEGREE).search(straight)) and not _sign(_FIELD).search(_told(degree["field"])):
        return False
    return not any(_sign(sign).search(straight) for sign in _NEVER)


def _told(words: str) -> str:
    return _sign(_CUT).sub("", words)
