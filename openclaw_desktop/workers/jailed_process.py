"""A program that lives long in a jail of its own and is talked to over its stdin and stdout, such as an MCP server.

Owns one running program and its end. Must not know what is said. Agent process, loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from dataclasses import dataclass
from typing import Any

from openclaw_desktop.core.text import tr
from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.process import STDERR_TAIL_BYTES, clean_environment, worker_command
from openclaw_desktop.workers.programs import Ended, Program

if sys.platform == "linux":
    from openclaw_desktop.workers.sandbox import strays

START_TIMEOUT_S = 20.0
END_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """How a program ended, and with which exit code: 128 and the signal's number where a signal ended it."""

    ended: Ended
    exit_code: int | None


class JailedProcess:
    """One program; made by `open_jailed`. `proxy`: the listening socket of its network, where it has but that one.

    The owner accepts connections on it, decides what they may reach, and closes it; inside it is 127.0.0.1 and the
    jail's port. `namespaces`: the program is alone in its own.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        channel: socket.socket,
        namespaces: bool,
        proxy: socket.socket | None,
        drain: asyncio.Task[None],
        tail: bytearray,
        told: bytes,
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.stdin = process.stdin
        self.stdout = process.stdout
        self.namespaces = namespaces
        self.proxy = proxy
        self._process = process
        self._channel = channel
        self._drain = drain
        self._tail = tail
        self._end = asyncio.get_running_loop().create_task(self._await_end(told), name="end of a jailed program")

    @property
    def pid(self) -> int:
        """The process id of the program's keeper."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """True until the program has ended."""
        return not self._end.done()

    @property
    def stderr_tail(self) -> str:
        """The end of what the program wrote to stderr."""
        return self._tail.decode("utf-8", "replace")

    async def wait(self) -> ProcessEnd:
        """Wait until the program has ended, with all that it started."""
        return await asyncio.shield(self._end)

    async def close(self, grace_s: float = 0.0) -> ProcessEnd:
        """Close the program's stdin, wait up to `grace_s` for it to end, then end it with all that it started."""
        self.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.wait(), grace_s)
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_WR)
        try:
            return await asyncio.wait_for(self.wait(), END_TIMEOUT_S)
        except TimeoutError:  # its keeper hangs
            self._process.kill()
            return await self.wait()

    async def _await_end(self, told: bytes) -> ProcessEnd:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while chunk := await loop.sock_recv(self._channel, 4096):
                told += chunk
        if not told and sys.platform == "linux":
            # Its keeper was killed: what is left holds our pipes, too.
            await asyncio.to_thread(strays.end_strays, self._process.pid)
        await self._process.wait()
        await self._drain
        self._channel.close()
        if not told:
            return ProcessEnd("life", None)
        end = json.loads(told)
        return ProcessEnd(end["ended"], end["exit_code"])


async def open_jailed(program: Program, line_limit_bytes: int = 1 << 16) -> JailedProcess:
    """Start `program`; raises CallFailed `jail` where its jail can't be set up, `no_jail`, `not_started` or `died`.

    `line_limit_bytes`: the longest line that can be read of its stdout.
    """
    if sys.platform != "linux":  # what lives long is somebody else's code, and needs a jail of level 3
        raise CallFailed("no_jail", tr("There is no jail on this system for programs that live long."))
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *worker_command("program"),
                str(theirs.fileno()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=clean_environment(),
                limit=line_limit_bytes,
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )
        tail = bytearray()
        drain = asyncio.get_running_loop().create_task(_drain(process, tail), name="stderr of a jailed program")
        try:
            message, descriptors, rest = await asyncio.wait_for(_begin(ours, program), START_TIMEOUT_S)
        except BaseException:
            ours.close()  # its keeper ends by that
            try:
                await asyncio.wait_for(process.wait(), END_TIMEOUT_S)
            except TimeoutError:  # it hangs, as where a folder lies on a disk that does not answer
                process.kill()
                await process.wait()
            await drain
            raise
    except (OSError, TimeoutError) as error:
        ours.close()
        raise CallFailed("died", tr("The program's jail did not start ({detail}).", detail=str(error))) from None
    proxy = socket.socket(fileno=descriptors[0]) if descriptors else None
    return JailedProcess(process, ours, bool(message["namespaces"]), proxy, drain, tail, rest)


async def _begin(channel: socket.socket, program: Program) -> tuple[dict[str, Any], list[int], bytes]:
    """Say what to run, and return what came of its start with the descriptors that came along."""
    loop = asyncio.get_running_loop()
    channel.setblocking(False)
    await loop.sock_sendall(channel, json.dumps(program.as_message()).encode() + b"\n")
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(channel, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(channel)
    if sys.platform == "win32":
        raise CallFailed("jail", "")
    data, descriptors, _, _ = socket.recv_fds(channel, 1 << 16, 1)
    line, _, rest = data.partition(b"\n")
    if not line:
        raise CallFailed("died", tr("The program's jail ended before the program began."))
    message = json.loads(line)
    if "error" in message:
        raise CallFailed(message["error"]["code"], message["error"]["message"])
    return message["started"], list(descriptors), rest  # a short program's end may have come along


async def _drain(process: asyncio.subprocess.Process, tail: bytearray) -> None:
    assert process.stderr is not None
    while chunk := await process.stderr.read(4096):
        tail += chunk
        del tail[:-STDERR_TAIL_BYTES]
