"""What answers prompts, put together: the built-in model, endpoints, what counts and measures them, the vectors.

Owns how these are joined. Must not know who asks. Loop.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from openclaw_desktop.core.bus import Bus
from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.events import ModelState, ModelStateChanged
from openclaw_desktop.core.power import PowerLevel
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
from openclaw_desktop.memory import word_vectors
from openclaw_desktop.memory.vectors.embedder import Embedder
from openclaw_desktop.security.secrets import SecretKeeper
from openclaw_desktop.service.models.desk import ModelPlaces, ModelShelf
from openclaw_desktop.service.models.endpoints import EndpointShelf
from openclaw_desktop.service.models.fitness import FitDesk
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.settings import Settings
from openclaw_desktop.system.paths import Home, model_folders
from openclaw_desktop.workers.supervisor import Supervisor


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


def make_inference(
    home: Home,
    settings: Settings,
    database: Database,
    secrets: SecretKeeper,
    bus: Bus,
    stack: contextlib.AsyncExitStack,
    *,
    lasting: bool,
    power: Callable[[], PowerLevel],
) -> Inference:
    """Return what answers prompts; `stack` ends it. `lasting`: for an agent, not for one command alone."""
    ledger = Ledger(database, SystemClock(), settings.energy.watts_per_core, settings.budget.background_tokens_per_day)
    stack.push_async_callback(ledger.flush)
    client = ModelClient(
        Supervisor("inference", ENVIRONMENT),
        lambda model, state: router.note_built_in(model, state),  # noqa: PLW0108 - the router is built of it
        Surroundings(
            home.data / "states",
            settings.model.idle_unload_s,
            lasting,
            power=power,
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


def make_vectors(
    settings: Settings, desk: EndpointDesk, stack: contextlib.AsyncExitStack
) -> Embedder | EndpointEmbedder:
    """Return what makes the vectors of words, on this machine or at the endpoint that the settings name."""
    vectors = (
        EndpointEmbedder(desk, settings.memory.embeddings or "")
        if is_endpoint(settings.memory.embeddings)
        else word_vectors(settings.memory.engine_idle_s)
    )
    stack.callback(vectors.close)
    return vectors
