"""Small jobs for the model that nobody waits for: facts of what was said, its most important sentences, how important.

Owns what is asked and what of the reply is believed: the model chooses and words, code checks, and nothing is kept that
its source does not say. Must not know stores. Loop.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from openclaw_desktop.core.labels import SYSTEM
from openclaw_desktop.core.messages import Message
from openclaw_desktop.core.protocols import Complete, Prompt, TextDelta, TextDropped
from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.core.sentences import Passage, choose, is_question, sense, split_sentences, states
from openclaw_desktop.core.tokens import estimate_tokens

BATCH_SENTENCES = 10
FACT_TOKENS = 60
SUMMARY_SENTENCES = 60
LEVELS = ("none", "low", "some", "high", "vital")

# No list is "required": the worker would write its name and a blank for the model, which then leaves it empty.
FACTS_SCHEMA = {
    "type": "object",
    "properties": {
        "facts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"sentence": {"type": "integer"}, "fact": {"type": "string"}},
                "required": ["sentence", "fact"],
            },
        }
    },
}
KEEP_SCHEMA = {
    "type": "object",
    "properties": {"keep": {"type": "array", "items": {"type": "integer"}}},
}
SCORE_SCHEMA = {
    "type": "object",
    "properties": {"importance": {"enum": list(LEVELS)}},
    "required": ["importance"],
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact, with the sentence that says it. `worded`: in the model's words; else the text is the sentence itself."""

    text: str
    source: Passage
    worded: bool


async def extract_facts(complete: Complete, passages: Sequence[Passage]) -> tuple[Fact, ...]:
    """Return the facts of some passages, each once, in their order.

    The model chooses the sentences. Its own words are kept where they say what the sentence says, denials included;
    else the sentence stands for itself. Raises UserError where no model can answer, or background work is over budget.
    """
    told = [sentence for sentence in split_sentences(passages) if not is_question(sentence.text)]
    facts: dict[tuple[str, ...], Fact] = {}
    for start in range(0, len(told), BATCH_SENTENCES):
        batch = told[start : start + BATCH_SENTENCES]
        reply = await _ask(complete, "extract", _numbered(batch), batch, FACTS_SCHEMA, FACT_TOKENS * len(batch))
        chosen: dict[int, Fact] = {}
        for number, wording in _read_facts(reply):
            if 1 <= number <= len(batch) and number not in chosen:
                chosen[number] = _check(wording, batch[number - 1])
        for _, fact in sorted(chosen.items()):
            facts.setdefault(sense(fact.text, _by_user(fact.source)), fact)
    return tuple(facts.values())


async def summarise(complete: Complete, passages: Sequence[Passage], limit_tokens: int) -> tuple[Passage, ...]:
    """Return the sentences that matter most within `limit_tokens`, word for word and in their order.

    The model says which matter, code chooses among them and fills what room is left. Raises UserError as above.
    """
    told = split_sentences(passages)
    if sum(estimate_tokens(sentence.text) for sentence in told) <= limit_tokens:
        return told
    offered = [told[number] for number in choose(told, 4 * limit_tokens)][:SUMMARY_SENTENCES]
    reply = await _ask(complete, "summarise", _numbered(offered), offered, KEEP_SCHEMA, 4 * SUMMARY_SENTENCES)
    listed = _read(reply).get("keep")
    wanted = {number - 1 for number in listed if type(number) is int} if isinstance(listed, list) else set()
    kept: set[int] = set()
    # A small model lists nearly all or nearly nothing: its choice says where code looks first, not what is kept.
    for pool in (wanted, set(range(len(offered))) - wanted):
        numbers = sorted(pool & set(range(len(offered))))
        chosen = {numbers[place] for place in choose([offered[number] for number in numbers], limit_tokens)}
        limit_tokens -= sum(estimate_tokens(offered[number].text) for number in chosen)
        kept |= chosen
    return tuple(offered[number] for number in sorted(kept))


async def score_importance(complete: Complete, passage: Passage) -> float | None:
    """Return how important a text is for years, 0 to 1 in steps of a quarter; None where the model said no such thing.

    Raises UserError as above.
    """
    reply = _read(await _ask(complete, "score", passage.text, [passage], SCORE_SCHEMA, 16))
    level = reply.get("importance")
    return LEVELS.index(level) / (len(LEVELS) - 1) if level in LEVELS else None


def _numbered(sentences: Sequence[Passage]) -> str:
    return "\n".join(f"{number}. {sentence.text}" for number, sentence in enumerate(sentences, start=1))


async def _ask(
    complete: Complete, job: str, text: str, about: Sequence[Passage], schema: Mapping[str, Any], max_tokens: int
) -> str:
    """Return the whole reply to one question of a job; what the model took back is not in it."""
    system = resource_path("prompts", f"{job}.md").read_text(encoding="utf-8").strip()
    messages = (Message("system", system, SYSTEM), Message("user", text, about[0].label))
    prompt = Prompt(messages, schema, max_tokens, stable=1, lane="background", job=job)
    reply = ""
    events = complete(prompt)
    async with aclosing(events):  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, TextDelta):
                reply += event.text
            elif isinstance(event, TextDropped):
                reply = ""
    return reply


def _read(reply: str) -> dict[str, Any]:
    try:
        value = json.loads(reply)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _read_facts(reply: str) -> Iterator[tuple[int, str]]:
    """Yield (sentence, fact) of every whole object: a reply that was cut keeps what came before the cut."""
    for found in re.finditer(r"\{[^{}]*\}", reply):
        value = _read(found[0])
        number, wording = value.get("sentence"), value.get("fact")
        if type(number) is int and isinstance(wording, str):
            yield number, wording.strip()


def _by_user(source: Passage) -> bool:
    # In a text that the user did not write, "I" is somebody else.
    return source.label.integrity != "untrusted"


def _check(wording: str, source: Passage) -> Fact:
    if "\n" not in wording and states(wording, source.text, _by_user(source)):
        return Fact(wording, source, worded=True)
    return Fact(source.text, source, worded=False)
