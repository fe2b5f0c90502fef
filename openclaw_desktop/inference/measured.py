"""How the models ran on this machine: speed, time to first token and memory, by model, context and threads.

Owns the small file that keeps them. Must not know who asks, nor what a model is made of. Loop; the file is written in a
thread.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.inference.records import CompletionRecord
from openclaw_desktop.storage.atomic import write_atomically

log = logging.getLogger(__name__)

# Fewer tokens than these measure the clock, not the model.
LEAST_PROMPT_TOKENS, LEAST_ANSWER_TOKENS = 32, 8
# The newest run counts so much beside those before: a busy minute does not overturn what is known.
NEWEST_WEIGHT = 0.3
# The file is written anew for what moved by more than this.
WORTH_KEEPING = 0.1
# The last question's figures are another's each time: they are written along with these, or at the end.
LASTING = ("prefill_tokens_per_s", "decode_tokens_per_s", "peak_bytes")
MAX_RUNS = 200
MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Measured:
    """How one model ran; rates in tokens a second, 0 where not measured yet.

    `first_token_s`: how long the last question took to its first word, with `first_prompt_tokens` that had to be read.
    `peak_bytes`: the most that the worker held. `threads`: None where the worker chose.
    """

    model: str
    context_tokens: int
    threads: int | None
    prefill_tokens_per_s: float = 0.0
    decode_tokens_per_s: float = 0.0
    first_token_s: float = 0.0
    first_prompt_tokens: int = 0
    peak_bytes: int = 0
    extra_buffers: bool = True

    @property
    def key(self) -> tuple[str, int, int | None, bool]:
        """What tells one from another."""
        return self.model, self.context_tokens, self.threads, self.extra_buffers


class MeasuredRuns:
    """What was measured, the newest last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tasks = TaskSet()
        self._writing = asyncio.Lock()
        self._runs = _read(path)
        self._kept = dict(self._runs)
        # A worker tells the most that it ever held, also of a model that it had before: the run that reached the most.
        self._highest: tuple[object, int] = (None, 0)

    def record(self, completion: CompletionRecord) -> None:
        """Take in a completion that came to its end; the file follows in the background."""
        run = Measured(completion.model, completion.context_tokens, completion.threads)
        run = replace(run, extra_buffers=completion.extra_buffers)
        known = self._runs.pop(run.key, run)
        if completion.peak_rss_bytes > self._highest[1]:
            self._highest = run.key, completion.peak_rss_bytes
        peak = completion.peak_rss_bytes if self._highest[0] == run.key else 0
        self._runs[run.key] = _merge(known, replace(completion, peak_rss_bytes=peak))
        while len(self._runs) > MAX_RUNS:
            self._runs.pop(next(iter(self._runs)))
        if _moved(self._kept.get(run.key), self._runs[run.key]):
            self._tasks.start(self._write(), name="keep what was measured")

    def find(self, model: str, context_tokens: int | None = None, extra_buffers: bool | None = None) -> Measured | None:
        """Return the newest run of a model, with that context and those buffers where they are given."""
        fitting = (
            run
            for run in reversed(self._runs.values())
            if run.model == model
            and context_tokens in (None, run.context_tokens)
            and extra_buffers in (None, run.extra_buffers)
        )
        return next(fitting, None)

    def models(self) -> tuple[str, ...]:
        """Return the ids of the models that have run here, the newest first."""
        return tuple(dict.fromkeys(run.model for run in reversed(self._runs.values())))

    async def stop(self) -> None:
        """Write what is not written yet."""
        if self._runs != self._kept:
            await self._write()
        await self._tasks.stop()

    async def _write(self) -> None:
        async with self._writing:
            runs = dict(self._runs)
            content = json.dumps({"runs": [asdict(run) for run in runs.values()]}, indent=1).encode()
            try:
                await asyncio.to_thread(write_atomically, self._path, content)
            except UserError as error:
                log.warning("what was measured was not kept: %s", error)
            self._kept = runs


def _merge(known: Measured, completion: CompletionRecord) -> Measured:
    fresh = completion.prompt_tokens - completion.cached_tokens  # those from a file are among the cached
    prefill = decode = 0.0
    if fresh >= LEAST_PROMPT_TOKENS and completion.prompt_s > 0:
        prefill = fresh / completion.prompt_s
        known = replace(known, first_token_s=round(completion.prompt_s, 3), first_prompt_tokens=fresh)
    if completion.completion_tokens >= LEAST_ANSWER_TOKENS and completion.decode_s > 0:
        decode = completion.completion_tokens / completion.decode_s
    return replace(
        known,
        prefill_tokens_per_s=_blend(known.prefill_tokens_per_s, prefill),
        decode_tokens_per_s=_blend(known.decode_tokens_per_s, decode),
        peak_bytes=max(known.peak_bytes, completion.peak_rss_bytes),
    )


def _blend(known: float, new: float) -> float:
    if not known or not new:
        return round(known or new, 3)
    return round((1 - NEWEST_WEIGHT) * known + NEWEST_WEIGHT * new, 3)


def _moved(kept: Measured | None, now: Measured) -> bool:
    if kept is None:
        return True
    pairs = ((getattr(kept, name), getattr(now, name)) for name in LASTING)
    return any(abs(new - old) > WORTH_KEEPING * abs(old) for old, new in pairs)


def _read(path: Path) -> dict[tuple[str, int, int | None, bool], Measured]:
    """Return what the file says; a file that is damaged says nothing, and is written anew by the next run."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError("too large")
        document = json.loads(path.read_text(encoding="utf-8"))
        runs = [_parse(entry) for entry in document["runs"]]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        log.warning("what was measured can't be read: %r", error)
        return {}
    return {run.key: run for run in runs[-MAX_RUNS:]}


def _parse(entry: Mapping[str, Any]) -> Measured:
    threads = entry["threads"]
    return Measured(
        model=str(entry["model"]),
        context_tokens=int(entry["context_tokens"]),
        threads=None if threads is None else int(threads),
        prefill_tokens_per_s=float(entry["prefill_tokens_per_s"]),
        decode_tokens_per_s=float(entry["decode_tokens_per_s"]),
        first_token_s=float(entry["first_token_s"]),
        first_prompt_tokens=int(entry["first_prompt_tokens"]),
        peak_bytes=int(entry["peak_bytes"]),
        extra_buffers=bool(entry["extra_buffers"]),
    )
