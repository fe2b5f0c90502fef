"""Which model answers: the one that the user chose, else the best that is on this machine.

Owns that choice. Must not know how models run. Loop.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from openclaw_desktop.core.protocols import ModelCard
from openclaw_desktop.inference.catalogue import CatalogueModel
from openclaw_desktop.inference.files import ModelFile, ModelFiles


class ModelSelection:
    """The catalogue and the user's `own` models against this machine's files; `refresh` looks again."""

    def __init__(
        self, catalogue: tuple[CatalogueModel, ...], files: ModelFiles, wanted: str | None, context_tokens: int
    ) -> None:
        self._catalogue = catalogue
        self._files = files
        self._context_tokens = context_tokens
        self.wanted = wanted
        # In place of the wanted one, whose worker kept dying; until the user chooses again.
        self.stepped_down_to: str | None = None
        # The context of a model as it runs now, where it runs: it may have grown, or been made smaller.
        self.context_of: Callable[[str], int | None] = lambda _model: None
        # The model of an endpoint, where the user chose one: then no file answers.
        self.endpoint_card: Callable[[str | None], ModelCard | None] = lambda _wanted: None
        self.own: tuple[CatalogueModel, ...] = ()
        self.found: tuple[ModelFile, ...] = ()

    @property
    def models(self) -> tuple[CatalogueModel, ...]:
        """Every model that is known, the catalogue's first."""
        return self._catalogue + self.own

    async def refresh(self) -> ModelFile | None:
        """Look for every model's file and return the one in use."""
        self.found = tuple([await self._files.find(model) for model in self.models])
        return self.chosen()

    async def trust(self, model: CatalogueModel, path: Path) -> None:
        """Take `path` for the model without hashing it again: it was hashed while it arrived."""
        await self._files.trust(path, model.sha256)

    def chosen(self) -> ModelFile | None:
        """Return the file of the model in use; the catalogue lists the best first."""
        if self.endpoint_card(self.wanted) is not None:
            return None
        present = [file for file in self.found if file.path is not None and file.model.kind == "chat"]
        wanted = self.stepped_down_to or self.wanted
        return next((file for file in present if file.model.id == wanted), present[0] if present else None)

    def next_smaller(self, model_id: str) -> ModelFile | None:
        """Return the file of the largest model on this machine that is smaller than that one."""
        size = next((model.size_bytes for model in self.models if model.id == model_id), 0)
        present = [file for file in self.found if file.path is not None and file.model.kind == "chat"]
        smaller = [file for file in present if file.model.size_bytes < size]
        return max(smaller, key=lambda file: file.model.size_bytes, default=None)

    def current(self) -> ModelCard | None:
        """Return what the agent must know of the model in use."""
        if (card := self.endpoint_card(self.wanted)) is not None:
            return card
        chosen = self.chosen()
        return self._card(chosen.model) if chosen else None

    def larger(self) -> ModelCard | None:
        """Return the model that calls tools, to offer where the one in use cannot: the one that was measured here."""
        able = [model for model in self._catalogue if model.calls_tools]
        return next((self._card(model) for model in able if model.recommended), self._card(able[0]) if able else None)

    def _card(self, model: CatalogueModel) -> ModelCard:
        context = self.context_of(model.id) or min(model.context_tokens, self._context_tokens)
        return ModelCard(model.id, model.title, model.size_bytes, model.calls_tools, context)
