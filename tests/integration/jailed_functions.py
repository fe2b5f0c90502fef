"""Functions that misbehave inside the jail; run as a program, a fork server that offers them."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from openclaw_desktop.tools.file_functions import HANDLERS
from openclaw_desktop.workers.calls import JSON, CallFailed
from openclaw_desktop.workers.fork_server import serve


def answer_pipe() -> int:
    """Find the pipe that the child answers on, as a hijacked one would."""
    for number in range(3, 64):
        try:
            os.fstat(number)
        except OSError:
            continue
        return number
    raise LookupError


def write_raw(text: str) -> JSON:
    os.write(answer_pipe(), text.encode())
    os._exit(0)


def spin() -> JSON:
    while True:
        pass


def echo(value: JSON) -> JSON:
    return value


def flood(size: int) -> JSON:
    chunk = b"x" * 65536
    pipe = answer_pipe()
    for _ in range(size // len(chunk)):
        os.write(pipe, chunk)
    return None


def repeat(text: str, count: int) -> JSON:
    return text * count


def close_and_spin() -> JSON:
    os.close(answer_pipe())
    return spin()


def double_fork() -> JSON:
    refusals = []
    for _ in range(2):
        try:
            os.fork()
        except OSError as error:
            refusals.append(error.errno)
    return refusals


def end(code: int) -> JSON:
    os._exit(code)


def allocate(size: int) -> JSON:
    return len(bytearray(size))


def fail(code: str) -> JSON:
    raise CallFailed(code, "a sentence")


def crash() -> JSON:
    raise LookupError("a bug")


def unwritable() -> JSON:
    return {1, 2}


def environment() -> JSON:
    return sorted(os.environ)


def descriptors() -> JSON:
    """Number of open descriptors beyond the three standard ones."""
    found = 0
    for number in range(3, 64):
        try:
            os.fstat(number)
            found += 1
        except OSError:
            pass
    return found


def write_text(path: str, text: str) -> JSON:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    os.write(file, text.encode())
    os.close(file)
    return None


def move(old: str, new: str) -> JSON:
    os.rename(old, new)  # noqa: PTH104 - the act itself


def remove(path: str) -> JSON:
    os.unlink(path)  # noqa: PTH108 - the act itself


def change_mode(path: str) -> JSON:
    os.chmod(path, 0o777)  # noqa: PTH101 - the act itself


def write_much(path: str, size: int) -> JSON:
    chunk = b"x" * (1 << 20)
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    for _ in range(size >> 20):
        os.write(file, chunk)
    return None


def strays(server: int) -> list[int]:
    """The children of a fork server but the one keeper that waits for a program."""
    found = [int(pid) for pid in Path(f"/proc/{server}/task/{server}/children").read_text().split()]
    until_s = time.monotonic() + 20  # just forked, it has yet to come to its turn and say what it is
    while len(found) == 1 and time.monotonic() < until_s:
        if Path(f"/proc/{found[0]}/comm").read_text().strip() == "openclaw-spare":
            return []
    return found


FUNCTIONS: tuple[Callable[..., JSON], ...] = (
    *(write_raw, spin, echo, flood, repeat, close_and_spin, double_fork, end),
    *(allocate, fail, crash, unwritable, environment, descriptors),
    *(write_text, move, remove, change_mode, write_much),
)
COMMAND = [sys.executable, "-P", __file__]

if __name__ == "__main__":
    json.dumps({})
    raise SystemExit(serve({**HANDLERS, **{function.__name__: function for function in FUNCTIONS}}))
