"""Plain requests, done by code without a model: how long from asking to the end of the turn, in a running agent.

The agent has no model at all, so nothing else can answer. The first search loads the word vectors and is told apart.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks import desk
from benchmarks.headless import Headless
from benchmarks.results import Options, Row, Unavailable, at_most, in_words
from openclaw_desktop.core.events import TurnFailed, TurnFinished
from openclaw_desktop.service.api import AskRequest
from openclaw_desktop.service.remote import RemoteService

BAR_MS = 100.0
FACTS = ("my locker code is {number}", "the boiler was serviced on 3 May and has the number {number}")


def measure(options: Options) -> list[Row]:
    """Keep, find, read and list, many times over, and return a row for each kind and one for the first search."""
    rounds = 5 if options.quick else 50
    with desk.bare_folder(options) as (folder, env):
        env["OPENCLAW_MODELS"] = ""
        home = desk.warm_home(folder / "measured", env)
        files = folder / "files"
        files.mkdir()
        (files / "notes.txt").write_text("Buy milk.\n")
        desk.command_line(home, env, "grant", "add", "file:read", str(files))
        with Headless(home, env) as agent:
            return asyncio.run(_measure(agent, files, rounds))


async def _measure(agent: Headless, files: Path, rounds: int) -> list[Row]:
    front_end = await desk.attach(agent.home)
    try:
        first_ms = await _ask(front_end, "What did I tell you about my locker?", files)
        taken: dict[str, list[float]] = {"remember": [], "recall": [], "read": [], "list": []}
        for number in range(rounds):
            fact = FACTS[number % len(FACTS)].format(number=number)
            taken["remember"].append(await _ask(front_end, f"Remember that {fact}", files))
            taken["recall"].append(await _ask(front_end, "What did I tell you about my locker?", files))
            taken["read"].append(await _ask(front_end, f"Read {files}/notes.txt", files))
            taken["list"].append(await _ask(front_end, f"What files are in {files}?", files))
    finally:
        await front_end.close()
    rows = [
        Row(
            f"plain request without a model: {kind}",
            f"<= {BAR_MS:g} ms",
            in_words(ms, "ms", 1),
            at_most(ms, BAR_MS),
            rounds,
        )
        for kind, ms in taken.items()
    ]
    rows.append(Row("the same, the first search after a start", "", f"{first_ms:.0f} ms", "for information", 1))
    return rows


async def _ask(front_end: RemoteService, text: str, folder: Path) -> float:
    """Return the milliseconds until the turn is over and kept."""
    started_s = time.perf_counter()
    async for event in front_end.ask(AskRequest(text, folder=str(folder))):
        if isinstance(event, TurnFinished):
            if event.answer.model is not None or any(call.status != "done" for call in event.answer.tool_calls):
                raise Unavailable(f"{text!r} was not done by code: {event.answer.answer}")
            return 1000 * (time.perf_counter() - started_s)
        if isinstance(event, TurnFailed):
            raise Unavailable(event.failure.sentence)
    raise Unavailable("the turn ended without an answer")
