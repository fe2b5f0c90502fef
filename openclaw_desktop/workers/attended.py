"""The body of `worker program FD`: keeps one program whose streams are those that it was started with.

Owns the words with whoever wants the program, over one socket, a JSON object a line. In: the program; the end of the
socket means that nobody wants it any more. Out: `{"started": {"namespaces"}}`, with the proxy's listening socket where
there is one, or `{"error": {"code", "message"}}`; then `{"ended", "exit_code"}`. A process of its own.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from typing import Any

from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.programs import Program
from openclaw_desktop.workers.sandbox.jail import JailError

if sys.platform != "linux":
    raise ImportError("programs that live long are jailed on Linux alone")

from openclaw_desktop.workers.keeper import Keeper, namespaces_work


def attend(descriptor: int) -> int:
    """Run the program that comes over `descriptor` to its end; return the exit code of this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever pressed it ends us by the socket
    with socket.socket(fileno=descriptor) as channel:
        program = Program.of(json.loads(_first_line(channel)))
        try:
            in_namespaces = program.jail.namespaces and namespaces_work()
            keeper = Keeper(program, in_namespaces, (0, 1, 2), life=descriptor)
        except JailError as error:
            _say(channel, {"error": {"code": "jail", "message": str(error)}})
            return 1
        except CallFailed as error:
            _say(channel, {"error": {"code": error.code, "message": error.message}})
            return 1
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):  # the streams are the program's: they end with it
            os.dup2(nowhere, number)
        listeners = [] if keeper.listener is None else [keeper.listener]
        _say(channel, {"started": {"namespaces": in_namespaces}}, listeners)
        ended = keeper.watch({})
        exit_code = keeper.finish()
        _say(channel, {"ended": ended, "exit_code": exit_code})
    return 0


def _first_line(channel: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        chunk = channel.recv(1 << 16)
        if not chunk:
            raise EOFError("nobody said what to run")
        data += chunk
    return data


def _say(channel: socket.socket, message: dict[str, Any], descriptors: list[int] | None = None) -> None:
    try:
        socket.send_fds(channel, [json.dumps(message).encode() + b"\n"], descriptors or [])
    except OSError:  # gone already: the program ends for that very reason
        return
    for descriptor in descriptors or []:
        os.close(descriptor)
