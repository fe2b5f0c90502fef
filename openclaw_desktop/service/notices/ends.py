"""Both ends of the commands about notices: in the agent's process, and over its socket.

Owns the way of each command to where it is done. Must not know how. Loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from openclaw_desktop.core.notices import Priority
from openclaw_desktop.service.notices.views import NoticeView, NotificationsStatus, TopicView, Wish

if TYPE_CHECKING:
    from openclaw_desktop.service.notices.desk import NoticeDesk

T = TypeVar("T")

NOTICE_COMMANDS = (
    "list_notices", "send_notice", "open_notice", "dismiss_notices", "snooze_notice", "see_notices", "weigh_topic",
    "list_topics", "notices_status", "quiet_notices",
)  # fmt: skip


class LocalNotices(ABC):
    """`NoticeCommands` of the agent's own process."""

    @property
    @abstractmethod
    def notice_desk(self) -> NoticeDesk:
        """Who does them."""

    async def list_notices(self, everything: bool = False) -> tuple[NoticeView, ...]:
        """List the notices."""
        return await self.notice_desk.list(everything)

    async def send_notice(
        self, title: str, body: str = "", priority: Priority = "normal", topic: str = "by-hand"
    ) -> str:
        """Tell the user something."""
        return await self.notice_desk.send(title, body, priority, topic)

    async def open_notice(self, notice_id: str) -> NoticeView:
        """Follow one."""
        return await self.notice_desk.open(notice_id)

    async def dismiss_notices(self, ids: tuple[str, ...]) -> None:
        """Put some away."""
        await self.notice_desk.dismiss(ids)

    async def snooze_notice(self, notice_id: str, seconds: float) -> NoticeView:
        """Have one come again."""
        return await self.notice_desk.snooze(notice_id, seconds)

    async def see_notices(self, ids: tuple[str, ...]) -> None:
        """Note that these were seen."""
        await self.notice_desk.see(ids)

    async def weigh_topic(self, topic: str, wish: Wish) -> TopicView:
        """Have less or more of a kind."""
        return await self.notice_desk.weigh(topic, wish)

    async def list_topics(self) -> tuple[TopicView, ...]:
        """List what is learnt."""
        return await self.notice_desk.topics()

    async def notices_status(self) -> NotificationsStatus:
        """Return how many wait."""
        return await self.notice_desk.status()

    async def quiet_notices(self, seconds: float | None) -> NotificationsStatus:
        """Be quiet for a while."""
        return await self.notice_desk.quiet(seconds)


class _Calls(Protocol):
    async def _call(self, method: str, kind: type[T], **params: Any) -> T: ...


class RemoteNotices:
    """`NoticeCommands` at the other end of a socket."""

    async def list_notices(self: _Calls, everything: bool = False) -> tuple[NoticeView, ...]:
        """List the notices."""
        return await self._call("list_notices", tuple[NoticeView, ...], everything=everything)

    async def send_notice(
        self: _Calls, title: str, body: str = "", priority: Priority = "normal", topic: str = "by-hand"
    ) -> str:
        """Tell the user something."""
        return await self._call("send_notice", str, title=title, body=body, priority=priority, topic=topic)

    async def open_notice(self: _Calls, notice_id: str) -> NoticeView:
        """Follow one."""
        return await self._call("open_notice", NoticeView, notice_id=notice_id)

    async def dismiss_notices(self: _Calls, ids: tuple[str, ...]) -> None:
        """Put some away."""
        await self._call("dismiss_notices", type(None), ids=list(ids))

    async def snooze_notice(self: _Calls, notice_id: str, seconds: float) -> NoticeView:
        """Have one come again."""
        return await self._call("snooze_notice", NoticeView, notice_id=notice_id, seconds=seconds)

    async def see_notices(self: _Calls, ids: tuple[str, ...]) -> None:
        """Note that these were seen."""
        await self._call("see_notices", type(None), ids=list(ids))

    async def weigh_topic(self: _Calls, topic: str, wish: Wish) -> TopicView:
        """Have less or more of a kind."""
        return await self._call("weigh_topic", TopicView, topic=topic, wish=wish)

    async def list_topics(self: _Calls) -> tuple[TopicView, ...]:
        """List what is learnt."""
        return await self._call("list_topics", tuple[TopicView, ...])

    async def notices_status(self: _Calls) -> NotificationsStatus:
        """Return how many wait."""
        return await self._call("notices_status", NotificationsStatus)

    async def quiet_notices(self: _Calls, seconds: float | None) -> NotificationsStatus:
        """Be quiet for a while."""
        return await self._call("quiet_notices", NotificationsStatus, seconds=seconds)
