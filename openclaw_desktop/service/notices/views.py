"""What front ends see of notices: each with how it stands and why it came, and what is learnt of each kind.

Owns the values and the commands. Must not know how they are done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from openclaw_desktop.core.notices import Priority

NoticeState = Literal["waiting", "held", "shown", "digested", "opened", "dismissed", "snoozed", "expired"]
# "less" and "more" move a kind of notices by one class; "forget" takes back that, and what was learnt.
Wish = Literal["less", "more", "forget"]


@dataclass(frozen=True, slots=True)
class NoticeView:
    """One notice. `title`, `body`: hidden characters are visible. `state_text`, `why`: sentences.

    `untrusted`: it holds text that the user did not write, which came from `origins`. `unseen`: nobody looked at it.
    `due_at`: when it is told, or comes again. `wish`: "less" or "more" where the user asked for that of its topic.
    """

    id: str
    topic: str
    title: str
    body: str
    priority: Priority
    why: str
    state: NoticeState
    state_text: str
    created_at: str
    due_at: str | None
    session_id: str | None
    untrusted: bool
    origins: tuple[str, ...]
    unseen: bool
    wish: Literal["", "less", "more"] = ""


@dataclass(frozen=True, slots=True)
class TopicView:
    """What is learnt of a kind of notices. `worth`: 0 to 1, see `notifications/worth.py`; `text`: all in a sentence."""

    topic: str
    opened: int
    dismissed: int
    snoozed: int
    worth: float
    shift: int
    text: str


@dataclass(frozen=True, slots=True)
class NotificationsStatus:
    """`queued`: wait to be told. `quiet_until`: ISO, None where it is not quiet. `unseen`: nobody looked at them.

    `shown_by`: who shows them; "" where nobody does, or none was shown yet.
    """

    queued: int = 0
    quiet_until: str | None = None
    unseen: int = 0
    shown_by: str = ""


class NoticeCommands(Protocol):
    """The commands about notices. What changes how they come is for a person in a window or a real terminal."""

    async def list_notices(self, everything: bool = False) -> tuple[NoticeView, ...]:
        """List what is not over, newest first; `everything`: what is, too."""
        ...

    async def send_notice(
        self, title: str, body: str = "", priority: Priority = "normal", topic: str = "by-hand"
    ) -> str:
        """Tell the user something, and return its id."""
        ...

    async def open_notice(self, notice_id: str) -> NoticeView:
        """Follow a notice: a window shows where it leads."""
        ...

    async def dismiss_notices(self, ids: tuple[str, ...]) -> None:
        """Put notices away; () stands for all."""
        ...

    async def snooze_notice(self, notice_id: str, seconds: float) -> NoticeView:
        """Have a notice come again later."""
        ...

    async def see_notices(self, ids: tuple[str, ...]) -> None:
        """Note that the user saw these; they are in no digest any more."""
        ...

    async def weigh_topic(self, topic: str, wish: Wish) -> TopicView:
        """Have less or more of a kind of notices, or forget what was said and learnt of it."""
        ...

    async def list_topics(self) -> tuple[TopicView, ...]:
        """List what is learnt of each kind."""
        ...

    async def notices_status(self) -> NotificationsStatus:
        """Return how many wait, and how long it is quiet."""
        ...

    async def quiet_notices(self, seconds: float | None) -> NotificationsStatus:
        """Show nothing but what is critical for so long; None: end the quiet, also quiet hours that are now."""
        ...
