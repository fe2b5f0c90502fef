"""What a turn works with and what is known of it while it runs.

Owns the values and protocols of `agent.session`: its parts, the message that it answers, and the course of that. Must
not know how a turn goes. No behaviour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from openclaw_desktop.agent import compaction, context, plain_requests
from openclaw_desktop.agent.repair import FindTimes
from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import Answer, CallOutcome, Message, Receipt, ToolSpec, Usage
from openclaw_desktop.core.protocols import (
    Ask,
    Complete,
    Embed,
    Execute,
    Lane,
    Memory,
    ModelCard,
    PermitPlan,
    PlainForm,
    Recall,
    Weigh,
)

Join = Callable[[Iterable[Label]], Label]
ParsePlain = Callable[[str], plain_requests.PlainRequest | None]


class Stores(Protocol):
    """What a turn reads and writes of its session."""

    async def past_turns(self, session_id: str) -> tuple[context.PastTurn, ...]:
        """Return the finished turns, oldest first."""
        ...

    async def extracts(self, session_id: str) -> tuple[compaction.Extract, ...]:
        """Return what is left of the turns that were folded, oldest first; they are no longer among the finished."""
        ...

    async def fold(
        self, session_id: str, extracts: Sequence[compaction.Extract], lightened: Sequence[str] = ()
    ) -> None:
        """Store what is left of folded turns, and that the questions of `lightened` turns stand alone from now on."""
        ...

    def erasures(self) -> int:
        """Return how often something was erased since the start."""
        ...

    async def keep_question(self, session_id: str, turn_id: str, text: str, label: Label = USER) -> None:
        """Store the message before anything else happens. `label`: of its words, where the user did not type them."""
        ...

    async def keep_unanswered(self, turn_id: str) -> None:
        """Remember what the user told in a turn that failed or was stopped before it had an answer."""
        ...

    async def keep_answer(self, session_id: str, answer: Answer, asked: Message | None, erasures: int) -> None:
        """Store the answer, its receipts, what its tools returned, and what the user told with the question.

        `asked`: the question as the model read it, to be repeated to the letter; None where none did. `erasures`, as
        they were when the turn began: what was read for it may hold what was erased since.
        """
        ...


class Models(Protocol):
    """Which model answers, and which larger one could."""

    def current(self) -> ModelCard | None:
        """Return the model in use."""
        ...

    def larger(self) -> ModelCard | None:
        """Return the model to offer where the one in use cannot call tools."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a session agent works with. `tools`, `plain_forms`: what is on offer by now, and what calls it.

    `permit_plan`: asks one question about several calls; None where each is asked about by itself. `favourites`: the
    names of tools in the order in which they earn a place in every prompt.
    """

    complete: Complete
    weigh: Weigh | None
    embed: Embed | None
    execute: Execute
    recall: Recall
    stores: Stores
    models: Models
    join: Join
    tools: Callable[[], tuple[ToolSpec, ...]]
    find_times: FindTimes
    clock: Clock
    parse_plain: ParsePlain = plain_requests.parse_plain
    plain_forms: Callable[[], Iterable[PlainForm]] = tuple
    permit_plan: PermitPlan | None = None
    favourites: tuple[str, ...] = context.USEFUL


@dataclass(frozen=True, slots=True)
class After:
    """That a turn goes on once all that it had parked was answered.

    `told_turns`: the turns of the chat that tell what became of each call. `shown`: what the chat shows in the place of
    the user's words. `withheld`: the tools that were answered no.
    """

    told_turns: tuple[str, ...]
    shown: str
    withheld: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Task:
    """One message of the user. `ask` is None when nobody is there to answer questions.

    `call`: the one call that is asked for by name, and nothing else; no model takes part in it. `after`: where `text`
    was asked before, and is gone on with. `label`: of `text`; all that is done for it is judged by no better one.
    `lane`, `job`: at whose cost the model works, and for what its tokens are counted.
    """

    turn_id: str
    session_id: str
    text: str
    ask: Ask | None
    tools: bool = True
    incognito: bool = False
    folder: str | None = None
    files: tuple[str, ...] = ()
    call: plain_requests.ToolRequest | None = None
    after: After | None = None
    label: Label = USER
    lane: Lane = "chat"
    job: str = ""


@dataclass(slots=True)
class Course:
    """What is known of a turn while it runs.

    `said`: the user's words that its calls come of, behind those of the turn before where that one asked back. `told`:
    all that the model had read of this chat.
    """

    model: str | None
    started_s: float
    said: str
    label: Label = USER
    text: str = ""
    calls: list[CallOutcome] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    memories: tuple[Memory, ...] = ()
    usage: Usage = Usage()
    first_token_s: float | None = None
    offered: str | None = None
    asked: Message | None = None
    told: str = ""
    erasures: int = 0
    keeping: asyncio.Future[None] | None = None
