"""What keeps the user's things, put together: the one file with its key, memories, secrets, and their upkeep.

Owns how these are joined. Must not know who reads or writes them. Loop.
"""

from __future__ import annotations

import contextlib
import os
from datetime import datetime

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.protocols import Permit
from openclaw_desktop.inference.client import ModelClient
from openclaw_desktop.inference.endpoints.embedding import EndpointEmbedder, is_endpoint
from openclaw_desktop.memory import MemoryStore
from openclaw_desktop.memory.consolidation.consolidator import Consolidator
from openclaw_desktop.memory.feedback import weigh_feedback
from openclaw_desktop.memory.sessions import SessionStore
from openclaw_desktop.memory.transfer import importing
from openclaw_desktop.memory.vectors.embedder import Embedder
from openclaw_desktop.memory.vectors.engines import built_in
from openclaw_desktop.security.secrets import SecretKeeper, SecretStores
from openclaw_desktop.service.machine.relief import Relief
from openclaw_desktop.service.memory.backups import backup_plan
from openclaw_desktop.service.memory.care import MemoryCare, tier_limits
from openclaw_desktop.service.memory.closed_home import file_keys, keyring_of
from openclaw_desktop.service.memory.consolidation import loaded_minds
from openclaw_desktop.service.memory.file_key import FileKeyDesk
from openclaw_desktop.service.memory.growth import Growth
from openclaw_desktop.service.models.thinking import Inference
from openclaw_desktop.service.models.usage import UsageDesk
from openclaw_desktop.service.stores import TurnStores
from openclaw_desktop.storage.atomic import write_atomically
from openclaw_desktop.storage.copy_folders import note_folder
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.housekeeping import Housekeeping
from openclaw_desktop.storage.recovery import prepare_place
from openclaw_desktop.storage.settings import MemorySettings, Settings
from openclaw_desktop.system.battery import read_power
from openclaw_desktop.system.paths import Home, model_folders
from openclaw_desktop.system.secrets import MemoryOnlyStore, PassphraseFile

# So long vectors are worked on in low activity before it is asked anew whether that disturbs.
VECTORS_BUDGET_S = 10.0


def make_secrets(home: Home, settings: Settings, *, lasting: bool) -> SecretKeeper:
    """Return the secrets of `home`. `lasting`: what is kept for the session outlives this call."""
    stores = SecretStores(
        keyring_of(home, settings),
        PassphraseFile(home.config / "secrets.sealed", write_atomically, os.environ),
        MemoryOnlyStore(lasting),
    )
    return SecretKeeper(home.config / "secrets.json", stores, SystemClock())


async def open_file(
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


def make_memories(
    home: Home,
    settings: Settings,
    database: Database,
    vectors: Embedder | EndpointEmbedder,
    stack: contextlib.AsyncExitStack,
) -> MemoryStore:
    """Return the memories of `database`; `stack` ends what embeds them."""
    engines = built_in(model_folders(home, os.environ), settings.memory.embeddings, settings.memory.engine_idle_s)
    stack.push_async_callback(engines.close)
    # An endpoint's vectors alone, once it has made them all.
    chosen = (vectors, *engines[-1:]) if is_endpoint(settings.memory.embeddings) else engines
    memories = MemoryStore(database, chosen, SystemClock())
    stack.push_async_callback(memories.vectors.close)
    return memories


async def end_cut_short(database: Database, now: datetime, stores: TurnStores) -> None:
    """Take back what an import had half done at a kill, and remember what the user had told in turns that it ended."""
    await importing.end_cut_short(database, now)
    await stores.keep_unanswered()


async def finish_erasures(
    home: Home, settings: Settings, memories: MemoryStore, usage: UsageDesk, client: ModelClient
) -> None:
    """Tell who keeps something made of memories, and finish what a kill cut short, before anything is answered."""
    memories.erasing.backups = backup_plan(home, settings).folders
    memories.erasing.when_erased(usage.clear_caches)
    memories.erasing.when_erased(client.forget_chats)
    await memories.erasing.finish()


async def make_care(
    database: Database, settings: MemorySettings, clock: Clock, memories: MemoryStore
) -> tuple[MemoryCare, Growth]:
    """Return what lets memories age, and what tells of the user's limits before they bite."""
    care = MemoryCare(database, tier_limits(settings), clock, memories.erasing.let_go)
    await care.look()
    growth = Growth(
        database.path,
        settings.limit_mb,
        keep_turns_mb=settings.keep_turns_mb,
        keep_turns_days=settings.keep_turns_days,
        oldest_days=care.oldest_days,
    )
    return care, growth


def make_housekeeping(
    home: Home,
    settings: Settings,
    database: Database,
    permit: Permit,
    minds: Inference,
    memories: MemoryStore,
    care: MemoryCare,
    file_key: FileKeyDesk,
) -> Housekeeping:
    """Return what keeps the file in order while nobody is disturbed by it."""

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


def make_consolidator(
    database: Database, memories: MemoryStore, permit: Permit, minds: Inference, growth: Growth
) -> Consolidator:
    """Return what reads turns for facts in low activity."""

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
    memories.when_told(consolidator.note_news)
    return consolidator


def make_relief(
    database: Database,
    consolidator: Consolidator,
    housekeeping: Housekeeping,
    growth: Growth,
    memories: MemoryStore,
    vectors: Embedder | EndpointEmbedder,
    usage: UsageDesk,
    care: MemoryCare,
) -> Relief:
    """Return what gives room back where the file or the memory runs short."""
    engines = [vectors.give_back] if isinstance(vectors, Embedder) else []
    drop = (memories.vectors.give_back, *engines, usage.clear_caches)
    clock = SystemClock()
    sessions = SessionStore(database, clock)
    relief = Relief(database, sessions, consolidator, housekeeping, growth, clock, drop, tidy=care.tidy)
    memories.when_told(relief.note_news)
    return relief
