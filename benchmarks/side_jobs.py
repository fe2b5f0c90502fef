"""Facts of what was said, by the real model, checked by code: how many are kept, and no denial turned around.

Twenty sentences of our own, ten of them with a denial, among small talk. What is kept is held against a list written by
hand: the words that must stand in the fact, and those that must not be missing for it to mean the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from benchmarks import desk
from benchmarks.results import MET, MISSED, Options, Row
from openclaw_desktop.agent.side_jobs import Fact, extract_facts
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.sentences import Passage
from openclaw_desktop.inference.catalogue import find_model, load_catalogue
from openclaw_desktop.inference.client import ENVIRONMENT, LoadedModel, ModelClient
from openclaw_desktop.workers.supervisor import Supervisor

KEPT_BAR = 0.9
# A sentence, and what its fact must hold: each group is words of which one must stand there.
DENIED: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    ("I never work on Fridays.", (("never",), ("friday",))),
    ("I don't eat pork.", (("don't", "doesn't", "not", "never"), ("pork",))),
    ("My brother Nils no longer works at Acme.", (("no longer",), ("acme",), ("nils",))),
    ("I can't swim.", (("can't", "cannot", "can not"), ("swim",))),
    ("I drink neither tea nor coffee.", (("neither",), ("tea",), ("nor",), ("coffee",))),
    ("I cycle to the office unless it rains.", (("unless",), ("rain",))),
    ("I take my porridge without sugar.", (("without",), ("sugar",))),
    ("Our neighbour Otto hates loud music.", (("hate",), ("music",), ("otto",))),
    ("I won't be in Lisbon before 4 May.", (("won't", "will not"), ("before",), ("4 may",))),
    ("Nobody but Vera has a key to my flat.", (("nobody", "but", "only"), ("vera",), ("key",))),
)
PLAIN: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    ("My sister Mia lives in Utrecht.", (("mia",), ("utrecht",))),
    ("My blood type is A positive.", (("blood",), ("positive",))),
    ("I pay 840 euros of rent each month.", (("840",), ("rent",))),
    ("My dentist is Dr. Amsel in Bergstrasse.", (("amsel",), ("dentist",))),
    ("We got married on 12 June 2011.", (("12 june 2011",),)),
    ("I have two cats, Juno and Pixel.", (("juno",), ("pixel",))),
    ("My car's plate is KL-204-B.", (("kl-204-b",),)),
    ("I work as a nurse at Saint Anne's hospital.", (("nurse",), ("anne",))),
    ("My flight to Porto leaves at 06:45 on Tuesday.", (("porto",), ("06:45",), ("tuesday",))),
    ("I prefer to be called Lou.", (("lou",),)),
)
TALK = ("Hello there!", "Thanks a lot.", "How is the weather?", "That was funny.", "Ok.")


def measure(options: Options) -> list[Row]:
    """Extract the facts of all sentences once with the large model."""
    model = find_model(load_catalogue(), desk.LARGE_MODEL)
    path = options.find_model(model.file)
    facts, took_s = asyncio.run(_extract(LoadedModel(model.id, path, 4096)))
    for fact in facts:
        print(f"   {'model' if fact.worded else 'source':6} {fact.text}", flush=True)
    denied, plain = _judge(facts, DENIED), _judge(facts, PLAIN)
    kept, wrong = denied[0] + plain[0], denied[1] + plain[1]
    total = len(DENIED) + len(PLAIN)
    worded = sum(fact.worded for fact in facts)
    share = kept / total
    return [
        Row(
            "facts of 20 sentences kept, Qwen2.5-Coder-1.5B",
            f">= {KEPT_BAR:.0%}",
            f"{share:.0%} ({kept} of {total}; {worded} of {len(facts)} in the model's words; {took_s:.0f} s)",
            MET if share >= KEPT_BAR else MISSED,
            total,
        ),
        Row(
            "denials lost or turned around in what was kept, of 10",
            "0",
            f"{denied[1]} (and {wrong - denied[1]} of 10 plain facts wrong)",
            MET if wrong == 0 else MISSED,
            len(DENIED),
        ),
    ]


async def _extract(model: LoadedModel) -> tuple[tuple[Fact, ...], float]:
    client = ModelClient(Supervisor("inference", ENVIRONMENT), lambda _, state: None)
    client.choose(model)
    texts = [pair[number][0] for number in range(len(PLAIN)) for pair in (DENIED, PLAIN)]
    told = [Passage(f"t{number}", text, USER) for number, text in enumerate([*texts, *TALK])]
    started_s = time.monotonic()
    try:
        return await extract_facts(client, told), time.monotonic() - started_s
    finally:
        await client.stop()


def _judge(facts: Sequence[Fact], sentences: Sequence[tuple[str, tuple[tuple[str, ...], ...]]]) -> tuple[int, int]:
    """Return how many of `sentences` gave a fact, and how many of those facts lack what they must hold."""
    kept = wrong = 0
    for sentence, needed in sentences:
        texts = [fact.text.lower().replace("’", "'") for fact in facts if fact.source.text == sentence]
        kept += bool(texts)
        wrong += any(not any(word in text for word in group) for text in texts for group in needed)
    return kept, wrong
