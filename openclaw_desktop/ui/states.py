"""Words and icons for what the model is doing, and for what waits for the user.

Owns the mapping from a state to a word and to a tray icon. Must not know any widget. Imported before the tray
icon shows, so it imports next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from openclaw_desktop.core.text import tr

if TYPE_CHECKING:
    from openclaw_desktop.core.events import ModelState

Mood = Literal["idle", "busy", "error"]


def mood_of(state: ModelState) -> Mood:
    """Return which of the three icons stands for `state`."""
    if state == "failed":
        return "error"
    return "busy" if state in ("loading", "busy") else "idle"


def describe_state(state: ModelState) -> str:
    """Return `state` as a word for people."""
    match state:
        case "unloaded":
            return tr("asleep")
        case "loading":
            return tr("loading")
        case "ready":
            return tr("ready")
        case "busy":
            return tr("answering")
        case "failed":
            return tr("not working")


def describe_model(model: str | None, state: ModelState, leaves_machine: bool = False) -> str:
    """Return the model in use and what it is doing, in a few words, and whether what it reads leaves this machine."""
    if model is None:
        return tr("no model")
    if leaves_machine:
        # First: a line that is too long loses its end.
        return tr("Leaves this machine: {model}, {state}", model=model, state=describe_state(state))
    return tr("{model}, {state}", model=model, state=describe_state(state))


def describe_pending(pending: int) -> str:
    """Return how many entries of the inbox wait for the user, as a sentence."""
    if not pending:
        return tr("Nothing waits for your answer")
    if pending == 1:
        return tr("One task waits for your answer")
    return tr("{count} tasks wait for your answer", count=pending)


def describe_unseen(unseen: int) -> str:
    """Return how many notices the user has not seen, as a sentence."""
    if unseen == 1:
        return tr("One notice that you have not seen")
    return tr("{count} notices that you have not seen", count=unseen)
