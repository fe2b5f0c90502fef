"""Habits of the source: its size, its names, its words."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from source_tree import MODULES, Module, calls_of, read

LINES = 500
NAMELESS = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
# A worker started by hand on a system without fork has no agent to answer to.
WRITERS = {"workers/fork_server.py"}
TESTS = Path(__file__).parents[1]

every_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)


@every_module
def test_a_module_says_what_it_is(module: Module) -> None:
    empty_init = module.name.endswith("__init__.py") and not module.text.strip()
    assert empty_init or ast.get_docstring(module.tree)


@every_module
def test_a_module_has_at_most_500_lines(module: Module) -> None:
    assert module.text.count("\n") <= LINES


@every_module
def test_a_module_is_named_for_what_it_owns(module: Module) -> None:
    assert not NAMELESS & set(module.name.removesuffix(".py").split("/"))


@every_module
def test_every_sentence_is_a_literal_that_translators_can_find(module: Module) -> None:
    for call in calls_of(module, "tr"):
        sentence = call.args[0]
        assert isinstance(sentence, ast.Constant) and isinstance(sentence.value, str), f"line {call.lineno}"
        assert len(call.args) == 1, f"line {call.lineno}: values are named"


@every_module
def test_a_sentence_and_its_values_agree(module: Module) -> None:
    for call in calls_of(module, "tr"):
        given = {keyword.arg for keyword in call.keywords}
        if given and None not in given:
            call.args[0].value.format(**dict.fromkeys(given, 0))  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", [m for m in MODULES if m.room != "cli"], ids=lambda module: module.name)
def test_nothing_but_the_command_line_prints(module: Module) -> None:
    if module.name in WRITERS:
        return
    assert not list(calls_of(module, "print"))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
            assert node.attr not in ("stdout", "stderr", "__stdout__", "__stderr__"), f"line {node.lineno}"


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: path.name)
def test_a_test_file_is_small_and_says_what_it_tests(path: Path) -> None:
    module = read(path, TESTS)
    assert module.text.count("\n") <= LINES
    assert ast.get_docstring(module.tree)


def test_no_two_test_files_have_one_name() -> None:
    """Pytest imports them by that name alone."""
    names = [path.name for path in TESTS.rglob("*.py") if path.name not in ("conftest.py", "__init__.py")]
    assert sorted(names) == sorted(set(names))
