"""What the agent has to tell, and the way to tell it.

Owns the type of a notice and the protocol. Must not know how or when it reaches the user. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from openclaw_desktop.core.labels import Label

# "critical" passes whatever is held back; "silent" is kept and never shown by itself.
Priority = Literal["critical", "high", "normal", "low", "silent"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell. `topic`: what kind of thing ("mail", "job:ID"), by which notices are batched and learnt of.

    `why`: why it is told, a sentence for people. `key`: a later notice of the same key takes its place; "" for none.
    `label`: of all that `title` and `body` are made of. `open_text`: what the button says that leads where the notice
    does, "" for "Open". `session_id`: the chat that it leads to, if any.
    """

    topic: str
    title: str
    body: str
    label: Label
    priority: Priority = "normal"
    why: str = ""
    key: str = ""
    open_text: str = ""
    session_id: str | None = None


class Notify(Protocol):
    """Tell the user something."""

    async def __call__(self, notice: Notice) -> str:
        """Keep `notice` and return its id after the commit; when and how it is shown is decided after that."""
        ...
