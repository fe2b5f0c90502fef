"""What the product hands to its model: a folder for states, an environment, a time to let go, a warm-up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from agent_process import Program, worker_pid

from openclaw_desktop.core.events import ModelState, ModelStateChanged
from openclaw_desktop.runtime import attach_or_start
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.system.paths import find_home, prepare

DEADLINE_S = 60.0


@pytest.fixture
async def service(
    home: Path, tmp_path: Path, smollm2: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AgentService]:
    monkeypatch.setenv("OPENCLAW_MODELS", str(smollm2))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    place = find_home(home, {})
    prepare(place)
    place.settings_file.write_text("[model]\nidle_unload_s = 1\n")
    agent = await attach_or_start(place, "serve", "test")
    yield agent.service
    await agent.stop()


async def test_a_front_end_that_opens_warms_the_model_up_and_nobody_asking_lets_it_go(service: AgentService) -> None:
    states: list[ModelState] = []
    waiting: list[str] = []
    async with asyncio.timeout(DEADLINE_S), contextlib.aclosing(service.watch()) as events:
        opening = asyncio.create_task(service.warm_up())
        async for event in events:
            if isinstance(event, ModelStateChanged):
                states.append(event.state)
                if event.state == "ready":
                    waiting.append(psutil.Process(worker_pid("inference")).environ()["OMP_WAIT_POLICY"])
                elif waiting:
                    break
        await opening
    assert states[-4:] == ["loading", "busy", "ready", "unloaded"], "no question was asked; the settings say one second"
    assert waiting == ["passive"], "OpenMP's spinning threads would take the processor from everybody"


def chat_states(program: Program) -> list[str]:
    # What is stable holds the program's own prompt alone.
    return [path.name for path in (program.home / "data" / "states").iterdir() if "-stable-" not in path.name]


def test_a_chat_goes_on_in_another_process_with_what_was_read_of_it(talker: Program) -> None:
    first = talker.run("ask", "Hello, I am planning a trip to the sea.", "--json").done().document
    assert first["usage"]["cached_tokens"] == 0
    assert chat_states(talker)
    second = talker.run("ask", "Hello again!", "--session", first["session_id"], "--json").done().document
    assert second["usage"]["cached_tokens"] >= first["usage"]["prompt_tokens"] - 2
    assert second["usage"]["cached_tokens"] < second["usage"]["prompt_tokens"]


def test_of_an_incognito_chat_no_state_is_kept(talker: Program) -> None:
    answer = talker.run("ask", "Hello, I am planning a trip to the sea.", "--incognito", "--json").done().document
    assert answer["usage"]["prompt_tokens"] > 64, "enough to be worth a file"
    assert chat_states(talker) == []
