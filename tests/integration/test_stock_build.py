"""The model worker on a stock build of llama-cpp-python, as a user's own pip makes it; for `make proof` alone.

Built for the very processor at hand, it crashes at the first token where that has AMX: there the ladder must end in an
answer without extra buffers. Where it has none, the same build must answer at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import counts
import pytest
from test_model_life import FILE, HELLO, Life, around

from openclaw_desktop.core.protocols import TextDropped
from openclaw_desktop.inference.client import ENVIRONMENT, ModelClient
from openclaw_desktop.workers.supervisor import Supervisor

BUILD_LIMIT_S = 1800
LLAMA = f"llama-cpp-python=={version('llama-cpp-python')}"


def has_amx() -> bool:
    flags = Path("/proc/cpuinfo")
    return flags.exists() and "amx_tile" in flags.read_text(encoding="utf-8").split()


def build_stock() -> Path:
    """Return a folder with a stock build, made once: the compiler's own choice of instructions, no flags of ours."""
    folder = Path(tempfile.gettempdir()) / f"stock-{LLAMA.replace('==', '-')}-{os.getuid()}"
    if not (folder / "done").exists():
        # LLAVA only saves time: images are no concern of the text model.
        environment = {**os.environ, "CMAKE_ARGS": "-DLLAVA_BUILD=OFF"}
        environment.pop("SOURCE_DATE_EPOCH", None)  # would switch the processor's own instructions off
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-cache-dir", "--upgrade"]
        command += ["--no-binary", "llama-cpp-python", "--target", str(folder), LLAMA]
        subprocess.run(command, env=environment, check=True, timeout=BUILD_LIMIT_S)
        (folder / "done").touch()
    return folder


@pytest.mark.skipif(not counts.FULL, reason="builds llama-cpp-python: make proof")
@pytest.mark.timeout(BUILD_LIMIT_S + 300)
async def test_a_stock_build_ends_working(smollm2: Path) -> None:
    stock = build_stock()
    life = Life(smollm2 / FILE, 2048, around())
    chosen = life.client.chosen
    life.client = ModelClient(Supervisor("inference", {**ENVIRONMENT, "PYTHONPATH": str(stock)}), life._note, around())
    life.client.on_finished(life.records.append)
    life.client.choose(chosen)
    try:
        events = await life.ask(HELLO)
        told = [event.reason for event in events if isinstance(event, TextDropped)]
        worker = Path(f"/proc/{life.client.pid}/maps")
        if worker.exists():
            assert str(stock) in worker.read_text(encoding="utf-8"), "it is the stock build that answers"
        if has_amx():
            assert len(told) == 2 and "without extra buffers" in told[-1]
            assert not life.records[-1].extra_buffers
            assert "without extra buffers" in life.client.ladder
        else:
            assert told == [] and life.records[-1].extra_buffers
    finally:
        await life.client.stop()
