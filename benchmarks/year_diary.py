"""A made-up year of talk between a user and an agent: what is planted, what is put right later, and all the rest.

Owns which sentence is a true statement about the user's life and which is not. The same seed makes the same year. Must
not know how anything is stored or found. The words are in data/year.toml.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from benchmarks.results import SEED

DATA = Path(__file__).with_name("data") / "year.toml"
FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)
SESSIONS_A_DAY = 100 * 12 / 365
# Of all turns that plant nothing and ask for nothing planted, in percent; the last is of whole, untrusted texts.
MIXTURE = {
    "questions": 32, "orders": 25, "smalltalk": 12, "thanks": 12, "general": 5, "hypotheticals": 4, "quotes": 3,
    "jokes": 3, "lasting": 1.5, "pasted": 2.5,
}  # fmt: skip
SECOND_SENTENCE, INVENTED, TAINTED, ECHOED = 0.3, 0.04, 0.02, 0.4
_GAP = re.compile(r"(\b[Aa] )?\{(\w+?)\d?\}")
# A chest of words for each gap; the others are made (`Phrases.make`).
_CHESTS = {
    "name": "names", "city": "cities", "job": "jobs", "pet": "pets", "pet_name": "pet_names", "month": "months",
    "topic": "topics", "thing": "things", "adjective": "adjectives", "food": "foods", "skill": "skills",
    "habit": "habits", "place": "places", "client": "clients", "surname": "surnames", "s": "surnames",
}  # fmt: skip

# planted: to be asked for. lasting: true about the user too. noise: neither.
Truth = Literal["planted", "lasting", "noise"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A planted statement. `subject`: which of the planted ones; `replaces`: what it puts right."""

    subject: int
    kind: str
    sentence: str
    value: str
    day: int
    asks: tuple[str, ...]
    replaces: Fact | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence, or some that belong together, and what they are worth."""

    text: str
    truth: Truth


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user says and what the agent answers. `pasted`: the user's text is not the user's own.

    `tainted`: the answer is of what a tool read. `asked`: the planted fact that it asks for.
    """

    parts: tuple[Part, ...]
    answer: str
    pasted: bool = False
    tainted: bool = False
    fact: Fact | None = None
    asked: Fact | None = None

    @property
    def text(self) -> str:
        """All of what the user says."""
        return " ".join(part.text for part in self.parts)


@dataclass(slots=True)
class Phrases:
    """Fills templates with words by chance."""

    chance: random.Random
    words: dict[str, list[str]]

    def pick(self, chest: str) -> str:
        """Return one of a chest."""
        return self.chance.choice(self.words[chest])

    def fill(self, template: str, **fixed: str) -> str:
        """Return a template with `fixed` in its gaps and words by chance in the others, with a capital first."""

        def put(gap: re.Match[str]) -> str:
            word = fixed[gap[2]] if gap[2] in fixed else self.make(gap[2])
            article = gap[1] or ""
            return (article.rstrip() + "n " if article and word[:1] in "aeiouAEIO" else article) + word

        text = _GAP.sub(put, template)
        return text[:1].upper() + text[1:]

    def make(self, gap: str) -> str:
        """Return something for a gap of that name."""
        chance = self.chance
        if gap in _CHESTS:
            return self.pick(_CHESTS[gap])
        if gap in ("date", "value_date"):
            day, month = chance.randint(1, 28), self.pick("months")
            return chance.choice([f"{day} {month}", f"{month} {day}", f"the {_ordinal(day)} of {month}"])
        if gap == "digits":
            return str(chance.randint(1_000, 999_999))
        if gap == "phone":
            return f"0{chance.randint(150, 179)} {chance.randint(1_000, 9_999)} {chance.randint(100, 999)}"
        if gap == "brand":
            return f"{self.pick('brands')} {chance.choice('ABCEKLMRSTX')}{chance.randint(2, 99)}"
        if gap == "budget":
            return f"{chance.randint(11, 940)},{chance.choice(['000', '500'])} euros"
        return {"age": str(chance.randint(6, 19)), "times": chance.choice(["twice", "three times", "once"])}[gap]


class Diary:
    """The year. `facts`: all that is planted and put right, in the order of the days."""

    def __init__(self, days: int = 365, turns_a_day: int = 200, planted: int = 500, seed: int = SEED) -> None:
        self.days, self.turns_a_day, self.seed = days, turns_a_day, seed
        phrases = Phrases(random.Random(seed), _words())
        self.facts = sorted(_plant(phrases, days, planted), key=lambda fact: fact.day)
        self._said = _by_day((fact.day, fact) for fact in self.facts)
        self._asked = _by_day((self._day_to_ask(phrases.chance, fact), fact) for fact in self.facts)

    def current(self, day: int | None = None) -> list[Fact]:
        """Return what holds at the end of that day, or of all, one for each subject."""
        newest = {fact.subject: fact for fact in self.facts if day is None or fact.day <= day}
        return list(newest.values())

    def sessions(self, day: int) -> list[list[Turn]]:
        """Return the sessions of a day."""
        phrases = Phrases(random.Random(f"{self.seed} {day}"), _words())
        chance = phrases.chance
        turns = [_noise(phrases) for _ in range(self.turns_a_day)]
        held = {fact.subject: fact for fact in self.current(day - 1)}
        special = [_telling(phrases, fact) for fact in self._said.get(day, [])]
        special += [
            Turn((Part(fact.asks[0], "noise"),), "", asked=held[fact.subject]) for fact in self._asked.get(day, [])
        ]
        for place, turn in zip(chance.sample(range(len(turns)), len(special)), special, strict=True):
            turns[place] = turn
        count = min(len(turns), max(1, round(chance.gauss(SESSIONS_A_DAY, 1))))
        cuts = [0, *sorted(chance.sample(range(1, len(turns)), count - 1)), len(turns)]
        return [turns[start:end] for start, end in pairwise(cuts)]

    def _day_to_ask(self, chance: random.Random, fact: Fact) -> int:
        return chance.randint(min(fact.day + 1, self.days - 1), self.days - 1)


def _telling(phrases: Phrases, fact: Fact) -> Turn:
    """Return the turn that a planted statement is made in, as often as not in passing."""
    chance = phrases.chance
    before = [Part(phrases.fill(phrases.pick("before")), "noise")] * (chance.random() < 0.6)
    after = [Part(phrases.fill(phrases.pick("after")), "noise")] * (chance.random() < 0.6)
    answer = phrases.fill(phrases.pick("answers"))
    if chance.random() < ECHOED:
        answer = f"So you say: {fact.sentence} {answer}"
    return Turn((*before, Part(fact.sentence, "planted"), *after), answer, fact=fact)


def _noise(phrases: Phrases) -> Turn:
    chance = phrases.chance
    (kind,) = chance.choices(list(MIXTURE), list(MIXTURE.values()))
    parts = [_part(phrases, kind)]
    if kind != "pasted" and chance.random() < SECOND_SENTENCE:
        (other,) = chance.choices(list(MIXTURE)[:-1], list(MIXTURE.values())[:-1])
        parts.append(_part(phrases, other))
    tainted = chance.random() < TAINTED
    answers = [phrases.fill(phrases.pick("answers")) for _ in range(chance.choice([1, 1, 2]))]
    if chance.random() < INVENTED:
        answers.append(phrases.fill(phrases.pick("inventions")))
    if tainted:
        answers = ["The file says:", phrases.fill(phrases.pick("pasted"))]
    return Turn(tuple(parts), " ".join(answers), pasted=kind == "pasted", tainted=tainted or kind == "pasted")


def _part(phrases: Phrases, kind: str) -> Part:
    return Part(phrases.fill(phrases.pick(kind)), "lasting" if kind == "lasting" else "noise")


def _plant(phrases: Phrases, days: int, planted: int) -> Iterator[Fact]:
    """Yield the planted facts, each followed by what puts it right where something does."""
    chance = phrases.chance
    kinds = _data()["kinds"]
    share = planted / sum(kind["count"] for kind in kinds)
    counts = [int(kind["count"] * share) for kind in kinds]
    while sum(counts) < planted:
        lacking = [kind["count"] * share - count for kind, count in zip(kinds, counts, strict=True)]
        counts[lacking.index(max(lacking))] += 1
    subject, due = 0, 0.0
    for kind, count in zip(kinds, counts, strict=True):
        due += kind.get("changed", 0) * share
        changes, due = int(due + 0.5), due - int(due + 0.5)
        for about in _subjects(phrases, kind, count):
            changed = changes > 0 and bool(about["changes"])
            changes -= changed
            last_day = days // 2 if changed else max(1, days - 8)
            first = _tell(phrases, kind["name"], subject, about, chance.randint(0, last_day))
            yield first
            if changed:
                day = chance.randint(first.day + max(2, days // 12), days - 2)
                yield _tell(phrases, kind["name"], subject, about, day, first)
            subject += 1


def _tell(
    phrases: Phrases, kind: str, subject: int, about: dict[str, Any], day: int, earlier: Fact | None = None
) -> Fact:
    chance, fixed = phrases.chance, about["fixed"]
    value = next(
        value for value in iter(lambda: _value(phrases, about, day), None) if not earlier or value != earlier.value
    )
    sentence = phrases.fill(
        chance.choice(about["changes"] if earlier else about["says"]), **fixed, value=value, v=value
    )
    asks = [phrases.fill(ask, **fixed) for ask in about["asks"]]
    return Fact(
        subject, kind, sentence, value, day, earlier.asks if earlier else tuple(chance.sample(asks, len(asks))), earlier
    )


def _value(phrases: Phrases, about: dict[str, Any], day: int) -> str:
    if values := about.get("values"):
        return str(phrases.chance.choice(values))
    if about["value"] == "moment":
        when = FIRST_DAY + timedelta(days=day + phrases.chance.randint(4, 60))
        hour, minute = phrases.chance.randint(8, 17), phrases.chance.choice(["00", "15", "30", "45"])
        return f"{when.day} {when:%B} at {hour}:{minute}"
    return phrases.make(about["value"])


def _subjects(phrases: Phrases, kind: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """Yield what `count` facts of a kind are about: its templates, what is fixed in them, and the values."""
    chance, words = phrases.chance, phrases.words
    base = {name: _split(kind.get(name, "")) for name in ("says", "changes", "asks")} | {"value": kind.get("value")}
    about = kind["about"]
    if about == "own":
        lines = [[cell.strip() for cell in line.split(";")] for line in _lines(kind["own"])]
        for _, says, changes, asks, values in sorted(chance.sample(lines, count), key=lambda line: not line[2]):
            several = [value.strip() for value in values.split(",")]
            yield {
                "says": [f"{say}." for say in says.split("|")], "changes": [f"{one}." for one in _split(changes)],
                "asks": asks.split("|"), "fixed": {}, "value": values, "values": several if len(several) > 1 else None,
            }  # fmt: skip
    elif about in ("person", "gift"):
        for place, name in enumerate(chance.sample(words["names"], count)):
            fixed = {"name": name, "who": f"{_relation(words, name)} {name}", "pet": phrases.pick("pets")}
            values = [_split(kind["values"])[place % 20]] if about == "gift" else None
            yield base | {"fixed": fixed, "values": values}
    elif about == "pairs":
        for pair in chance.sample(_split(kind["pairs"]), count):
            thing, values = pair.split(": ")
            yield base | {"fixed": {"thing": thing}, "values": [value.strip() for value in values.split(", ")]}
    elif about == "project":
        made = {"deadline": "date", "budget": "budget", "lead": "name", "client": "client"}
        pairs = [(thing, attribute) for thing in _split(kind["things"]) for attribute in made]
        for thing, attribute in chance.sample(pairs, count):
            yield base | {"fixed": {"thing": thing, "attribute": attribute}, "value": made[attribute]}
    else:
        things = words["cities"] if about == "city" else _split(kind["things"])
        if about == "with":
            things = [thing.replace("{s}", surname) for thing in things for surname in words["surnames"]]
        for thing in chance.sample(things, count):
            yield base | {"fixed": {"thing": thing, "month": phrases.pick("months")}}


def _relation(words: dict[str, list[str]], name: str) -> str:
    """Return how a person is known: the same all year."""
    return words["relations"][sum(map(ord, name)) % len(words["relations"])]


def _by_day(pairs: Iterator[tuple[int, Fact]]) -> dict[int, list[Fact]]:
    days: dict[int, list[Fact]] = {}
    for day, fact in pairs:
        days.setdefault(day, []).append(fact)
    return days


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


@cache
def _words() -> dict[str, list[str]]:
    data = _data()
    chests = {name: _split(text) for name, text in (data["words"] | data["messages"]).items()}
    chests["names"] = data["words"]["names"].split()
    return chests


def _split(text: str) -> list[str]:
    return [" ".join(item.split()) for item in text.split("|") if item.strip()]


def _lines(text: str) -> Sequence[str]:
    """Return lines that begin with "my"; the others go on where the one before ended."""
    return [" ".join(line.split()) for line in re.split(r"\n(?=my \w+;)", text)]


def _ordinal(day: int) -> str:
    return f"{day}{'th' if 10 < day < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"
