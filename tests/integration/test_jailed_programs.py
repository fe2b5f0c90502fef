"""Programs in their jail through the tool worker: what comes of them, what ends them, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)

from jailed_functions import COMMAND, strays

from openclaw_desktop.workers import jailed_process
from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.fork_server import NAMESPACES_VARIABLE
from openclaw_desktop.workers.jailed_process import JailedProcess, open_jailed
from openclaw_desktop.workers.programs import Program, ProgramResult
from openclaw_desktop.workers.sandbox import bpf, landlock
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail
from openclaw_desktop.workers.tool_host import ToolHost

pytestmark = pytest.mark.skipif(
    not landlock.kernel_abi() or not bpf.available(), reason="this kernel has no jail to test"
)
PYTHON = "/usr/bin/python3"


@pytest.fixture(params=["1", "0"], ids=["namespaces", "plain"])
async def host(request: pytest.FixtureRequest) -> AsyncIterator[ToolHost]:
    host = ToolHost(command=COMMAND, environment={NAMESPACES_VARIABLE: request.param})
    yield host
    await host.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(os.path.realpath(tmp_path))


def program(*argv: str, timeout_s: float = 20.0, limit: int = 50_000, stdin: str = "", **jail: object) -> Program:
    inside = ProgramJail(any_program=True, **jail)  # type: ignore[arg-type]
    return Program(argv, inside, timeout_s=timeout_s, output_limit_bytes=limit, stdin=stdin)


async def end_of(host: ToolHost, wanted: Program) -> ProgramResult:
    """Run it, and see that the worker has no child left but the keeper of the next program, and still answers."""
    result = await host.run(wanted)
    assert host.pid is not None
    assert await host.call("echo", {"value": 1}) == 1
    assert strays(host.pid) == []
    return result


async def test_a_program_runs_and_says_how_it_ended(host: ToolHost) -> None:
    result = await end_of(host, program("/bin/sh", "-c", "cat; echo no >&2; exit 3", stdin="hello"))
    assert (result.exit_code, result.stdout, result.stderr, result.ended) == (3, "hello", "no\n", "exit")


async def test_it_reads_and_changes_what_it_was_granted(host: ToolHost, folder: Path) -> None:
    (folder / "r").mkdir()
    (folder / "w").mkdir()
    (folder / "r/in").write_text("text")
    (folder / "secret").write_text("secret")
    script = f"cd {folder}; cat r/in > w/out; mv w/out w/moved; mkdir w/d; rm -r w/d; echo x > r/in; cat secret"
    result = await end_of(host, program("/bin/sh", "-c", script, read=(str(folder / "r"),), write=(str(folder / "w"),)))
    assert result.exit_code != 0
    assert (folder / "w/moved").read_text() == "text"
    assert (folder / "r/in").read_text() == "text"
    assert [path.name for path in (folder / "w").iterdir()] == ["moved"]
    assert "secret" not in result.stdout


# 128 processes and no more, whatever the jail does, each in a session of its own where it may.
FORK_BOMB = """
import os, time
for _ in range(7):
    if os.fork() == 0:
        try: os.setsid()
        except OSError: pass
time.sleep(30)
"""


@pytest.mark.parametrize(
    ("argv", "ended"),
    [
        (("/bin/sleep", "1000"), "time"),
        (("/usr/bin/yes",), "output"),
        ((PYTHON, "-c", "x = b'1' * (3 << 30)"), "memory"),
        ((PYTHON, "-c", FORK_BOMB), "processes"),
        ((PYTHON, "-c", "import os\nwhile True:\n  if os.fork(): os._exit(0)"), "exit"),
    ],
)
async def test_what_goes_too_far_is_ended(host: ToolHost, argv: tuple[str, ...], ended: str) -> None:
    patience_s = 0.5 if ended == "time" else 20.0
    result = await end_of(host, program(*argv, timeout_s=patience_s))
    assert result.ended == ended
    assert (result.exit_code is None) == (ended != "exit")


async def test_its_own_folder_fills_no_disk_without_namespaces() -> None:
    host = ToolHost(command=COMMAND, environment={NAMESPACES_VARIABLE: "0"})
    script = "head -c 67108864 /dev/zero > $TMPDIR/big && exec sleep 1000"
    try:
        result = await host.run(program("/bin/sh", "-c", script, written_bytes=16 << 20, timeout_s=60.0))
        assert result.ended == "disk"
    finally:
        await host.stop()


async def test_a_double_fork_in_a_session_of_its_own_is_ended_too(host: ToolHost, folder: Path) -> None:
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    alive = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    # Without namespaces it may not leave its session: then it only forks twice.
    script = (
        'x=\'exec 9>fifo; >up; exec sleep 1000\'; (setsid sh -c "$x" || sh -c "$x" &); until test -e up; do :; done'
    )
    result = await end_of(host, program("/bin/sh", "-c", f"cd {folder}; {script}", write=(str(folder),)))
    assert result.ended == "exit"
    assert select.select([alive], [], [], 20)[0]
    assert os.read(alive, 1) == b""  # nobody holds the other end any more
    os.close(alive)


async def test_a_file_beyond_the_limit_ends_there(host: ToolHost, folder: Path) -> None:
    script = f"head -c 1073741824 /dev/zero > {folder}/big"
    result = await end_of(host, program("/bin/sh", "-c", script, write=(str(folder),), file_bytes=1 << 20))
    assert result.exit_code != 0
    assert (folder / "big").stat().st_size <= 1 << 20


async def test_bytes_that_are_no_text_come_back_shortened(host: ToolHost) -> None:
    result = await end_of(host, program("/usr/bin/head", "-c", "400000", "/dev/zero", limit=500_000))
    assert result.exit_code == 0
    assert 0 < len(result.stdout) < 400_000


async def test_no_such_program_is_a_sentence(host: ToolHost) -> None:
    with pytest.raises(CallFailed) as caught:
        await host.run(program("/nonexistent/program"))
    assert caught.value.code == "not_started"
    assert "could not be started" in caught.value.message


async def test_cancelling_ends_all_of_it(host: ToolHost, folder: Path) -> None:
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    alive = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    script = f"exec 9>{fifo}; echo up >&9; (setsid sleep 1000 &); sleep 1000"
    call = asyncio.ensure_future(host.run(program("/bin/sh", "-c", script, write=(str(folder),), timeout_s=600)))
    assert await asyncio.to_thread(select.select, [alive], [], [], 20) != ([], [], [])
    assert os.read(alive, 9) == b"up\n"
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call
    assert await host.call("echo", {"value": 1}) == 1
    assert await asyncio.to_thread(select.select, [alive], [], [], 20) != ([], [], [])
    assert os.read(alive, 1) == b""
    os.close(alive)


async def test_a_program_has_no_network(host: ToolHost) -> None:
    code = "import socket\ntry: socket.create_connection(('127.0.0.1', 9), 1)\nexcept OSError as e: print(e.errno)"
    assert (await end_of(host, program(PYTHON, "-c", code))).stdout == "1\n"


# --- programs that live long


async def closed(process: JailedProcess) -> None:
    await process.close()
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, 0)
        raise AssertionError("its keeper still runs")


@pytest.mark.parametrize("namespaces", [True, False])
async def test_a_long_lived_program_is_talked_to(namespaces: bool) -> None:
    process = await open_jailed(program("/bin/cat", timeout_s=0, namespaces=namespaces))
    process.stdin.write(b"hello\n")
    assert await process.stdout.readline() == b"hello\n"
    end = await process.close(grace_s=20)
    assert (end.ended, end.exit_code) == ("exit", 0)


@pytest.mark.parametrize("namespaces", [True, False])
async def test_closing_ends_it_with_all_that_it_started(namespaces: bool, folder: Path) -> None:
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    alive = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    script = f"exec 9>{fifo}; (setsid sleep 1000 &); echo up; sleep 1000"
    process = await open_jailed(program("/bin/sh", "-c", script, write=(str(folder),), namespaces=namespaces))
    assert await process.stdout.readline() == b"up\n"
    await closed(process)
    assert await asyncio.to_thread(select.select, [alive], [], [], 20) != ([], [], [])
    assert os.read(alive, 1) == b""
    os.close(alive)


async def test_what_it_says_on_stderr_is_kept(host: ToolHost) -> None:
    process = await open_jailed(program("/bin/sh", "-c", "echo why >&2; exit 5"))
    assert (await process.wait()).exit_code == 5
    assert process.stderr_tail == "why\n"


async def test_no_such_program_does_not_start() -> None:
    with pytest.raises(CallFailed) as caught:
        await open_jailed(program("/nonexistent/program"))
    assert caught.value.code == "not_started"


async def test_a_keeper_that_hangs_at_its_start_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jailed_process, "worker_command", lambda role: ["/bin/sh", "-c", "exec sleep 1000"])
    monkeypatch.setattr(jailed_process, "START_TIMEOUT_S", 0.01)
    monkeypatch.setattr(jailed_process, "END_TIMEOUT_S", 0.01)
    with pytest.raises(CallFailed) as caught:
        await open_jailed(program("/bin/true"))
    assert caught.value.code == "died"


async def test_a_killed_keeper_takes_its_program_along(folder: Path) -> None:
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    alive = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    process = await open_jailed(program("/bin/sh", "-c", f"exec 9>{fifo}; echo up; read x", write=(str(folder),)))
    assert await process.stdout.readline() == b"up\n"
    os.kill(process.pid, 9)
    assert (await process.wait()).ended == "life"
    assert await asyncio.to_thread(select.select, [alive], [], [], 20) != ([], [], [])
    assert os.read(alive, 1) == b""
    os.close(alive)


async def test_the_proxy_is_all_the_network_there_is() -> None:
    code = (
        "import socket\n"
        "s = socket.create_connection(('127.0.0.1', 3128)); s.sendall(b'hello'); print(s.recv(9).decode())\n"
        "for port in (22, 3129):\n"
        "    try: socket.create_connection(('127.0.0.1', port), 1)\n"
        "    except OSError as error: print(error.errno)\n"
        "try: socket.socket(type=socket.SOCK_DGRAM)\n"
        "except OSError as error: print(error.errno)\n"
    )
    wanted = program(PYTHON, "-c", code, network="proxy", port=3128)
    try:
        process = await open_jailed(wanted)
    except CallFailed as failure:
        assert failure.code == "jail"  # no namespaces here, and then no program that might reach more
        return
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(9))
        writer.write(b"granted")
        writer.close()

    assert process.proxy is not None
    server = await asyncio.start_server(answer, sock=process.proxy)
    assert (await process.stdout.read()).decode().split() == ["granted", "13", "13", "1"]
    assert heard == [b"hello"]
    await process.close()
    server.close()


async def test_without_namespaces_there_is_no_proxy() -> None:
    with pytest.raises(CallFailed) as caught:
        await open_jailed(program("/bin/true", network="proxy", port=3128, namespaces=False))
    assert caught.value.code == "jail"
