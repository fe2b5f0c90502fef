"""A user's words in one spelling: small letters, digits for number words, plain hyphens.

Owns number words and typographic variants. Must not know what the words mean. English, like the prompts. Pure.
"""

from __future__ import annotations

import re
import unicodedata

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
)
_ONES += " eighteen nineteen"
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90}
_NUMBERS = {word: value for value, word in enumerate(_ONES.split())} | _TENS
_NTH = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth"
_NTH += " fifteenth sixteenth seventeenth eighteenth nineteenth"
_ORDINALS = {word: value for value, word in enumerate(_NTH.split())} | {"twentieth": 20, "thirtieth": 30}
_ENDINGS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
_WORD = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})[- ](?P<unit>{'|'.join([*_ONES.split()[1:10], *_NTH.split()[1:10]])})"
    rf"|(?P<number>{'|'.join(_NUMBERS)})|(?P<nth>{'|'.join(_ORDINALS)}))\b"
)
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
_MARKS = dict.fromkeys(map(ord, '"“”„«»`…'), " ") | {ord("’"): "'", ord("‘"): "'"}


def normalise(text: str) -> str:
    """Return `text` in one spelling: "Half past six, 5 P.M." is "half past 6, 5 pm"."""
    text = unicodedata.normalize("NFKC", text).lower().translate(_DASHES | _MARKS)
    text = re.sub(r"\b([ap])\.\s?m\b\.?", r"\1m", text)
    text = re.sub(r"(\d)\s?([ap])\s?m\b", r"\1 \2m", text)
    text = _WORD.sub(_digits, text)
    text = re.sub(r"(\d{4}-\d\d-\d\d)t(\d\d:\d\d)(?::00)?\b", r"\1 \2", text)
    text = re.sub(r"\bo[' ]?clock\b", "o'clock", text)
    text = re.sub(r"\s+", " ", text).strip(" ,;!?")
    # The last dot of "14.3." belongs to the date.
    return text if re.search(r"(?<!at )\b\d{1,2}\.(?:0?[1-9]|1[0-2])\.$", text) else text.rstrip(" .,;!?")


def ordinal(number: int) -> str:
    """Return 1 as "1st"."""
    return f"{number}{_ENDINGS.get(number, 'th')}"


def _digits(match: re.Match[str]) -> str:
    if (tens := match["tens"]) is not None:
        unit = match["unit"]
        if unit in _NUMBERS:
            return str(_TENS[tens] + _NUMBERS[unit])
        return ordinal(_TENS[tens] + _ORDINALS[unit])
    if (number := match["number"]) is not None:
        return str(_NUMBERS[number])
    # "30 second" is a duration; any other "second" is the one after the first.
    if match["nth"] == "second" and match.string[: match.start()].endswith(tuple(f"{d} " for d in "0123456789")):
        return "second"
    return ordinal(_ORDINALS[match["nth"]])
