"""Words that the three plain requests about the memory share: times, orders, second requests, what is the user's own.

Owns patterns only. English. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.core.patterns import LazyPattern

ANY_CASE = re.IGNORECASE
WHOLE = re.IGNORECASE | re.DOTALL
END = " \t\n?.!,;"
MINE = LazyPattern(r"\b(?:i|my|me|mine|we|our|us)\b", ANY_CASE)
# "I told you", "did I ever mention", "I've asked you to note": what was told before.
_TELL = r"(?:tell|told|mention|mentioned|say|said|give|gave|given|share|shared|note|noted|save|saved|ask|asked)"
_ONCE = r"(?:(?:ever|already|once|just|previously|before|also|actually)\s+){0,2}"
TOLD = LazyPattern(
    rf"\b(?:(?:did|have|had|do|was)\s+(?:i|we)\s+{_ONCE}{_TELL}|(?:i|we)(?:'ve|'d|\s+have|\s+had|\s+did)?\s+{_ONCE}"
    rf"(?:told|mentioned|said|gave|given|shared|noted|saved|asked)|you\s+were\s+(?:told|given))\b",
    ANY_CASE,
)
TIME = LazyPattern(
    r"\b(?:(?:at|by|before|after|around|until|till)\s+(?:\d|noon|midnight|half|quarter|lunch|dinner|(?:one"
    r"|two|three|four"
    r"|five|six|seven|eight|nine|ten|eleven|twelve)\b)|today|tonight|tomorrow|(?:this|next|every|each"
    r"|on)\s+(?:morning"
    r"|afternoon|evening|night|week|weekend|month|year|day|(?:mon|tues|wednes|thurs|fri|satur|sun)days?)\b"
    r"|in\s+(?:\d+|an?|two|three|five|ten|half)\s+(?:an?\s+)?(?:second|minute|min|hour|day|week|month)s?"
    r"|daily|weekly"
    r"|later|\d{1,2}(?::\d\d)?\s?[ap]\.?m\b|o'clock|as soon as)",
    ANY_CASE,
)
# "I like tea. What should I drink?": a second sentence is another request.
SENTENCE_WITHIN = LazyPattern(r"(?<=[^\W_]{3})(?<!\bMrs)[.!?;]\s+\S", ANY_CASE)

# Two requests in one: "and then read notes.txt", ". Tell me a joke".
MORE_THAN_ONE = LazyPattern(
    r"^to\b|(?:\b(?:and|then|also)|[.!?;]) (?:then |also |now |please )*"
    r"(?:(?:remind|tell|show|read|list|send|open|run|add|set|give|write|make|explain|delete|play|translate"
    r"|find|search"
    r"|book|order"
    r"|buy|call|cancel|stop)\b|(?:can|could|would|will) you\b|(?:what|how|why|where|when|who|which)\b.*\?)",
    ANY_CASE,
)

DATA = LazyPattern(
    r"\b(?:code|passcode|password|passphrase|pin|number|address|birthday|anniversary|names?|phone"
    r"|e-mail address|age|size|salary"
    r"|job|account|allerg\w+|blood type|wi-?fi|key)\b|\w's\b",
    ANY_CASE,
)
# Files, plans and the talk itself have their own tools, or none.
OTHER_THINGS = LazyPattern(
    r"\b(?:files?|folders?|director(?:y|ies)|disk|drive|desktop|downloads?|inbox|e-?mails?|calendar|list"
    r"|to-?dos?|tasks?|reminders?"
    r"|alarms?|timers?|backups?|meetings?|appointments?|events?|schedule|instructions?|rules|conversation"
    r"|chat|history|browser"
    r"|trash|cache|cookies|screen|app|program|photos?|pictures?|spreadsheet|table|database|document|line|row"
    r"|column|tabs?"
    r"|messages?|clipboard)\b(?! ?(?:code|pin|password|number|size|name|date)\b)|[~/\\]\S|\.\w{1,5}\b(?!\s)",
    ANY_CASE,
)
# "Can you remember that I park on level 3?" tells; "can you remember that song?" asks.
TELLS = LazyPattern(
    r"^remember that (?:(?:i|i'm|i've|we|he|she|they|my|our|his|her|their)\b|.*\b(?:is|are|was|were|has|have"
    r"|had)\b)",
    WHOLE,
)
# "Take a screenshot, save it" orders something: only what states something is a fact.
ORDER = LazyPattern(
    r"^(?:add|ask|book|build|calculate|call|change|check|compare|compose|compute|convert|count|create|describe"
    r"|design|do|draft|draw|edit|explain|export|fill|find|fix|generate|get|give|help|import|let|look|make"
    r"|measure|pick"
    r"|play|plot|prepare|print|put|read|rewrite|scan|search|set|show|sketch|solve|sort|sum|summari[sz]e|take"
    r"|tell|think"
    r"|translate|try|turn|type|use|write|download|open|list|copy|move|rename|send|delete|remove|run|install)\b",
    ANY_CASE,
)
# Nothing that could be looked up or erased.
HOLLOW = LazyPattern(
    r"^(?:wrong|that|this|it|again|so|now|then|before|just now|exactly|there|what|you|yet|lately|today"
    r"|enough|no|yes"
    r"|hello|hi|sorry|thanks|please)(?:\s+(?:again|just now|to you|exactly|about that|now|then))*$",
    ANY_CASE,
)
