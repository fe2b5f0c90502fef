"""The user's own GGUF files: what is known of them, kept in `config/models.toml`.

Owns that file and the checks of a file that is added. A file that can't be understood is never written over. Must not
know which model is in use. Any thread; `describe` and `import_file` read whole files.
"""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import tomlkit

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible, without_controls
from openclaw_desktop.inference.catalogue import CatalogueModel, ModelShape
from openclaw_desktop.inference.download.problems import WORKSPACE_PREFIX
from openclaw_desktop.inference.files import CHUNK_BYTES, hash_file
from openclaw_desktop.inference.gguf import GgufHeader, read_header
from openclaw_desktop.storage.atomic import sync_folder, write_atomically

# Below this a model writes calls that never parse; measured on the smallest of the catalogue.
CALLS_TOOLS_FROM_PARAMETERS = 1_000_000_000
DEFAULT_CONTEXT_TOKENS = 2048
KINDS = {
    "id": str, "title": str, "file": str, "sha256": str, "size_bytes": int, "licence": str, "context_tokens": int,
    "calls_tools": bool, "kind": str,
}  # fmt: skip
EMBEDDING_ARCHITECTURES = ("bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "t5encoder", "neo-bert")


class OwnModels:
    """The models that the user added; `path` is the file that names them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[CatalogueModel, ...]:
        """Return the models in the order in which they were added; raises UserError where the file is broken."""
        try:
            entries = tomllib.loads(self._path.read_text(encoding="utf-8")).get("model", [])
            return tuple(_read_entry(entry) for entry in entries)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise UserError(
                "own_models_broken",
                tr("Your own models in {path} can't be understood: {reason}.", path=self._path, reason=error),
                tr("Correct that place, or move the file away and add them again; nothing in it was changed."),
            ) from error

    def add(self, model: CatalogueModel) -> None:
        """Keep `model`; raises UserError where the file can't be read or written."""
        self._write((*(known for known in self.load() if known.id != model.id), model))

    def remove(self, model_id: str) -> None:
        """Forget a model; its file stays. Raises UserError."""
        self._write(tuple(known for known in self.load() if known.id != model_id))

    def _write(self, models: tuple[CatalogueModel, ...]) -> None:
        document = tomlkit.document()
        document.add(tomlkit.comment("The models that you added: openclaw-agent model add and model remove."))
        entries = tomlkit.aot()
        for model in models:
            entries.append(tomlkit.item(_entry(model)))
        document.add("model", entries)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(self._path, tomlkit.dumps(document).encode())


def describe(path: Path, taken: frozenset[str]) -> CatalogueModel:
    """Return what the GGUF file at `path` says of itself, under an id that is not `taken`; raises UserError."""
    if not path.is_file():
        raise UserError(
            "model_file_absent",
            tr("There is no file {path}.", path=visible(str(path))),
            tr("Give the path of a .gguf file."),
            ExitCode.USAGE,
        )
    header = read_header(path)
    embeds = header.architecture in EMBEDDING_ARCHITECTURES
    if not embeds and not header.chat_template:
        raise UserError(
            "no_chat_template",
            tr("{path} has no chat template, so it can't be talked to.", path=visible(str(path))),
            tr("Choose an instruct or chat version of that model."),
        )
    title = without_controls(header.name).strip()[:60] or path.stem
    return CatalogueModel(
        id=_free_id(path.stem, taken),
        title=title,
        file=path.name,
        sha256=hash_file(path),
        size_bytes=path.stat().st_size,
        licence=tr("own"),
        context_tokens=header.context_length or DEFAULT_CONTEXT_TOKENS,
        calls_tools=not embeds and header.parameters >= CALLS_TOOLS_FROM_PARAMETERS,
        kind="embedding" if embeds else "chat",
        shape=_shape(header),
        path=path,
    )


def import_file(model: CatalogueModel, folder: Path, check_room: Callable[[int], None]) -> CatalogueModel:
    """Copy the model's file into `folder` and return the model as it lies there; raises UserError or OSError."""
    source, target = model.path, folder / model.file
    if source is None or source == target:
        return model
    if target.exists():
        raise UserError(
            "model_file_exists",
            tr("{path} is there already.", path=target),
            tr("Rename your file, or remove the model that has this name."),
        )
    check_room(model.size_bytes)
    # In a folder that the next download or copy clears away, should this one be killed.
    with tempfile.TemporaryDirectory(prefix=WORKSPACE_PREFIX, dir=folder) as workspace:
        partial = Path(workspace) / "copy"
        with source.open("rb") as original, partial.open("wb") as copy:
            partial.chmod(0o600)
            while chunk := original.read(CHUNK_BYTES):
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        if hash_file(partial) != model.sha256:
            raise UserError(
                "model_changed_while_copied",
                tr("{path} changed while it was copied.", path=source),
                tr("Try again once nothing writes to it."),
            )
        partial.replace(target)
    sync_folder(folder)
    return replace(model, path=target)


def _free_id(stem: str, taken: frozenset[str]) -> str:
    plain = re.sub(r"[^a-z0-9.]+", "-", stem.lower()).strip("-.") or "model"
    return next(name for name in (plain, *(f"{plain}-{number}" for number in range(2, 1000))) if name not in taken)


def _shape(header: GgufHeader) -> ModelShape:
    return ModelShape(
        parameters=header.parameters,
        block_count=header.block_count,
        head_count_kv=max(header.head_count_kv, default=0) or None,
        key_length=header.key_length or None,
        value_length=header.value_length or None,
        embedding_length=header.embedding_length or None,
        vocab_size=header.vocab_size or None,
    )


def _entry(model: CatalogueModel) -> dict[str, Any]:
    fields = asdict(model) | {"path": str(model.path)}
    for unused in ("mirrors", "recommended", "segment_bytes", "segment_sha256"):
        del fields[unused]
    return fields | {"shape": {key: value for key, value in fields["shape"].items() if value is not None}}


def _read_entry(entry: dict[str, Any]) -> CatalogueModel:
    fields = dict(entry)
    shape = ModelShape(**fields.pop("shape", {}))
    model = CatalogueModel(**fields | {"path": Path(fields["path"]), "shape": shape})
    values = [(getattr(model, name), kind) for name, kind in KINDS.items()]
    values += [(value, int) for value in asdict(shape).values() if value is not None]
    # Not isinstance: true is no number.
    if any(type(value) is not kind for value, kind in values):
        raise TypeError(tr("a value is of the wrong kind"))
    return model
