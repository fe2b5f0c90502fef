"""A real web server on loopback that serves one file by ranges, and misbehaves as real ones do.

Each request takes the next of `manners`; the last one stays.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

GOOD = "good"


class HubServer:
    """`requests` are the first bytes that were asked for, in order; None where no range was."""

    def __init__(self, content: bytes, *manners: str) -> None:
        self.content = content
        self.manners = list(manners) or [GOOD]
        self.requests: list[int | None] = []
        self.sent_bytes = 0
        self.proxied: list[str] = []
        self.stalled = threading.Event()
        self.let_go = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def root(self) -> str:
        """The server's URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """Where the file is."""
        return f"{self.root}/models/fake.gguf"

    def next_manner(self) -> str:
        return self.manners.pop(0) if len(self.manners) > 1 else self.manners[0]

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: ClassVar[HubServer]

    def do_GET(self) -> None:
        hub = self.hub
        if self.path.startswith("http://"):
            hub.proxied.append(self.path)
        if self.path.endswith("/elsewhere"):
            self._redirect("/models/really")
            return
        manner = hub.next_manner()
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(match[1]) if match else None
        hub.requests.append(start)
        if manner.isdigit():
            self.send_error(int(manner))
        elif manner == "redirect":
            self._redirect("/models/elsewhere")
        elif manner == "ignores ranges":
            self._send(200, hub.content, len(hub.content))
        elif manner == "no length":
            self._send(200, hub.content, None)
        elif manner == "another size":
            self._send(200, hub.content + b"x", len(hub.content) + 1)
        elif manner == "wrong range":
            self._send(206, hub.content, len(hub.content), first=(start or 0) + 7)
        else:
            self._misbehave(manner, start)

    def _misbehave(self, manner: str, start: int | None) -> None:
        content, first = self.hub.content, start or 0
        status = 200 if start is None else 206
        if manner.startswith("damages "):
            at = int(manner.split()[1])
            content = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        rest = content[first:]
        if manner.startswith("ends after "):
            self._send(status, rest[: int(manner.split()[2])], len(rest), first)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif manner.startswith("stalls after "):
            self._send(status, rest[: int(manner.split()[2])], len(rest), first)
            self.hub.stalled.set()
            self.hub.let_go.wait(30)
            self.close_connection = True
        else:
            self._send(status, rest, len(rest), first)

    def _redirect(self, place: str) -> None:
        self.send_response(302)
        self.send_header("Location", place)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, status: int, body: bytes, length: int | None, first: int = 0) -> None:
        self.send_response(status)
        if length is None:
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(length))
        if status == 206:
            total = len(self.hub.content)
            self.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
        self.end_headers()
        for at in range(0, len(body), 1 << 16):
            self.wfile.write(body[at : at + (1 << 16)])
            self.hub.sent_bytes += len(body[at : at + (1 << 16)])
        self.wfile.flush()

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):  # the client has gone, as some of the tests want
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(content: bytes, *manners: str) -> Iterator[HubServer]:
    """Serve `content` until the block ends."""
    with HubServer(content, *manners) as server:
        yield server
