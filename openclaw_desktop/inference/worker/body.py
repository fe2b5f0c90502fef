"""The protocol of `worker inference`: one JSON object a line on stdin and stdout.

Owns the pipe and the order of requests. Must not know what is asked of the model. Model process; a thread reads stdin
so that a cancel is seen while the model works.

    {"id", "op": "load", "path", "context_tokens", "threads", "extra_buffers", "mmap", "states_folder",
     "states_limit_bytes", "nice", "identity"} answers
        {"id", "loaded": {"context_tokens", "trained_tokens", "load_s", "peak_rss_bytes"}}
        from "mmap" on all may be left out; "mmap" is then the opposite of "extra_buffers", "identity" made of the file
    {"id", "op": "complete", "messages", "schema", "max_tokens", "temperature", "lane", "stable", "keep"} answers
        {"id", "text"}... {"id", "done": {...}}, the fields of `requests.Run`
        "lane": "chat" or "background"; the first "stable" messages are the same in every prompt of this kind;
        "keep": false for what must leave nothing in a file; "max_tokens": 0 to read the prompt and no more
    {"id", "op": "weigh", "messages", "choices", "lane", "stable", "keep"} answers
        {"id", "weights": [...], "done": {...}}
    {"id", "op": "tune", "threads", "nice"} answers {"id", "tuned": {"nice"}}, the priority that the system granted
    {"op": "cancel", "id"} ends either: its stop is "cancelled", and a weighing then has no "weights"
    any of them may answer {"id", "error": {"code", "message", ...}}

Stdin's end is the order to end: what is in progress stops, the chat's state is written, all within two seconds.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import queue
import signal
import sys
import threading
import time
from typing import Any, TextIO

from openclaw_desktop.inference.worker.effort import peak_rss_bytes, set_nice, usable_cores
from openclaw_desktop.inference.worker.engine import Engine
from openclaw_desktop.inference.worker.model import EngineError
from openclaw_desktop.inference.worker.requests import Load, Question, Run

# The parent kills after two seconds; a process without a parent must not stay.
END_LIMIT_S = 1.8
# Steps of one answer follow one another at once: states are written when it has been quiet for so long.
QUIET_S = 1.5


class Body:
    """Serves requests until stdin ends."""

    def __init__(self, reader: TextIO, writer: TextIO) -> None:
        self._reader = reader
        self._writer = writer
        self._requests: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._cancelled: set[int] = set()
        self._ended = threading.Event()
        self._engine: Engine | None = None
        self._settled = True

    def serve(self) -> None:
        """Answer requests in order until stdin ends."""
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        # Nobody reads our answers any more: stdin ends too.
        with contextlib.suppress(BrokenPipeError):
            while (request := self._next()) is not None:
                try:
                    self._answer(request)
                except EngineError as error:
                    details = {"code": error.code, "message": str(error), **error.details}
                    self._send({"id": request["id"], "error": details})
                self._cancelled.discard(request["id"])
        if self._engine is not None:
            self._engine.close()

    def _next(self) -> dict[str, Any] | None:
        if self._engine is not None and not self._settled:
            try:
                return self._requests.get(timeout=QUIET_S)
            except queue.Empty:
                self._engine.settle()
                self._settled = True
        return self._requests.get()

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
            self._ended.set()
            self._requests.put(None)
            time.sleep(END_LIMIT_S)
            os._exit(0)

    def _answer(self, request: dict[str, Any]) -> None:
        if self._ended.is_set():
            return
        match request["op"]:
            case "load":
                self._send({"id": request["id"], "loaded": self._load(request)})
            case "tune":
                if self._engine is not None and request["threads"]:
                    self._engine.set_threads(request["threads"])
                self._send({"id": request["id"], "tuned": {"nice": set_nice(request["nice"])}})
            case "weigh":
                self._settled = False
                self._weigh(request)
            case _:
                self._settled = False
                self._complete(request)

    def _load(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        started_s = time.perf_counter()
        set_nice(request.get("nice", 0))
        engine = self._engine = Engine(
            Load(
                path=request["path"],
                context_tokens=request["context_tokens"],
                threads=request["threads"] or usable_cores(),
                extra_buffers=request["extra_buffers"],
                mmap=request.get("mmap", not request["extra_buffers"]),
                states_folder=request.get("states_folder"),
                states_limit_bytes=request.get("states_limit_bytes", 0),
                identity=request.get("identity", ""),
            )
        )
        return {
            "context_tokens": engine.context_tokens,
            "trained_tokens": engine.trained_tokens,
            "load_s": time.perf_counter() - started_s,
            "peak_rss_bytes": peak_rss_bytes(),
        }

    def _complete(self, request: dict[str, Any]) -> None:
        run, question, reply = Run(), _question(request), ""
        pieces = self._loaded().complete(
            question,
            request["schema"],
            request["max_tokens"],
            request["temperature"],
            self._stopper(request["id"]),
            run,
        )
        # Closed here and now, so that its sampler is freed before the model can be.
        with contextlib.closing(pieces):
            for text in pieces:
                reply += text
                self._send({"id": request["id"], "text": text})
        self._send({"id": request["id"], "done": dataclasses.asdict(run)})
        if run.stop == "end" and self._requests.empty():
            self._loaded().anticipate(question, reply)

    def _weigh(self, request: dict[str, Any]) -> None:
        run = Run()
        weights = self._loaded().weigh(_question(request), request["choices"], self._stopper(request["id"]), run)
        weighed = {} if weights is None else {"weights": weights}
        self._send({"id": request["id"], **weighed, "done": dataclasses.asdict(run)})

    def _loaded(self) -> Engine:
        if self._engine is None:
            raise EngineError("not_loaded", "no model is loaded")
        return self._engine

    def _stopper(self, request: int) -> Any:
        return lambda: request in self._cancelled or self._ended.is_set()

    def _send(self, message: dict[str, Any]) -> None:
        self._writer.write(json.dumps(message, ensure_ascii=False, separators=(",", ":")) + "\n")
        self._writer.flush()


def _question(request: dict[str, Any]) -> Question:
    return Question(
        messages=[(message["role"], message["text"]) for message in request["messages"]],
        lane=request.get("lane", "chat"),
        stable=request.get("stable", 0),
        keep=request.get("keep", True),
    )


def run() -> int:
    """Serve on this process's own pipes; whatever a library prints goes to stderr, never into the protocol."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    writer = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogatepass")
    os.dup2(2, 1)
    reader = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="surrogatepass")
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - lives as long as the process
    Body(reader, writer).serve()
    # Not through the interpreter's end, which would wait for the thread that reads.
    os._exit(0)
