"""MCP servers that do their worst: each is contained and told in one sentence, and the agent goes on."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import psutil
import pytest

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)

from hostile_mcp import LINE
from mcp_room import Room, hostile

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene, Tool
from openclaw_desktop.tools.mcp.offers import Offer
from openclaw_desktop.workers.sandbox import bpf, landlock

pytestmark = pytest.mark.skipif(
    not landlock.kernel_abi() or not bpf.available(), reason="this kernel has no jail to test"
)
KEY = "sk-canary+9f3e"
SCENE = CallScene("ses", "turn", USER, result_tokens=300)


class HandClock:
    def __init__(self) -> None:
        self.at_s = 1000.0

    def now(self) -> object:
        raise AssertionError("no wall time is needed")

    def monotonic_s(self) -> float:
        return self.at_s


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    (tmp_path / "granted").write_text("for the server")
    (tmp_path / "private").write_text("not for the server")
    env = {"API_KEY": "secret:key", "PRIVATE": str(tmp_path / "private"), "GRANTED": str(tmp_path / "granted")}
    server = hostile(env=env, read=(str(tmp_path / "granted"),))
    room = Room(tmp_path, server, secrets={("key", "hostile.mcp.invalid"): KEY}, clock=HandClock())  # type: ignore[arg-type]
    yield room
    await room.servers.stop()


def tool_of(room: Room, name: str) -> Tool:
    return next(tool for tool in room.servers.tools() if tool.spec.name == f"hostile_{name}")


def children_of_this_process() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


async def test_whatever_a_call_gives_back_is_text_or_a_sentence(room: Room) -> None:
    """One running server, and every result that does not end it; after each of them it still answers."""
    await room.approve("hostile")
    assert "of 2,997" not in (await room.call("hostile", "fine")).text
    picture = await room.call("hostile", "picture")
    assert picture.text.startswith("[image/png, about 3,996 bytes, not shown]")
    shown = await tool_of(room, "picture").run(ToolCall("c", "hostile_picture", {}), SCENE)
    assert "\x1b" not in shown.text and "\x00" not in shown.text
    assert (await room.call("hostile", "blob")).text == "[something that is no text, not shown]"
    assert (await room.call("hostile", "data")).data == {"n": 1}
    for name in ("wrong", "odd", "number", "null"):
        with pytest.raises(UserError) as caught:
            await room.call("hostile", name)
        assert caught.value.failure.code == "mcp_nonsense", name
        assert LINE not in caught.value.failure.text
    with pytest.raises(UserError) as caught:
        await room.call("hostile", "asks")
    assert caught.value.failure.code in ("mcp_asks", "mcp_nonsense")
    long = await tool_of(room, "long").run(ToolCall("c", "hostile_long", {}), SCENE)
    assert len(long.text) < 2000 and "[cut: there was more]" in long.text
    faces = await room.call("hostile", "faces")  # each takes the most bytes that a letter can take on the way here
    assert faces.cut and set(faces.text) == {"\U0001f600"}
    assert (await room.call("hostile", "progress")).text == "progressed"
    assert (await room.call("hostile", "junk")).text == "after junk"
    assert (await room.call("hostile", "begs")).text == "begged"
    failed = await tool_of(room, "says_no").run(ToolCall("c", "hostile_says_no", {}), SCENE)
    assert not failed.success and LINE in failed.error and failed.label.integrity == "untrusted"
    assert failed.label == Label("untrusted", "private", ("mcp:hostile",))
    # Its jail: its own file alone, and its own secret, which comes back in nothing.
    seen = (await room.call("hostile", "reads")).text
    assert "for the server" in seen and "not for the server" not in seen and "root:" not in seen
    assert (await room.call("hostile", "echo_secret")).text == "it is [secret:key]"
    assert room.servers.health(room.book.get("hostile")).problem == ""


async def test_a_server_that_goes_away_is_started_again_and_waited_for_longer_each_time(room: Room) -> None:
    """However it goes: it dies, floods with one message or with many, or never answers. It ends alone."""
    await room.approve("hostile")
    clock = cast(HandClock, room.servers._clock)
    before = psutil.Process().memory_info().rss
    with pytest.raises(UserError, match="went away during the call"):
        await room.call("hostile", "dies")
    with pytest.raises(UserError, match=r"went away during the call.*longer than is read"):
        await room.call("hostile", "gigabyte", 60.0)
    clock.at_s += 2.0
    with pytest.raises(UserError, match="took longer than 1 seconds and was stopped"):
        await room.call("hostile", "hangs", 1.0)
    # Three in a row: for four seconds nothing is started.
    running = children_of_this_process()
    with pytest.raises(UserError, match="failed 3 times in a row; it is tried again in 5 seconds"):
        await room.call("hostile", "fine")
    assert children_of_this_process() <= running
    clock.at_s += 4.0
    with pytest.raises(UserError, match=r"went away during the call.*other things than messages"):
        await room.call("hostile", "floods", 60.0)
    assert psutil.Process().memory_info().rss - before < 64 << 20
    with pytest.raises(UserError, match="failed 4 times in a row; it is tried again in 9 seconds"):
        await room.call("hostile", "fine")
    clock.at_s += 8.0
    assert (await room.call("hostile", "fine")).text == "all well"
    assert room.servers.health(room.book.get("hostile")).problem == ""


async def test_tools_that_change_are_off_until_they_are_approved(room: Room) -> None:
    names = await room.approve("hostile")
    # Another list at the start than the approved one:
    await room.servers.end("hostile")
    room.book.change("hostile", lambda server: replace(server, tools=(server.tools or ())[1:]))
    with pytest.raises(UserError, match="are not those that you allowed"):
        await room.call("hostile", "fine")
    assert room.servers.tools() == () and room.book.get("hostile").offered is not None
    # And one that changes while the server runs:
    await room.approve("hostile")
    assert len(room.servers.tools()) == len(names)
    assert (await room.call("hostile", "changes")).text == "changed"
    link = room.servers._lives["hostile"].link
    assert link is not None
    while room.book.get("hostile").offered is None:  # it says so by itself, in its own time
        await link.call("fine", {}, 20.0)
    assert room.servers.tools() == ()
    with pytest.raises(UserError, match="are not those that you allowed"):
        await room.call("hostile", "fine")
    offered = room.book.get("hostile").offered
    assert offered is not None and {offer.name for offer in offered} - set(names) == {"new"}


async def test_a_list_of_tools_that_lies(tmp_path: Path) -> None:
    room = Room(tmp_path, hostile("bad", reads=("destroys", "reads_only")))
    title, offers = await room.servers.look(room.book.get("hostile"))
    by_name: dict[str, Offer] = {offer.name: offer for offer in offers}
    assert title == "hostile[2J 1"
    assert {name for name, offer in by_name.items() if offer.problem} == {
        "bad name!", "elsewhere", "strange_kind"
    }  # fmt: skip
    assert len(by_name["chatty"].description) <= 600 and by_name["chatty"].description.isprintable()
    room.book.change("hostile", lambda server: replace(server, tools=offers))
    effects = {tool.spec.name: tool.spec.effect for tool in room.servers.tools()}
    # The user says that both only read; the server's own word makes one of them stricter.
    assert effects == {"hostile_destroys": "guarded", "hostile_reads_only": "read", "hostile_chatty": "outbound"}


@pytest.mark.parametrize(
    ("mode", "why"), [("dead", "ended by itself"), ("mute", "did not answer in time"), ("worse", "makes no sense")]
)
async def test_a_server_that_does_not_come_up(tmp_path: Path, mode: str, why: str) -> None:
    room = Room(tmp_path, hostile(mode, tools=()), open_timeout_s=1.0 if mode == "mute" else 60.0)
    with pytest.raises(UserError, match=why) as caught:
        await room.servers.running("hostile")
    # Its own words are for a person, and in no error: those reach the model.
    assert "licence" not in caught.value.failure.text
    health = room.servers.health(room.book.get("hostile"))
    assert why in health.problem and ("no licence found" in health.detail) == (mode == "dead")
    await room.servers.stop()
    assert not [pid for pid in children_of_this_process() if "hostile_mcp" in " ".join(psutil.Process(pid).cmdline())]


async def test_idle_servers_end(tmp_path: Path) -> None:
    room = Room(tmp_path, hostile(), idle_s=0.01)
    await room.approve("hostile")
    await room.call("hostile", "fine")
    life = room.servers._lives["hostile"]
    link = life.link
    if link is not None:
        await link._process.wait()
    assert (await room.call("hostile", "fine")).text == "all well"
    await room.servers.stop()
