"""What runs and how well.

Owns `Status`. Must not change anything. Loop.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Literal

from openclaw_desktop import __version__
from openclaw_desktop.core.text import without_controls
from openclaw_desktop.inference.client import ModelClient
from openclaw_desktop.inference.router import ModelRouter
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.service.jobs.desk import JobsDesk
from openclaw_desktop.service.jobs.views import JobsStatus
from openclaw_desktop.service.machine.care import MachineCare
from openclaw_desktop.service.mcp.desk import McpDesk
from openclaw_desktop.service.mcp.views import McpStatus
from openclaw_desktop.service.memory.backups import BackupDesk
from openclaw_desktop.service.memory.file_key import FileKeyDesk
from openclaw_desktop.service.memory.growth import Growth
from openclaw_desktop.service.models.desk import ModelShelf
from openclaw_desktop.service.models.usage import UsageDesk
from openclaw_desktop.service.notices.desk import NoticeDesk
from openclaw_desktop.service.notices.views import NotificationsStatus
from openclaw_desktop.service.status_views import (
    Finding,
    MemoryStatus,
    ModelStatus,
    SandboxStatus,
    SchedulerStatus,
    Status,
)
from openclaw_desktop.service.walls.views import InboxStatus
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.housekeeping import Housekeeping
from openclaw_desktop.system.paths import Home
from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.sandbox.proof import Proof
from openclaw_desktop.workers.tool_host import ToolHost


class LastError(logging.Handler):
    """Keeps the last error that the program logged, for `status`."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.text: str | None = None

    def listen(self, stack: AsyncExitStack) -> None:
        """Hear of what the program logs until `stack` ends."""
        program = logging.getLogger("openclaw_desktop")
        program.addHandler(self)
        stack.callback(program.removeHandler, self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line of it."""
        lines = without_controls(record.getMessage()).splitlines()
        self.text = lines[0] if lines else record.name


@dataclass(slots=True)
class HealthDesk:
    """Looks at the parts of a running agent. `mode` is None in a command that runs by itself."""

    home: Home
    mode: Literal["tray", "serve"] | None
    database: Database
    memories: MemoryStore
    client: ModelClient
    models: ModelShelf
    tool_host: ToolHost
    housekeeping: Housekeeping
    growth: Growth
    machine: MachineCare
    hotkey: str = ""
    hotkey_works: bool = True
    router: ModelRouter | None = None
    vectors_leave_machine: bool = False
    usage: UsageDesk | None = None
    file_key: FileKeyDesk | None = None
    backups: BackupDesk | None = None
    memory_ends: Callable[[], Finding | None] = lambda: None
    inbox_pending: Callable[[], Awaitable[int]] | None = None
    when_proved: Callable[[str], None] = lambda level: None
    mcp: McpDesk | None = None
    notices: NoticeDesk | None = None
    jobs: JobsDesk | None = None
    errors: LastError = field(default_factory=LastError)
    started_s: float = field(default_factory=time.monotonic)
    _proof: Proof | None = None

    async def prove(self) -> Proof:
        """Return what the jail's self-test showed, run once."""
        if self._proof is None:
            try:
                self._proof = await self.tool_host.prove()
                self.when_proved(f"L{self._proof.level}")
            except CallFailed as failure:
                return Proof(0, (), failure.message, ())
        return self._proof

    async def status(self) -> Status:
        """Return the whole status."""
        await self.models.ready()
        uptime_s = time.monotonic() - self.started_s
        proof, chosen = await self.prove(), self.client.chosen
        return Status(
            version=__version__,
            pid=os.getpid() if self.mode else None,
            uptime_s=round(uptime_s, 1) if self.mode else None,
            mode=self.mode,
            home=str(self.home.root or self.home.data),
            model=self._endpoint_status()
            or ModelStatus(
                chosen.id if chosen else None,
                self.client.state,
                str(chosen.path) if chosen else None,
                self.client.context_tokens,
                self.client.tokens_per_s,
                self.client.ladder,
                self.client.deaths,
            ),
            memory=MemoryStatus(
                await self.memories.count_by_tier(),
                self.database.path.stat().st_size,
                self.database.encrypted,
                self.vectors_leave_machine,
                self.file_key.view().key if self.file_key else "none",
                self.file_key.view().reason if self.file_key else "",
                self.growth.warning(),
            ),
            power=self.machine.power_status(),
            health=self.machine.health_status(self.errors.text),
            scheduler=await self._scheduler(),
            sandbox=SandboxStatus(proof.level, proof.layers, proof.reason),
            hotkey=self.hotkey,
            ledger=await self.usage.today() if self.usage else None,
            caches=self.usage.caches() if self.usage else {},
            inbox=InboxStatus(await self.inbox_pending() if self.inbox_pending else 0),
            mcp=self.mcp.status() if self.mcp else McpStatus(),
            notifications=await self.notices.status() if self.notices else NotificationsStatus(),
        )

    async def _scheduler(self) -> SchedulerStatus:
        jobs = await self.jobs.status() if self.jobs is not None else JobsStatus()
        kept = self.housekeeping.next_job() if self.mode and not jobs.next_job else None
        return SchedulerStatus(
            jobs.next_job or (kept[0] if kept else None),
            jobs.next_run or (kept[1].isoformat(timespec="seconds") if kept else None),
            jobs.missed, jobs.unknown, jobs.running, jobs.waiting, jobs.waits, jobs.heartbeat,
        )  # fmt: skip

    def _endpoint_status(self) -> ModelStatus | None:
        """Return what is known of the endpoint's model that answers; None where the built-in one does."""
        answering, card = (self.router.endpoint_model, self.models.selection.current()) if self.router else (None, None)
        if self.router is None or answering is None or card is None:
            return None
        return ModelStatus(
            answering.id,
            self.router.state,
            None,
            card.context_tokens,
            self.router.tokens_per_s,
            endpoint=answering.endpoint.address.url,
            leaves_machine=answering.leaves_machine,
        )
