"""The composition root: builds every part, starts them in order, stops them in reverse. No behaviour of its own.

Owns the order. Both programs and one-shot commands use it. Loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from openclaw_desktop.agent.context import favourites
from openclaw_desktop.agent.session import Parts, SessionAgent
from openclaw_desktop.core.bus import Bus
from openclaw_desktop.core.cache import Cache
from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.events import AgentStopping
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.memory.sessions import SessionStore
from openclaw_desktop.security.labels import join
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.doctor.doctor import make_doctor
from openclaw_desktop.service.doctor.health import HealthDesk
from openclaw_desktop.service.jobs.prompts import Patient
from openclaw_desktop.service.jobs.scheduling import Scheduling, start_jobs
from openclaw_desktop.service.lifecycle.last_run import LastRun
from openclaw_desktop.service.lifecycle.vitals import Vitals, make_vitals
from openclaw_desktop.service.local import LocalService, ServiceParts
from openclaw_desktop.service.machine.care import make_machine_care
from openclaw_desktop.service.memory.backups import BackupDesk
from openclaw_desktop.service.memory.closed_home import own_folders
from openclaw_desktop.service.memory.desk import MemoryDesk
from openclaw_desktop.service.memory.keeping import (
    end_cut_short,
    finish_erasures,
    make_care,
    make_consolidator,
    make_housekeeping,
    make_memories,
    make_relief,
    make_secrets,
    open_file,
)
from openclaw_desktop.service.models.thinking import make_inference, make_vectors
from openclaw_desktop.service.models.usage import UsageDesk
from openclaw_desktop.service.notices.noticing import make_notices, storage_looks, tell_of_findings, tell_of_inbox
from openclaw_desktop.service.remote import RemoteService
from openclaw_desktop.service.server import SocketServer
from openclaw_desktop.service.stores import TurnStores
from openclaw_desktop.service.walls.tooling import find_times, make_toolbox
from openclaw_desktop.storage.settings import Settings, load_settings
from openclaw_desktop.system.hotkey import choose_hotkey
from openclaw_desktop.system.idle import choose_idle
from openclaw_desktop.system.lock import HomeLock
from openclaw_desktop.system.paths import Home, prepare
from openclaw_desktop.system.x11 import X11Connection, connect_x11

log = logging.getLogger(__name__)

Mode = Literal["tray", "serve"] | None

# Commands without a running agent take the home one after the other.
QUEUE_WAIT_S = 30.0
QUEUE_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Desktop:
    """What the tray's own process gives its window: the hotkey and the way to the focus."""

    register_hotkey: Callable[[Callable[[int], None]], str]
    activate: Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Agent:
    """A running agent, ours or one that we attached to. `stop` ends ours, or lets go."""

    service: AgentService
    stop: Callable[[], Awaitable[None]]
    attached: bool
    desktop: Desktop | None = None
    vitals: Vitals | None = None


async def attach(home: Home) -> Agent | None:
    """Return the running agent of `home`; None where none listens."""
    remote = await RemoteService.connect(home.socket)
    return Agent(remote, remote.close, attached=True) if remote else None


async def attach_or_start(home: Home, mode: Mode, role: str, code: str | None = None) -> Agent:
    """Attach to the running agent of `home`, or become it: the home's lock decides, so there are never two.

    `mode` None builds the parts for one command alone: no socket, no housekeeping. `code`: the recovery code, which
    then opens an encrypted file in the place of its key. Raises UserError where the home cannot be used, or stays taken
    by another command.
    """
    prepare(home)
    lock = HomeLock(home.lock_file)
    holder, deadline_s = None, time.monotonic() + QUEUE_WAIT_S
    while True:
        if (running := await attach(home)) is not None:
            return running
        if lock.acquire(role):
            break
        if (current := lock.holder()) != holder:
            # The queue moves: the wait is for one command, however many stand before us.
            holder, deadline_s = current, time.monotonic() + QUEUE_WAIT_S
        elif time.monotonic() > deadline_s:
            raise UserError(
                "home_busy",
                tr("Another command (process {pid}) is using this home.", pid=holder.pid or "?" if holder else "?"),
                tr("Wait until it is done, then try again."),
                ExitCode.FAILED,
            )
        await asyncio.sleep(QUEUE_LOOK_S)
    return await _start(home, mode, lock, code)


async def _start(home: Home, mode: Mode, lock: HomeLock, code: str | None = None) -> Agent:
    """Build the parts and start them; whatever had started is stopped where a later one fails."""
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(lock.release)
        stack.callback((last_run := LastRun(home)).end)
        settings = load_settings(home.settings_file)
        database, file_key = await open_file(home, settings, code, stack)
        bus, clock = Bus(), SystemClock()
        secrets = make_secrets(home, settings, lasting=mode is not None)
        x11 = connect_x11(dict(os.environ)) if mode == "tray" else None
        machine = make_machine_care(database, bus, clock, choose_idle(x11))
        stack.push_async_callback(machine.stop)
        permit = machine.watch
        minds = make_inference(
            home, settings, database, secrets, bus, stack, lasting=mode is not None, power=lambda: permit.power
        )
        client, models = minds.client, minds.models
        vectors = make_vectors(settings, minds.desk, stack)
        memories = make_memories(home, settings, database, vectors, stack)
        stores = TurnStores(SessionStore(database, clock), memories)
        noticing = make_notices(
            database, settings.notifications, bus, clock, os.environ, stack, lasting=mode is not None
        )
        scheduling = Scheduling(home, database, clock)
        box = make_toolbox(home, settings, database, stores, secrets, bus.publish, stack, (scheduling.tools,))
        walled, executor = box.walled, box.walled.executor
        agent = SessionAgent(Parts(
            Patient(minds.answers), minds.router.weigh, vectors, executor, stores.recall, stores, models.selection,
            join, executor.specs, find_times, clock, plain_forms=executor.plain_forms, permit_plan=executor.permit_plan,
            favourites=favourites(await walled.audit.uses()),
        ))  # fmt: skip
        models.opening = agent.opening
        care, growth = await make_care(database, settings.memory, clock, memories)
        memories.when_told(permit.touch)
        consolidator = make_consolidator(database, memories, permit, minds, growth)
        housekeeping = make_housekeeping(home, settings, database, permit, minds, memories, care, file_key)
        caches: dict[str, Cache[Any, Any]] = {"embeddings": vectors.cache, "answers": minds.answers.cache}
        usage = UsageDesk(minds.ledger, caches, lambda: client.caches)
        await walled.desk.settle()
        await finish_erasures(home, settings, memories, usage, client)
        await end_cut_short(database, clock.now(), stores)
        backups = BackupDesk(database, housekeeping)
        relief = make_relief(database, consolidator, housekeeping, growth, memories, vectors, usage, care)
        machine.join(client, minds.ledger, box.tool_host, relief, noticing.notify)
        health = HealthDesk(
            home, mode, database, memories, client, models, box.tool_host, housekeeping, growth, machine,
            router=minds.router, usage=usage, vectors_leave_machine=vectors.leaves_machine, memory_ends=care.finding,
            file_key=file_key, backups=backups, inbox_pending=walled.inbox.pending,
            when_proved=walled.audit.note_sandbox, mcp=box.mcp,
            notices=noticing.desk, jobs=scheduling.desk,
        )  # fmt: skip
        health.errors.listen(stack)
        doctor = make_doctor(
            health, memories, walled, box.grants, secrets, box.network.fetch, backups,
            lambda repair: noticing.desk.findings(), lambda repair: scheduling.desk.findings(),
            lambda repair: machine.findings(),
        )  # fmt: skip
        memory_desk = MemoryDesk(database, memories, care, clock, settings.memory, growth.size_bytes, own_folders(home))
        service_parts = ServiceParts(
            agent, SessionStore(database, clock), memories, memory_desk, walled.desk, box.grants, models,
            minds.endpoints, secrets, bus,
            health.status, doctor.check, minds.fit.report, usage, file_key, backups, consolidator, relief.notice,
            executor.specs, box.mcp, walled.accounts, machine, scheduling.desk, noticing.desk,
        )  # fmt: skip
        service = LocalService(service_parts)
        walled.going_on.use(service)
        jobs = scheduling.join(
            walled, box.grants, machine, noticing.notify, consolidator, housekeeping, service, minds.ledger
        )
        if mode is None:
            return Agent(service, stack.pop_all().aclose, attached=False)

        desktop = _desktop(x11, settings, health, stack) if mode == "tray" else None
        vitals, crashes = make_vitals(home, database, last_run, noticing.notify, stack)
        works = {
            "look for models": models.ready(),
            "proof of the jail": health.prove(),
            "housekeeping": housekeeping.run(),
            "consolidation": consolidator.work(),
            "relief": relief.work(),
            "machine": machine.watch.work(),
            "answered calls": walled.desk.work(),
            "what jobs wait for": jobs.follow(bus),
            "notices": noticing.notify.work(),
            "notices of the inbox": tell_of_inbox(noticing.notify, bus, walled.inbox.pending),
            "notices of the memory": tell_of_findings(noticing.notify, storage_looks(growth, backups)),
            "crash reports": crashes.work(),
        }
        await _serve(service, home, works, bus, stack)
        await start_jobs(jobs, stack)
        return Agent(service, stack.pop_all().aclose, attached=False, desktop=desktop, vitals=vitals)


async def _serve(
    service: LocalService,
    home: Home,
    works: Mapping[str, Coroutine[Any, Any, object]],
    bus: Bus,
    stack: contextlib.AsyncExitStack,
) -> None:
    """Begin what runs in the background, by its name, and answer on the socket."""
    background = TaskSet()
    stack.push_async_callback(background.stop)
    for name, work in works.items():
        background.start(work, name)
    server = SocketServer(service, home.socket)
    await server.start()
    stack.push_async_callback(server.stop)
    stack.callback(bus.publish, AgentStopping())


def _desktop(
    x11: X11Connection | None, settings: Settings, health: HealthDesk, stack: contextlib.AsyncExitStack
) -> Desktop:
    hotkey = choose_hotkey(x11)
    stack.callback(lambda: x11.close() if x11 else None)
    stack.callback(hotkey.unregister)

    def register(on_press: Callable[[int], None]) -> str:
        try:
            hotkey.register(settings.hotkey.toggle_chat, on_press)
        except UserError as error:
            health.hotkey, health.hotkey_works = error.failure.text, False
            return error.failure.text
        health.hotkey = settings.hotkey.toggle_chat
        return ""

    def activate(window_id: int, timestamp: int) -> None:
        if x11 is not None:
            x11.activate(window_id, timestamp)

    return Desktop(register, activate)
