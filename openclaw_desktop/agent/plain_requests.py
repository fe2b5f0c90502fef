"""The deterministic path: plain requests that need no model, in front of it.

Owns the patterns of what exists (remember, recall, forget, read, list a folder) and of requests that only a model with
tools could do. It yields when unsure: a request is `certain` where nothing else can be meant, and only then goes past a
model that could choose for itself. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from openclaw_desktop.agent.plain_files import ListFolder, ReadFile, parse_files


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
class NeedsTools:
    """An action that only a model with tools can choose and fill."""

    certain: bool = False


PlainRequest = RememberThis | RecallAbout | ForgetAbout | ReadFile | ListFolder | NeedsTools

# Plain requests are short, and the patterns look far back: longer texts are the model's.
LONGEST_CHARS = 1200
_POLITE = r"(?:(?:please|could you|can you|would you|will you|kindly|hey|hi|hello|ok|okay|and|now)[,\s]+)*"
_AFTER = r"(?:\s+(?:please|for me|thanks|thank you|now|again))*\s*[?.!]*"
_QUOTES = "\"'“”‘’`"

_KEEP = (
    r"(?:remember|memori[sz]e|learn|(?:keep|bear|have) in mind|note(?: down)?|jot(?: down)?|write down|record|log"
    r"|(?:make|take) (?:a |yourself a )?(?:mental )?note(?: of)?|don['’]t (?:ever )?forget|know"
    r"|(?:save|store|keep|add|put) (?:this |it |the fact )?(?:in|to|into) (?:your )?memory)"
)
_REMEMBER = re.compile(
    rf"^{_POLITE}(?:(?:i(?:['’]d| would)? (?:want|like|need) you to|you (?:should|must|need to|have to)|always"
    r"|make sure (?:that )?you)\s+)?"
    rf"(?P<verb>{_KEEP})(?:\s+(?:for (?:me|later|the future|next time)|please|the following))*\s*[:,]?\s*"
    r"(?:the fact that\s+|that\s+)?(?P<text>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
# "My number is 5550199, please save that."
_REMEMBER_THAT = re.compile(
    r"^(?P<text>\S.{5,}?)\s*[,.;:!–-]+\s*(?:so |and |now )?(?:please,? |can you |could you |kindly )*"
    r"(?:remember|memori[sz]e|save|store|note|keep|record|jot|write|log|don['’]t forget)\s+(?:that|this|it)"
    r"(?:\s+(?:down|in mind|in (?:your )?memory|for (?:me|later|the future|next time)|somewhere|please))*\s*[.!]*$",
    re.IGNORECASE | re.DOTALL,
)
# "Remember where I parked?" asks, and "remember me" says nothing to keep.
_NOT_A_FACT = re.compile(r"^(?:when|where|who|what|which|how|why|if|me\b|the time)", re.IGNORECASE)
# "Know" begins many things: only "know that" is to be kept.
_WEAK = re.compile(r"^(?:know|learn|record|log|note)$", re.IGNORECASE)
# "Remember to call Ann at five" may mean a reminder; "and then" is a second request.
_MORE_THAN_A_FACT = re.compile(
    r"^to\b|\b(?:and|then|also) (?:then |also |please )?(?:remind|tell|show|read|list|send|open|run|add|set)\b",
    re.IGNORECASE,
)

_MINE = re.compile(r"\b(?:i|my|me|mine|we|our|us)\b", re.IGNORECASE)
_TOLD = re.compile(
    rf"^{_POLITE}(?:what (?:did|have) i (?:ever )?(?:tell|told|say|said|mention|mentioned|write|written)"
    r"(?: to)? ?(?:you)?"
    r"|what (?:did|have) you (?:note|noted|remember|remembered|save|saved|store|stored|keep|kept)"
    r"|(?:did|have) i (?:ever |already )?(?:tell|told|mention|mentioned|say|said)(?: to)?(?: you)?"
    r"|(?:tell me |say )?what (?:do )?you (?:still )?(?P<know>know|remember|recall|have)"
    r"|do you (?:still |happen to )?(?P<do>remember|know|recall)|(?:try to )?(?:recall|remember)(?= .*\?$)|recall"
    r"|(?:look|look up|check|search|see)(?: (?:in|through))? (?:your |the )?(?:memory|memories|notes)(?: for)?"
    r"|what(?:['’]s| is) in your (?:memory|memories)|remind me what i (?:said|told you|mentioned))"
    r"(?:\s+(?:about|of|on|regarding|concerning|for))?[,:]?\s+(?P<query>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
# "What was the hotel that I mentioned?"
_MENTIONED = re.compile(
    r"^(?=what|which|who|where|when|how).*\b(?:i|we)(?:['’]ve| have)? (?:ever |once |already )?"
    r"(?:told you|mentioned|said|noted|saved|asked you to (?:remember|keep|note|save))\b.*$",
    re.IGNORECASE | re.DOTALL,
)
_OWN_QUESTION = re.compile(
    r"^(?:when|where|who|what|which|how (?:old|many|much|often))\b.*\b(?:my|i|me|mine|our|we)\b.*\?*$",
    re.IGNORECASE | re.DOTALL,
)
_FORGET = re.compile(
    rf"^{_POLITE}(?:forget|unlearn|stop remembering|(?:erase|wipe|delete|remove|clear|drop)"
    r"(?= .*\b(?:i (?:said|told|mentioned)|you know|you remember|(?:from|in) (?:your )?memory|memor(?:y|ies)"
    r"|(?:everything|all|anything) about)))\s+"
    r"(?:everything |all |anything )?(?:(?:(?:what|that|whatever) )?"
    r"(?:i (?:said|told you|mentioned|have told you)|you (?:know|remember|have saved))(?: to you)?\s+)?"
    r"(?:about\s+|of\s+)?(?P<query>\S.*?)(?:\s+(?:from|in) (?:your )?memory)?[\s.!?]*$",
    re.IGNORECASE | re.DOTALL,
)
# "Forget it" drops the subject, and "forget that file" may mean many things.
_NOT_A_MEMORY = re.compile(
    r"^(?:it|that|this|about it|me|everything|all(?: of it)?|(?:the|my) (?:file|folder|job|task|reminder|list))\b\W*$"
    r"|^(?:the|that) (?:file|folder|job|task|reminder)\b",
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
    return parse_files(text) or _parse_memory(text) or _parse_rest(text)


def _parse_memory(text: str) -> PlainRequest | None:
    if (match := _FORGET.match(text)) is not None:
        query = match["query"].strip()
        if _NOT_A_MEMORY.match(query):
            return NeedsTools()
        return ForgetAbout(query, certain=_MINE.search(text) is not None)
    if (match := _TOLD.match(text)) is not None:
        query = match["query"].strip().rstrip("?.! ")
        # "Do you know why the sky is blue?" asks for knowledge; "do you know where I parked?" for a memory.
        knowledge = match["do"] or match["know"]
        return RecallAbout(query, certain=not knowledge or _MINE.search(query) is not None)
    if _MENTIONED.match(text):
        return RecallAbout(text.rstrip("?.! "))
    return _parse_remember(text)


def _parse_remember(text: str) -> PlainRequest | None:
    if (match := _REMEMBER_THAT.match(text)) is not None and not text.endswith("?"):
        return RememberThis(match["text"], certain=_MORE_THAN_A_FACT.search(match["text"]) is None)
    if (match := _REMEMBER.match(text)) is None:
        return None
    fact = match["text"].strip()
    if _WEAK.match(match["verb"]) and not re.search(r"[:,]\s|\bthat\b", text[: match.start("text")]):
        return None
    if text.endswith("?"):
        return RecallAbout(fact.rstrip("?.! "), certain=True)
    if _NOT_A_FACT.match(fact):
        return NeedsTools()
    return RememberThis(fact, certain=_MORE_THAN_A_FACT.search(fact) is None)


def _parse_rest(text: str) -> PlainRequest | None:
    if _ACTION.match(text):
        return NeedsTools()
    if _OWN_QUESTION.match(text):
        return RecallAbout(text.rstrip("?.! "), certain=False)
    return None
