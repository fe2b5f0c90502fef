"""The user's own models: kept in a file, described by their own headers, imported whole or not at all."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.inference import own_models
from openclaw_desktop.inference.catalogue import CatalogueModel, ModelShape
from openclaw_desktop.inference.download.problems import WORKSPACE_PREFIX
from openclaw_desktop.inference.files import hash_file
from openclaw_desktop.inference.own_models import OwnModels, describe, import_file

CONTENT = b"weights" * 1000
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def entry(**changed: str) -> str:
    """Return a model in the file, with some values changed."""
    plain = {
        "id": '"x"', "title": '"X"', "file": '"x.gguf"', "sha256": '"00"', "size_bytes": "1", "licence": '"own"',
        "context_tokens": "512", "calls_tools": "true", "path": '"/x.gguf"',
    }  # fmt: skip
    return "[[model]]\n" + "".join(f"{name} = {value}\n" for name, value in (plain | changed).items())


def mine(path: Path) -> CatalogueModel:
    digest = hashlib.sha256(CONTENT).hexdigest()
    return CatalogueModel(
        "mine", 'My "own"', path.name, digest, len(CONTENT), "own", 4096, True, shape=ModelShape(12, 3), path=path
    )


def test_what_is_added_comes_back(tmp_path: Path) -> None:
    own = OwnModels(tmp_path / "config" / "models.toml")
    assert own.load() == ()
    first, second = mine(tmp_path / "ä.gguf"), replace(mine(tmp_path / "b.gguf"), id="second", kind="embedding")
    own.add(first)
    own.add(second)
    assert own.load() == (first, second)
    own.add(replace(first, size_bytes=5))
    assert [model.id for model in own.load()] == ["second", "mine"] and own.load()[1].size_bytes == 5
    own.remove("mine")
    assert own.load() == (second,)
    own.remove("second")
    assert own.load() == ()


@pytest.mark.parametrize(
    "text",
    ["[[model]\n", entry(context_tokens='"x"'), entry(calls_tools="1"), entry(shape='{ block_count = "x" }'),
     entry(size_bytes="true"),
     "model = 5\n", "[[model]]\nid = 'x'\n", "[[model]]\nid = 5\nnonsense = 1\n", "model = ['x']\n"],
)  # fmt: skip
def test_a_file_that_cannot_be_understood_is_not_written_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "models.toml"
    path.write_text(text)
    for act in (
        OwnModels(path).load,
        lambda: OwnModels(path).add(mine(tmp_path / "m")),
        lambda: OwnModels(path).remove("x"),
    ):
        with pytest.raises(UserError, match="can't be understood"):
            act()
    assert path.read_text() == text


def test_a_plain_entry_is_understood(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(entry(shape="{ block_count = 3 }"))
    (model,) = OwnModels(tmp_path / "models.toml").load()
    assert (model.id, model.context_tokens, model.shape.block_count) == ("x", 512, 3)


def test_a_model_is_described_by_its_header(smollm2: Path) -> None:
    model = describe(smollm2 / FILE, frozenset())
    assert model.id == "smollm2-135m-instruct.q4-1"
    assert (model.context_tokens, model.shape.parameters, model.shape.block_count) == (8192, 134_515_008, 30)
    assert not model.calls_tools and model.kind == "chat" and model.path == smollm2 / FILE
    assert model.sha256 == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def test_an_id_that_is_taken_gets_a_number(smollm2: Path) -> None:
    taken = frozenset({"smollm2-135m-instruct.q4-1", "smollm2-135m-instruct.q4-1-2"})
    assert describe(smollm2 / FILE, taken).id == "smollm2-135m-instruct.q4-1-3"


def test_an_import_is_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    source = tmp_path / "m.gguf"
    source.write_bytes(CONTENT)
    asked: list[int] = []
    copied = import_file(mine(source), folder, asked.append)
    assert copied.path == folder / "m.gguf" and (folder / "m.gguf").read_bytes() == CONTENT
    assert asked == [len(CONTENT)], "the disk was looked at first"
    with pytest.raises(UserError, match="is there already"):
        import_file(mine(source), folder, asked.append)
    (folder / "m.gguf").unlink()
    with pytest.raises(UserError, match="changed while it was copied"):
        import_file(replace(mine(source), sha256="0" * 64), folder, asked.append)
    assert list(folder.iterdir()) == []


def test_a_copy_that_is_killed_lies_where_the_next_one_clears_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "m.gguf").write_bytes(CONTENT)
    seen: list[str] = []

    def hash_copy(path: Path) -> str:
        seen.extend(each.name for each in folder.iterdir())
        return hash_file(path)

    monkeypatch.setattr(own_models, "hash_file", hash_copy)
    import_file(mine(tmp_path / "m.gguf"), folder, lambda _: None)
    assert len(seen) == 1 and seen[0].startswith(WORKSPACE_PREFIX)
    assert [path.name for path in folder.iterdir()] == ["m.gguf"]
