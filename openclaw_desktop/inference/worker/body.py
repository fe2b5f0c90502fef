"""The protocol of `worker inference`: one JSON object a line on stdin and stdout.

Owns the pipe and the order of requests. Must not know what is asked of the model. Model process; a thread reads stdin
so that a cancel is seen while the model works.

    {"id", "op": "load", "path", "context_tokens", "threads", "extra_buffers"} answers {"id", "loaded": {...}}
    {"id", "op": "complete", "messages", "schema", "max_tokens", "temperature"} answers {"id", "text"}... {"id", "done"}
    {"op": "cancel", "id"} ends a completion: its stop is "cancelled"
    any of them may answer {"id", "error": {"code", "message", ...}}
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import signal
import sys
import threading
from typing import Any, TextIO

from openclaw_desktop.inference.worker.engine import Engine, EngineError, Run


class Body:
    """Serves requests until stdin ends."""

    def __init__(self, reader: TextIO, writer: TextIO) -> None:
        self._reader = reader
        self._writer = writer
        self._requests: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._cancelled: set[int] = set()
        self._engine: Engine | None = None

    def serve(self) -> None:
        """Answer requests in order until stdin ends."""
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        while (request := self._requests.get()) is not None:
            try:
                self._answer(request)
            except EngineError as error:
                details = {"code": error.code, "message": str(error), **error.details}
                self._send({"id": request["id"], "error": details})
            self._cancelled.discard(request["id"])

    def _read(self) -> None:
        try:
            for line in self._reader:
                request = json.loads(line)
                if request["op"] == "cancel":
                    self._cancelled.add(request["id"])
                else:
                    self._requests.put(request)
        finally:
            # Nobody listens any more, or nobody can be understood: what is in progress is work for no one.
            os._exit(0)

    def _answer(self, request: dict[str, Any]) -> None:
        if request["op"] == "load":
            self._engine = None
            self._engine = Engine(
                request["path"], request["context_tokens"], request["threads"], request["extra_buffers"]
            )
            self._send({"id": request["id"], "loaded": {"context_tokens": self._engine.context_tokens}})
            return
        if self._engine is None:
            raise EngineError("not_loaded", "no model is loaded")
        run = Run()
        for text in self._engine.complete(
            [(message["role"], message["text"]) for message in request["messages"]],
            request["schema"],
            request["max_tokens"],
            request["temperature"],
            lambda: request["id"] in self._cancelled,
            run,
        ):
            self._send({"id": request["id"], "text": text})
        self._send({"id": request["id"], "done": dataclasses.asdict(run)})

    def _send(self, message: dict[str, Any]) -> None:
        self._writer.write(json.dumps(message, ensure_ascii=False, separators=(",", ":")) + "\n")
        self._writer.flush()


def run() -> int:
    """Serve on this process's own pipes; whatever a library prints goes to stderr, never into the protocol."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    writer = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogatepass")
    os.dup2(2, 1)
    reader = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="surrogatepass")
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - lives as long as the process
    Body(reader, writer).serve()
    return 0
