"""Which tools have to do with a request: at most eight are offered to the model.

Owns the score of a tool against the user's words: what both speak of, what the words hold that a tool takes (a path, an
address, a time, a number), and how near their meanings are where word vectors are loaded; and whether none has, as the
user told it before. English, like the prompts. Must not know how tools work. Pure but for the vectors.
"""

from __future__ import annotations

import math
import operator
import re
import struct
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.messages import ToolSpec
from openclaw_desktop.core.protocols import Embed, Memory

OFFERED = 8

# Words that mean the same to a desktop agent, a concept a line. A phrase counts as its own words joined by "_".
_CONCEPTS = """
keep: remember memorise memorize note keep in_mind store record jot learn know for_the_future
recall: recall remember know told tell said mention mentioned memory did_i have_i remind_me_what
forget: forget erase unlearn delete remove drop scrub wipe
plan: schedule scheduled remind reminder reminders every daily weekly weekday weekdays monthly hourly wake alarm timer
plan: later tomorrow tonight nudge
task: task tasks job jobs reminder reminders scheduled planned upcoming
stop: cancel stop remove delete drop
hold: pause suspend hold
notice: notify notification alert popup pop toast flash banner
read: read open show display contents content inside says print view
file: file files document text txt
folder: folder folders directory directories dir
list: list show what which all have
search: search find look grep locate containing contains mention mentions where
shell: shell terminal command commands run execute process console restart reboot install service
web: web internet online page website site url link http https google news search
fetch: fetch download open get visit load page
todo: todo todos to_do to_dos item items due shopping list chore chores errand errands
sum: calculate compute sum plus minus times divided percent percentage multiply square root average math expression
sum: work_out add_up
mail: mail mails email emails e_mail e_mails inbox mailbox newsletter newsletters
"""

# What a request may hold, and the names of the arguments that take such a thing.
_SHAPES: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = (
    (re.compile(r"(?:https?://|www\.)\S|\b[\w-]+\.(?:com|org|net|io|edu|gov|dev|de|uk)(?:/|\b)"), frozenset({"url"})),
    (
        re.compile(r"(?:^|[\s'\"`(])(?:~|\.{1,2})?/[\w.~-]|\b[\w-]+\.(?!com\b|org\b|net\b)[a-z]{1,5}[0-9]?\b"),
        frozenset({"path", "file", "folder", "filename"}),
    ),
    (re.compile(r"\w\.ics\b", re.IGNORECASE), frozenset({"ics"})),
    (
        re.compile(
            r"\b(?:every|each|daily|weekly|monthly|tomorrow|tonight|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|noon|midnight"
            r"|in (?:an?|\d+|[a-z]+) (?:seconds?|minutes?|hours?|days?|weeks?)|\d{1,2}(?::\d\d| ?[ap]\.?m))\b",
            re.IGNORECASE,
        ),
        frozenset({"when", "due", "time", "date", "at"}),
    ),
    (
        re.compile(r"\d\s*(?:[-+*/^%x×]|percent|plus|minus|times|divided)\s*|\broot of \d"),
        frozenset({"expression", "formula"}),
    ),
)
# Two numbers and what is to be done with them, or a root; a date or a range is none.
_SUM = re.compile(
    r"\d\s*(?:[+*^×÷]|\s[-/x]\s|(?:plus|minus|times|multiplied by|divided by)\b)\s*[-(]?\s*\d"
    r"|\d\s*(?:%|per ?cent)\s*of\s+\D{0,3}\d|\b(?:square|cube) root of \d",
    re.IGNORECASE,
)
# What a path or an address is called says nothing of what is to be done with it.
_NAMED = re.compile(r"[/~\\]|\w\.[a-z]\w{0,4}\b")
# What is wanted stands at the beginning; a pasted text may be of any length.
READ_CHARS = 1500
# What a sentence about oneself begins with, and what makes it a request or names a file: "I need it moved".
_OF_MYSELF = re.compile(r"\W*(?:(?:no|well|actually|by the way),? )*(?:i|we|my|our)\b", re.IGNORECASE)
_REQUEST = re.compile(
    r"[?:\n]|\b(?:you|your|please|let's|need\w*|want\w*|would|should|must|could|wish|like to|have to|files?|folders?"
    r"|documents?|notes?|drafts?|scripts?|add|change|copy|create|delete|edit|make|move|put|remove|rename|run|save|send"
    r"|set|store|write)\b",
    re.IGNORECASE,
)
# A stranger may describe a tool at any length, and each turn would read it; ours are shorter.
DESCRIBED_CHARS = 3000
_NAME = re.compile(r"(?<=\w )[A-Z][\w-]*[a-z]")
# Words of a question point to a list where one is among the tools; they name none.
_ASKING = re.compile(r"\b(?:what|which|all|have|where|calculate|compute|find)\b", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+")
_STOP = frozenset(
    {"a", "an", "and", "are", "at", "be", "do", "for", "from", "in", "is", "it", "its", "me", "my", "of", "on", "or"}
    | {"please", "that", "the", "this", "to", "what", "you", "your"}
)
SHARED, SHAPE, MEANING = 1.0, 1.5, 2.0


async def choose_tools(text: str, tools: Sequence[ToolSpec], embed: Embed | None) -> tuple[ToolSpec, ...]:
    """Return at most OFFERED of `tools`, in their order: those that have most to do with `text`."""
    if len(tools) <= OFFERED:
        return tuple(tools)
    scores = word_scores(text, tools)
    if embed is not None:
        try:
            vectors = await embed([text, *(_describe(tool) for tool in tools)])
        except UserError:
            vectors = []  # the words alone decide where the engine cannot be loaded
        for place, vector in enumerate(vectors[1:]):
            scores[place] += MEANING * _cosine(vectors[0], vector)
    best = sorted(range(len(tools)), key=lambda place: -scores[place])[:OFFERED]
    return tuple(tools[place] for place in sorted(best))


def spoken_of(text: str, tools: Sequence[ToolSpec]) -> tuple[ToolSpec, ...]:
    """Return `tools` without those of strangers whose name has no word in common with `text`.

    What a stranger says of a tool makes the prompt untrusted, so it stands in none that it has nothing to do with.
    """
    asked = _concepts(_without_names(text[:READ_CHARS]))
    return tuple(tool for tool in tools if not tool.source or asked & _concepts(spell(tool.name)))


def word_scores(text: str, tools: Sequence[ToolSpec]) -> list[float]:
    """Return for each tool how much of `text` it speaks of; a word that few tools share counts more."""
    text = text[:READ_CHARS]
    asked = _concepts(_without_names(text))
    spoken = [_concepts(_describe(tool)) for tool in tools]
    spread = Counter(concept for concepts in spoken for concept in concepts)
    held = [names for pattern, names in _SHAPES if pattern.search(text)]
    return [
        sum(SHARED * math.log(1 + len(tools) / spread[concept]) for concept in asked & concepts)
        + sum(SHAPE for names in held if not names.isdisjoint(tool.parameters.get("properties", {})))
        for tool, concepts in zip(tools, spoken, strict=True)
    ]


def speaks_of(text: str, tool: ToolSpec) -> bool:
    """Return whether `text` names what `tool` does by its name: "cancel the check" speaks of cancel_task."""
    shared = _concepts(_ASKING.sub(" ", _without_names(text[:READ_CHARS]))) & _concepts(spell(tool.name))
    return any(not concept.startswith("=") for concept in shared)


def is_named(text: str, tool: ToolSpec) -> bool:
    """Return whether `text` has a word of the name of `tool`, or holds what it takes: a sum, a path, a time."""
    text = text[:READ_CHARS]
    taken = tool.parameters.get("properties", {})
    holds = any(not names.isdisjoint(taken) for pattern, names in _SHAPES if pattern.search(text))
    named = _concepts(_ASKING.sub(" ", _without_names(text))) & _concepts(spell(tool.name))
    return holds or bool(named) or asks_for_sum(text, tool)


def only_tells(text: str) -> bool:
    """Return whether `text` tells something of the user and asks for nothing: to "I moved to Oslo" nothing is moved."""
    named = any(pattern.search(text) for pattern, _ in _SHAPES[:3])
    return _OF_MYSELF.match(text) is not None and _REQUEST.search(text) is None and not named


def is_told(text: str, memories: Sequence[Memory]) -> bool:
    """Return whether what the user told holds every word of a question about somebody or something by name."""
    names = _NAME.findall(text)
    return text.rstrip().endswith("?") and any(
        memory.relevance >= 1.0 and memory.label.integrity == "user" and any(name in memory.text for name in names)
        for memory in memories
    )


def asks_for_sum(text: str, tool: ToolSpec) -> bool:
    """Return whether `text` has a sum to work out and `tool` takes one: a small model does sums wrongly by itself."""
    takes_sum = not {"expression", "formula"}.isdisjoint(tool.parameters.get("properties", {}))
    return takes_sum and _SUM.search(text[:READ_CHARS]) is not None


def _without_names(text: str) -> str:
    return " ".join(word for word in text.split() if not _NAMED.search(word))


def spell(name: str) -> str:
    """Return a tool's name as words: "read_file" and "math.areaOfCircle" are "read file" and "math area of circle"."""
    return re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)).strip().lower()


def _describe(tool: ToolSpec) -> str:
    parts = [
        f"{name} {schema.get('description', '')}" for name, schema in tool.parameters.get("properties", {}).items()
    ]
    return f"{spell(tool.name)}: {tool.description} {', '.join(parts)}"[:DESCRIBED_CHARS]


@lru_cache(maxsize=512)
def _concepts(text: str) -> frozenset[str]:
    """Return the concepts that `text` speaks of, and its own words' stems beside them."""
    words = _WORD.findall(text.lower())
    pairs = ["_".join(words[place : place + size]) for size in (2, 3, 4) for place in range(len(words) - size + 1)]
    found = {concept for word in (*words, *pairs) for concept in _CONCEPT_OF.get(word, ())}
    return frozenset(found | {f"={_stem(word)}" for word in words if word not in _STOP})


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "ed", "es", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word.removesuffix(ending)
    return word


def _cosine(left: bytes, right: bytes) -> float:
    # Vectors are normalised: their product is the cosine.
    one, other = (struct.unpack(f"<{len(side) // 4}f", side) for side in (left, right))
    return float(sum(map(operator.mul, one, other)))


def _read_concepts(table: str) -> dict[str, frozenset[str]]:
    concept_of: dict[str, set[str]] = {}
    for line in table.strip().splitlines():
        concept, words = line.split(": ")
        for word in words.split():
            concept_of.setdefault(word, set()).add(concept)
    return {word: frozenset(concepts) for word, concepts in concept_of.items()}


_CONCEPT_OF = _read_concepts(_CONCEPTS)
