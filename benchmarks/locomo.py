"""How much of the evidence recall finds in long conversations, in LoCoMo's form; the data is the caller's to bring.

    python -m benchmarks.locomo --data FILE [--fit]

The data's licence (CC BY-NC) keeps it out of the project, so this is no part of `python -m benchmarks`. A question has
evidence: the turns that answer it. R@k is the share of them among the first k hits, averaged over questions; the
mean is that of the conversations. Questions whose evidence names no turn are left out. `--fit` fits the
weights on all conversations but one and scores that one, for each, and then on all: what `scoring.Weights` ships.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.memory import MemoryStore, NewMemory, open_memory, word_vectors
from openclaw_desktop.memory.recall.scoring import WEIGHTS, Weights
from openclaw_desktop.memory.vectors.embedder import WORDLLAMA
from openclaw_desktop.storage.database import Database

KS = (1, 5, 10, 20)
KINDS = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
KEY = bytes(range(32))
WORK_S = 5.0
FITTED = 9  # so many of the weights, the first ones
RIDGE, STEPS, RATE = 1e-3, 600, 0.05


@dataclass(frozen=True, slots=True)
class Turn:
    """One line of a conversation."""

    id: str
    session: str
    date: str
    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the ids of the turns that answer it; `kind` is a key of KINDS."""

    question: str
    evidence: frozenset[str]
    kind: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns, in order, and questions about them."""

    name: str
    turns: tuple[Turn, ...]
    asked: tuple[Asked, ...]


def read_conversations(path: Path) -> list[Conversation]:
    """Read the file, a JSON list of conversations."""
    return [_read_one(entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def _read_one(entry: dict[str, Any]) -> Conversation:
    talk, name = entry["conversation"], entry["sample_id"]
    turns = []
    numbers = sorted(int(key.split("_")[1]) for key in talk if re.fullmatch(r"session_\d+", key))
    for number in numbers:
        date = datetime.strptime(talk[f"session_{number}_date_time"].replace(",", ""), "%I:%M %p on %d %B %Y")
        for turn in talk[f"session_{number}"]:
            text = f"{turn['text']} {turn.get('blip_caption') or ''}".strip()
            session = f"{name}/{number}"
            turns.append(Turn(f"{name}/{turn['dia_id']}", session, date.isoformat(), turn["speaker"], text))
    known = {turn.id for turn in turns}
    asked = []
    for entry_asked in entry["qa"]:
        told = re.findall(r"D:?(\d+):0*(\d+)", " ".join(entry_asked.get("evidence", [])))
        evidence = frozenset(f"{name}/D{session}:{turn}" for session, turn in told) & known
        if evidence:
            asked.append(Asked(str(entry_asked["question"]), evidence, entry_asked["category"]))
    return Conversation(name, tuple(turns), tuple(asked))


class Adapter:
    """A conversation in the product's memory: `remember_many` and `recall`, and nothing else."""

    def __init__(self, memory: MemoryStore) -> None:
        self._memory = memory
        self._turns: dict[str, str] = {}

    async def index(self, turns: Sequence[Turn]) -> None:
        """Keep the turns."""
        ids = await self._memory.remember_many(
            [
                NewMemory(turn.text, kind="turn", speaker=turn.speaker, session_id=turn.session, created_at=turn.date)
                for turn in turns
            ]
        )
        self._turns = dict(zip(ids, (turn.id for turn in turns), strict=True))

    def turn_of(self, memory_id: str) -> str:
        """Return the turn that a memory is of."""
        return self._turns[memory_id]

    async def search(self, question: str, k: int) -> list[str]:
        """Return the turns that are found for a question, best first."""
        return [self.turn_of(hit.id) for hit in await self._memory.recall(question, k)]


@dataclass(frozen=True, slots=True)
class Score:
    """R@k of one question."""

    kind: int
    recalls: tuple[float, ...]


def score(found: Sequence[str], asked: Asked) -> Score:
    """Return the share of a question's evidence among the first hits, for each of KS."""
    return Score(asked.kind, tuple(len(asked.evidence & set(found[:k])) / len(asked.evidence) for k in KS))


@dataclass(slots=True)
class Measured:
    """What one engine found in each conversation, and what the fit needs. `engine`: the name of who served."""

    scores: list[list[Score]] = field(default_factory=list)
    weighed: list[list[Weighed]] = field(default_factory=list)
    engine: str = ""


@dataclass(frozen=True, slots=True)
class Weighed:
    """The candidates of a question: fitted signals, what the other weights add, and which of them are evidence."""

    signals: np.ndarray
    fixed: np.ndarray
    is_evidence: np.ndarray
    asked: Asked

    def score(self, weights: np.ndarray) -> Score:
        """Return R@k with `weights` for the fitted signals."""
        order = np.argsort(-(self.signals @ weights + self.fixed), kind="stable")
        found = self.is_evidence[order]
        return Score(self.asked.kind, tuple(float(found[:k].sum()) / len(self.asked.evidence) for k in KS))


async def measure(conversations: Sequence[Conversation], engine: str | None, with_fit: bool = False) -> Measured:
    """Return the scores of each conversation in an encrypted memory of its own.

    `engine` None: what `open_memory` chooses. Else the word vectors that every machine has.
    """
    measured = Measured()
    for conversation in conversations:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            path = Path(folder) / "memory.db"
            async with open_memory(path, key=KEY) if engine is None else _with_word_vectors(path) as memory:
                adapter = Adapter(memory)
                await adapter.index(conversation.turns)
                while await memory.vectors.work(WORK_S):
                    pass
                scores = [score(await adapter.search(asked.question, KS[-1]), asked) for asked in conversation.asked]
                measured.scores.append(scores)
                if with_fit:
                    measured.weighed.append([await _weigh(memory, adapter, asked) for asked in conversation.asked])
            measured.engine = await _serving(path)
    return measured


@asynccontextmanager
async def _with_word_vectors(path: Path) -> AsyncIterator[MemoryStore]:
    database, words = await Database.open(path, key=KEY), word_vectors()
    memory = MemoryStore(database, words)
    try:
        yield memory
    finally:
        await memory.vectors.close()
        words.close()
        await database.close()


async def _serving(path: Path) -> str:
    """Return the name of the engine whose vectors answered."""
    database = await Database.open(path, key=KEY)
    try:
        rows = await database.rows("select name from vector_engines order by state = 'serving' desc, id limit 1")
        return str(rows[0][0]) if rows else "words alone"
    finally:
        await database.close()


async def _weigh(memory: MemoryStore, adapter: Adapter, asked: Asked) -> Weighed:
    _, hits = await memory.search.weigh(asked.question, SystemClock().now(), max(KS))
    values = np.array([hit.signals.values() for hit in hits]).reshape(len(hits), len(Weights.__slots__))
    weights = np.array([getattr(WEIGHTS, name) for name in Weights.__slots__])
    evidence = np.array([adapter.turn_of(hit.memory.id) in asked.evidence for hit in hits], dtype=bool)
    return Weighed(values[:, :FITTED], values[:, FITTED:] @ weights[FITTED:], evidence, asked)


def fit(questions: Sequence[Weighed]) -> np.ndarray:
    """Return the weights that make evidence most likely among the candidates: softmax, Adam, a small ridge."""
    told = [one for one in questions if one.is_evidence.any()]
    weights, first, second = np.ones(FITTED), np.zeros(FITTED), np.zeros(FITTED)
    for step in range(1, STEPS + 1):
        gradient = 2 * RIDGE * weights + sum(_gradient(one, weights) for one in told) / len(told)
        first, second = 0.9 * first + 0.1 * gradient, 0.99 * second + 0.01 * gradient**2
        weights = weights - RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-9)
    return weights


def _gradient(one: Weighed, weights: np.ndarray) -> np.ndarray:
    """Return the gradient of -log P(evidence turn), each against all that is no evidence, averaged over them."""
    values = one.signals @ weights + one.fixed
    likely = np.exp(values - values.max())
    others = ~one.is_evidence
    rest, rest_signals = likely[others].sum(), likely[others] @ one.signals[others]
    right = likely[one.is_evidence][:, None]
    signals = one.signals[one.is_evidence]
    return np.asarray(((rest_signals + right * signals) / (rest + right) - signals).mean(axis=0))


def leave_one_out(weighed: Sequence[Sequence[Weighed]]) -> list[list[Score]]:
    """Return the scores of each conversation with weights fitted on the others alone."""
    scores = []
    for place, held_out in enumerate(weighed):
        weights = fit([one for other, group in enumerate(weighed) if other != place for one in group])
        scores.append([one.score(weights) for one in held_out])
    return scores


def print_table(title: str, scores: Sequence[Sequence[Score]]) -> None:
    """Print R@k: the mean of the conversations, then of the questions of each kind."""
    print(f"{title:42}" + "".join(f"{f'@{k}':>7}" for k in KS) + f"{'n':>7}")
    means = [[statistics.mean(one.recalls[i] for one in group) for i in range(len(KS))] for group in scores]
    _print_row("mean of conversations", [statistics.mean(column) for column in zip(*means, strict=True)], len(scores))
    every = [one for group in scores for one in group]
    for kind, name in KINDS.items():
        if mine := [one for one in every if one.kind == kind]:
            _print_row(name, [statistics.mean(one.recalls[i] for one in mine) for i in range(len(KS))], len(mine))


def _print_row(name: str, values: Sequence[float], count: int) -> None:
    print(f"  {name:40}" + "".join(f"{100 * value:7.1f}" for value in values) + f"{count:7}", flush=True)


def merge(conversations: Sequence[Conversation]) -> Conversation:
    """Return all conversations as one."""
    return Conversation(
        "all",
        tuple(turn for one in conversations for turn in one.turns),
        tuple(asked for one in conversations for asked in one.asked),
    )


async def run(path: Path, with_fit: bool) -> None:
    """Measure and print."""
    conversations = read_conversations(path)
    weighed = await _measure_and_print(conversations, None, with_fit)
    if weighed.engine == WORDLLAMA.engine:
        print("MiniLM is not on this machine, so its rows are missing: openclaw-agent model pull all-minilm-l6-v2-int8")
        groups = weighed.weighed
    else:
        groups = weighed.weighed + (await _measure_and_print(conversations, WORDLLAMA.engine, with_fit)).weighed
    if with_fit:
        weights = fit([one for group in groups for one in group])
        print("fitted on all:", ", ".join(f"{n} {w:.2f}" for n, w in zip(Weights.__slots__, weights, strict=False)))


async def _measure_and_print(conversations: Sequence[Conversation], engine: str | None, with_fit: bool) -> Measured:
    measured = await measure(conversations, engine, with_fit)
    print_table(f"{measured.engine}, shipped weights", measured.scores)
    if len(conversations) > 1:
        together = await measure([merge(conversations)], engine)
        print_table(f"{measured.engine}, shipped weights, one index", together.scores)
        if with_fit:
            print_table(f"{measured.engine}, fitted on the other conversations", leave_one_out(measured.weighed))
    return measured


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.locomo", description="Recall of evidence turns.")
    parser.add_argument("--data", type=Path, required=True, help="the conversations, in LoCoMo's JSON")
    parser.add_argument("--fit", action="store_true", help="fit weights too, leaving one conversation out")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.data, arguments.fit))


if __name__ == "__main__":
    main()
