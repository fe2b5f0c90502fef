"""The first token of a chat that goes on: after a restart, and in a running agent, against reading all of it again.

A home has a chat whose prompt is about 2,000 tokens. `openclaw-agent ask --session ID` is one process that starts the
worker, loads the model, answers and ends: first with no states in the folder (cold), then, a restart later, with a new
question. Then an agent serves the same chat and gets one more question. What counts is processor time of the whole
process tree until the first character of the answer: neighbours on the machine move the clock, and hardly that.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks import desk, processes
from benchmarks.headless import Headless
from benchmarks.results import Options, Row, Unavailable, at_most
from openclaw_desktop.core.events import TextAdded, TurnFailed, TurnFinished
from openclaw_desktop.core.labels import USER
from openclaw_desktop.memory.sessions import SessionStore, SpokenMessage
from openclaw_desktop.service.api import AskRequest
from openclaw_desktop.service.remote import RemoteService
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.settings import set_setting
from openclaw_desktop.system.paths import find_home

RESTART_BAR, RUNNING_BAR = 0.04, 0.015
CONTEXT_TOKENS = 8192
PAST_TURNS = 12
STATES = "states"
READING_S = 4.0
QUESTION = "In one short sentence: what is a lighthouse for?"
NEXT_QUESTIONS = ("In one short sentence: who keeps it?", "In one short sentence: why is it high?")
LAST_QUESTION = "In one short sentence: is it old?"
SAID = "Tell me more about number {number}: where it stands, who built it, and what the people there say of its light."
ANSWERED = (
    "Lighthouse number {number} stands on a rock off the coast. It was built of granite blocks that were cut to fit on "
    "land and brought out by boat in two summers. The people of the village say that its light looks warmer than any "
    "other, because the old lamp room has yellow panes, and that in fog they go by the sound of its bell alone. Its "
    "keeper wrote down the weather three times a day for forty years, and the books are in the village school now."
)


@dataclass(frozen=True, slots=True)
class Round:
    """CPU seconds until the first character: with nothing kept, after a restart, and in a running agent."""

    cold_s: float
    restart_s: float
    running_s: float
    prompt_tokens: int


def measure(options: Options) -> list[Row]:
    """Ask cold, after a restart and once more, some rounds long, and return both rows."""
    rounds = []
    with desk.bare_folder(options) as (folder, env):
        template = desk.warm_home(folder / "template", env, desk.LARGE_MODEL)
        set_setting(find_home(template, env).settings_file, "model.context_tokens", CONTEXT_TOKENS)
        session = asyncio.run(_write_chat(template))
        for number in range(1 if options.quick else 3):
            home = folder / f"measured-{number}"
            shutil.copytree(template, home, ignore=shutil.ignore_patterns("run", STATES))
            rounds.append(_measure_round(home, env, session))
            print(f"   {number + 1}: {rounds[-1]}", flush=True)
            shutil.rmtree(home)
    size = f"{rounds[0].prompt_tokens} tokens"
    restarted, running = ([(r.restart_s, r.cold_s) for r in rounds], [(r.running_s, r.cold_s) for r in rounds])
    return [
        _row("first token after restart, 2k prompt, Qwen", RESTART_BAR, restarted, size),
        _row("first token in a running agent, new question", RUNNING_BAR, running, size),
    ]


def _row(what: str, bar: float, pairs: list[tuple[float, float]], size: str) -> Row:
    shares = [taken_s / cold_s for taken_s, cold_s in pairs]
    taken_s, cold_s = (statistics.median(side) for side in zip(*pairs, strict=True))
    seen = (
        f"{100 * statistics.median(shares):.1f} % (worst {100 * max(shares):.1f} %): "
        f"{taken_s:.2f} of {cold_s:.1f} CPU s, prompt of {size}"
    )
    return Row(what, f"<= {100 * bar:g} % of cold, CPU s", seen, at_most(shares, bar), len(pairs))


async def _write_chat(home: Path) -> str:
    database = await Database.open(find_home(home, {}).database)
    try:
        store = SessionStore(database)
        session = await store.begin()
        for number in range(PAST_TURNS):
            turn = f"turn_{number}"
            await store.add_message(session, SpokenMessage(turn, "user", SAID.format(number=number), USER))
            await store.add_message(session, SpokenMessage(turn, "assistant", ANSWERED.format(number=number), USER))
        return session
    finally:
        await database.close()


def _measure_round(home: Path, env: dict[str, str], session: str) -> Round:
    cold_s = _ask_alone(home, env, session, QUESTION)
    restart_s = _ask_alone(home, env, session, NEXT_QUESTIONS[0])
    with Headless(home, env) as agent:
        running_s, prompt_tokens = asyncio.run(_ask_running(agent, session))
    return Round(cold_s, restart_s, running_s, prompt_tokens)


def _ask_alone(home: Path, env: dict[str, str], session: str, question: str) -> float:
    command = (desk.AGENT, "ask", question, "--session", session, "--home", home)
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE)
    assert process.stdout is not None
    first = process.stdout.read(1)
    taken_s = _family_cpu_s(process.pid)
    process.communicate()
    if not first or process.returncode != 0:
        raise Unavailable(f"openclaw-agent ask ended with {process.returncode}")
    return taken_s


async def _ask_running(agent: Headless, session: str) -> tuple[float, int]:
    front_end = await desk.attach(agent.home)
    try:
        await _first_word(agent, front_end, AskRequest(NEXT_QUESTIONS[1], session))
        # Nobody asks before the answer is read: what the agent does meanwhile is not part of the next answer.
        await asyncio.sleep(READING_S)
        return await _first_word(agent, front_end, AskRequest(LAST_QUESTION, session))
    finally:
        await front_end.close()


async def _first_word(agent: Headless, front_end: RemoteService, request: AskRequest) -> tuple[float, int]:
    """Return the CPU seconds until the first text, and how many tokens the turn's prompts had."""
    before_s, taken_s = _family_cpu_s(agent.pid), None
    async for event in front_end.ask(request):
        if isinstance(event, TextAdded) and taken_s is None:
            taken_s = _family_cpu_s(agent.pid) - before_s
        if isinstance(event, TurnFinished) and taken_s is not None:
            return taken_s, event.answer.usage.prompt_tokens
        if isinstance(event, TurnFailed):
            raise Unavailable(event.failure.sentence)
    raise Unavailable("the turn ended without a word")


def _family_cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and all below it, ended ones that were waited for among them."""
    ticks = 0
    for member in processes.family(pid):
        fields = (processes.PROC / str(member) / "stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")
