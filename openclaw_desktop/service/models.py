"""The models of this agent: what is here, which one answers, and how another gets here.

Owns the choice's way into the settings and into the model client. Must not know prompts. Loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import ModelPulled
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference import download
from openclaw_desktop.inference.catalogue import CatalogueModel, find_model
from openclaw_desktop.inference.client import LoadedModel, ModelClient
from openclaw_desktop.inference.files import ModelFile
from openclaw_desktop.inference.selection import ModelSelection
from openclaw_desktop.storage.settings import Settings, set_setting


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
        self._looking: asyncio.Task[tuple[ModelFile, ...]] | None = None
        self._pulling = asyncio.Lock()

    @property
    def in_use(self) -> str | None:
        """The id of the model that answers."""
        chosen = self.selection.chosen()
        return chosen.model.id if chosen else None

    async def ready(self) -> None:
        """Wait until the first look for models is done."""
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self.refresh(), name="look for models")
        await asyncio.shield(self._looking)

    async def refresh(self) -> tuple[ModelFile, ...]:
        """Look for the models' files again and hand the chosen one to the client."""
        chosen = await self.selection.refresh()
        if chosen is None or chosen.path is None:
            self._client.problem = " ".join(file.problem for file in self.selection.found if file.problem)
            self._client.choose(None)
        else:
            context = min(chosen.model.context_tokens, self._settings.model.context_tokens)
            loaded = LoadedModel(chosen.model.id, chosen.path, context, self._settings.model.threads)
            if loaded != self._client.chosen:
                self._client.choose(loaded)
        return self.selection.found

    async def pull(self, model_id: str) -> AsyncGenerator[ModelPulled, None]:
        """Fetch a model unless it is here; one download at a time."""
        model = find_model(self.catalogue, model_id)
        async with self._pulling:
            if self._file(await self.refresh(), model_id).path is None:
                async with aclosing(download.pull(model, self._places.folder)) as pulling:
                    async for progress in pulling:
                        yield progress
                await self.refresh()
            yield ModelPulled(model.id, model.size_bytes, model.size_bytes, done=True)

    async def use(self, model_id: str) -> ModelFile:
        """Choose a model that is here, for good; raises UserError where it is not."""
        find_model(self.catalogue, model_id)
        file = self._file(await self.refresh(), model_id)
        if file.path is None:
            raise UserError(
                "model_absent",
                tr("{title} is not on this machine. {problem}", title=file.model.title, problem=file.problem).strip(),
                tr("Fetch it first: openclaw-agent model pull {model}.", model=model_id),
            )
        set_setting(self._places.settings_file, "model.id", model_id)
        self.selection.wanted = model_id
        await self.refresh()
        return file

    @staticmethod
    def _file(found: tuple[ModelFile, ...], model_id: str) -> ModelFile:
        return next(file for file in found if file.model.id == model_id)
