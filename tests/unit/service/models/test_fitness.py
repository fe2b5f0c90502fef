"""How models would run here: brought together from the files, the disk and the machine, and shown as lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from openclaw_desktop.cli.fit import describe_fit
from openclaw_desktop.inference.catalogue import CatalogueModel, HubMirror, PackageMirror, find_model, load_catalogue
from openclaw_desktop.inference.download.problems import needed_bytes
from openclaw_desktop.inference.files import ModelFile
from openclaw_desktop.inference.fit import dimensions_of_shape, predict_memory_bytes
from openclaw_desktop.inference.loading import Load, LoadedModel
from openclaw_desktop.inference.measured import MeasuredRuns
from openclaw_desktop.inference.records import CompletionRecord
from openclaw_desktop.service.models import fitness
from openclaw_desktop.service.models.fit_report import FitReport
from openclaw_desktop.service.models.fitness import FitDesk
from openclaw_desktop.storage.settings import Settings
from openclaw_desktop.system.hardware import GpuFinding, Hardware

GB = 1_000_000_000
MODEL = find_model(load_catalogue(), "qwen3-8b")


class Shelf:
    """One model, of which a part may be here."""

    in_use = None

    def __init__(self, file: ModelFile, part_bytes: int = 0) -> None:
        self._file = file
        self._part_bytes = part_bytes

    async def refresh(self) -> tuple[ModelFile, ...]:
        return (self._file,)

    def part_bytes(self, model: CatalogueModel) -> int:
        return self._part_bytes


async def report(shelf: Shelf, disk_free_bytes: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> FitReport:
    machine = Hardware(64 * GB, 48 * GB, 8, disk_free_bytes, GpuFinding(reasons=("No card.",)))
    monkeypatch.setattr(fitness, "read_hardware", lambda _: machine)
    monkeypatch.setattr(fitness, "_measure", lambda _: (50e9, None))
    runs = MeasuredRuns(folder / "measured.json")
    return await FitDesk(shelf, runs, Settings(), folder, lambda: None).report()  # type: ignore[arg-type]


@pytest.mark.parametrize("part_bytes", [0, 2 * GB])
@pytest.mark.parametrize("mirror", [HubMirror("https://a/m"), PackageMirror("p", "1", "m")])
async def test_a_model_fits_on_the_disk_where_its_download_would_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: HubMirror | PackageMirror, part_bytes: int
) -> None:
    model = replace(MODEL, mirrors=(mirror,))
    needed = needed_bytes(model, model.mirrors, part_bytes)
    for spare, verdict in ((0, "green"), (-1, "red")):
        shelf = Shelf(ModelFile(model, None), part_bytes)
        (fit,) = (await report(shelf, needed + spare, tmp_path, monkeypatch)).models
        assert fit.verdict == verdict
        assert fit.missing_bytes == model.size_bytes - part_bytes, "what is fetched, not what is wanted beside it"
    assert "no room on the disk" in fit.reason


async def test_a_file_of_the_user_s_that_is_gone_is_not_to_be_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = replace(MODEL, id="mine", title="Mine", path=tmp_path / "mine.gguf")
    told = await report(Shelf(ModelFile(mine, None, "It is gone.")), 500 * GB, tmp_path, monkeypatch)
    (fit,) = told.models
    assert (fit.verdict, fit.present, fit.missing_bytes) == ("unknown", False, 0)
    line = describe_fit(told).splitlines()[-1]
    assert "Mine (not here). It is gone." in line


async def test_what_is_to_be_fetched_is_told_with_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = await report(Shelf(ModelFile(MODEL, None)), 500 * GB, tmp_path, monkeypatch)
    lines = describe_fit(told).splitlines()
    assert "No card." in lines
    assert any("Qwen3 8B (5.0 GB to fetch)" in line for line in lines)


def ran(context_tokens: int, peak_bytes: int, *, extra_buffers: bool) -> CompletionRecord:
    return CompletionRecord(
        "mine", "chat", 100, 0, 20, 1.0, 1.0, 2.0, 2.0, 2, context_tokens, peak_bytes, extra_buffers, not extra_buffers
    )


async def test_what_a_load_takes_is_as_measured_else_predicted_else_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = dimensions_of_shape(MODEL.shape, MODEL.size_bytes)
    assert size is not None
    monkeypatch.setattr(fitness, "read_header", lambda _: "header")
    monkeypatch.setattr(fitness, "dimensions_of_header", lambda _: size)
    path = tmp_path / "mine.gguf"
    path.touch()
    runs = MeasuredRuns(tmp_path / "measured.json")
    desk = FitDesk(Shelf(ModelFile(MODEL, path)), runs, Settings(), tmp_path, lambda: None)  # type: ignore[arg-type]

    async def need(context_tokens: int, *, extra_buffers: bool, file: Path = path) -> int | None:
        return await desk.need_bytes(Load(LoadedModel("mine", file, 4096), context_tokens, extra_buffers))

    def predicted(context_tokens: int, *, extra_buffers: bool) -> int:
        return predict_memory_bytes(size, context_tokens, extra_buffers=extra_buffers, mmap=not extra_buffers).total

    assert await need(4096, extra_buffers=True) == predicted(4096, extra_buffers=True)
    runs.record(ran(4096, 7 * GB, extra_buffers=True))
    assert await need(4096, extra_buffers=True) == 7 * GB
    assert await need(4096, extra_buffers=False) == predicted(4096, extra_buffers=False)
    assert await need(8192, extra_buffers=True) == predicted(8192, extra_buffers=True)
    runs.record(ran(4096, 8 * GB, extra_buffers=False))
    assert await need(4096, extra_buffers=False) == 8 * GB
    assert await need(4096, extra_buffers=True) == 7 * GB, "a newer run of another kind does not hide it"
    await runs.stop()


@pytest.mark.parametrize("content", [None, b"", b"GGUF", b"no model at all" * 99])
async def test_nobody_knows_what_a_file_takes_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "mine.gguf"
    if content is not None:
        path.write_bytes(content)
    runs = MeasuredRuns(tmp_path / "measured.json")
    desk = FitDesk(Shelf(ModelFile(MODEL, path)), runs, Settings(), tmp_path, lambda: None)  # type: ignore[arg-type]
    load = Load(LoadedModel("mine", path, 4096), 4096, extra_buffers=True)
    assert await desk.need_bytes(load) is None
