"""What a function may change in its jail, and what becomes of tools that misbehave: the agent goes on."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from counts import count

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)

from jailed_functions import COMMAND

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, ToolResult
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.tools.arguments import find_problem
from openclaw_desktop.tools.execution import Executor
from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.sandbox import bpf, landlock
from openclaw_desktop.workers.tool_host import ToolHost

pytestmark = pytest.mark.skipif(
    not landlock.kernel_abi() or not bpf.available(), reason="this kernel has no jail to test"
)
WRITES = count("a file written while its name is swapped for a link to another", 1_000)


@pytest.fixture(params=[landlock.LATEST_ABI, 4, 2])
async def host(request: pytest.FixtureRequest) -> AsyncIterator[ToolHost]:
    host = ToolHost(command=COMMAND, environment={"OPENCLAW_LANDLOCK_ABI": str(request.param)})
    yield host
    await host.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = Path(os.path.realpath(tmp_path))
    for name in ("mine", "other"):
        (folder / name).mkdir()
        (folder / name / "file").write_text(name)
    return folder


async def refused(call: Any) -> str:
    with pytest.raises(CallFailed) as caught:
        await call
    return caught.value.message.partition(":")[0]


async def test_a_granted_folder_is_changed_and_no_other(host: ToolHost, folder: Path) -> None:
    mine, other = folder / "mine", folder / "other"
    write = (mine,)
    await host.call("write_text", {"path": str(mine / "new"), "text": "text"}, write=write)
    await host.call("move", {"old": str(mine / "new"), "new": str(mine / "moved")}, write=write)
    assert (mine / "moved").read_text() == "text"
    await host.call("remove", {"path": str(mine / "moved")}, write=write)
    assert not (mine / "moved").exists()
    for call in (
        host.call("write_text", {"path": str(other / "file"), "text": "x"}, write=write, read=(other,)),
        host.call("write_text", {"path": str(other / "new"), "text": "x"}, write=write, read=(other,)),
        host.call("remove", {"path": str(other / "file")}, write=write, read=(other,)),
        host.call("move", {"old": str(other / "file"), "new": str(mine / "taken")}, write=write, read=(other,)),
        host.call("move", {"old": str(mine / "file"), "new": str(other / "given")}, write=write, read=(other,)),
        host.call("change_mode", {"path": str(mine / "file")}, write=write),
    ):
        assert await refused(call) in ("EACCES", "EPERM", "EXDEV")
    assert [path.name for path in other.iterdir()] == ["file"]
    assert (other / "file").read_text() == "other"


async def test_a_granted_file_is_changed_and_its_neighbour_is_not(host: ToolHost, folder: Path) -> None:
    file = folder / "mine/file"
    (folder / "mine/second").write_text("second")
    await host.call("write_text", {"path": str(file), "text": "new"}, write=(file,))
    assert file.read_text() == "new"
    call = host.call("write_text", {"path": str(folder / "mine/second"), "text": "x"}, write=(file,))
    assert await refused(call) == "EACCES"
    assert (folder / "mine/second").read_text() == "second"


async def test_what_is_only_read_stays_as_it_is(host: ToolHost, folder: Path) -> None:
    path = folder / "mine/file"
    assert await refused(host.call("write_text", {"path": str(path), "text": "x"}, read=(folder,))) == "EPERM"
    assert path.read_text() == "mine"


async def test_a_gibibyte_is_not_written(host: ToolHost, folder: Path) -> None:
    path = folder / "mine/big"
    assert await refused(host.call("write_much", {"path": str(path), "size": 1 << 30}, write=(folder / "mine",)))
    assert path.stat().st_size <= 256 << 20


async def test_a_name_that_is_swapped_for_a_link_is_not_written_through(folder: Path) -> None:
    host, stop = ToolHost(command=COMMAND), threading.Event()
    target, secret = folder / "mine/file", folder / "other/file"

    def swap() -> None:
        while not stop.is_set():
            (folder / "mine/link").symlink_to(secret)
            (folder / "mine/link").rename(target)
            (folder / "mine/plain").write_text("plain")
            (folder / "mine/plain").rename(target)

    thread = threading.Thread(target=swap)
    thread.start()
    written = 0
    try:
        for _ in range(WRITES):
            with contextlib.suppress(CallFailed):
                await host.call("write_text", {"path": str(target), "text": "written"}, write=(folder / "mine",))
                written += 1
        while not written:
            with contextlib.suppress(CallFailed):
                await host.call("write_text", {"path": str(target), "text": "written"}, write=(folder / "mine",))
                written += 1
    finally:
        stop.set()
        thread.join()
        await host.stop()
    assert secret.read_text() == "other"


# --- tools that misbehave, called as the model calls them


class HostileTool:
    """A tool whose function does what it should not."""

    def __init__(self, host: ToolHost, function: str, timeout_s: float) -> None:
        self.spec = ToolSpec(function, "misbehaves", {"type": "object"}, "read")
        self._host = host
        self._timeout_s = timeout_s

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        try:
            result = await self._host.call(self.spec.name, call.arguments, timeout_s=self._timeout_s)
        except CallFailed as failure:
            raise UserError(failure.code, failure.message) from failure
        return ToolResult(str(result), USER)


class NoGrants:
    async def active(self) -> frozenset[Grant]:
        return frozenset()

    async def add(self, capability: str, scope: str) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("function", "arguments", "word"),
    [
        ("spin", {}, "too long"),
        ("flood", {"size": 1 << 30}, "too much"),
        ("double_fork", {}, "[1, 1]"),
        ("allocate", {"size": 1 << 33}, "memory"),
        ("write_raw", {"text": "no JSON"}, "without an answer"),
        ("write_raw", {"text": "\0\x01\x02"}, "without an answer"),
        ("write_raw", {"text": '{"result": 1, "lies": 2}'}, "without an answer"),
        ("end", {"code": 3}, "without an answer"),
        ("close_and_spin", {}, "without an answer"),
        ("write_much", {"path": "/tmp/openclaw-big", "size": 1 << 30}, "EPERM"),
        ("no such function", {}, "function"),
    ],
)
async def test_a_tool_that_misbehaves_is_one_sentence_and_the_next_one_works(
    function: str, arguments: dict[str, Any], word: str
) -> None:
    host = ToolHost(command=COMMAND)
    executor = Executor([HostileTool(host, function, 0.3), HostileTool(host, "echo", 10)], NoGrants(), find_problem)
    scene = CallScene("s", "t", USER)
    try:
        outcome, _ = await executor(ToolCall("c", function, arguments), scene, None)
        said = outcome.error or outcome.result or ""
        assert word in said
        assert (outcome.status == "done") == (function == "double_fork")
        assert "Traceback" not in said
        after, _ = await executor(ToolCall("d", "echo", {"value": "still here"}), scene, None)
        assert after.result == "still here"
        assert Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text() == ""
    finally:
        await host.stop()
