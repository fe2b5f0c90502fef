"""The models of this agent: what is here, which one answers, and how another gets here.

Owns the choice's way into the settings and into the model client. Must not know prompts. Loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.events import ModelPulled
from openclaw_desktop.core.protocols import Prompt
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference import download, own_models
from openclaw_desktop.inference.catalogue import CatalogueModel, find_model
from openclaw_desktop.inference.client import ModelClient
from openclaw_desktop.inference.download.problems import check_room, explain
from openclaw_desktop.inference.files import ModelFile
from openclaw_desktop.inference.loading import LoadedModel
from openclaw_desktop.inference.own_models import OwnModels
from openclaw_desktop.inference.selection import ModelSelection
from openclaw_desktop.service.api import RemovedModel
from openclaw_desktop.storage.settings import Settings, set_setting

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelPlaces:
    """Where models are fetched to, and where the choice is kept."""

    folder: Path
    settings_file: Path


class ModelShelf:
    """The catalogue, the files and the client as one."""

    def __init__(
        self,
        catalogue: tuple[CatalogueModel, ...],
        selection: ModelSelection,
        client: ModelClient,
        settings: Settings,
        places: ModelPlaces,
    ) -> None:
        self.catalogue = catalogue
        self.selection = selection
        self._client = client
        self._settings = settings
        self._places = places
        self._own = OwnModels(places.settings_file.with_name("models.toml"))
        self._network = download.Network(settings.network.proxy, settings.network.mirror)
        self._looking: asyncio.Task[tuple[ModelFile, ...]] | None = None
        self._pulling = asyncio.Lock()
        self._fetched: str | None = None
        self._paused = asyncio.Event()
        self._tasks = TaskSet()
        # What every prompt begins with, for the warm-up; None: the model is only loaded.
        self.opening: Callable[[], Prompt | None] = lambda: None
        client.find_smaller = self.step_down
        selection.context_of = self._context_of

    @property
    def in_use(self) -> str | None:
        """The id of the model that answers."""
        current = self.selection.current()
        return current.id if current else None

    async def ready(self) -> None:
        """Wait until the first look for models is done."""
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self.refresh(), name="look for models")
        await asyncio.shield(self._looking)

    async def refresh(self) -> tuple[ModelFile, ...]:
        """Look for the models' files again and hand the chosen one to the client."""
        try:
            self.selection.own = await asyncio.to_thread(self._own.load)
        except UserError as error:
            log.warning("%s", error)
        chosen = await self.selection.refresh()
        if self.selection.current() is not None and chosen is None:
            # An endpoint's model answers: the built-in one gives its memory back.
            if self._client.chosen is not None:
                self._client.choose(None)
                # Whoever is being answered has that to the end.
                self._tasks.start(self._client.release(), "release of the built-in model")
        elif chosen is None or chosen.path is None:
            self._client.problem = " ".join(file.problem for file in self.selection.found if file.problem)
            self._client.choose(None)
        else:
            loaded = self._loaded_model(chosen)
            if loaded != self._client.chosen:
                self._client.choose(loaded)
        return self.selection.found

    def _loaded_model(self, file: ModelFile) -> LoadedModel | None:
        if file.path is None:
            return None
        context = min(file.model.context_tokens, self._settings.model.context_tokens)
        return LoadedModel(file.model.id, file.path, context, self._settings.model.threads, file.model.calls_tools)

    def _context_of(self, model_id: str) -> int | None:
        chosen = self._client.chosen
        return self._client.context_tokens if chosen is not None and chosen.id == model_id else None

    def step_down(self, model_id: str) -> LoadedModel | None:
        """Let the next smaller model answer, until the user chooses again; None where there is none on this machine."""
        file = self.selection.next_smaller(model_id)
        if file is None:
            return None
        self.selection.stepped_down_to = file.model.id
        return self._loaded_model(file)

    def in_use_by_turn(self) -> AbstractContextManager[None]:
        """Keep the model in memory for the length of a turn."""
        return self._client.in_use()

    async def warm_up(self) -> None:
        """Load the model in the background and read what every prompt begins with; a second wish adds nothing."""
        await self.ready()
        if self._client.state == "unloaded":
            self._tasks.start(self._client.warm_up(self.opening()), "warm-up of the model")
        else:
            # Loaded it stays so for another while; to read anything would push the chat's own text out.
            with self._client.in_use():
                pass

    async def stop(self) -> None:
        """End what runs in the background."""
        await self._tasks.stop()

    async def pull(self, model_id: str) -> AsyncGenerator[ModelPulled, None]:
        """Fetch a model unless it is here; one download at a time. Ends with `done`, or paused by `pause`."""
        model = (await self._look_up(model_id)).model
        if self._pulling.locked():
            waiting = tr("Another download is running; this one begins after it.")
            yield ModelPulled(model.id, self.part_bytes(model), model.size_bytes, notice=waiting)
        async with self._pulling:
            file = await self._look_up(model_id)
            if file.path is None:
                if model.path is not None:
                    raise UserError("model_absent", file.problem, tr("Only you have that file: add it again."))
                self._fetched = model_id
                self._paused.clear()
                try:
                    async with aclosing(download.pull(model, self._places.folder, self._network)) as pulling:
                        async for progress in pulling:
                            yield progress
                            if self._paused.is_set():
                                break
                        else:
                            await self.selection.trust(model, self._places.folder / model.file)
                finally:
                    self._fetched = None
                if (await self._look_up(model_id)).path is None:
                    yield ModelPulled(model.id, self.part_bytes(model), model.size_bytes, state="paused")
                    return
            yield ModelPulled(model.id, model.size_bytes, model.size_bytes, done=True, state="done")

    def pause(self, model_id: str) -> bool:
        """End the running download of a model, keeping what has arrived; False if there is none."""
        if self._fetched != model_id:
            return False
        self._paused.set()
        return True

    def part_bytes(self, model: CatalogueModel) -> int:
        """Return how much of a stopped download is kept."""
        return 0 if model.path is not None else download.part_bytes(model, self._places.folder)

    async def add(self, path: Path, copy: bool) -> ModelFile:
        """Take up a GGUF file of the user's, where it lies or as a copy in our folder; raises UserError."""
        try:
            # A copy goes where downloads go: one at a time.
            async with self._pulling if copy else contextlib.nullcontext():
                model = await asyncio.to_thread(self._take_up, path, copy)
        except OSError as error:
            raise explain(error, self._places.folder) from error
        return await self._look_up(model.id)

    def _take_up(self, path: Path, copy: bool) -> CatalogueModel:
        own = self._own.load()
        again = next((known for known in own if known.path == path), None)
        known_models = (*self.catalogue, *own)
        model = own_models.describe(path, frozenset(known.id for known in known_models if known is not again))
        twin = next((known for known in known_models if known.sha256 == model.sha256), None)
        folder = self._places.folder
        of_catalogue = twin is not None and twin.path is None
        if not of_catalogue and (copy or path.parent == folder):
            model = self._spare_the_catalogue(model, copy)
        if copy:
            if twin is not None and of_catalogue:
                # A model of the catalogue: under its name there it is found as that.
                model = replace(model, file=twin.file)
            model = own_models.import_file(model, folder, lambda size: check_room(model, (), 0, folder))
            if twin is not None and of_catalogue:
                return twin
        if again is not None or (twin is not None and twin.path is not None):
            model = replace(model, id=(again or twin or model).id)
        self._own.add(model)
        return model

    def _spare_the_catalogue(self, model: CatalogueModel, copy: bool) -> CatalogueModel:
        """Return `model` under a name in our folder that is no other model's, to be fetched to or removed by."""
        named = [known for known in self.catalogue if known.file.casefold() == model.file.casefold()]
        if not named:
            return model
        if copy:
            return replace(model, file=f"{model.id}-own.gguf")
        raise UserError(
            "model_name_taken",
            tr("{path} has the name that {title} is fetched to.", path=model.path, title=named[0].title),
            tr("Rename your file, then add it again."),
        )

    async def remove(self, model_id: str) -> RemovedModel:
        """Delete a model's file and its part from our folder, or forget a file that lies elsewhere; raises UserError.

        The model in use is unloaded first, and the next best answers.
        """
        file = await self._look_up(model_id)
        model, path = file.model, file.path
        if self._fetched == model_id:
            raise UserError(
                "model_being_fetched",
                tr("{title} is being fetched just now.", title=model.title),
                tr("Pause or cancel the download first."),
            )
        doomed = self._files_of_ours(model)
        if not doomed and model.path is None:
            raise _nothing_to_remove(model, path)
        # A part of ours may go while the whole file lies in a folder of the user's.
        goes = model.path is not None or path in doomed
        was_in_use = goes and self.in_use == model_id
        if was_in_use:
            await self._unload(model)
        try:
            freed = await asyncio.to_thread(_delete, doomed)
        except OSError as error:
            raise explain(error, self._places.folder) from error
        if model.path is not None:
            await asyncio.to_thread(self._own.remove, model_id)
        if goes and self.selection.wanted == model_id:
            set_setting(self._places.settings_file, "model.id", None)
            self.selection.wanted = None
        await self.refresh()
        now = self.selection.current() if was_in_use else None
        left = model.path or path
        kept = str(left) if left is not None and left not in doomed and left.exists() else None
        return RemovedModel(model.id, model.title, freed, kept, was_in_use, now.title if now else None)

    async def _unload(self, model: CatalogueModel) -> None:
        if self._client.state == "busy":
            raise UserError(
                "model_busy",
                tr("{title} is answering just now.", title=model.title),
                tr("Wait for the answer, or stop it; then remove the model."),
            )
        self._client.choose(None)
        await self._client.release()

    def _files_of_ours(self, model: CatalogueModel) -> tuple[Path, ...]:
        """Return the files of a model that lie in our folder, the only ones that are ever deleted."""
        folder = self._places.folder
        if model.path is not None:
            return (model.path,) if model.path.parent == folder and model.path.exists() else ()
        places = (folder / model.file, *download.part_paths(model, folder))
        return tuple(place for place in places if place.exists())

    async def use(self, model_id: str) -> ModelFile:
        """Choose a model that is here, for good; raises UserError where it is not."""
        file = await self._look_up(model_id)
        if file.model.kind != "chat":
            raise UserError(
                "model_cannot_chat",
                tr("{title} turns texts into numbers; it can't answer.", title=file.model.title),
                tr("openclaw-agent model list shows those that can."),
                ExitCode.USAGE,
            )
        if file.path is None:
            raise UserError(
                "model_absent",
                tr("{title} is not on this machine. {problem}", title=file.model.title, problem=file.problem).strip(),
                tr("Fetch it first: openclaw-agent model pull {model}.", model=model_id),
            )
        set_setting(self._places.settings_file, "model.id", model_id)
        self.selection.wanted, self.selection.stepped_down_to = model_id, None
        if self._client.deaths:
            # Chosen anew, it gets all that it can have, whatever happened before.
            self._client.choose(None)
        await self.refresh()
        return file

    async def _look_up(self, model_id: str) -> ModelFile:
        """Look again, and return the model of that id; raises UserError where there is none."""
        found = await self.refresh()
        model = find_model(self.selection.models, model_id)
        return next(file for file in found if file.model.id == model.id)


def _delete(paths: tuple[Path, ...]) -> int:
    """Delete files and return how many bytes that frees."""
    freed = 0
    for path in paths:
        size = path.lstat().st_size  # of a link, its own
        path.unlink()
        freed += size
    return freed


def _nothing_to_remove(model: CatalogueModel, path: Path | None) -> UserError:
    if path is None:
        return UserError("model_absent", tr("{title} is not on this machine.", title=model.title))
    return UserError(
        "model_elsewhere",
        tr(
            "{title} lies in {path}, outside this agent's models folder, so it was not deleted.",
            title=model.title,
            path=path,
        ),
        tr("Delete that file yourself if you want its space."),
    )
