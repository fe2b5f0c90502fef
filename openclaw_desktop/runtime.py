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
from openclaw_desktop.core.events import AgentStopping, ModelState, ModelStateChanged
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.answers import AnswerCache
from openclaw_desktop.inference.catalogue import load_catalogue
from openclaw_desktop.inference.client import ENVIRONMENT, ModelClient, Surroundings
from openclaw_desktop.inference.endpoints.desk import EndpointDesk
from openclaw_desktop.inference.endpoints.embedding import EndpointEmbedder, is_endpoint
from openclaw_desktop.inference.files import ModelFiles
from openclaw_desktop.inference.ledger import Budgeted, Ledger
from openclaw_desktop.inference.measured import MeasuredRuns
from openclaw_desktop.inference.router import BuiltIn, ModelRouter
from openclaw_desktop.inference.selection import ModelSelection
from openclaw_desktop.memory import MemoryStore, word_vectors
from openclaw_desktop.memory.consolidation.consolidator import Consolidator
from openclaw_desktop.memory.feedback import weigh_feedback
from openclaw_desktop.memory.sessions import SessionStore
from openclaw_desktop.memory.transfer import importing
from openclaw_desktop.memory.vectors.embedder import Embedder
from openclaw_desktop.memory.vectors.engines import built_in
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.security.labels import join
from openclaw_desktop.security.secrets import SecretKeeper, SecretStores
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.backups import BackupDesk, backup_plan
from openclaw_desktop.service.closed_home import file_keys, keyring_of, own_folders
from openclaw_desktop.service.consolidation import loaded_minds
from openclaw_desktop.service.endpoints import EndpointShelf
from openclaw_desktop.service.file_key_desk import FileKeyDesk
from openclaw_desktop.service.fitness import FitDesk
from openclaw_desktop.service.growth import Growth
from openclaw_desktop.service.health import HealthDesk
from openclaw_desktop.service.local import LocalService, ServiceParts
from openclaw_desktop.service.memory_care import MemoryCare, tier_limits
from openclaw_desktop.service.memory_desk import MemoryDesk
from openclaw_desktop.service.models import ModelPlaces, ModelShelf
from openclaw_desktop.service.permission import LowActivity
from openclaw_desktop.service.relief import Relief
from openclaw_desktop.service.remote import RemoteService
from openclaw_desktop.service.server import SocketServer
from openclaw_desktop.service.stores import TurnStores
from openclaw_desktop.service.tooling import find_times, make_mcp, make_walled
from openclaw_desktop.service.usage import UsageDesk
from openclaw_desktop.storage.atomic import write_atomically
from openclaw_desktop.storage.copy_folders import note_folder
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.housekeeping import Housekeeping
from openclaw_desktop.storage.recovery import prepare_place
from openclaw_desktop.storage.settings import Settings, load_settings
from openclaw_desktop.system.battery import read_power
from openclaw_desktop.system.hotkey import choose_hotkey
from openclaw_desktop.system.idle import choose_idle
from openclaw_desktop.system.lock import HomeLock
from openclaw_desktop.system.paths import Home, model_folders, prepare
from openclaw_desktop.system.secrets import MemoryOnlyStore, PassphraseFile
from openclaw_desktop.system.x11 import X11Connection, connect_x11
from openclaw_desktop.tools.network import make_network
from openclaw_desktop.workers.supervisor import Supervisor
from openclaw_desktop.workers.tool_host import ToolHost

log = logging.getLogger(__name__)

Mode = Literal["tray", "serve"] | None

# Commands without a running agent take the home one after the other.
QUEUE_WAIT_S = 30.0
QUEUE_LOOK_S = 0.05
# So long vectors are worked on in low activity before it is asked anew whether that disturbs.
VECTORS_BUDGET_S = 10.0


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
        settings = load_settings(home.settings_file)
        database, file_key = await _open_file(home, settings, code, stack)
        bus, clock = Bus(), SystemClock()
        secrets = _secrets(home, settings, lasting=mode is not None)
        minds = _inference(home, settings, database, secrets, bus, stack, lasting=mode is not None)
        client, models = minds.client, minds.models
        vectors = _vectors(settings, minds.desk)
        stack.callback(vectors.close)
        memories = _memories(home, settings, database, vectors, stack)
        stores = TurnStores(SessionStore(database, clock), memories)
        grants = GrantStore(database, own_folders(home), clock)
        tool_host = ToolHost()
        stack.push_async_callback(tool_host.stop)
        network = make_network(settings, secrets, grants)
        stack.push_async_callback(network.stop)
        servers, mcp = make_mcp(home, network, secrets, stack)
        walled = make_walled(home, database, stores, grants, tool_host, network, bus.publish, (servers,))
        executor, audit, inbox = walled.executor, walled.audit, walled.inbox
        await walled.desk.settle()
        parts = Parts(
            minds.answers, minds.router.weigh, vectors, executor, stores.recall, stores, models.selection, join,
            executor.specs, find_times, clock, plain_forms=executor.plain_forms, permit_plan=executor.permit_plan,
            favourites=favourites(await audit.uses()),
        )  # fmt: skip
        agent = SessionAgent(parts)
        models.opening = agent.opening
        x11 = connect_x11(dict(os.environ)) if mode == "tray" else None
        idle_s = choose_idle(x11).idle_s
        permit = LowActivity(read_power, idle_s, lambda: client.state == "busy", clock)
        growth = Growth(database.path, settings.memory.limit_mb)
        consolidator = _consolidator(database, memories, permit, minds, growth)
        care = MemoryCare(database, tier_limits(settings.memory), clock, memories.erasing.let_go)
        housekeeping = _housekeeping(home, settings, database, permit, minds, memories, care, file_key)
        caches: dict[str, Cache[Any, Any]] = {"embeddings": vectors.cache, "answers": minds.answers.cache}
        usage = UsageDesk(minds.ledger, caches, lambda: client.caches)
        await _finish_erasures(home, settings, memories, usage, client)
        await importing.end_cut_short(database, clock.now())
        await stores.keep_unanswered()
        backups = BackupDesk(database, housekeeping)
        relief = _relief(database, consolidator, housekeeping, growth, memories, vectors, usage)
        health = HealthDesk(
            home, mode, database, memories, client, models, tool_host, housekeeping, growth, idle_s=idle_s,
            router=minds.router, usage=usage, vectors_leave_machine=vectors.leaves_machine, memory_ends=care.finding,
            file_key=file_key, backups=backups, inbox_pending=inbox.pending, when_proved=audit.note_sandbox, mcp=mcp,
        )  # fmt: skip
        logging.getLogger("openclaw_desktop").addHandler(health.errors)
        stack.callback(logging.getLogger("openclaw_desktop").removeHandler, health.errors)
        memory_desk = MemoryDesk(database, memories, care, clock, settings.memory, growth.size_bytes, own_folders(home))
        service_parts = ServiceParts(
            agent, SessionStore(database, clock), memories, memory_desk, walled.desk, grants, models,
            minds.endpoints, secrets, bus,
            health.status, health.check, minds.fit.report, usage, file_key, backups, consolidator, relief.notice,
            executor.specs, mcp, walled.accounts,
        )  # fmt: skip
        service = LocalService(service_parts)
        walled.going_on.use(service)
        if mode is None:
            return Agent(service, stack.pop_all().aclose, attached=False)

        desktop = _desktop(x11, settings, health, stack) if mode == "tray" else None
        works = {
            "look for models": models.ready(),
            "proof of the jail": health.prove(),
            "housekeeping": housekeeping.run(),
            "consolidation": consolidator.work(),
            "relief": relief.work(),
            "answered calls": walled.desk.work(),
        }
        await _serve(service, home, works, bus, stack)
        return Agent(service, stack.pop_all().aclose, attached=False, desktop=desktop)


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


def _housekeeping(
    home: Home,
    settings: Settings,
    database: Database,
    permit: LowActivity,
    minds: Inference,
    memories: MemoryStore,
    care: MemoryCare,
    file_key: FileKeyDesk,
) -> Housekeeping:
    async def tidy() -> None:
        await minds.ledger.fold()
        await care.tidy()
        await catch_up()

    async def catch_up() -> None:
        note_folder(home.data, plan.folder if plan.chosen else None)
        await file_key.catch_up()
        await memories.erasing.finish(patient=True)

    plan = backup_plan(home, settings)
    return Housekeeping(
        database,
        plan,
        lambda: read_power().source == "battery",
        tidy,
        is_busy=lambda: minds.client.state == "busy",
        may_run=lambda: permit.may_run("storage.upkeep", "background"),
        on_return=catch_up,
    )


async def _finish_erasures(
    home: Home, settings: Settings, memories: MemoryStore, usage: UsageDesk, client: ModelClient
) -> None:
    """Tell who keeps something made of memories, and finish what a kill cut short, before anything is answered."""
    memories.erasing.backups = backup_plan(home, settings).folders
    memories.erasing.when_erased(usage.clear_caches)
    memories.erasing.when_erased(client.forget_chats)
    await memories.erasing.finish()


async def _open_file(
    home: Home, settings: Settings, code: str | None, stack: contextlib.AsyncExitStack
) -> tuple[Database, FileKeyDesk]:
    """Open the one file with its key, wherever that is, and finish what a change of the key left over."""
    plan = backup_plan(home, settings)
    # An update must be possible without the disk that the user's copies are on.
    folder = plan.folder if plan.is_there(plan.folder) else home.backups
    keys = file_keys(home, settings, plan)
    prepare_place(home.database)
    found = await keys.find(home.database, code)
    database = await Database.open(home.database, key=found.key, backups=folder)
    stack.push_async_callback(database.close)
    desk = FileKeyDesk(database, keys, found, plan.folders)
    stack.push_async_callback(desk.stop)
    await desk.settle()
    note_folder(home.data, plan.folder if plan.chosen else None)
    return database, desk


def _consolidator(
    database: Database, memories: MemoryStore, permit: LowActivity, minds: Inference, growth: Growth
) -> Consolidator:
    def is_loaded() -> bool:
        # Work that nobody waits for loads no model, and sends nothing to another server.
        return minds.router.endpoint_model is None and minds.client.state == "ready"

    consolidator = Consolidator(
        database,
        permit,
        SystemClock(),
        growth.room,
        loaded_minds(minds.answers, is_loaded),
        weigh_feedback,
        also=(lambda: memories.vectors.work(VECTORS_BUDGET_S),),
    )
    memories.when_told(permit.touch)
    memories.when_told(consolidator.note_news)
    return consolidator


def _relief(
    database: Database,
    consolidator: Consolidator,
    housekeeping: Housekeeping,
    growth: Growth,
    memories: MemoryStore,
    vectors: Embedder | EndpointEmbedder,
    usage: UsageDesk,
) -> Relief:
    engines = [vectors.give_back] if isinstance(vectors, Embedder) else []
    drop = (memories.vectors.give_back, *engines, usage.clear_caches)
    clock = SystemClock()
    relief = Relief(database, SessionStore(database, clock), consolidator, housekeeping, growth, clock, drop)
    memories.when_told(relief.note_news)
    return relief


@dataclass(frozen=True, slots=True)
class Inference:
    """What answers prompts, and what counts and measures it."""

    client: ModelClient
    models: ModelShelf
    desk: EndpointDesk
    router: ModelRouter
    endpoints: EndpointShelf
    answers: AnswerCache
    ledger: Ledger
    fit: FitDesk


def _inference(
    home: Home,
    settings: Settings,
    database: Database,
    secrets: SecretKeeper,
    bus: Bus,
    stack: contextlib.AsyncExitStack,
    *,
    lasting: bool,
) -> Inference:
    ledger = Ledger(database, SystemClock(), settings.energy.watts_per_core, settings.budget.background_tokens_per_day)
    stack.push_async_callback(ledger.flush)
    client = ModelClient(
        Supervisor("inference", ENVIRONMENT),
        lambda model, state: router.note_built_in(model, state),  # noqa: PLW0108 - the router is built of it
        Surroundings(
            home.data / "states",
            settings.model.idle_unload_s,
            lasting,
            need_bytes=lambda load: fit.need_bytes(load),  # noqa: PLW0108 - as above
        ),
    )
    stack.push_async_callback(client.stop)
    models = _models(home, settings, client)
    desk, router, endpoints = _endpoints(home, settings, secrets, client, models, bus)
    stack.push_async_callback(desk.close)
    client.on_finished(ledger.note)
    router.on_finished(ledger.note)
    answers = AnswerCache(Budgeted(router, ledger), lambda: models.in_use or "")
    runs = MeasuredRuns(home.data / "measured.json")
    client.on_finished(runs.record)
    stack.push_async_callback(runs.stop)
    fit = FitDesk(models, runs, settings, home.models, lambda: client.pid)
    stack.push_async_callback(models.stop)
    return Inference(client, models, desk, router, endpoints, answers, ledger, fit)


def _models(home: Home, settings: Settings, client: ModelClient) -> ModelShelf:
    catalogue = load_catalogue()
    files = ModelFiles(model_folders(home, os.environ), home.models / "verified.json")
    selection = ModelSelection(catalogue, files, settings.model.id, settings.model.context_tokens)
    return ModelShelf(catalogue, selection, client, settings, ModelPlaces(home.models, home.settings_file))


def _endpoints(
    home: Home, settings: Settings, secrets: SecretKeeper, client: ModelClient, models: ModelShelf, bus: Bus
) -> tuple[EndpointDesk, ModelRouter, EndpointShelf]:
    desk = EndpointDesk(
        home.config / "endpoints.toml",
        secrets,
        home.data / "endpoints.json",
        context_tokens=settings.model.context_tokens,
        proxy=settings.network.proxy,
    )
    models.selection.endpoint_card = desk.card

    def publish(model: str | None, state: ModelState, leaves_machine: bool) -> None:
        bus.publish(ModelStateChanged(model, state, leaves_machine))

    router = ModelRouter(BuiltIn(client, client.weigh), desk, lambda: models.selection.wanted, publish)
    return desk, router, EndpointShelf(desk, models, router, home.settings_file)


def _vectors(settings: Settings, desk: EndpointDesk) -> Embedder | EndpointEmbedder:
    if is_endpoint(settings.memory.embeddings):
        return EndpointEmbedder(desk, settings.memory.embeddings or "")
    return word_vectors(settings.memory.engine_idle_s)


def _memories(
    home: Home,
    settings: Settings,
    database: Database,
    vectors: Embedder | EndpointEmbedder,
    stack: contextlib.AsyncExitStack,
) -> MemoryStore:
    engines = built_in(model_folders(home, os.environ), settings.memory.embeddings, settings.memory.engine_idle_s)
    stack.push_async_callback(engines.close)
    # An endpoint's vectors alone, once it has made them all.
    chosen = (vectors, *engines[-1:]) if is_endpoint(settings.memory.embeddings) else engines
    memories = MemoryStore(database, chosen, SystemClock())
    stack.push_async_callback(memories.vectors.close)
    return memories


def _secrets(home: Home, settings: Settings, *, lasting: bool) -> SecretKeeper:
    stores = SecretStores(
        keyring_of(home, settings),
        PassphraseFile(home.config / "secrets.sealed", write_atomically, os.environ),
        MemoryOnlyStore(lasting),
    )
    return SecretKeeper(home.config / "secrets.json", stores, SystemClock())


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
