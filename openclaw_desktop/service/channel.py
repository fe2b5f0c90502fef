"""The local channel between our own front ends and the agent: a Unix socket of mode 0600.

Owns how it is opened and who may be at the other end. Must not know what is said. On Windows there is no channel yet:
nobody can attach, and a second program says that the home is in use.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from openclaw_desktop.service.wire import FRAME_LIMIT_BYTES

log = logging.getLogger(__name__)

Accept = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

if sys.platform == "win32":

    async def listen(path: Path, accept: Accept) -> asyncio.Server | None:
        """Return None: there is no channel here."""
        return None

    async def connect(path: Path) -> Streams | None:
        """Return None: there is no channel here."""
        return None

else:

    async def listen(path: Path, accept: Accept) -> asyncio.Server | None:
        """Listen at `path`; a socket left by a crash is replaced (the caller holds the home's lock)."""
        listener = _bind(path)

        def accept_own(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if _peer_user(writer.get_extra_info("socket")) == os.getuid():
                accept(reader, writer)
            else:
                log.warning("a connection of another user was refused")
                writer.close()

        return await asyncio.start_unix_server(accept_own, sock=listener, limit=FRAME_LIMIT_BYTES)

    async def connect(path: Path) -> Streams | None:
        """Connect to the agent at `path`; None where nobody listens."""
        try:
            return await asyncio.open_unix_connection(str(path), limit=FRAME_LIMIT_BYTES)
        except OSError:
            return None

    def _bind(path: Path) -> socket.socket:
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(mask)
        return listener

    def _peer_user(peer: socket.socket) -> int:
        """Return the user id at the other end (SO_PEERCRED; elsewhere than Linux the folder's mode alone guards)."""
        if sys.platform != "linux":
            return os.getuid()
        credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", credentials)[1])
