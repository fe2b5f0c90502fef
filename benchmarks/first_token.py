"""From the start to the first word of SmolLM2: nothing runs, and the worker has to be started and the model loaded.

`serve` is ready, then asked over its socket; `ask` by itself is one process that does it all. Each time in a new home
with SmolLM2 alone, so that its file is hashed too.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from pathlib import Path

from benchmarks import desk
from benchmarks.headless import Headless
from benchmarks.results import Options, Row, Unavailable, at_most, in_words
from openclaw_desktop.core.events import TextAdded, TurnFailed
from openclaw_desktop.service.api import AskRequest

BAR_S = 5.0
QUESTION = "Tell me something about the sea."
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def measure(options: Options) -> list[Row]:
    """Ask for the first time, many times, and return both rows."""
    model = options.find_model(MODEL_FILE)
    samples = 2 if options.quick else 8
    served_s, ready_s, alone_s = [], [], []
    with desk.bare_folder(options) as (folder, env):
        models = folder / "models"
        models.mkdir()
        (models / MODEL_FILE).symlink_to(model)
        env["OPENCLAW_MODELS"] = str(models)
        for number in range(samples + 1):
            home = folder / f"measured-{number}"
            with Headless(home, env) as agent:
                taken_s = asyncio.run(_first_word(agent))
                ready = agent.ready_s
            shutil.rmtree(home)
            alone = _first_word_alone(home, env)
            shutil.rmtree(home)
            # The first pair brings the files into the page cache.
            if number:
                served_s.append(taken_s)
                ready_s.append(ready)
                alone_s.append(alone)
    served = f"{in_words(served_s, 's', 2)}; ready after {in_words(ready_s, 's', 2)}"
    alone_words = in_words(alone_s, "s", 2)
    return [
        Row("start of serve to first token, SmolLM2", "<= 5 s", served, at_most(served_s, BAR_S), samples),
        Row("openclaw-agent ask to first token, SmolLM2", "<= 5 s", alone_words, at_most(alone_s, BAR_S), samples),
    ]


async def _first_word(agent: Headless) -> float:
    front_end = await desk.attach(agent.home)
    try:
        async for event in front_end.ask(AskRequest(QUESTION)):
            if isinstance(event, TextAdded):
                return time.perf_counter() - agent.started_s
            if isinstance(event, TurnFailed):
                raise Unavailable(event.failure.sentence)
    finally:
        await front_end.close()
    raise Unavailable("the turn ended without a word")


def _first_word_alone(home: Path, env: dict[str, str]) -> float:
    started_s = time.perf_counter()
    process = subprocess.Popen((desk.AGENT, "ask", QUESTION, "--home", home), env=env, stdout=subprocess.PIPE)
    assert process.stdout is not None
    first = process.stdout.read(1)
    taken_s = time.perf_counter() - started_s
    process.communicate()
    if not first:
        raise Unavailable(f"openclaw-agent ask ended with {process.returncode} and no word")
    return taken_s
