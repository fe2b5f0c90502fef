"""The usual reply is read along with the prompt: whether it comes or not, the text is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from openclaw_desktop.inference.worker.engine import Engine
from openclaw_desktop.inference.worker.requests import Load, Question, Run

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def tool(name: str, argument: str) -> dict[str, object]:
    properties = {"tool": {"const": name}, argument: {"type": "string"}}
    return {"type": "object", "properties": properties, "required": ["tool", argument], "additionalProperties": False}


SCHEMA = {"anyOf": [tool("read_file", "path"), tool("answer", "text")]}
QUESTIONS = (
    "Reply with the tool answer: say hello.",
    'Reply with {"tool": "read_file", "path": "a.txt"}',
    "What is 2+2?",
)


def replies(model: Path, monkeypatch: pytest.MonkeyPatch, *, guessing: bool) -> list[tuple[str, int]]:
    if not guessing:
        monkeypatch.setattr(Engine, "_guess", lambda *_: [])
    engine = Engine(Load(str(model / FILE), 1024, 2, extra_buffers=False, mmap=True))
    said = []
    for question in QUESTIONS:
        run = Run()
        asked = Question((("user", question),))
        text = "".join(engine.complete(asked, SCHEMA, 40, 0.0, lambda: False, run))
        said.append((text, run.completion_tokens))
    engine.close()
    return said


def test_a_guess_changes_nothing_but_the_time(smollm2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guessed = replies(smollm2, monkeypatch, guessing=True)
    assert guessed == replies(smollm2, monkeypatch, guessing=False)
    assert {text[:9] for text, _ in guessed} == {'{"tool":"'}
