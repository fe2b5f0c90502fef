"""How right calls are: requests by intent and arguments, functions by their accepted values.

Owns the scoring. Must not know how calls come about. Pure.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RequestScore:
    """Of `n` requests: how many calls are whole, name the right tool, and are filled rightly too."""

    n: int
    valid: int
    intent: int
    arguments: int


def score_requests(
    calls: Sequence[Mapping[str, Any]], requests: Sequence[Mapping[str, Any]], required: Mapping[str, Sequence[str]]
) -> RequestScore:
    """Score calls {"name", "arguments"} against requests {"intent", "also_ok", "args"}.

    `required`: each tool's arguments that must be there. `args` are regular expressions to be found in the arguments'
    JSON, looked at where the call names the very intent.
    """
    valid = intent = arguments = 0
    for call, request in zip(calls, requests, strict=True):
        name, given = call["name"], call["arguments"]
        whole = name == "answer" or (name in required and set(required[name]) <= set(given))
        right = whole and name in (request["intent"], *request.get("also_ok", ()))
        text = json.dumps(given, ensure_ascii=False)
        filled = name != request["intent"] or all(re.search(one, text, re.IGNORECASE) for one in request["args"])
        valid += whole
        intent += right
        arguments += right and filled
    return RequestScore(len(requests), valid, intent, arguments)


def score_functions(rows: Sequence[Mapping[str, Any]], questions: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Return by kind ("simple", "multiple", "irrelevance") how many questions are answered by the accepted call."""
    given = {row["id"]: row["calls"] for row in rows}
    hits: Counter[str] = Counter()
    for question in questions:
        calls, truth = given.get(question["id"], []), question["ground_truth"]
        hits[kind_of(question)] += not calls if not truth else len(calls) == 1 and _accepted(calls[0], truth[0])
    return hits


def kind_of(question: Mapping[str, Any]) -> str:
    """Return the kind of a question, from its id."""
    return str(question["id"]).split("_")[0]


def _accepted(call: Mapping[str, Any], truth: Mapping[str, Mapping[str, Sequence[Any]]]) -> bool:
    ((name, accepted),) = truth.items()
    given = call["arguments"]
    if call["name"] != name or set(given) - set(accepted):
        return False
    return all(
        _plain(given[argument]) in [_plain(value) for value in values] if argument in given else "" in values
        for argument, values in accepted.items()
    )


def _plain(value: Any) -> Any:
    """Return a value in the form in which two are compared: numbers by value, texts by their letters and digits."""
    match value:
        case bool() | None:
            return value
        case int() | float():
            return float(value)
        case str():
            return re.sub(r"[\s,./_\-*^'\"]", "", value).lower()
        case list() | tuple():
            return [_plain(item) for item in value]
        case dict():
            return {
                key: _plain(part[0] if isinstance(part, list) and len(part) == 1 else part)
                for key, part in value.items()
            }
    return value
