"""Which model answers: the one that the user chose, else the best that is on this machine.

Owns that choice. Must not know how models run. Loop.
"""

from __future__ import annotations

from openclaw_desktop.core.protocols import ModelCard
from openclaw_desktop.inference.catalogue import CatalogueModel
from openclaw_desktop.inference.files import ModelFile, ModelFiles


class ModelSelection:
    """The catalogue against this machine's files; `refresh` looks again."""

    def __init__(
        self, catalogue: tuple[CatalogueModel, ...], files: ModelFiles, wanted: str | None, context_tokens: int
    ) -> None:
        self._catalogue = catalogue
        self._files = files
        self._context_tokens = context_tokens
        self.wanted = wanted
        self.found: tuple[ModelFile, ...] = ()

    async def refresh(self) -> ModelFile | None:
        """Look for every model's file and return the one in use."""
        self.found = tuple([await self._files.find(model) for model in self._catalogue])
        return self.chosen()

    def chosen(self) -> ModelFile | None:
        """Return the file of the model in use; the catalogue lists the best first."""
        present = [file for file in self.found if file.path is not None]
        return next((file for file in present if file.model.id == self.wanted), present[0] if present else None)

    def current(self) -> ModelCard | None:
        """Return what the agent must know of the model in use."""
        chosen = self.chosen()
        return self._card(chosen.model) if chosen else None

    def larger(self) -> ModelCard | None:
        """Return the best model that calls tools, to offer where the one in use cannot."""
        return next((self._card(model) for model in self._catalogue if model.calls_tools), None)

    def _card(self, model: CatalogueModel) -> ModelCard:
        context = min(model.context_tokens, self._context_tokens)
        return ModelCard(model.id, model.title, model.size_bytes, model.calls_tools, context)
