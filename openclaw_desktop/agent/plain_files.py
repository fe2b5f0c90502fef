"""Plain requests about one file or folder: read this, list that.

Owns how a path looks in a sentence, and the words that such a request may have beside it. They are closed: one word
that it does not know, and the request is left to a model. English, like the prompts. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.agent.plain_frames import words_of
from openclaw_desktop.agent.plain_kinds import ListFolder, ReadFile
from openclaw_desktop.core.patterns import LazyPattern

_QUOTE = "\"'“”‘’`"
# In quotes a path may hold spaces; bare, one that begins like a path does so up to an ending.
_ROOT = r"(?:(?:~|\.{1,2})?/|~\\|(?<!\w)[A-Za-z]:[\\/])"
_PATH = LazyPattern(
    rf"[{_QUOTE}](?P<quoted>[^{_QUOTE}\n]*(?:[/~\\]|\.[A-Za-z0-9]{{1,8}})[^{_QUOTE}\n]*)[{_QUOTE}](?![A-Za-z])"
    rf"|(?<![\w/\\])(?P<spaced>{_ROOT}[^?*<>|\n\"“”,]*?\w\.[A-Za-z0-9]{{1,8}})"
    r"(?=[\s?.!,]*(?:$|\s(?:say|contain|please|file|to me|for me|and show)))"
    rf"|(?<![\w/\\])(?P<bare>{_ROOT}[^\s?*<>|\"“”,]*|~(?=[\s?.!,]|$))"
    r"|(?<![\w/\\.-])(?P<below>[\w-]+(?:[/\\][\w.-]+){0,9}[/\\][\w-][\w.-]*(?<=[\w-])\.[A-Za-z]\w{0,7})(?![\w/])"
    r"|(?<![\w/\\.-])(?P<named>[\w-][\w.-]*(?<=[\w-])\.[A-Za-z][A-Za-z0-9]{0,7})(?![\w/])"
    r"|(?<=\s)(?P<dotted>\.[a-z][\w-]{2,})(?![\w./])"
)
# "The folder ~/papers/tax 2025": what follows a folder at the very end and is no word of the sentence belongs to it.
_REST_OF_NAME = LazyPattern(r"(?:[ ](?:[A-Z]\w*|\d[\w-]*)){1,4}(?=[\s?.!]*$)")
_ADDRESS = LazyPattern(r"https?:|www\.|\b[\w-]+\.(?:com|org|net|io|edu|gov|dev)(?:[/\s?.!,]|$)", re.IGNORECASE)
_NAME = r"(?P<name>downloads?|documents?|desktop|pictures?|music|videos?|home)"
_KNOWN = (
    LazyPattern(rf"\b{_NAME}(?=\s+(?:folder|directory|dir)\b)", re.IGNORECASE),
    LazyPattern(rf"\b(?:folder|directory|dir)\s+(?:called\s+|named\s+)?{_NAME}\b", re.IGNORECASE),
    LazyPattern(rf"\b(?:in|on|inside|under|of)\s+(?:my|the|our)\s+{_NAME}\b", re.IGNORECASE),
    LazyPattern(rf"\bmy\s+{_NAME}(?=\s+(?:files|contents)\b)", re.IGNORECASE),
    LazyPattern(rf"\b(?:ls|dir)\s+(?:my\s+)?{_NAME}\b", re.IGNORECASE),
    # "What files are in my Downloads?": a capital makes it the folder's name.
    LazyPattern(r"(?<!^)\b(?P<name>Downloads|Documents|Desktop|Pictures|Music|Videos)\b"),
)
_NAMES = {"download": "Downloads", "document": "Documents", "picture": "Pictures", "video": "Videos", "home": "~"}
_USUAL = frozenset({"Downloads", "Documents", "Desktop", "Pictures", "Music", "Videos", "~"})
_ENDING = LazyPattern(
    r"\.[A-Za-z0-9]{1,8}$|(?:^|[/\\])(?:\.\w+|hosts|fstab|passwd|group|hostname|crontab|motd|issue|profile|README|LICENSE"
    r"|Makefile|Dockerfile|CHANGELOG|AUTHORS|NOTICE|TODO)$"
)
_WORD = LazyPattern(r"[a-z0-9]+(?:'[a-z]+)?")

_FILLER = words_of("""
    a again ahead all alright an and anything aloud are actually be can contained could currently directly do does
    everything exactly for from full give go got good great has have hello hey hi i i'd i've if is it it's its
    just know
    kindly let let's like love mind me moment morning my now of oh ok okay on once one our out pls please quick
    quickly
    really right second see so some stored tell thank thanks that the them there these they they're this those to us
    want wanted need wish what what's whats which will with would you your
""")
_READING = words_of("""
    cat check content contents contain contains display document file go have inside in into look loud at note open
    output opened print pull up read reading say says show text type up view whole written wrote
""")
_LISTING = words_of("""
    around at check content contents contain contains dir directories directory display documents enumerate
    file files folder
    folders go have in inside into items kept lie lies lying list listing located look ls name names on open overview
    print live lives living find saved see show sits sitting stuff subfolders things under up view
""")
_FOLDER_WORDS = words_of("""
    dir directories directory enumerate files folder folders items list listing ls overview stuff subfolders things
""")
# Who says it without one of these orders or asks nothing: "it is in notes.txt".
_ORDERING = words_of("""
    cat check content contents dir display enumerate give let let's list listing look ls open output overview print
    pull read see show tell type view
""")
_ASKING = words_of("what what's whats which anything")
# "Notes.txt is open" states something.
_STATING = words_of("is are it's they're have has contain contains say says opened wrote sits lies")
_INSIDE = frozenset({"in", "inside", "under"})
# "What is notes.txt?" asks what it is, and "what is in it" what it says.
_HOLDING = _INSIDE | words_of("on have has got contain contains say says within")
# "Have you read notes.txt?" asks about the agent, not about the file.
_OF_AGENT = LazyPattern(r"\b(?:have you|you have|did you|can you see|can i|may i|do i have to)\b", re.IGNORECASE)
_FORGOTTEN = LazyPattern(
    r"\bi\s+(?:(?:can't|cannot|can not|don't|do not)\s+(?:quite\s+|really\s+)?(?:remember|recall|know)|forgot"
    r"|forget"
    r"|have forgotten|'ve forgotten)\s+(?:what|which)(?:'s|\s+(?:i|we|is|are|was|were)\b(?:\s+(?:put|wrote"
    r"|have|had|saved"
    r"|kept|keep))?)?",
    re.IGNORECASE,
)
_FLAGS = LazyPattern(r"\bls\s+(?:-[a-z]+\s+){1,3}")
_WISH = r"\s*(?:'d|\s+would)?(?:\s+(?:really|just))?\s+(?:like|love|want|need|wanted|wish)\b"
_TELLING = LazyPattern(rf"\s*(?:i(?!{_WISH})|we(?!{_WISH})|you|he|she|they|it|it's|i've)\b", re.IGNORECASE)


def find_paths(text: str) -> list[str]:
    """Return the names of single files in `text`; none where it names an address."""
    if _ADDRESS.search(text):
        return []
    return [path for path in map(_path_of, _PATH.finditer(text)) if _ENDING.search(path)]


def parse_files(text: str) -> ReadFile | ListFolder | None:
    """Return what `text` asks to read or to list; None where it is not certain that it asks for just that."""
    if _ADDRESS.search(text) or _OF_AGENT.search(text):
        return None
    paths = list(_PATH.finditer(text))
    if not paths:
        return _parse_known(text)
    if len(paths) != 1:
        return None
    path = _path_of(paths[0])
    start, end = paths[0].span()
    named = _ENDING.search(path) is not None
    if paths[0]["bare"] and not named and (rest_of_name := _REST_OF_NAME.match(text, end)) is not None:
        path, end = path + rest_of_name[0], rest_of_name.end()
    words = _words_beside(text, start, end)
    if words is None:
        return None
    usual = path.removeprefix("~/") in _USUAL
    if words & _FOLDER_WORDS or path.endswith(("/", "\\")) or usual or (not named and words & _INSIDE):
        return ListFolder(path) if words <= _FILLER | _LISTING else None
    return ReadFile(path) if words <= _FILLER | _READING else None


def _path_of(found: re.Match[str]) -> str:
    return next(part for part in found.groups() if part).rstrip(".,")


def _parse_known(text: str) -> ListFolder | None:
    """Return the request to list one of the home's usual folders."""
    for pattern in _KNOWN:
        if (known := pattern.search(text)) is not None:
            words = _words_beside(text, *known.span("name"))
            if words is None or not words <= _FILLER | _LISTING:
                return None
            name = known["name"].lower()
            return ListFolder(_NAMES.get(name, name.capitalize()))
    return None


def _words_beside(text: str, start: int, end: int) -> frozenset[str] | None:
    """Return the words of `text` beside its path, None where they order or ask nothing."""
    beside = (text[:start] + " " + text[end:]).lower().replace("’", "'")
    beside = _FLAGS.sub("ls ", beside)
    told = _FORGOTTEN.sub(" what ", beside, count=1)
    if _TELLING.match(told):
        return None
    words = frozenset(_WORD.findall(told))
    if words & _STATING and not words & (_ASKING | {"let"}) and not words & {"content", "contents"}:
        return None
    return words if words & _ORDERING or (words & _ASKING and words & _HOLDING) else None
