"""What jobs look at without a model: calendar, to-dos, mail. Each look is a call of a tool, through its walls.

Owns when nothing is looked at: what isn't set up is passed over in silence, and what may not be read without a question
is said to be so, rather than asked about at every run. Must not know what comes of it. Loop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import SYSTEM, Label
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.core.text import tr
from openclaw_desktop.security.gate import fits
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.security.labels import join
from openclaw_desktop.service.accounts.views import AccountView
from openclaw_desktop.tools.execution import Executor

# The kinds of accounts that there are.
Kind = Literal["mail", "calendar"]
# Results are read by code, not put into a prompt.
RESULT_TOKENS = 4000


@dataclass(frozen=True, slots=True)
class Look:
    """What was found: items as JSON, the label of them all, and what could not be looked at, a sentence each.

    `lacks`: a sentence where there is no such account to look at, else "".
    """

    items: tuple[Mapping[str, Any], ...] = ()
    label: Label = SYSTEM
    notes: tuple[str, ...] = ()
    lacks: str = ""


class Accounts(Protocol):
    """Knows which accounts there are."""

    def list(self) -> tuple[AccountView, ...]:
        """Return them."""
        ...


class Looks:
    """Looks at the user's things. `pending`: how many calls wait for an answer."""

    def __init__(
        self, executor: Executor, grants: GrantStore, accounts: Accounts, pending: Callable[[], Awaitable[int]]
    ) -> None:
        self._executor = executor
        self._grants = grants
        self._accounts = accounts
        self.pending = pending

    async def todos(self, turn_id: str) -> Look:
        """Return what is still to do: `text`, `due_at`, `overdue`."""
        return await self._look("todos", {"action": "list"}, turn_id, lambda data: data)

    async def events(self, turn_id: str, first_day: str, days: int) -> Look:
        """Return the events of `days` days from `first_day` (ISO) on: `title`, `start`, `end`, `all_day`, `place`."""
        looks = [
            await self._look(
                "calendar", {"date": first_day, "days": days, "calendar": name}, turn_id, lambda data: data["events"]
            )
            for name in self._names("calendar")
        ]
        merged = self._merge("calendar", looks)
        events = sorted(merged.items, key=lambda event: str(event["start"]))
        return replace(merged, items=tuple(event for event in events if not event["cancelled"]))

    async def unread(self, turn_id: str) -> Look:
        """Return the unread mails, newest first: `id`, `from`, `from_name`, `subject`, `category`."""
        looks = [
            await self._look("find_mail", {"account": name, "unread": True, "count": 50}, turn_id, lambda data: data)
            for name in self._names("mail")
        ]
        return self._merge("mail", looks)

    def lacks(self, kind: Kind) -> str:
        """Return a sentence where there is no account of that kind; "" where there is one."""
        if self._names(kind):
            return ""
        if kind == "mail":
            return tr("There is no mail account to look at. Add one: openclaw-agent account add --help")
        return tr("There is no calendar to look at. Add one: openclaw-agent account add --help")

    def _names(self, kind: Kind) -> list[str]:
        try:
            return [account.name for account in self._accounts.list() if account.kind == kind]
        except UserError:  # their file is damaged: the doctor says so
            return []

    def _merge(self, kind: Kind, looks: Sequence[Look]) -> Look:
        return Look(
            tuple(item for look in looks for item in look.items),
            join([SYSTEM, *(look.label for look in looks)]),
            tuple(note for look in looks for note in look.notes),
            self.lacks(kind),
        )

    async def _look(
        self,
        name: str,
        arguments: Mapping[str, Any],
        turn_id: str,
        items: Callable[[Any], Sequence[Mapping[str, Any]]],
    ) -> Look:
        tool = self._executor.registry.get(name)
        if tool is None:
            return Look()
        call = ToolCall(new_id("call"), name, arguments)
        scene = CallScene("", turn_id, SYSTEM, result_tokens=RESULT_TOKENS)
        try:
            frozen = await tool.freeze(call, scene)
            capability = tool.spec.capability
            if capability is not None and not fits(frozen, tool.spec, await self._grants.active()):
                return Look(notes=(_not_allowed(capability, arguments),))
            outcome, _ = await self._executor(call, scene, None)
        except UserError as error:
            return Look(notes=(error.failure.sentence,))
        if outcome.status != "done":
            return Look(notes=(outcome.error or tr("That was not done."),))
        return Look(tuple(items(outcome.data)), outcome.label)


def _not_allowed(capability: str, arguments: Mapping[str, Any]) -> str:
    name = arguments.get("account") or arguments.get("calendar") or "…"
    return tr("{name} is not read without your leave: openclaw-agent grant add {capability} {name}",
              name=name, capability=capability)  # fmt: skip
