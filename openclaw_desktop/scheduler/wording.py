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
# "A hundred and twenty" is 120.
_HUNDREDS = re.compile(r"\b(?:(?P<count>[1-9])|an?) hundred(?: (?:and )?(?P<rest>[1-9]\d?))?(?! ?\d)\b")
_WORD = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})[- ](?P<unit>{'|'.join([*_ONES.split()[1:10], *_NTH.split()[1:10]])})"
    rf"|(?P<number>{'|'.join(_NUMBERS)})|(?P<nth>{'|'.join(_ORDINALS)}))\b"
)
# "Eight-thirty" is a time, and no range.
_SPOKEN_TIME = re.compile(rf"\b({'|'.join(_ONES.split()[1:13])})-(?=(?:fifteen|twenty|thirty|forty|fifty)\b)")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
_MARKS = dict.fromkeys(map(ord, '"“”„«»`…'), " ") | {ord("’"): "'", ord("‘"): "'"}


def normalise(text: str) -> str:
    """Return `text` in one spelling: "Half past six, 5 P.M." is "half past 6, 5 pm"."""
    text = unicodedata.normalize("NFKC", text.replace("½", " 1/2")).lower().translate(_DASHES | _MARKS)
    text = re.sub(r"(?<![a-z])([ap])\.\s?m\b\.?", r"\1m", text)
    text = re.sub(r"(\d)\s?([ap])\s?m\b", r"\1 \2m", text)
    text = _SPOKEN_TIME.sub(r"\1 ", text)
    text = _WORD.sub(_digits, text)
    text = re.sub(r"\b1st thing (?=\w)", "", text)
    text = _HUNDREDS.sub(lambda found: str(100 * int(found["count"] or 1) + int(found["rest"] or 0)), text)
    text = re.sub(r"\b(?:penultimate|next[- ]to[- ]last|2nd(?:[- ]to)?[- ]last)\b", "2nd last", text)
    text = re.sub(r"(\d{4}-\d\d-\d\d)t(\d\d:\d\d)(?::00)?\b", r"\1 \2", text)
    text = re.sub(r"\bhalf[- ]hour(ly)?\b", lambda found: "half-hourly" if found[1] else "half hour", text)
    text = re.sub(r"\b(\d+)x (?=an? |per |daily|every )", r"\1 times ", text)
    text = re.sub(r"\b(\d+) +1/2 (?=[a-z])", r"\1.5 ", text)
    text = re.sub(r"(?<![\d/.])1/2 (?=(?:an )?hours?\b|a day\b)", "half ", text)
    text = re.sub(r"\bo'? ?clock\b", "o'clock", text)
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
