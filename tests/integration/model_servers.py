"""Two real servers that speak the OpenAI language, as child processes, both with SmolLM2.

Run as a program this file is the body of xllamacpp's server: `model_servers.py MODEL KEY|- chat|embedding PORT|0`.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_LIMIT_S = 120.0
CONTEXT_TOKENS = 2048
KEY = "sk-local-7c2f"


@dataclass
class ModelServer:
    """A running server."""

    process: subprocess.Popen[str]
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2].partition("/")[0])

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def wait_until_ready(self) -> None:
        """Wait until it answers, with a model or with a no."""
        deadline_s = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline_s:
            assert self.process.poll() is None, self.process.communicate()
            try:
                with urllib.request.urlopen(f"{self.url}/models", timeout=5):
                    return
            except urllib.error.HTTPError as error:
                if error.code == 401:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{self.url} did not answer in time")


@contextmanager
def llama_cpp_server(model: Path) -> Iterator[ModelServer]:
    """Run llama-cpp-python's server: no JSON Schema in its dialect, no usage in its streams."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["-m", "llama_cpp.server", "--model", str(model), "--host", "127.0.0.1", "--port", str(port)]
    words += ["--n_ctx", str(CONTEXT_TOKENS), "--n_threads", "2", "--chat_format", "chatml"]
    with _run(words, f"http://127.0.0.1:{port}/v1") as server:
        yield server


@contextmanager
def xllamacpp_server(
    model: Path, key: str | None = None, embedding: bool = False, port: int = 0
) -> Iterator[ModelServer]:
    """Run llama.cpp's own server as xllamacpp packs it, on a port of its own choice where none is given."""
    words = [__file__, str(model), key or "-", "embedding" if embedding else "chat", str(port)]
    with _run(words, None) as server:
        yield server


@contextmanager
def _run(words: list[str], url: str | None) -> Iterator[ModelServer]:
    environ = os.environ | {"OMP_WAIT_POLICY": "passive"}
    process = subprocess.Popen(
        [sys.executable, *words], env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        server = ModelServer(process, url or _read_url(process))
        server.wait_until_ready()
        yield server
    finally:
        process.kill()
        process.communicate()


def _read_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_LIMIT_S)
    assert ready, "xllamacpp's server did not say where it listens"
    return process.stdout.readline().strip() + "/v1"


def _serve_xllamacpp(model: str, key: str, use: str, port: str) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.n_ctx = CONTEXT_TOKENS
    if port != "0":
        params.port = int(port)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    params.warmup = params.ui = False
    if key != "-":
        params.api_keys = [key]
    if use == "embedding":
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    # The library writes its log to our output; the address goes past it.
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = xllamacpp.Server(params)
    output.write(f"{server.listening_address}\n")
    output.flush()
    signal.pause()


if __name__ == "__main__":
    _serve_xllamacpp(*sys.argv[1:5])
