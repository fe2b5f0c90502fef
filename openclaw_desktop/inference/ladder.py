"""What to try when the model's worker died: the next step down, and the sentence that says so.

Owns the order: again, without extra buffers, a smaller context, a smaller model, none. Must not know the worker. Pure.
Crashes and want of memory take the same steps: extra buffers are what crashes on some processors (AMX), and what costs
memory everywhere. A step holds until the user chooses a model again or the agent restarts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.fit import LEAST_CONTEXT_TOKENS

SIGKILL = 9

Cause = Literal["crash", "memory"]
Step = Literal["again", "no_buffers", "smaller_context", "smaller_model"]


@dataclass(frozen=True, slots=True)
class Footing:
    """Where on the ladder a model stands. `deaths_in_row`: since its last whole answer; `deaths`: since the start.

    `shrunk_from`: the context before it was made smaller; 0: it was not. `left`: the models
    that were given up for a smaller one.
    """

    extra_buffers: bool = True
    shrunk_from: int = 0
    deaths_in_row: int = 0
    deaths: int = 0
    left: tuple[str, ...] = ()


def cause_of(signal_number: int | None) -> Cause:
    """Return what a death says: the system kills with SIGKILL where memory ran out, all else is a crash."""
    return "memory" if signal_number == SIGKILL else "crash"


def next_step(footing: Footing, extra_buffers: bool, context_tokens: int) -> Step:
    """Return what to try after a death that `footing` counts already; where no smaller model is here, nothing is left.

    `extra_buffers` and `context_tokens` are what the dead worker ran with.
    """
    if footing.deaths_in_row <= 1:
        return "again"
    if extra_buffers:
        return "no_buffers"
    if not footing.shrunk_from and context_tokens // 2 >= LEAST_CONTEXT_TOKENS:
        return "smaller_context"
    return "smaller_model"


def count_death(footing: Footing) -> Footing:
    """Return the footing with one more death."""
    return replace(footing, deaths_in_row=footing.deaths_in_row + 1, deaths=footing.deaths + 1)


def take_step(footing: Footing, step: Step, context_tokens: int, model: str) -> Footing:
    """Return the footing after a step down from a context of so many tokens and from `model`."""
    match step:
        case "no_buffers":
            return replace(footing, extra_buffers=False)
        case "smaller_context":
            return replace(footing, shrunk_from=context_tokens)
        case "smaller_model":
            return replace(footing, shrunk_from=0, left=(*footing.left, model))
        case "again":
            return footing


def explain_step(step: Step, cause: Cause, context_tokens: int, model: str) -> str:
    """Return the sentence for the user; `context_tokens`: before the step, `model`: after it."""
    why = (
        tr("The system ended the model, most likely because memory ran out.")
        if cause == "memory"
        else tr("The model crashed.")
    )
    match step:
        case "no_buffers":
            return why + " " + tr("It starts again without extra buffers, which is slower but safer.")
        case "smaller_context":
            return (
                why
                + " "
                + tr(
                    "It starts again with less memory: it reads {less} tokens of a chat instead of {more}.",
                    less=context_tokens // 2,
                    more=context_tokens,
                )
            )
        case "smaller_model":
            return why + " " + tr("From now on the smaller model {model} answers.", model=model)
        case _:
            return why + " " + tr("Starting it again and asking once more.")


def describe(footing: Footing, context_tokens: int) -> str:
    """Return for the status how the model runs with less than it was meant to; "" where it lacks nothing."""
    less = []
    if footing.left:
        less.append(tr("in place of {model}", model=footing.left[0]))
    if not footing.extra_buffers:
        less.append(tr("without extra buffers"))
    if footing.shrunk_from:
        less.append(tr("reading {less} tokens instead of {more}", less=context_tokens, more=footing.shrunk_from))
    if not less:
        return ""
    return tr(
        "After the model ended {count} times it runs {how}. To try in full again: openclaw-agent model use.",
        count=footing.deaths,
        how=", ".join(less),
    )


def give_up(cause: Cause, deaths: int) -> UserError:
    """Return the error for when nothing is left to try."""
    if cause == "memory":
        return UserError(
            "model_killed",
            tr("The model was ended by the system {count} times, most likely because memory ran out.", count=deaths),
            tr("Close other programs, or use a smaller model: openclaw-agent model use smollm2-135m."),
        )
    return UserError(
        "model_crashed",
        tr("The model crashed {count} times in a row.", count=deaths),
        tr("Try again, or use another model: openclaw-agent model use. openclaw-agent doctor looks for the reason."),
    )


def smaller_cannot(model: str) -> UserError:
    """Return the error for a question that was put in a form which the smaller model does not know."""
    return UserError(
        "model_changed",
        tr("The model kept ending, so the smaller model {model} answers from now on.", model=model),
        tr("Ask again. To try the other one once more: openclaw-agent model use."),
    )
