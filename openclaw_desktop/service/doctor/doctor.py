"""What the doctor looks at in a running agent, in which order, and what it repairs.

Owns the order, and that a check which fails itself is one finding and no end. Must not change anything but what a
repair is for. Loop; what blocks runs in threads.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import Fetch
from openclaw_desktop.core.redaction import kind_of
from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.endpoints.desk import EndpointModel
from openclaw_desktop.inference.router import ModelRouter
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.security.secrets import SecretKeeper
from openclaw_desktop.service.doctor.health import HealthDesk
from openclaw_desktop.service.doctor.home_checks import check_home
from openclaw_desktop.service.doctor.machine_checks import check_machine
from openclaw_desktop.service.doctor.part_checks import PartChecks
from openclaw_desktop.service.lifecycle.launch import LaunchDesk
from openclaw_desktop.service.memory.backups import BackupDesk
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.service.walls.tooling import Walled
from openclaw_desktop.storage.database import advice_for_damage
from openclaw_desktop.storage.recovery import files_aside, read_through
from openclaw_desktop.tools.skills.shelf import Shelf

log = logging.getLogger(__name__)

# Looks at one thing, and with True puts right what is safe to put right.
Check = Callable[[bool], Awaitable[Iterable[Finding]]]


@dataclass(frozen=True, slots=True)
class Doctor:
    """Goes through the checks. `also`: those of other parts, such as the jobs."""

    health: HealthDesk
    parts: PartChecks
    also: tuple[Check, ...] = ()

    async def check(self, repair: bool) -> tuple[Finding, ...]:
        """Return what is well and what is not; with `repair` what can be put right safely is put right."""
        return tuple([finding for check in self._checks() for finding in await _guarded(check, repair)])

    def _checks(self) -> tuple[Check, ...]:
        return (
            self._check_folders,
            self._check_growth,
            self._check_database,
            self.parts.check_log,
            self.parts.check_schema,
            self.parts.check_backups,
            self._check_encryption,
            self.parts.check_secrets,
            self._check_models,
            self.parts.check_model_worker,
            self.parts.check_meaning,
            self._check_sandbox,
            self.parts.check_tools,
            self.parts.check_broker,
            self._check_hotkey,
            self._check_memory_ends,
            self._check_mcp,
            self.parts.check_accounts,
            self.parts.check_skills,
            self.parts.check_grants,
            self.parts.check_audit,
            self.parts.check_inbox,
            self._check_machine,
            self.parts.check_launch,
            *self.also,
        )

    async def _check_folders(self, repair: bool) -> Iterable[Finding]:
        serving = self.health.mode is not None
        return await asyncio.to_thread(lambda: check_home(self.health.home, repair, serving=serving))

    async def _check_growth(self, repair: bool) -> Iterable[Finding]:
        return self.health.growth.findings()

    async def _check_memory_ends(self, repair: bool) -> Iterable[Finding]:
        return filter(None, [self.health.memory_ends()])

    async def _check_mcp(self, repair: bool) -> Iterable[Finding]:
        return await self.health.mcp.findings() if self.health.mcp else ()

    async def _check_machine(self, repair: bool) -> Iterable[Finding]:
        newest = await self.parts.newest()
        tray = self.health.mode == "tray"
        # The watch, and the connection to the screen that it asks, are the loop's.
        idle_s = self.health.machine.watch.reading.idle_s
        return await asyncio.to_thread(lambda: check_machine(idle_s, newest, tray=tray))

    async def _check_database(self, repair: bool) -> Iterable[Finding]:
        return [await self._read_database()]

    async def _read_database(self) -> Finding:
        path = self.health.database.path
        try:
            verdict = await self.health.database.beside(lambda connection: read_through(connection, "integrity_check"))
        except UserError as error:
            return Finding("database", "error", error.failure.sentence, error.failure.advice)
        if verdict != ["ok"]:
            self.health.database.note_damage()
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

    async def _check_encryption(self, repair: bool) -> tuple[Finding, ...]:
        if self.health.file_key is None:
            return ()
        view = self.health.file_key.view()
        # Not to encrypt is a choice; to have no recovery code is a loss that waits to happen.
        well = (view.recovery_code and view.code_kept) if view.encrypted else view.chosen
        return (Finding("key", "ok" if well else "warning", view.reason),)

    async def _check_models(self, repair: bool) -> Iterable[Finding]:
        return [await self._find_models()]

    async def _find_models(self) -> Finding:
        found = await self.health.models.refresh()
        if self.health.router is not None and (answering := self.health.router.endpoint_model) is not None:
            return await self._check_endpoint(self.health.router, answering)
        problems = [file.problem for file in found if file.problem]
        in_use = self.health.models.in_use
        wanted = self.health.models.selection.wanted
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

    async def _check_sandbox(self, repair: bool) -> Iterable[Finding]:
        return [await self._find_level()]

    async def _find_level(self) -> Finding:
        proof = await self.health.prove()
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

    async def _check_hotkey(self, repair: bool) -> Iterable[Finding]:
        return [self._find_hotkey()]

    def _find_hotkey(self) -> Finding:
        if self.health.mode != "tray":
            return Finding("hotkey", "ok", tr("The hotkey belongs to the tray program, which does not run here."))
        return Finding("hotkey", "ok" if self.health.hotkey_works else "warning", self.health.hotkey)


async def _guarded(check: Check, repair: bool) -> tuple[Finding, ...]:
    try:
        return tuple(await check(repair))
    except UserError as error:
        return (Finding(error.failure.code, "error", error.failure.sentence, error.failure.advice),)
    except Exception as error:
        log.exception("a check of the doctor failed")
        return (Finding("doctor", "warning", tr("A check failed itself ({kind}).", kind=kind_of(error))),)


def make_doctor(
    health: HealthDesk,
    memories: MemoryStore,
    walled: Walled,
    grants: GrantStore,
    secrets: SecretKeeper,
    fetch: Fetch,
    backups: BackupDesk,
    *also: Check,
) -> Doctor:
    """Return the doctor of these parts."""
    parts = PartChecks(
        health.database, memories, health.client, health.tool_host, fetch, grants, secrets, backups, walled.desk,
        walled.accounts, Shelf(resource_path("skills"), health.home.skills), LaunchDesk(health.home).findings,
    )  # fmt: skip
    return Doctor(health, parts, also)
