"""A front end and an agent of different versions: sentences, never a traceback."""

import asyncio
import json
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.service.remote import RemoteService

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no channel to an agent yet")


class OtherVersion:
    """An agent that answers every command with the same frame, and keeps what it was asked."""

    def __init__(self, frame: dict[str, Any]) -> None:
        self._frame = frame
        self.asked: list[dict[str, Any]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self.asked.append(json.loads(line))
            writer.write(json.dumps({"id": self.asked[-1]["id"], **self._frame}).encode() + b"\n")
        writer.close()


async def attached(path: Path, agent: OtherVersion) -> tuple[RemoteService, asyncio.AbstractServer]:
    server = await asyncio.start_unix_server(agent, str(path))
    remote = await RemoteService.connect(path)
    assert remote is not None
    return remote, server


async def test_an_answer_of_another_form_is_a_sentence(tmp_path: Path) -> None:
    remote, server = await attached(tmp_path / "s", OtherVersion({"result": [{"id": 5}]}))
    with pytest.raises(UserError, match="another version"):
        await remote.list_models()
    await remote.close()
    server.close()


@pytest.mark.parametrize("item", [{"event": "OfTomorrow"}, {"event": "ModelStateChanged"}, {}])
async def test_an_event_that_is_not_known_is_a_sentence(tmp_path: Path, item: dict[str, Any]) -> None:
    remote, server = await attached(tmp_path / "s", OtherVersion({"item": item}))
    with pytest.raises(UserError, match="another version") as caught:
        async with aclosing(remote.watch()) as events:
            await anext(events)
    assert "update" in caught.value.failure.advice
    await remote.close()
    server.close()


async def test_what_an_older_agent_does_not_know_is_sent_only_where_it_is_wanted(tmp_path: Path) -> None:
    agent = OtherVersion({"result": []})
    remote, server = await attached(tmp_path / "s", agent)
    assert await remote.list_models() == await remote.list_models(look_around=True) == ()
    assert [frame["params"] for frame in agent.asked] == [{}, {"look_around": True}]
    await remote.close()
    server.close()
