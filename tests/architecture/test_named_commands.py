"""Every command that a sentence or a page of the documents tells a person to type is one that there is."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from source_tree import MODULES

from openclaw_desktop.cli.parser import build_parser

ROOT = Path(__file__).parents[2]
_COMMAND = re.compile(r"openclaw-agent ((?:[a-z][a-z-]*[ \n]?)+)")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def texts() -> Iterator[tuple[str, str]]:
    for module in MODULES:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{module.name}:{node.lineno}", node.value
    for page in PAGES:
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            for quoted in re.findall(r"`([^`]+)`", line):
                yield f"{page.name}:{number}", quoted


PARSER = build_parser()


def unknown_word(words: list[str]) -> str | None:
    """The first of `words` that stands where a verb or an action must stand and is none."""
    parser: argparse.ArgumentParser = PARSER
    for word in words:
        choices = next((a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction)), None)
        if choices is None:
            return None
        if word not in choices:
            return word
        parser = choices[word]
    return None


def test_a_named_command_exists() -> None:
    named = [(place, found[1].split()) for place, text in texts() for found in _COMMAND.finditer(text)]
    assert len(named) > 100
    unknown = [(place, words) for place, words in named if unknown_word(words) is not None]
    assert unknown == []


@pytest.mark.parametrize("words", ["confg set x", "model lst", "inbox aprove"])
def test_one_that_does_not_is_found(words: str) -> None:
    assert unknown_word(words.split()) is not None
