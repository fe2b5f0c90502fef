"""Why the model does not answer, as sentences with what to do next.

Owns the errors of the model client that a person reads; those of its worker's deaths are `ladder`'s. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr


def no_model(problem: str) -> UserError:
    """Return the error for when there is nothing to ask; `problem` says what is wrong with the files, or ""."""
    return UserError(
        "no_model",
        problem or tr("There is no model on this machine yet."),
        tr("Fetch one: openclaw-agent model pull smollm2-135m (98 MB), or qwen2.5-coder-1.5b (1.1 GB)."),
    )


def model_changed() -> UserError:
    """Return the error for a prompt that was made for a model which no longer answers."""
    return UserError("model_changed", tr("Another model was chosen while this question waited."), tr("Ask again."))


def preempted() -> UserError:
    """Return the error for background work that gave way to the chat."""
    return UserError("preempted", tr("The model was needed for the chat."), tr("This is done again later."))


def explain_error(error: Mapping[str, Any], why: str) -> UserError:
    """Return the worker's error as a sentence; `why` says why a larger context was not to be had, or ""."""
    if error["code"] == "too_long":
        sentence = tr(
            "This chat is too long for the model: {tokens} tokens, and it reads {limit}.",
            tokens=error["tokens"],
            limit=error["limit"],
        )
        return UserError("too_long", f"{sentence} {why}".strip(), tr("Begin a new chat, or ask something shorter."))
    return UserError(
        error["code"], tr("The model could not answer: {reason}.", reason=error["message"]), tr("Try again.")
    )


def no_room(model: str, context_tokens: int) -> UserError:
    """Return the error for a model that loads, but not with so large a context."""
    return UserError(
        "no_memory",
        tr("There is too little free memory for {model} to read {tokens} tokens.", model=model, tokens=context_tokens),
        tr("Close other programs, set model.context_tokens lower, or use a smaller model: openclaw-agent model use."),
    )


def unreadable(path: Path, model: str) -> UserError:
    """Return the error for a file that the worker could not load."""
    return UserError(
        "model_unreadable",
        tr("{path} could not be loaded as a model.", path=path),
        tr("Fetch it again: openclaw-agent model pull {model}.", model=model),
    )
