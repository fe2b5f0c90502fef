"""Decoding through the whole stack, held against the raw llama.cpp loop on the same model.

A front end attached over `run/agent.sock` asks; its text streams from the worker through the agent and the socket. Both
sides decode the same number of tokens behind prompts of the same length, in turns, so that a busy machine is busy for
both. CPU seconds for each token are what a neighbour disturbs least.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import desk, processes
from benchmarks.headless import Headless
from benchmarks.machine import ROOT
from benchmarks.results import MET, MISSED, Options, Row, Unavailable
from openclaw_desktop.core.events import TextAdded, TurnFailed, TurnFinished
from openclaw_desktop.service.api import AskRequest
from openclaw_desktop.service.remote import RemoteService

BAR = 0.95
QUESTION = "Explain in detail how a lighthouse works, with its history, in at least ten long paragraphs."
SHORT_QUESTION = "Say hello."


@dataclass(frozen=True, slots=True)
class Case:
    """One model. `temperature` is the one that the product asks it with; `pieces` of text end a measurement."""

    model: str
    title: str
    context_tokens: int
    temperature: float
    rounds: int
    pieces: int


@dataclass(frozen=True, slots=True)
class Run:
    """`tokens` decoded in so many seconds of wall and of CPU time, behind a prompt of `prompt_tokens`."""

    tokens: int
    prompt_tokens: int
    wall_s: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.tokens / self.wall_s

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds for a token."""
        return 1000 * self.cpu_s / self.tokens


class Raw:
    """The child with the raw loop."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, **request: object) -> dict[str, float]:
        """Send one request and return the reply; without one, wait until the model is loaded."""
        assert self._process.stdin is not None and self._process.stdout is not None
        if request:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise Unavailable(f"the raw loop ended with {self._process.wait()}")
        return dict(json.loads(line))

    def decode(self, like: Run, temperature: float) -> Run:
        """Decode as much as `like` did."""
        taken = self.ask(prompt_tokens=like.prompt_tokens, tokens=like.tokens, temperature=temperature)
        return Run(like.tokens, like.prompt_tokens, taken["decode_s"], taken["cpu_s"])


@contextlib.contextmanager
def _raw(model: Path, context_tokens: int) -> Iterator[Raw]:
    command = (sys.executable, "-m", "benchmarks.raw_loop", str(model), str(context_tokens))
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        raw = Raw(process)
        raw.ask()
        yield raw
    finally:
        process.kill()
        process.communicate()


def measure(options: Options) -> list[Row]:
    """Let both decode in turns, with each model, and return a row for each."""
    small, large = ((3, 60), (2, 40)) if options.quick else ((12, 100), (8, 80))
    cases = (
        Case(desk.SMALL_MODEL, "SmolLM2-135M, plain chat", 2048, 0.3, *small),
        Case(desk.LARGE_MODEL, "Qwen2.5-Coder-1.5B, reply grammar", 4096, 0.0, *large),
    )
    return [_measure(options, case) for case in cases]


def _measure(options: Options, case: Case) -> Row:
    with desk.bare_folder(options) as (folder, env):
        home = desk.warm_home(folder / "measured", env, case.model)
        models = json.loads(desk.command_line(home, env, "model", "list", "--json"))["models"]
        path = next(model["path"] for model in models if model["id"] == case.model)
        with Headless(home, env) as agent, _raw(Path(path), case.context_tokens) as raw:
            return asyncio.run(_compare(agent, raw, case))


async def _compare(agent: Headless, raw: Raw, case: Case) -> Row:
    front_end = await desk.attach(agent.home)
    try:
        prompt_tokens = await _prompt_tokens(front_end, raw)
        # Both once without counting: the prompt is read and the memory touched.
        raw.decode(await _ask(front_end, agent, raw, case, prompt_tokens), case.temperature)
        pairs: list[tuple[Run, Run]] = []
        for number in range(case.rounds):
            stack = await _ask(front_end, agent, raw, case, prompt_tokens)
            pairs.append((stack, raw.decode(stack, case.temperature)))
            print(
                f"   {case.model} {number + 1}: {stack.tokens} tokens behind {stack.prompt_tokens}; stack "
                f"{stack.rate:.1f}/s {stack.cpu_ms:.2f} CPU ms each, raw {pairs[-1][1].rate:.1f}/s "
                f"{pairs[-1][1].cpu_ms:.2f}",
                flush=True,
            )
    finally:
        await front_end.close()
    ratios = [stack.rate / bare.rate for stack, bare in pairs]
    # Processor time decides: neighbours on the machine move the wall clock of either side by half.
    ratio = statistics.median(bare.cpu_ms / stack.cpu_ms for stack, bare in pairs)
    seen = (
        f"{ratio:.3f} in processor time a token (raw: {statistics.median(b.cpu_ms for _, b in pairs):.1f} ms); by the "
        f"clock {statistics.median(ratios):.3f} (worst {min(ratios):.3f}): "
        f"{statistics.median(s.rate for s, _ in pairs):.1f} of "
        f"{statistics.median(b.rate for _, b in pairs):.1f} tokens/s"
    )
    verdict = MET if ratio >= BAR else MISSED
    return Row(f"decode, stack / raw loop: {case.title}", f">= {BAR}", seen, verdict, case.rounds)


async def _prompt_tokens(front_end: RemoteService, raw: Raw) -> int:
    """Return how many tokens stand before the answer to QUESTION, from a turn that is over sooner."""
    async for event in front_end.ask(AskRequest(SHORT_QUESTION)):
        if isinstance(event, TurnFinished):
            questions = [int(raw.ask(text=text)["tokens"]) for text in (QUESTION, SHORT_QUESTION)]
            return event.answer.usage.prompt_tokens + questions[0] - questions[1]
    raise Unavailable("the model did not answer")


async def _ask(front_end: RemoteService, agent: Headless, raw: Raw, case: Case, prompt_tokens: int) -> Run:
    """Ask, listen to some pieces of text, stop, and return what was decoded between the first and the last."""
    pieces: list[str] = []
    moments: list[tuple[float, float]] = []
    async with contextlib.aclosing(front_end.ask(AskRequest(QUESTION))) as events:
        async for event in events:
            if isinstance(event, TurnFailed):
                raise Unavailable(event.failure.sentence)
            if not isinstance(event, TextAdded):
                continue
            pieces.append(event.text)
            last = len(pieces) == case.pieces
            # Reading /proc takes as long as a token: only where it counts.
            moments.append((time.perf_counter(), _cpu_s(agent.pid) if last or len(pieces) == 1 else 0.0))
            if last:
                break
    if len(pieces) < case.pieces:
        raise Unavailable(f"the answer was too short to measure: {''.join(pieces)}")
    # The model writes its text as JSON where it replies by a grammar; line ends are two characters there.
    tokens = int(raw.ask(text=json.dumps("".join(pieces[1:]), ensure_ascii=False)[1:-1])["tokens"])
    (first_s, first_cpu_s), (last_s, last_cpu_s) = moments[0], moments[-1]
    return Run(tokens, prompt_tokens, last_s - first_s, last_cpu_s - first_cpu_s)


def _cpu_s(agent_pid: int) -> float:
    return sum(processes.cpu_seconds(pid) for pid in processes.family(agent_pid))
