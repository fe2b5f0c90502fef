"""The deterministic path: plain requests that need no model, in front of it.

Owns the patterns of what exists (remember, recall, forget, read, list a folder) and of requests that only a model with
tools could do. It yields when unsure: a request is `certain` where nothing else can be meant, and only then goes past a
model that could choose for itself. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RememberThis:
    """Keep `text`."""

    text: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class RecallAbout:
    """Say what was told about `query`. Not `certain`: a question that a memory may answer but need not."""

    query: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ForgetAbout:
    """Erase what was told about `query`."""

    query: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ReadFile:
    """Show what the file at `path` (in the user's words) says."""

    path: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ListFolder:
    """Show what is in the folder at `path` (in the user's words)."""

    path: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class NeedsTools:
    """An action that only a model with tools can choose and fill."""

    certain: bool = False


PlainRequest = RememberThis | RecallAbout | ForgetAbout | ReadFile | ListFolder | NeedsTools

# Plain requests are short, and the patterns look far back: longer texts are the model's.
LONGEST_CHARS = 1200
_POLITE = r"(?:(?:please|could you|can you|would you|will you|kindly|hey|hi|hello|ok|okay|and|now)[,\s]+)*"
_AFTER = r"(?:\s+(?:please|for me|thanks|thank you|now|again))*\s*[?.!]*"
_QUOTES = "\"'“”‘’`"

_REMEMBER = re.compile(
    rf"^{_POLITE}(?:remember|memori[sz]e|(?:keep|bear) in mind|note(?: down)?|(?:make|take) a note(?: of)?"
    r"|don['’]t forget|(?:save|store|keep|add) (?:this |it )?(?:in|to) (?:your )?memory)"
    r"(?:\s+(?:for (?:me|later|the future)|please))*\s*[:,]?\s*(?:that\s+)?(?P<text>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
# "Remember where I parked?" asks, and "remember me" says nothing to keep.
_NOT_A_FACT = re.compile(r"^(?:when|where|who|what|which|how|why|if|me\b|the time)", re.IGNORECASE)
# "Remember to call Ann at five" may mean a reminder; "and then" is a second request.
_MORE_THAN_A_FACT = re.compile(
    r"^to\b|\b(?:and|then|also) (?:then |also |please )?(?:remind|tell|show|read|list|send|open|run|add|set)\b", re.I
)

_TOLD = re.compile(
    rf"^{_POLITE}(?:what (?:did|have) i (?:tell|told|say|said|mention|mentioned)(?: to)? ?(?:you)?|what did you "
    r"(?:note|remember|save)|what do you (?P<know>know|remember)|do you (?P<do>remember|know)|recall"
    r"|(?:look up|check|search|look)(?: (?:in|through))? (?:your |the )?(?:memory|memories|notes)(?: for)?"
    r"|what(?:['’]s| is) in your (?:memory|memories))"
    r"(?:\s+(?:about|of|on|regarding|concerning))?[,:]?\s+(?P<query>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_MINE = re.compile(r"\b(?:i|my|me|mine|we|our|us)\b", re.IGNORECASE)
_OWN_QUESTION = re.compile(
    r"^(?:when|where|who|what|which|how (?:old|many|much|often))\b.*\b(?:my|i|me|mine|our|we)\b.*\?*$",
    re.IGNORECASE | re.DOTALL,
)
_FORGET = re.compile(
    rf"^{_POLITE}(?:forget|erase|delete (?:from (?:your )?memory))\s+(?:everything |all |anything )?"
    r"(?:(?:(?:what|that|whatever) )?i (?:said|told you|mentioned|have told you)(?: to you)?\s+)?(?:about\s+)?"
    r"(?P<query>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
# "Forget it" drops the subject, and "forget that file" may mean many things.
_NOT_A_MEMORY = re.compile(
    r"^(?:it|that|this|about it|me|everything|all(?: of it)?|the (?:file|folder|job|task|reminder))\b\W*", re.I
)

# A path that begins like one may end in anything; a bare name needs an ending, or "read books" would be a file.
_FILE = (
    rf"[{_QUOTES}]?(?P<path>(?:~|\.{{1,2}})?/[^{_QUOTES}?*<>|\n]+?"
    rf"|[^{_QUOTES}?*<>|\n]*?[^\s{_QUOTES}?*<>|\n/]+\.[A-Za-z0-9]{{1,8}})[{_QUOTES}]?"
)
_READ = re.compile(
    rf"^{_POLITE}(?:(?:read|show|open|display|print)(?: me)?(?: out)?|(?P<inside>what(?:['’]s| is)? (?:in|inside))"
    r"|what does)"
    rf"\s+(?:(?:the|my|this|our)\s+)?(?:(?:content|contents|text) of\s+)?(?:(?:the|my)\s+)?(?:file\s+)?{_FILE}"
    r"(?:\s+(?:say|says|contain|contains|file|to me|aloud|please|for me|and show me (?:the|its) contents?))*\s*[?.!]*$",
    re.IGNORECASE,
)
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_ADDRESS = re.compile(r"^(?:https?:|www\.)|^[\w-]+\.(?:com|org|net|io|edu|gov|dev)(?:/|$)", re.IGNORECASE)
_PATH = rf"[{_QUOTES}]?(?P<path>(?:~|\.{{1,2}}|/)[^\s{_QUOTES}?*<>|]*)[{_QUOTES}]?"
_KNOWN = r"(?P<known>downloads?|documents?|desktop|pictures?|music|videos?|home)"
_FOLDER_WORDS = r"(?:folder|directory|dir)"
_LISTING = (
    r"(?:list|show|display|print)(?: me)?(?: (?:all|the|my|what is in|what['’]s in))*"
    r"(?: (?:files?|contents?|everything|items?)(?: (?:and|or) folders?)?)?(?: (?:in|of|inside|from|under))?"
    r"|what(?: files?)?(?: are|['’]s| is)? (?:there )?(?:in|inside)"
    r"|what (?:files?|things?|documents?) (?:are|do i have|have i)(?: got)?(?: there)? (?:in|inside)|ls"
)
_LIST = re.compile(
    rf"^{_POLITE}(?:{_LISTING})\s+(?:the |my )?(?:{_FOLDER_WORDS}\s+{_PATH}|{_KNOWN}\s+{_FOLDER_WORDS}){_AFTER}$",
    re.IGNORECASE,
)
# "What files are in /var/log?" needs no word for a folder; "show ~/notes" may be a file.
_LIST_FILES = re.compile(
    rf"^{_POLITE}(?:(?:list|show|display)(?: me)? (?:all |the |my )*(?:files?|contents?)(?: (?:and|or) folders?)?"
    r" (?:in|of|inside|from|under)|what files? (?:are|do i have|have i got)(?: there)? (?:in|inside)|ls|list)"
    r"\s+(?:the |my )?"
    rf"(?:{_PATH}|{_KNOWN})(?:\s+{_FOLDER_WORDS})?{_AFTER}$",
    re.IGNORECASE,
)
_ACTION = re.compile(
    rf"^{_POLITE}(?:list|open|delete|remove|erase|move|rename|copy|save|send|e-?mail|message|schedule|remind|cancel|book"
    r"|write (?:to|an? (?:file|note|e-?mail|message|letter to))|create (?:a )?(?:file|folder|note|reminder|event)"
    r"|set (?:an? )?(?:alarm|timer|reminder)|order|buy|pay|search|find|look up|google|browse|download|fetch|install|run"
    r"|execute|start|stop|launch|notify|forget|summari[sz]e (?:the|my) (?:file|folder|mail|inbox)|wake me|ping|pause"
    r"|resume|pop up|show (?:me )?an? (?:desktop )?(?:alert|notification)|put .* on (?:my|the) (?:list|to-?do)|every\b"
    r"|on the first of"
    r"|add (?:.* )?to (?:my|the) (?:calendar|list|to-?dos?))\b",
    re.IGNORECASE,
)
_MEMORY_CUE = re.compile(
    r"\b(?:remember|note|notes|keep|memor\w+|save|store|record|jot|write (?:it |this |that )?down|don['’]t forget"
    r"|for the future|in mind|learn)\b",
    re.IGNORECASE,
)
_ERASE_CUE = re.compile(r"\b(?:forget|erase|delete|remove|unlearn|drop|wipe|clear)\b", re.IGNORECASE)


def name_call(plain: PlainRequest) -> tuple[str, dict[str, str]] | None:
    """Return the tool and the arguments that do `plain`; None where no tool does."""
    match plain:
        case RememberThis(text):
            return "remember", {"text": text}
        case ForgetAbout(query):
            return "forget", {"query": query}
        case ReadFile(path):
            return "read_file", {"path": path}
        case ListFolder(path):
            return "list_folder", {"path": path}
        case _:
            return None


def asks_to_remember(text: str) -> bool:
    """Return True where the user's own words ask for something to be kept: nothing else, no file, may cause that."""
    return _MEMORY_CUE.search(text) is not None


def asks_to_forget(text: str) -> bool:
    """Return True where the user's own words ask for something to be erased."""
    return _ERASE_CUE.search(text) is not None


def parse_plain(text: str) -> PlainRequest | None:
    """Return the plain request that `text` is, None where it is talk, or where it is not certain what it is."""
    text = text.strip()
    if len(text) > LONGEST_CHARS:
        return None
    return _parse_files(text) or _parse_memory(text) or _parse_rest(text)


def _parse_files(text: str) -> PlainRequest | None:
    for pattern in (_LIST, _LIST_FILES):
        if (match := pattern.match(text)) is not None:
            known = match["known"]
            return ListFolder(_folder_name(known) if known else match["path"].rstrip(".,"))
    if (match := _READ.match(text)) is not None:
        path = match["path"].strip()
        # Where it ends in a slash it is a folder, and an address is no file.
        if _ADDRESS.match(path) or path.endswith("/"):
            return NeedsTools()
        # "What's in ~/projects?" names no file.
        return ListFolder(path) if match["inside"] and not _ENDING.search(path) else ReadFile(path)
    return None


def _parse_memory(text: str) -> PlainRequest | None:
    if (match := _TOLD.match(text)) is not None:
        query = match["query"].strip().rstrip("?.! ")
        # "Do you know why the sky is blue?" asks for knowledge; "do you know where I parked?" for a memory.
        knowledge = match["do"] or match["know"]
        return RecallAbout(query, certain=not knowledge or _MINE.search(query) is not None)
    if (match := _REMEMBER.match(text)) is not None:
        fact = match["text"].strip()
        if text.endswith("?"):
            return RecallAbout(fact.rstrip("?.! "), certain=True)
        if _NOT_A_FACT.match(fact):
            return NeedsTools()
        return RememberThis(fact, certain=_MORE_THAN_A_FACT.search(fact) is None)
    if (match := _FORGET.match(text)) is not None:
        query = match["query"].strip().rstrip("?.! ")
        if _NOT_A_MEMORY.match(query):
            return NeedsTools()
        return ForgetAbout(query, certain=_MINE.search(text) is not None)
    return None


def _parse_rest(text: str) -> PlainRequest | None:
    if _ACTION.match(text):
        return NeedsTools()
    if _OWN_QUESTION.match(text):
        return RecallAbout(text.rstrip("?.! "), certain=False)
    return None


def _folder_name(known: str) -> str:
    """Return a usual folder's own name: "downloads" is "Downloads", "home" is "~"."""
    name = known.capitalize()
    singular = {"Download": "Downloads", "Document": "Documents", "Picture": "Pictures", "Video": "Videos", "Home": "~"}
    return singular.get(name, name)
