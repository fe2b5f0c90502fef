"""Which of some words a model would begin its reply with, read from what a server tells.

Owns the reading of token probabilities, and the question that stands in for them where a server tells none. Pure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from openclaw_desktop.core.protocols import Prompt

# Below this the listed tokens say too little of the choices.
ENOUGH = 0.01
LEAST_LOGPROB = -1000
CHOICE_TOKENS = 48


def weights_of(top: Sequence[dict[str, Any]], choices: Sequence[str]) -> tuple[float, ...] | None:
    """Return the choices' shares of the listed first tokens; None where these cannot tell the choices apart."""
    weights = [0.0] * len(choices)
    for entry in top:
        token, logprob = entry.get("token"), entry.get("logprob")
        if not isinstance(token, str) or not isinstance(logprob, int | float) or not (begun := token.strip()):
            continue
        if not LEAST_LOGPROB < logprob < 1:  # a server may write anything; some round to a little over 0
            continue
        fitting = _fitting(begun, choices) or _fitting(begun.lower(), [choice.lower() for choice in choices])
        if len(fitting) > 1 and math.exp(logprob) > ENOUGH:
            return None
        if len(fitting) == 1:
            weights[fitting[0]] += math.exp(logprob)
    total = sum(weights)
    return tuple(weight / total for weight in weights) if total >= ENOUGH else None


def _fitting(begun: str, choices: Sequence[str]) -> list[int]:
    return [index for index, choice in enumerate(choices) if _begins(begun, choice)]


def _begins(begun: str, choice: str) -> bool:
    return choice.startswith(begun) or (begun.startswith(choice) and not begun[len(choice) :][:1].isalnum())


def choice_prompt(prompt: Prompt, choices: Sequence[str]) -> Prompt:
    """Return the prompt with a form of reply that names one of the choices."""
    schema = {
        "type": "object",
        "properties": {"choice": {"enum": list(choices)}},
        "required": ["choice"],
        "additionalProperties": False,
    }
    return replace(prompt, schema=schema, max_tokens=CHOICE_TOKENS, temperature=0.0)


def read_choice(text: str, choices: Sequence[str]) -> tuple[float, ...]:
    """Return 1 for the choice that a reply names, and the same for all where it names none."""
    try:
        named = json.loads(text)["choice"]
    except (ValueError, KeyError, TypeError, RecursionError):
        named = next((choice for choice in choices if choice.lower() in text.lower()), None)
    if named not in choices:
        return tuple(1 / len(choices) for _ in choices)
    return tuple(1.0 if choice == named else 0.0 for choice in choices)
