"""Whether `model fit` is right: the memory that it predicts against the most that the real worker ever held.

The worker is the product's own, loaded as the product loads it, and reads a prompt that fills its context. Its peak is
VmHWM: all pages resident at once, shared libraries with them. Linux alone tells it.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from benchmarks.results import MET, MISSED, Options, Row
from openclaw_desktop.inference.client import ENVIRONMENT
from openclaw_desktop.inference.fit import predict_memory_bytes
from openclaw_desktop.inference.gguf import read_header
from openclaw_desktop.workers.process import WorkerProcess

BAR = 0.10
MODELS = (
    ("SmolLM2 135M", "SmolLM2-135M-Instruct.Q4_1.gguf"),
    ("Qwen2.5-Coder 1.5B", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),
)
CONTEXTS_TOKENS = (1024, 4096, 8192)
QUICK_CONTEXTS_TOKENS = (1024,)
# What the chat template and the answer take beside the words; a word of the prompt is one token.
ROOM_TOKENS = 96
ANSWER_TOKENS = 8
TIMEOUT_S = 1800
PROC = Path("/proc")


def measure(options: Options) -> list[Row]:
    """Return predicted and measured memory of both models at each context."""
    contexts = QUICK_CONTEXTS_TOKENS if options.quick else CONTEXTS_TOKENS
    return [
        _compare(title, options.find_model(file), context_tokens)
        for title, file in MODELS
        for context_tokens in contexts
    ]


def _compare(title: str, path: Path, context_tokens: int) -> Row:
    peak = asyncio.run(measure_peak_bytes(path, context_tokens))
    need = predict_memory_bytes(read_header(path), context_tokens)
    off = need.total / peak - 1
    seen = f"predicted {need.total / 1e6:,.0f} MB, peak {peak / 1e6:,.0f} MB ({off:+.1%})"
    verdict = MET if abs(off) <= BAR else MISSED
    return Row(f"memory of {title}, {context_tokens} tokens", f"within {BAR:.0%}", seen, verdict, 1)


async def measure_peak_bytes(path: Path, context_tokens: int) -> int:
    """Return the most that a worker held while it read a prompt as long as its context and wrote a few tokens."""
    worker = await WorkerProcess.start("inference", environment=ENVIRONMENT)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            load = {
                "op": "load", "path": str(path), "context_tokens": context_tokens, "threads": None,
                "extra_buffers": True,
            }  # fmt: skip
            loaded = await _ask(worker, 1, load)
            words = loaded["loaded"]["context_tokens"] - ROOM_TOKENS
            messages = [{"role": "system", "text": "Be short."}, {"role": "user", "text": "word " * words}]
            await _ask(
                worker,
                2,
                {"op": "complete", "messages": messages, "schema": None, "max_tokens": ANSWER_TOKENS, "temperature": 0},
            )
            return _peak_bytes(worker.pid)
    finally:
        await worker.kill()


async def _ask(worker: WorkerProcess, number: int, request: dict[str, Any]) -> dict[str, Any]:
    """Send one request and return its last answer."""
    await worker.send({"id": number} | request)
    while True:
        reply = await worker.receive()
        if "error" in reply:
            raise RuntimeError(reply["error"]["message"])
        if reply.get("id") == number and "text" not in reply:
            return reply


def _peak_bytes(pid: int) -> int:
    status = (PROC / str(pid) / "status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found
    return int(found[1]) * 1024
