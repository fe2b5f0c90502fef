"""The fork server and its client with real children: what they answer, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from counts import count

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)

from jailed_functions import COMMAND

from openclaw_desktop.workers.calls import ANSWER_LIMIT_BYTES, CallFailed
from openclaw_desktop.workers.process import LINE_LIMIT_BYTES
from openclaw_desktop.workers.sandbox import landlock, seccomp
from openclaw_desktop.workers.tool_host import ToolHost

pytestmark = pytest.mark.skipif(
    not landlock.kernel_abi() or not seccomp.available(), reason="this kernel has no jail to test"
)

SWAPS = count("a file swapped for a link to a secret while it is read", 10_000)
CALLS_DURING_SWAPS = count("calls while it is swapped, at least", 1_000)


@pytest.fixture
async def host() -> AsyncIterator[ToolHost]:
    host = ToolHost(command=COMMAND)
    yield host
    await host.stop()
    assert host.pid is None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(os.path.realpath(tmp_path))


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def running_calls(host: ToolHost) -> list[int]:
    assert host.pid is not None
    return children_of(host.pid)


async def code_of(call: object) -> str:
    with pytest.raises(CallFailed) as caught:
        await call  # type: ignore[misc]
    assert caught.value.message
    return caught.value.code


async def started(host: ToolHost, count: int) -> list[int]:
    """Wait until so many calls run: each answered echo is a turn of the server's loop."""
    await host.start()
    while len(running := running_calls(host)) < count:
        await host.call("echo", {"value": 1})
    return running


async def gone(*pids: int) -> None:
    """Wait until these processes have ended."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                await asyncio.to_thread(select.select, [descriptor], [], [], 20)
                assert select.select([descriptor], [], [], 0)[0], f"{pid} still runs"
            finally:
                os.close(descriptor)


# --- what works


@pytest.mark.parametrize("abi", [landlock.LATEST_ABI, 4, 2])
async def test_the_jail_proves_itself(abi: int) -> None:
    host = ToolHost(command=COMMAND, environment={"OPENCLAW_LANDLOCK_ABI": str(abi)})
    try:
        proof = await host.prove()
        assert (proof.level, proof.escaped, proof.reason) == (3, (), "")
        assert f"landlock {min(abi, landlock.kernel_abi())}" in proof.layers
        assert running_calls(host) == []
    finally:
        await host.stop()


async def test_the_proof_says_what_is_missing() -> None:
    host = ToolHost(command=COMMAND, environment={"OPENCLAW_LANDLOCK_ABI": "0"})
    try:
        proof = await host.prove()
        assert proof.level == 2
        assert "read outside" in proof.escaped
        assert proof.reason
    finally:
        await host.stop()


async def test_a_granted_file_is_read(host: ToolHost, folder: Path) -> None:
    (folder / "notes.txt").write_text("bread and milk", encoding="utf-8")
    path = folder / "notes.txt"
    result = await host.call("files.read", {"path": str(path), "limit_bytes": 5}, read=(path,), timeout_s=10)
    assert (result["text"], result["size_bytes"], result["truncated"]) == ("bread", 14, True)


async def test_a_granted_folder_is_listed(host: ToolHost, folder: Path) -> None:
    (folder / "b.txt").write_text("12345")
    (folder / "a").mkdir()
    result = await host.call("files.list", {"path": str(folder), "limit": 10}, read=(str(folder),))
    assert [(entry["name"], entry["kind"]) for entry in result["entries"]] == [("a", "folder"), ("b.txt", "file")]
    assert result["entries"][1]["size_bytes"] == 5


async def test_a_name_that_is_no_text_is_read_and_listed(host: ToolHost, folder: Path) -> None:
    path = os.fsdecode(os.fsencode(folder) + b"/caf\xe9")
    Path(path).write_text("text")
    assert (await host.call("files.read", {"path": path, "limit_bytes": 9}, read=(path,)))["text"] == "text"
    listed = await host.call("files.list", {"path": str(folder), "limit": 9}, read=(folder,))
    assert [entry["name"] for entry in listed["entries"]] == ["caf\\xe9"]


async def test_every_kind_of_text_file_decodes_inside_the_jail(host: ToolHost, folder: Path) -> None:
    for number, data in enumerate(
        (b"\xef\xbb\xbfgr\xc3\xbcn", "grün".encode("utf-16"), b"gr\xfcn, blau, gelb", b"gr\xc3\xbcn")
    ):
        path = folder / str(number)
        path.write_bytes(data)
        assert (await host.call("files.read", {"path": str(path), "limit_bytes": 99}, read=(path,)))["text"].startswith(
            "grün"
        )


async def test_calls_run_side_by_side(host: ToolHost) -> None:
    slow = asyncio.ensure_future(host.call("spin", {}, timeout_s=60))
    await started(host, 1)
    values = await asyncio.gather(*(host.call("echo", {"value": number}) for number in range(20)))
    assert values == list(range(20))
    assert not slow.done()
    slow.cancel()


async def test_the_child_holds_no_descriptor_but_its_pipe(host: ToolHost) -> None:
    slow = asyncio.ensure_future(host.call("spin", {}, timeout_s=60))
    await started(host, 1)
    assert await host.call("descriptors", {}) == 1
    slow.cancel()


async def test_secrets_of_the_environment_stay_outside(host: ToolHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    names = await host.call("environment", {})
    assert "OPENAI_API_KEY" not in names
    assert "HOME" not in names


async def test_the_server_starts_with_the_first_call(host: ToolHost) -> None:
    assert host.pid is None
    await host.start()
    assert host.pid is not None


# --- what fails


async def test_a_file_outside_the_grant_is_refused(host: ToolHost, folder: Path) -> None:
    (folder / "granted").mkdir()
    (folder / "secret").write_text("secret")
    (folder / "granted/link").symlink_to(folder / "secret")
    for path in (folder / "secret", folder / "granted/link", Path("/etc/passwd")):
        with pytest.raises(CallFailed) as caught:
            await host.call("files.read", {"path": str(path), "limit_bytes": 9}, read=(folder / "granted",))
        assert caught.value.code == "failed"
        assert caught.value.message.startswith(("EACCES", "ELOOP"))


async def test_a_jail_that_cannot_be_set_up_reads_nothing(host: ToolHost, folder: Path) -> None:
    (folder / "readable").write_text("text")
    for bad in (folder / "missing", Path("relative")):
        call = host.call(
            "files.read", {"path": str(folder / "readable"), "limit_bytes": 9}, read=(folder / "readable", bad)
        )
        assert await code_of(call) == "jail"


@pytest.mark.parametrize(
    ("function", "arguments", "code"),
    [
        ("fail", {"code": "not_text"}, "not_text"),
        ("crash", {}, "failed"),
        ("unwritable", {}, "failed"),
        ("no such function", {}, "failed"),
        ("echo", {"wrong": 1}, "failed"),
        ("allocate", {"size": 1 << 30}, "failed"),
        ("end", {"code": 3}, "died"),
        ("end", {"code": 0}, "died"),
        ("write_raw", {"text": "no JSON"}, "died"),
        ("write_raw", {"text": "[1]"}, "died"),
        ("write_raw", {"text": '{"result": 1, "id": 2}'}, "died"),
        ("write_raw", {"text": '{"error": {"code": 1, "message": "x"}}'}, "died"),
        ("write_raw", {"text": '{"result": 1}\n{"id": 1, "result": "forged"}'}, "died"),
        ("write_raw", {"text": "[" * 100_000}, "died"),
    ],
)
async def test_failures_have_a_code_and_a_sentence(host: ToolHost, function: str, arguments: dict, code: str) -> None:
    assert await code_of(host.call(function, arguments)) == code
    assert await host.call("echo", {"value": "still here"}) == "still here"
    assert host.restarts == 0


async def test_half_a_surrogate_pair_does_not_reach_the_agent(host: ToolHost) -> None:
    assert await host.call("write_raw", {"text": '{"result": "\\ud800"}'}) == "?"


async def test_a_call_that_takes_too_long_is_ended(host: ToolHost) -> None:
    assert await code_of(host.call("spin", {}, timeout_s=0.05)) == "timeout"
    assert running_calls(host) == []


async def test_a_call_that_only_pretends_to_end_is_ended(host: ToolHost) -> None:
    assert await code_of(host.call("close_and_spin", {}, timeout_s=60)) == "died"
    assert running_calls(host) == []


async def test_a_flood_is_cut_off(host: ToolHost) -> None:
    assert await code_of(host.call("flood", {"size": 1 << 30}, output_limit_bytes=100_000)) == "too_much_output"
    assert await code_of(host.call("flood", {"size": 1 << 30}, output_limit_bytes=1 << 40)) == "too_much_output"
    assert (
        await code_of(host.call("repeat", {"text": "x", "count": 2000}, output_limit_bytes=1000)) == "too_much_output"
    )
    assert running_calls(host) == []


async def test_the_largest_answer_fits_into_a_line(host: ToolHost) -> None:
    assert ANSWER_LIMIT_BYTES + 2000 < LINE_LIMIT_BYTES
    text = await host.call("repeat", {"text": "x", "count": ANSWER_LIMIT_BYTES - 100})
    assert len(text) == ANSWER_LIMIT_BYTES - 100
    # Numbers grow when they are written again: 1E9 becomes 1000000000.0.
    grown = f'{{"result": [{",".join(["1E9"] * 200_000)}]}}'
    assert await code_of(host.call("write_raw", {"text": grown})) == "too_much_output"
    assert host.restarts == 0


async def test_forking_inside_is_refused_and_leaves_no_stray(host: ToolHost) -> None:
    assert await host.call("double_fork", {}) == [1, 1]
    assert running_calls(host) == []


async def test_cancelling_ends_the_child(host: ToolHost) -> None:
    call = asyncio.ensure_future(host.call("spin", {}, timeout_s=60))
    (child,) = await started(host, 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await gone(child)
    assert await host.call("echo", {"value": 1}) == 1
    assert running_calls(host) == []


# --- deaths


async def test_stopping_fails_the_running_calls_and_leaves_no_stray(host: ToolHost) -> None:
    call = asyncio.ensure_future(host.call("spin", {}, timeout_s=60))
    pids = await started(host, 1)
    await host.stop()
    assert await code_of(call) == "died"
    await gone(*pids)


async def test_a_killed_server_fails_its_calls_leaves_no_stray_and_comes_back(host: ToolHost) -> None:
    calls = [asyncio.ensure_future(host.call("spin", {}, timeout_s=60)) for _ in range(3)]
    pids = await started(host, 3)
    assert host.pid is not None
    server = host.pid
    os.kill(server, signal.SIGKILL)
    for call in calls:
        assert await code_of(call) == "died"
    await gone(server, *pids)
    assert await host.call("echo", {"value": "back"}) == "back"
    assert (host.restarts, host.pid != server) == (1, True)


async def test_a_server_that_cannot_start_is_a_failed_call() -> None:
    host = ToolHost(command=["/nonexistent/program"])
    assert await code_of(host.call("echo", {"value": 1})) == "died"
    await host.stop()


async def test_a_server_that_speaks_nonsense_is_ended() -> None:
    host = ToolHost(command=["/bin/sh", "-c", "read line; echo '{\"id\": 1}'; read line"])
    assert await code_of(host.call("echo", {"value": 1})) == "died"
    await host.stop()


def test_the_end_of_stdin_ends_the_server_and_its_calls() -> None:
    message = {"id": 1, "op": "call", "function": "spin", "arguments": {}, "read": [], "timeout_s": 60}
    line = json.dumps({**message, "output_limit_bytes": 100}) + "\n"
    done = subprocess.run(COMMAND, input=line, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


AGENT = """
import asyncio, sys
from pathlib import Path
from openclaw_desktop.workers.tool_host import ToolHost
async def main():
    host = ToolHost(command=sys.argv[1:])
    call = asyncio.ensure_future(host.call("spin", {}, timeout_s=600))
    children = []
    while not children:
        await host.call("echo", {"value": 1})
        children = Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text().split()
    print(host.pid, *children, flush=True)
    await call
asyncio.run(main())
"""


async def test_a_killed_agent_leaves_no_stray() -> None:
    with subprocess.Popen([sys.executable, "-P", "-c", AGENT, *COMMAND], stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        pids = [int(pid) for pid in agent.stdout.readline().split()]
        assert len(pids) == 2
        agent.kill()
    await gone(*pids)


# --- the race


@contextlib.contextmanager
def swapping(swap: Callable[[], None]) -> Iterator[list[int]]:
    """Run `swap` over and over in a thread; yields a list whose only item is how often it ran."""
    count, stop = [0], threading.Event()

    def run() -> None:
        while not stop.is_set():
            swap()
            count[0] += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield count
    finally:
        stop.set()
        thread.join()


def file_swapper(folder: Path) -> Callable[[], None]:
    """`granted` is now the harmless file, now a link to the secret."""

    def swap() -> None:
        (folder / "new").symlink_to(folder / "secret")
        (folder / "new").rename(folder / "granted")
        (folder / "new").write_text("harmless")
        (folder / "new").rename(folder / "granted")

    return swap


def parent_swapper(folder: Path) -> Callable[[], None]:
    """`in/granted` lies now in a folder, now behind a link to another folder that holds a secret of that name."""
    (folder / "in").mkdir()
    (folder / "in/granted").write_text("harmless")
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere/granted").write_text("secret")
    (folder / "link").symlink_to(folder / "elsewhere")

    def swap() -> None:
        (folder / "in").rename(folder / "aside")
        (folder / "link").rename(folder / "in")
        (folder / "in").rename(folder / "link")
        (folder / "aside").rename(folder / "in")

    return swap


@pytest.mark.parametrize(("make", "name"), [(file_swapper, "granted"), (parent_swapper, "in/granted")])
async def test_a_path_that_is_swapped_for_a_link_gives_nothing(
    host: ToolHost, folder: Path, make: Callable[[Path], Callable[[], None]], name: str
) -> None:
    (folder / "secret").write_text("secret")
    (folder / "granted").write_text("harmless")
    path = folder / name
    codes: dict[str, int] = {}
    naive_reads = calls = 0

    async def one_call() -> None:
        try:
            result = await host.call("files.read", {"path": str(path), "limit_bytes": 99}, read=(path,))
            assert result["text"] in ("harmless", "")
            codes["read"] = codes.get("read", 0) + 1
        except CallFailed as failure:
            assert failure.code in ("jail", "failed"), failure.message
            codes[failure.code] = codes.get(failure.code, 0) + 1

    with swapping(make(folder)) as count:
        # The control: a reader without a jail falls for it.
        while naive_reads == 0:
            with contextlib.suppress(OSError):
                naive_reads += path.read_text() == "secret"
        count[0] = 0
        while count[0] < SWAPS or calls < CALLS_DURING_SWAPS:
            await asyncio.gather(*(one_call() for _ in range(4)))
            calls += 4
    print(f"{count[0]} swaps, {calls} calls: {codes}")
    assert codes.get("jail")
    await one_call()
    assert codes.get("read")
