"""A home, and the product to run in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_process import Program

from openclaw_desktop.workers import process

# The model worker as it is, but for its end: it dies by a signal at a piece of its text, before the next can follow. A
# killer beside it would come too late for an answer that a fast machine writes at once.
MORTAL = """
import os, sys
from pathlib import Path
from openclaw_desktop.inference.worker import body

class Mortal(body.Body):
    pieces = 0

    def _send(self, message):
        super()._send(message)
        self.pieces += "text" in message
        fates = sorted(Path(sys.argv[1]).iterdir())
        if fates and self.pieces == int(sys.argv[2]):
            number = int(fates[0].read_text())
            fates[0].unlink()
            os.kill(os.getpid(), number)

body.Body = Mortal
raise SystemExit(body.run())
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def program(tmp_path: Path, home: Path) -> Iterator[Program]:
    """The product on a machine without any model."""
    program = Program(home, tmp_path / "user")
    yield program
    program.end()


@pytest.fixture
def talker(program: Program, smollm2: Path) -> Program:
    """The product with SmolLM2."""
    program.environ["OPENCLAW_MODELS"] = str(smollm2)
    return program


@pytest.fixture
def doom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what dooms the next `times` model workers of this process to die by a signal, in mid-answer."""
    fates = tmp_path / "fates"
    fates.mkdir()

    def doomed(number: int, times: int, *, piece: int = 1) -> None:
        for fate in range(times):
            (fates / str(fate)).write_text(str(int(number)))
        command = [sys.executable, "-P", "-c", MORTAL, str(fates), str(piece)]
        monkeypatch.setattr(
            process,
            "worker_command",
            lambda role: [*command, "worker", role] if role == "inference" else original(role),
        )

    original = process.worker_command
    return doomed
