"""What the installed llama.cpp can compute with, by the names of its libraries.

Owns that reading and the sentence on why a card is not used. Must not load the library: that is the model worker's.
Any thread; lists one folder.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

from openclaw_desktop.core.text import tr
from openclaw_desktop.system.hardware import GpuFinding, GpuKind

_LIBRARY = re.compile(r"^(?:lib)?ggml-(cuda|metal|vulkan)\b.*\.(?:so|dylib|dll)\b")
NAMES: dict[GpuKind, str] = {"cuda": "CUDA", "metal": "Metal", "vulkan": "Vulkan"}


def library_folder() -> Path | None:
    """Return where llama.cpp's libraries are installed, found without importing them; None: nowhere."""
    spec = importlib.util.find_spec("llama_cpp")
    places = spec.submodule_search_locations if spec is not None else None
    return Path(places[0]) / "lib" if places else None


def built_backends(folder: Path | None) -> frozenset[str]:
    """Return what this build of llama.cpp has beside the processor: "cuda", "metal", "vulkan"."""
    if folder is None or not folder.is_dir():
        return frozenset()
    return frozenset(match[1] for path in folder.iterdir() if (match := _LIBRARY.match(path.name)))


def explain_gpus(found: GpuFinding, built: frozenset[str]) -> tuple[str, ...]:
    """Return in sentences which cards there are and why models run on the processor all the same."""
    sentences = [_explain(gpu.name, gpu.kind, built) for gpu in found.gpus]
    return tuple(dict.fromkeys(sentences + _others(found.reasons, built)))


def _explain(name: str, kind: GpuKind, built: frozenset[str]) -> str:
    if kind not in built:
        return tr(
            "{gpu} is there, but this build of llama.cpp has no {interface}: models run on the processor.",
            gpu=name,
            interface=NAMES[kind],
        )
    return tr(
        "{gpu} is there and this build of llama.cpp has {interface}, but models are loaded onto the processor alone.",
        gpu=name,
        interface=NAMES[kind],
    )


def _others(reasons: Sequence[str], built: frozenset[str]) -> list[str]:
    if built or not reasons:
        return list(reasons)
    return [*reasons, tr("This build of llama.cpp computes on the processor alone.")]
