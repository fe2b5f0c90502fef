"""What runs and how well, and what the doctor looks at.

Owns `Status` and the findings. Must not change anything but what a repair is for. Loop.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from openclaw_desktop import __version__
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, without_controls
from openclaw_desktop.inference.client import ModelClient
from openclaw_desktop.inference.endpoints.desk import EndpointModel
from openclaw_desktop.inference.router import ModelRouter
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.service.backups import BackupDesk
from openclaw_desktop.service.file_key_desk import FileKeyDesk
from openclaw_desktop.service.growth import Growth
from openclaw_desktop.service.mcp_desk import McpDesk
from openclaw_desktop.service.mcp_views import McpStatus
from openclaw_desktop.service.models import ModelShelf
from openclaw_desktop.service.status_views import (
    Finding,
    HealthStatus,
    MemoryStatus,
    ModelStatus,
    PowerStatus,
    SandboxStatus,
    SchedulerStatus,
    Status,
)
from openclaw_desktop.service.usage import UsageDesk
from openclaw_desktop.service.wall_views import InboxStatus
from openclaw_desktop.storage.database import Database, advice_for_damage
from openclaw_desktop.storage.housekeeping import Housekeeping
from openclaw_desktop.storage.recovery import files_aside, read_through
from openclaw_desktop.system.battery import read_power
from openclaw_desktop.system.paths import Home, prepare
from openclaw_desktop.system.processes import process_cpu_s, process_sizes
from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.sandbox.proof import Proof
from openclaw_desktop.workers.tool_host import ToolHost


class LastError(logging.Handler):
    """Keeps the last error that the program logged, for `status`."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.text: str | None = None

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
    idle_s: Callable[[], float | None] = lambda: None
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
        pids = {"agent": os.getpid()}
        pids |= {"tools": self.tool_host.pid} if self.tool_host.pid else {}
        pids |= {"inference": self.client.pid} if self.client.pid else {}
        uptime_s = time.monotonic() - self.started_s
        proof, power, chosen = await self.prove(), read_power(), self.client.chosen
        following = self.housekeeping.next_job() if self.mode else None
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
            power=PowerStatus(power.source, power.battery_percent, self.idle_s()),
            health=HealthStatus(
                process_sizes(pids),
                round(100 * sum(process_cpu_s(pids).values()) / max(uptime_s, 1.0), 2),
                self.errors.text,
            ),
            scheduler=SchedulerStatus(
                following[0] if following else None, following[1].isoformat(timespec="seconds") if following else None
            ),
            sandbox=SandboxStatus(proof.level, proof.layers, proof.reason),
            hotkey=self.hotkey,
            ledger=await self.usage.today() if self.usage else None,
            caches=self.usage.caches() if self.usage else {},
            inbox=InboxStatus(await self.inbox_pending() if self.inbox_pending else 0),
            mcp=self.mcp.status() if self.mcp else McpStatus(),
        )

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

    async def check(self, repair: bool) -> tuple[Finding, ...]:
        """Return what is well and what is not; with `repair`, folder modes are put right first."""
        if repair:
            prepare(self.home)
        return (
            Finding("home", "ok", tr("The folders at {home} can be used.", home=self.home.root or self.home.data)),
            *self.growth.findings(),
            await self._check_database(),
            *([self.backups.check()] if self.backups else []),
            *self._check_encryption(),
            await self._check_models(),
            await self._check_sandbox(),
            self._check_hotkey(),
            *filter(None, [self.memory_ends()]),
            *(await self.mcp.findings() if self.mcp else ()),
        )

    async def _check_database(self) -> Finding:
        path = self.database.path
        try:
            verdict = await self.database.beside(lambda connection: read_through(connection, "integrity_check"))
        except UserError as error:
            return Finding("database", "error", error.failure.sentence, error.failure.advice)
        if verdict != ["ok"]:
            self.database.note_damage()
            return Finding(
                "database",
                "error",
                tr("A part of {path} is damaged ({reason}).", path=path, reason=verdict[0]),
                advice_for_damage(),
            )
        if aside := files_aside(path):
            return Finding(
                "database",
                "ok",
                tr("{path} is whole; a damaged one from before is kept as {kept}.", path=path, kept=aside[-1].name),
                tr("Once nothing is missing, openclaw-agent backup discard deletes that."),
            )
        return Finding("database", "ok", tr("{path} is whole.", path=path))

    def _check_encryption(self) -> tuple[Finding, ...]:
        if self.file_key is None:
            return ()
        view = self.file_key.view()
        # Not to encrypt is a choice; to have no recovery code is a loss that waits to happen.
        well = (view.recovery_code and view.code_kept) if view.encrypted else view.chosen
        return (Finding("key", "ok" if well else "warning", view.reason),)

    async def _check_models(self) -> Finding:
        found = await self.models.refresh()
        if self.router is not None and (answering := self.router.endpoint_model) is not None:
            return await self._check_endpoint(self.router, answering)
        problems = [file.problem for file in found if file.problem]
        in_use = self.models.in_use
        wanted = self.models.selection.wanted
        if wanted is not None and wanted != in_use:
            return Finding(
                "model",
                "warning",
                tr(
                    "The settings ask for the model {wanted}, but {model} answers.",
                    wanted=wanted,
                    model=in_use or "none",
                ),
                tr("Fetch it, or choose another: openclaw-agent model use {model}", model=in_use or "smollm2-135m"),
            )
        if problems:
            damaged = next(file.model.id for file in found if file.problem)
            return Finding(
                "model",
                "error",
                " ".join(problems),
                tr("Fetch it again: openclaw-agent model pull {model}", model=damaged),
            )
        if in_use is None:
            return Finding(
                "model",
                "error",
                tr("There is no model on this machine yet."),
                tr("Fetch one: openclaw-agent model pull smollm2-135m"),
            )
        return Finding("model", "ok", tr("{model} answers.", model=in_use))

    async def _check_endpoint(self, router: ModelRouter, model: EndpointModel) -> Finding:
        try:
            await router.check()
        except UserError as error:
            return Finding("model", "error", error.failure.sentence, error.failure.advice)
        if model.leaves_machine:
            return Finding("model", "ok", tr("{model} answers; what it reads leaves this machine.", model=model.id))
        return Finding("model", "ok", tr("{model} answers.", model=model.id))

    async def _check_sandbox(self) -> Finding:
        proof = await self.prove()
        if proof.level == 3:
            return Finding(
                "sandbox", "ok", tr("Tools run in a jail of level 3 ({layers}).", layers=", ".join(proof.layers))
            )
        return Finding(
            "sandbox",
            "warning" if proof.level else "error",
            tr("Tools run in a jail of level {level} only: {reason}.", level=proof.level, reason=proof.reason),
            tr("A newer Linux kernel with Landlock closes this.")
            if sys.platform == "linux" and proof.layers
            else tr("To see what holds: openclaw-agent sandbox check"),
        )

    def _check_hotkey(self) -> Finding:
        if self.mode != "tray":
            return Finding("hotkey", "ok", tr("The hotkey belongs to the tray program, which does not run here."))
        return Finding("hotkey", "ok" if self.hotkey_works else "warning", self.hotkey)
