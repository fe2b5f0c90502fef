"""Notices, put together: what keeps, decides and shows them, and what of the agent's own doing becomes one.

Owns how these are joined. Must not know how a notice is shown, nor who reads it. Loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass

from openclaw_desktop.core.bus import Bus
from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.events import InboxChanged
from openclaw_desktop.core.labels import SYSTEM
from openclaw_desktop.core.notices import Notice
from openclaw_desktop.core.power import LevelChanged, Woke
from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.core.text import tr
from openclaw_desktop.notifications.notifier import Notifier, Rules
from openclaw_desktop.notifications.quiet import read_quiet_hours, read_time_of_day
from openclaw_desktop.notifications.store import NoticeStore
from openclaw_desktop.service.memory.backups import BackupDesk
from openclaw_desktop.service.memory.growth import Growth
from openclaw_desktop.service.notices.desk import NoticeDesk
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.settings import NotificationSettings
from openclaw_desktop.system.region import find_zone, zone_named
from openclaw_desktop.system.toast import NoToasts, choose_attention, choose_toasts
from openclaw_desktop.system.toast.attention import OpenAttention

log = logging.getLogger(__name__)

INBOX_TOPIC, STORAGE_TOPIC = "inbox", "storage"
LOOK_S = 3600.0
FIRST_LOOK_S = 300.0
# So long after a failure, such as a full disk, it is tried again.
RETRY_S = 60.0


@dataclass(frozen=True, slots=True)
class Noticing:
    """`notify`: tells the user something. `desk`: answers for the notices."""

    notify: Notifier
    desk: NoticeDesk


def make_notices(
    database: Database,
    settings: NotificationSettings,
    bus: Bus,
    clock: Clock,
    environment: Mapping[str, str],
    stack: AsyncExitStack,
    *,
    lasting: bool,
) -> Noticing:
    """Return what tells the user things. Only a `lasting` agent shows any; a command alone keeps them for it.

    Raises UserError where the settings can't be understood. `stack` lets go of the desktop.
    """
    rules = Rules(
        zone_named(settings.zone) if settings.zone else find_zone(),
        read_quiet_hours(settings.quiet_hours),
        settings.per_hour,
        read_time_of_day(settings.digest_at),
    )
    attention = choose_attention(environment) if lasting else OpenAttention()
    notifier = Notifier(NoticeStore(database, clock), attention, rules, clock, bus.publish)
    icon = resource_path("icons", "openclaw-idle-64.png")
    toasts = choose_toasts(environment, notifier.on_toast, icon) if lasting else NoToasts()
    notifier.use(toasts)
    stack.push_async_callback(toasts.close)
    return Noticing(notifier, NoticeDesk(notifier, toasts, clock))


async def tell_of_inbox(notifier: Notifier, bus: Bus, pending: Callable[[], Awaitable[int]]) -> None:
    """Tell what waits for an answer, until cancelled: what waits already in one notice, then each as it parks."""
    async with aclosing(bus.subscribe()) as events:
        # Subscribed with the first step, before it is looked at what waits.
        coming = asyncio.ensure_future(anext(events))
        owed = tr("It was there before the agent started.")
        try:
            while True:
                try:
                    if owed and (count := await pending()):
                        await notifier(_of_waiting(count, owed))
                    owed = ""
                    event = await coming
                    coming = asyncio.ensure_future(anext(events))
                    await _follow(notifier, event)
                except Exception:
                    log.exception("what waits in the inbox could not be told")
                    owed = tr("It could not be told when it came up.")
                    await asyncio.wait({coming}, timeout=RETRY_S)
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def _follow(notifier: Notifier, event: object) -> None:
    match event:
        case InboxChanged(entry_id=entry_id, text=text, state="open") if entry_id:
            await notifier(_of_inbox(text, tr("It came up while nobody was there to ask."), entry_id))
        case InboxChanged(pending=pending, entry_id=entry_id) if entry_id:
            await notifier.withdraw(INBOX_TOPIC, entry_id)
            if not pending:
                await notifier.withdraw(INBOX_TOPIC, "start")
        case Woke() | LevelChanged():
            notifier.wake()


def _of_waiting(count: int, why: str) -> Notice:
    text = tr("One task waits for your answer") if count == 1 else tr("Several tasks wait for your answer")
    return _of_inbox(text, why, "start")


def _of_inbox(text: str, why: str, key: str) -> Notice:
    body = tr("Nothing of it is done until you say so.")
    return Notice(INBOX_TOPIC, text, body, SYSTEM, "high", why, key, tr("Answer"))


def storage_looks(growth: Growth, backups: BackupDesk) -> dict[str, Callable[[], Sequence[Finding]]]:
    """Return what is looked at for the user: the limit that they set, and their copies.

    That the machine itself is short of room is told by who sheds work for it.
    """
    return {
        "room": lambda: [finding for finding in growth.findings() if finding.check == "memory size"],
        "copies": lambda: [backups.check()],
    }


async def tell_of_findings(
    notifier: Notifier, looks: Mapping[str, Callable[[], Sequence[Finding]]], look_s: float = LOOK_S
) -> None:
    """Tell what the user should know of the room and the copies of their memory, once each, until cancelled."""
    await asyncio.sleep(min(FIRST_LOOK_S, look_s))
    told: dict[str, str] = {}
    while True:
        for key, look in looks.items():
            try:
                bad = [finding for finding in look() if finding.level != "ok"]
                await tell_finding(notifier, told, key, bad)
            except Exception as error:
                # The next look may go better, and the others are owed theirs.
                log.warning("%s was not looked at: %r", key, error)
        await asyncio.sleep(look_s)


async def tell_finding(notifier: Notifier, told: dict[str, str], key: str, bad: Sequence[Finding]) -> None:
    """Tell what is bad about `key` where it was not told, and withdraw what is well again."""
    if not bad:
        if told.pop(key, ""):
            await notifier.withdraw(STORAGE_TOPIC, key)
        return
    kind = "/".join(finding.check for finding in bad)
    if told.get(key) == kind:
        return
    body = "\n".join(f"{finding.sentence} {finding.advice}".strip() for finding in bad)
    if any(kept.body == body for kept in await notifier.store.with_key(STORAGE_TOPIC, key)):
        told[key] = kind
        return  # told before the agent was started anew, and nobody has dealt with it
    high = any(finding.level == "error" for finding in bad)
    title = tr("The memory of the agent needs you")
    await notifier(
        Notice(STORAGE_TOPIC, title, body, SYSTEM, "high" if high else "normal", tr("The agent looked after it."), key)
    )
    told[key] = kind
