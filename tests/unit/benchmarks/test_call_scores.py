"""The scores of calls: right is right, and nothing else is."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))  # `benchmarks` is no part of the package

from benchmarks.call_scores import RequestScore, score_functions, score_requests
from benchmarks.calls import offered_name
from openclaw_desktop.core.messages import ToolSpec

REQUIRED = {"read_file": ["path"], "list_todos": []}
READ = {"request": "read a.txt", "intent": "read_file", "args": ["a\\.txt"]}


def score(name: str | None, arguments: dict[str, object], request: dict[str, object] = READ) -> RequestScore:
    return score_requests([{"name": name, "arguments": arguments}], [request], REQUIRED)


def test_requests() -> None:
    assert score("read_file", {"path": "a.txt"}) == RequestScore(1, 1, 1, 1)
    assert score("read_file", {"path": "b.txt"}) == RequestScore(1, 1, 1, 0)
    assert score("list_todos", {}) == RequestScore(1, 1, 0, 0)
    assert score("read_file", {}) == RequestScore(1, 0, 0, 0)
    assert score("fly", {}) == RequestScore(1, 0, 0, 0)
    assert score("list_todos", {}, READ | {"also_ok": ["list_todos"]}) == RequestScore(1, 1, 1, 1)


def question(identity: str, *truth: object) -> dict[str, object]:
    return {"id": identity, "ground_truth": list(truth)}


def test_functions() -> None:
    area = question("simple_python_1", {"area": {"base": [10], "unit": ["cm", ""]}})
    none = question("irrelevance_1")
    right = {"id": "simple_python_1", "calls": [{"name": "area", "arguments": {"base": 10.0}}]}
    assert score_functions([right], [area, none]) == {"simple": 1, "irrelevance": 1}
    for arguments in ({"base": 11}, {}, {"base": 10, "unit": "m"}, {"base": 10, "colour": "red"}):
        wrong = {"id": "simple_python_1", "calls": [{"name": "area", "arguments": arguments}]}
        assert score_functions([wrong], [area])["simple"] == 0
    called = {"id": "irrelevance_1", "calls": [{"name": "area", "arguments": {}}]}
    assert score_functions([called], [none])["irrelevance"] == 0


def test_a_plain_call_has_the_name_of_the_given_tools() -> None:
    def offering(name: str) -> tuple[ToolSpec, ...]:
        return (ToolSpec(name, "", {"type": "object", "properties": {}}, "read"),)

    assert offered_name("list_folder", offering("list_dir")) == "list_dir"
    assert offered_name("list_folder", offering("list_folder")) == "list_folder"
    assert offered_name("read_file", offering("list_dir")) == "read_file"
