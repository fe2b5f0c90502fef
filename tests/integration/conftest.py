"""A home, and the product to run in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_process import Program


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
