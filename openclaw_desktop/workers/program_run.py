"""Running a program to its end: what it wrote and how it ended, as the tool worker answers it.

Owns the pipes of such a program and the answer. Must not know why it runs. Lean, as the fork server holds it in memory.
Linux and macOS. The program's keeper: a child of the tool worker.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys

from openclaw_desktop.workers.calls import ANSWER_LIMIT_BYTES, JSON
from openclaw_desktop.workers.programs import Program
from openclaw_desktop.workers.sandbox.jail import close_descriptors

if sys.platform == "win32":
    raise ImportError("programs are kept by the agent itself on Windows")

if sys.platform == "linux":
    from openclaw_desktop.workers.keeper import Keeper
else:
    from openclaw_desktop.workers.mac_keeper import MacKeeper as Keeper

_CHUNK_BYTES = 1 << 16


def run(program: Program, in_namespaces: bool, keep: int) -> JSON:
    """Run `program` to its end: {"exit_code", "stdout", "stderr", "truncated", "ended", "namespaces"}.

    `exit_code` is 128 and the signal's number for one that a signal ended. `keep`: a descriptor that stays ours, none
    of the program's. Raises JailError where the jail can't be set up, CallFailed `not_started`.
    """
    close_descriptors((0, 1, 2, keep))
    streams = Streams()
    streams.fill(program)
    keeper = Keeper(program, in_namespaces, streams.ends)
    return streams.collect(keeper, program, in_namespaces)


class Streams:
    """The three streams of a program: `ends` are its own."""

    def __init__(self) -> None:
        self._source = _nameless_file()
        (self._out, out_end), (self._err, err_end) = os.pipe(), os.pipe()
        self.ends = (self._source, out_end, err_end)

    def fill(self, program: Program) -> None:
        """Have the program read its stdin."""
        os.write(self._source, program.stdin.encode("utf-8", "surrogateescape"))
        os.lseek(self._source, 0, os.SEEK_SET)

    def collect(self, keeper: Keeper, program: Program, in_namespaces: bool) -> JSON:
        """Wait for the end and return what came of it."""
        for descriptor in self.ends:
            os.close(descriptor)
        collected = {self._out: bytearray(), self._err: bytearray()}
        ended = keeper.watch(collected)
        exit_code = keeper.finish()
        limit = program.output_limit_bytes
        for pipe, data in collected.items():
            os.set_blocking(pipe, False)
            with contextlib.suppress(BlockingIOError):
                while len(data) <= limit and (chunk := os.read(pipe, _CHUNK_BYTES)):
                    collected[pipe] += chunk
        if any(len(data) > limit for data in collected.values()):
            ended = "output" if ended == "exit" else ended
        while True:
            texts = [bytes(data[:limit]).decode("utf-8", "replace") for data in collected.values()]
            result = {
                "exit_code": exit_code if ended == "exit" else None,
                "stdout": texts[0],
                "stderr": texts[1],
                "truncated": any(len(data) > limit for data in collected.values()),
                "ended": ended,
                "namespaces": in_namespaces,
            }
            if len(json.dumps(result)) < ANSWER_LIMIT_BYTES:
                return result
            limit //= 2  # bytes that are no text grow when they are written as JSON


def _nameless_file() -> int:
    if sys.platform == "linux":
        return os.memfd_create("stdin")
    else:
        path = f"{os.environ.get('TMPDIR', '/tmp')}/openclaw-stdin-{os.urandom(8).hex()}"  # noqa: S108 - 0600 and new
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        os.unlink(path)  # noqa: PTH108 - memory counts here
        return descriptor
