"""Decoding on two threads beside one busy neighbour, against decoding on a quiet machine, in one run.

The worker is started as the product starts it (environment, threads) and asked over its own pipe. The neighbour is a
Python process that counts. Quiet and disturbed rounds take turns, so that a machine that is busy anyway is so for both.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results import MET, MISSED, Options, Row, Unavailable
from openclaw_desktop.inference.client import ENVIRONMENT
from openclaw_desktop.workers.process import WorkerProcess

BAR = 0.45
THREADS = 2
CONTEXT_TOKENS = 2048
PROMPT = "Tell me a very long story about a lighthouse and its keeper."
NEIGHBOUR = "n = 0\nwhile True: n += 1"


@dataclass(frozen=True, slots=True)
class Case:
    """One model; `tokens` are decoded in each of `rounds`."""

    title: str
    file: str
    tokens: int
    rounds: int


def measure(options: Options) -> list[Row]:
    """Decode quiet and disturbed in turns with both models, and return a row for each."""
    small, large = ((60, 2), (24, 1)) if options.quick else ((150, 5), (48, 3))
    cases = (
        Case("SmolLM2-135M", "SmolLM2-135M-Instruct.Q4_1.gguf", *small),
        Case("Qwen2.5-Coder-1.5B", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf", *large),
    )
    return [asyncio.run(_measure(options.find_model(case.file), case)) for case in cases]


async def _measure(path: Path, case: Case) -> Row:
    worker = await WorkerProcess.start("inference", environment=ENVIRONMENT)
    try:
        await _load(worker, path)
        await _decode(worker, 4)
        pairs = []
        for number in range(case.rounds):
            quiet = await _decode(worker, case.tokens)
            with _neighbour():
                pairs.append((quiet, await _decode(worker, case.tokens)))
            print(f"   {case.title} {number + 1}: quiet {quiet:.1f}, disturbed {pairs[-1][1]:.1f} tokens/s", flush=True)
    finally:
        await worker.stop()
    ratios = [disturbed / quiet for quiet, disturbed in pairs]
    ratio = statistics.median(ratios)
    rates: Sequence[float] = [statistics.median(side) for side in zip(*pairs, strict=True)]
    seen = f"{ratio:.2f} (worst {min(ratios):.2f}): {rates[1]:.1f} of {rates[0]:.1f} tokens/s"
    title = f"decode with one busy neighbour, {THREADS} threads: {case.title}"
    return Row(title, f">= {BAR} of quiet", seen, MET if ratio >= BAR else MISSED, case.rounds)


async def _load(worker: WorkerProcess, path: Path) -> None:
    request = {"id": 0, "op": "load", "path": str(path), "context_tokens": CONTEXT_TOKENS, "threads": THREADS}
    await worker.send({**request, "extra_buffers": True})
    if "loaded" not in (reply := await worker.receive()):
        raise Unavailable(f"{path} was not loaded: {reply}")


async def _decode(worker: WorkerProcess, tokens: int) -> float:
    """Return how many tokens a second were decoded."""
    messages = [{"role": "user", "text": PROMPT}]
    request = {"id": 1, "op": "complete", "messages": messages, "schema": None, "max_tokens": tokens}
    await worker.send({**request, "temperature": 0.0})
    while "done" not in (reply := await worker.receive()):
        if "error" in reply:
            raise Unavailable(str(reply["error"]))
    done = reply["done"]
    return float(done["completion_tokens"] / done["decode_s"])


@contextlib.contextmanager
def _neighbour() -> Iterator[None]:
    process = subprocess.Popen((sys.executable, "-c", NEIGHBOUR))
    try:
        yield
    finally:
        process.kill()
        process.wait()
