"""What `fit_models` answers: this machine, and how each model would run on it.

Owns these types, part of the API. Must not know how anything was found. Sizes in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class MemoryView:
    """What a model needs at its peak, by what it is for."""

    weights_bytes: int
    kv_cache_bytes: int
    compute_bytes: int
    overhead_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class SpeedView:
    """Tokens a second read and written; seconds until the first word of a question of `first_prompt_tokens`, all new.

    Measured, these two are the last question's. `source` says where the figures come from.
    """

    prefill_tokens_per_s: float
    decode_tokens_per_s: float
    first_token_s: float
    first_prompt_tokens: int
    source: str


@dataclass(frozen=True, slots=True)
class CostView:
    """Of a million written tokens, estimated. Money in hundredths; None where its price is not set."""

    wh: float
    cents: float | None
    cloud_cents: float | None


@dataclass(frozen=True, slots=True)
class ModelFit:
    """How one model would run. `context_tokens`: what the figures are for, never more than the model was made for.

    `fitting_context_tokens`: the largest up to that which memory has room for, 0: none. `memory` and `predicted` are
    None where the catalogue says too little of the model; `measured` and `measured_peak_bytes` until it has run here.
    `missing_bytes`: what is still to be fetched. `verdict` "unknown": nothing can be said before it is here, or it is
    the user's own and its file is gone.
    """

    id: str
    title: str
    verdict: Literal["green", "amber", "red", "unknown"]
    reason: str
    present: bool
    chosen: bool
    context_tokens: int
    fitting_context_tokens: int
    missing_bytes: int
    memory: MemoryView | None = None
    measured_peak_bytes: int | None = None
    predicted: SpeedView | None = None
    measured: SpeedView | None = None
    cost: CostView | None = None


@dataclass(frozen=True, slots=True)
class FitReport:
    """The machine and every model that answers, the best first.

    `gpus`: in sentences which there are, and why models don't run on them. `backends`: what this build of llama.cpp
    has beside the processor.
    """

    memory_bytes: int
    available_bytes: int
    disk_free_bytes: int
    cores: int
    gpus: tuple[str, ...]
    backends: tuple[str, ...]
    watts: float
    watts_source: str
    models: tuple[ModelFit, ...]
