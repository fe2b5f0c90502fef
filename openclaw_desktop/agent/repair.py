"""A call's arguments, put right where the repair is certain, asked back where it is not.

Owns the repairs: names, types, choices, inventions in arguments that may be left out, and the user's own words where a
tool wants them. Must not know what tools do; paths are the file tools' matter. Pure.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from openclaw_desktop.agent.relevance import spell
from openclaw_desktop.core.text import tr, visible

# Finds the times in a text: each as long as it goes, in the words of the text.
FindTimes = Callable[[str], tuple[str, ...]]

# What a model writes where it knows nothing.
_PLACEHOLDER = re.compile(
    r"^(?:|<[^>]*>|\[[^\]]*\]|\{[^}]*\}|n/?a|none|null|unknown|undefined|unspecified|not (?:given|specified)"
    r"|path/to/.*|your_\w+)$",
    re.I,
)
_NUMBER = re.compile(r"^[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?$")
_NUMBER_SAID = re.compile(
    r"\d|\b(?:zero|one|once|two|twice|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|million|decade|century|pair|half|quarter|third|dozen|couple|double|single|both|first"
    r"|second|last|next|max|min|maximum|minimum|full|mute|off|all)\b",
    re.IGNORECASE,
)
_OWN_WORDS = re.compile(r"\buser['’]?s?['’]? (?:own )?words\b", re.IGNORECASE)
_ABOUT_TIME = re.compile(r"\b(?:time|times|date|day|when|due)\b", re.IGNORECASE)
_EDGE = ",;:!?\"'“”‘’`()[]"
_WORD = re.compile(r"\w+")
_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class AskBack:
    """What the user has to be asked before the call makes sense."""

    question: str


class _Uncertain(Exception):
    """No repair is certain."""


def repair_arguments(
    arguments: Mapping[str, Any], schema: Mapping[str, Any], said: str, find_times: FindTimes, results: str = ""
) -> dict[str, Any] | AskBack:
    """Return `arguments` as `schema` (an object's) wants them, or the question to ask.

    `said`: the user's words; `results`: what tools returned for them, which a value may also come from.
    """
    properties: Mapping[str, Mapping[str, Any]] = schema["properties"]
    required = schema.get("required", ())
    given = _named(arguments, properties)
    known = f"{said}\n{results}"
    repaired: dict[str, Any] = {}
    for name, kind in properties.items():
        if name not in given and name not in required:
            continue
        value = given.get(name)
        try:
            if value is None or (isinstance(value, str) and _PLACEHOLDER.match(value.strip())):
                raise _Uncertain
            if kind.get("type") in ("integer", "number") and not _NUMBER_SAID.search(known):
                raise _Uncertain  # nobody said a number: this one is the model's own
            repaired[name] = _of_type(_in_own_words(value, name, kind, said, find_times, results), kind)
        except _Uncertain:
            if name in required:
                return AskBack(_question(name, kind, value))
            continue
        if name not in required and _invented(repaired[name], kind, known):
            del repaired[name]
    return repaired


def _named(arguments: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments by the names of the schema: a misspelt one that fits one free name alone is that one."""
    known = {name: value for name, value in arguments.items() if name in properties}
    for name, value in arguments.items():
        free = [wanted for wanted in properties if wanted not in known]
        near = difflib.get_close_matches(name.lower(), free, n=2, cutoff=0.75)
        if name not in properties and len(near) == 1:
            known[near[0]] = value
    return known


def _of_type(value: Any, kind: Mapping[str, Any]) -> Any:
    """Return `value` as the type that the schema names; raises _Uncertain where it is no such thing."""
    if "enum" in kind:
        return _choice(value, kind["enum"])
    match kind.get("type"):
        case "integer" | "number" as wanted:
            return _number(value, whole=wanted == "integer")
        case "boolean":
            return _truth(value)
        case "string":
            if isinstance(value, (dict, list)):
                raise _Uncertain
            return value.strip() if isinstance(value, str) else str(value)
        case "array":
            items = value if isinstance(value, list) else [value]
            return [_of_type(item, kind.get("items", {})) for item in items]
        case _:
            return value


def _choice(value: Any, choices: list[Any]) -> Any:
    if value in choices:
        return value
    same = [choice for choice in choices if str(choice).lower() == str(value).strip().lower()]
    if len(same) == 1:
        return same[0]
    wanted = _plain(value)
    # "C" and "C++" are one word without their marks: nothing is certain there.
    spelt = [_plain(choice) for choice in choices]
    plain = {word: choice for word, choice in zip(spelt, choices, strict=True) if word and spelt.count(word) == 1}
    near = [wanted] if wanted in plain else difflib.get_close_matches(wanted, plain, n=2, cutoff=0.8)
    # "Inactive" is no misspelt "active": what begins otherwise says something else.
    if len(near) != 1 or near[0][0] != wanted[:1] or (wanted in spelt and wanted not in plain):
        raise _Uncertain
    return plain[near[0]]


def _plain(value: Any) -> str:
    return re.sub(r"[\W_]+", "", str(value)).lower()


def _number(value: Any, *, whole: bool) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _Uncertain
    text = str(value).strip()
    if not text or not _NUMBER.match(text):
        raise _Uncertain
    digits = text.replace(",", "")
    if re.fullmatch(r"[-+]?\d+", digits):  # a long one is no float's
        return int(digits)
    try:
        number = float(digits)
    except ValueError:  # a sign alone
        raise _Uncertain from None
    if not math.isfinite(number) or (whole and number != int(number)):
        raise _Uncertain
    return int(number) if whole or (isinstance(value, str) and "." not in text and "e" not in text.lower()) else number


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise _Uncertain
    return word in _TRUE


def _in_own_words(
    value: Any, name: str, kind: Mapping[str, Any], said: str, find_times: FindTimes, results: str
) -> Any:
    """Return the user's own words where the schema wants them: a model shortens "every Monday at nine" to "nine"."""
    about = f"{name} {kind.get('description', '')}"
    if not isinstance(value, str):
        return value
    if not _OWN_WORDS.search(about):
        return _as_written(value, said)
    if _ABOUT_TIME.search(about):
        times = find_times(said)
        if not times:
            # Times that stand nowhere are the model's own.
            if value.lower() in f"{said}\n{results}".lower():
                return value
            raise _Uncertain
        return max(times, key=lambda time: difflib.SequenceMatcher(None, time.lower(), value.lower()).ratio())
    return value


def _as_written(value: str, said: str) -> str:
    """Return a path as the user wrote it where only its beginning differs: "var/log" is their "/var/log"."""
    written = {word.strip(_EDGE).rstrip(".") for word in said.split()}
    same = [word for word in written if word.strip("~./") == value.strip("~./") and "/" in word]
    return same[0] if value not in written and len(same) == 1 else value


def _invented(value: Any, kind: Mapping[str, Any], known: str) -> bool:
    """Return True for a free value of which nothing stands in what the user said or a tool returned."""
    if "enum" in kind or isinstance(value, (bool, dict, list)):
        return False
    spoken = {word.lower() for word in _WORD.findall(known)}
    words = [word.lower() for word in _WORD.findall(str(value))]
    return not any(word in spoken or _near(word, spoken) for word in words)


def _near(word: str, spoken: set[str]) -> bool:
    if word.isdigit():
        return False
    return any(
        len(other) > 2 and (word.startswith(other) or other.startswith(word)) for other in spoken if len(word) > 2
    )


def _question(name: str, kind: Mapping[str, Any], value: Any) -> str:
    what = kind.get("description") or spell(name)
    if "enum" in kind:
        return tr("Which one do you mean: {choices}?", choices=", ".join(map(str, kind["enum"])))
    if isinstance(value, str) and value.strip() and not _PLACEHOLDER.match(value.strip()):
        return tr("I need {what}, and I am not sure of “{value}”. What is it?", what=what, value=visible(value))
    return tr("I need to know {what}. What is it?", what=what)
