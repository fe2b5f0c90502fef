"""How each model would run on this machine: brings the files, the hardware, what was measured and the prices together.

Owns that report and the model client's question how much memory a load takes. Must not know front ends. Loop; headers,
drivers and memory speed are read in threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.backends import built_backends, explain_gpus, library_folder
from openclaw_desktop.inference.cost import Power, Prices, assume_power, estimate_cost
from openclaw_desktop.inference.download.problems import needed_bytes
from openclaw_desktop.inference.files import ModelFile
from openclaw_desktop.inference.fit import (
    Dimensions,
    MemoryNeed,
    Room,
    dimensions_of_header,
    dimensions_of_shape,
    judge,
    predict_memory_bytes,
)
from openclaw_desktop.inference.gguf import read_header
from openclaw_desktop.inference.loading import Load
from openclaw_desktop.inference.measured import Measured, MeasuredRuns
from openclaw_desktop.inference.speed import KnownRun, Speed, guess_speed, measured_speed
from openclaw_desktop.service.models.desk import ModelShelf
from openclaw_desktop.service.models.fit_report import CostView, FitReport, MemoryView, ModelFit, SpeedView
from openclaw_desktop.storage.settings import Settings
from openclaw_desktop.system.hardware import Hardware, read_hardware, read_watts
from openclaw_desktop.system.hardware.memory_speed import measure_memory_speed
from openclaw_desktop.system.processes import process_sizes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Machine:
    hardware: Hardware
    memory_bytes_per_s: float
    power: Power
    backends: frozenset[str]


class FitDesk:
    """Answers `fit_models`, and `need_bytes` for the model client."""

    def __init__(
        self,
        models: ModelShelf,
        runs: MeasuredRuns,
        settings: Settings,
        folder: Path,
        worker_pid: Callable[[], int | None],
    ) -> None:
        self._models = models
        self._worker_pid = worker_pid
        self._runs = runs
        self._settings = settings
        self._folder = folder
        self._headers: dict[tuple[Path, int, int], Dimensions] = {}
        self._measured: tuple[float, Power | None] | None = None

    async def report(self, context_tokens: int | None = None) -> FitReport:
        """Return how each model would run with that context; None: the setting's."""
        found = [file for file in await self._models.refresh() if file.model.kind == "chat"]
        sizes = await asyncio.to_thread(lambda: {file.model.id: self._dimensions(file) for file in found})
        machine = await asyncio.to_thread(self._look)
        known = tuple(
            KnownRun(file.model.title, size, run)
            for file in found
            if (size := sizes[file.model.id]) is not None and (run := self._runs.find(file.model.id)) is not None
        )
        wanted = context_tokens or self._settings.model.context_tokens
        hardware = machine.hardware
        return FitReport(
            memory_bytes=hardware.memory_bytes,
            available_bytes=hardware.available_bytes,
            disk_free_bytes=hardware.disk_free_bytes,
            cores=hardware.cores,
            gpus=explain_gpus(hardware.gpu, machine.backends),
            backends=tuple(sorted(machine.backends)),
            watts=round(machine.power.watts, 1),
            watts_source=machine.power.source,
            models=tuple(self._fit(file, sizes[file.model.id], known, wanted, machine) for file in found),
        )

    async def need_bytes(self, load: Load) -> int | None:
        """Return what a load will take: as it was measured, else predicted; None where its file can't be read."""
        run = self._runs.find(load.model.id, load.context_tokens, load.extra_buffers)
        if run is not None and run.peak_bytes:
            return run.peak_bytes
        try:
            size = await asyncio.to_thread(self._read, load.model.path)
        except (UserError, OSError):
            return None
        need = predict_memory_bytes(size, load.context_tokens, extra_buffers=load.extra_buffers, mmap=load.mmap)
        return need.total

    def _look(self) -> _Machine:
        """Read the machine, once its memory speed and its power; about a second the first time."""
        hardware = read_hardware(self._folder)
        if (pid := self._worker_pid()) is not None:
            # What the loaded model holds is free for the next, or for itself.
            held = sum(process_sizes({"inference": pid}).values())
            hardware = replace(hardware, available_bytes=min(hardware.available_bytes + held, hardware.memory_bytes))
        if self._measured is None:
            self._measured = _measure(hardware.cores)
        memory_bytes_per_s, power = self._measured
        power = power or assume_power(self._settings.energy.watts_per_core, hardware.cores)
        return _Machine(hardware, memory_bytes_per_s, power, built_backends(library_folder()))

    def _dimensions(self, file: ModelFile) -> Dimensions | None:
        """Return a model's dimensions from its file, or from the catalogue while there is none."""
        if file.path is not None:
            try:
                return self._read(file.path)
            except (UserError, OSError) as error:
                log.warning("%s", error)
        return dimensions_of_shape(file.model.shape, file.model.size_bytes)

    def _read(self, path: Path) -> Dimensions:
        stat = path.stat()
        key = (path, stat.st_size, stat.st_mtime_ns)
        if key not in self._headers:
            self._headers[key] = dimensions_of_header(read_header(path))
        return self._headers[key]

    def _fit(
        self, file: ModelFile, size: Dimensions | None, known: tuple[KnownRun, ...], wanted: int, machine: _Machine
    ) -> ModelFit:
        model = file.model
        context = min(wanted, model.context_tokens)
        chosen = self._models.in_use == model.id
        if file.path is None and model.path is not None:  # the user's own, which nobody but the user can bring back
            return ModelFit(model.id, model.title, "unknown", file.problem, False, chosen, context, 0, 0)
        part_bytes = self._models.part_bytes(model)
        missing = 0 if file.path is not None else model.size_bytes - part_bytes
        # As much as the download itself asks for: what is told here to fit must not be refused there.
        needed = needed_bytes(model, model.mirrors, part_bytes) if missing else 0
        if size is None:
            reason = tr("The catalogue does not say enough of it to predict.")
            return ModelFit(model.id, model.title, "unknown", reason, missing == 0, chosen, context, 0, missing)
        others = tuple(each for each in known if each.run.model != model.id)
        predicted = guess_speed(size, others, machine.memory_bytes_per_s, machine.hardware.cores)
        run = self._runs.find(model.id)
        measured = measured_speed(run) if run is not None else None
        speed = measured or predicted
        room = Room(machine.hardware.memory_bytes, machine.hardware.available_bytes, machine.hardware.disk_free_bytes)
        judgement = judge(size, context, room, speed.decode_tokens_per_s, needed)
        return ModelFit(
            id=model.id,
            title=model.title,
            verdict=judgement.verdict,
            reason=judgement.reason,
            present=file.path is not None,
            chosen=chosen,
            context_tokens=context,
            fitting_context_tokens=judgement.context_tokens,
            missing_bytes=missing,
            memory=_memory_view(predict_memory_bytes(size, context)),
            measured_peak_bytes=_peak(self._runs.find(model.id, context)),
            predicted=_speed_view(predicted),
            measured=_speed_view(measured),
            cost=self._cost(speed, machine.power),
        )

    def _cost(self, speed: Speed, power: Power) -> CostView:
        cost = self._settings.cost
        prices = Prices(cost.cloud_cents_per_mtoken, cost.electricity_cents_per_kwh)
        estimate = estimate_cost(speed.decode_tokens_per_s, power, prices)
        cents = None if estimate.cents is None else round(estimate.cents, 1)
        return CostView(round(estimate.wh, 1), cents, estimate.cloud_cents)


def _measure(cores: int) -> tuple[float, Power | None]:
    """Return how fast memory moves, and the power that was drawn meanwhile where this machine tells it."""
    speeds: list[float] = []
    # What a busy machine draws is what counts, so the counter is read before and after the copying.
    watts = read_watts(wait=lambda _moment_s: speeds.append(measure_memory_speed(cores)))
    speed = speeds[0] if speeds else measure_memory_speed(cores)
    if watts is None:
        return speed, None
    sources = {"battery": tr("read from the battery"), "rapl": tr("read from the processor's counter")}
    return speed, Power(watts.watts, sources[watts.source])


def _peak(run: Measured | None) -> int | None:
    return run.peak_bytes or None if run is not None else None


def _memory_view(need: MemoryNeed) -> MemoryView:
    return MemoryView(need.weights, need.kv_cache, need.compute, need.overhead, need.total)


def _speed_view(speed: Speed | None) -> SpeedView | None:
    if speed is None:
        return None
    return SpeedView(
        round(speed.prefill_tokens_per_s, 1),
        round(speed.decode_tokens_per_s, 1),
        round(speed.first_token_s, 1),
        speed.first_prompt_tokens,
        speed.source,
    )
