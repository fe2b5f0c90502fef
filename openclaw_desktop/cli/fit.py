"""What `model fit` prints: this machine, then a line or three for each model.

Owns the form of that table. Must not know how anything was found.
"""

from __future__ import annotations

from openclaw_desktop.core.text import tr
from openclaw_desktop.service.models.fit_report import CostView, FitReport, ModelFit, SpeedView

MARKS = {"green": "GREEN", "amber": "AMBER", "red": "RED", "unknown": "?"}
INDENT = " " * 9


def describe_fit(report: FitReport) -> str:
    """Return the report as lines."""
    lines = [
        tr(
            "This machine: {memory} of memory ({free} free), {cores} cores, {disk} free on disk.",
            memory=_size(report.memory_bytes),
            free=_size(report.available_bytes),
            cores=report.cores,
            disk=_size(report.disk_free_bytes),
        ),
        *report.gpus,
        tr("Energy is an estimate with {watts} W ({source}).", watts=f"{report.watts:g}", source=report.watts_source),
        "",
    ]
    return "\n".join(lines + [line for model in report.models for line in _describe_model(model)])


def _describe_model(model: ModelFit) -> list[str]:
    star = "*" if model.chosen else " "
    where = tr("{size} to fetch", size=_size(model.missing_bytes)) if model.missing_bytes else tr("not here")
    where = tr("here") if model.present else where
    lines = [f"{MARKS[model.verdict]:6} {star} {model.id:22} {model.title} ({where}). {model.reason}"]
    if model.memory is not None:
        lines.append(INDENT + _memory_line(model))
    for speed, word in ((model.measured, tr("measured")), (model.predicted, tr("predicted"))):
        if speed is not None:
            lines.append(INDENT + _speed_line(speed, word))
    if model.cost is not None:
        lines.append(INDENT + _cost_line(model.cost))
    return lines


def _memory_line(model: ModelFit) -> str:
    memory = model.memory
    assert memory is not None
    line = tr(
        "{total} of memory with {context} tokens: weights {weights}, context {cache}, rest {rest}",
        total=_size(memory.total_bytes),
        context=model.context_tokens,
        weights=_size(memory.weights_bytes),
        cache=_size(memory.kv_cache_bytes),
        rest=_size(memory.compute_bytes + memory.overhead_bytes),
    )
    if model.measured_peak_bytes is None:
        return line
    return line + " " + tr("(measured: {peak})", peak=_size(model.measured_peak_bytes))


def _speed_line(speed: SpeedView, word: str) -> str:
    return tr(
        "{word}: {decode} tokens/s written, {prefill} read, first word after {first} s for {tokens} tokens ({source})",
        word=word,
        decode=f"{speed.decode_tokens_per_s:.1f}",
        prefill=f"{speed.prefill_tokens_per_s:.0f}",
        first=f"{speed.first_token_s:.1f}",
        tokens=speed.first_prompt_tokens,
        source=speed.source,
    )


def _cost_line(cost: CostView) -> str:
    line = tr("a million tokens: about {energy} Wh", energy=f"{cost.wh:,.0f}")
    if cost.cents is not None:
        line += ", " + tr("{money} for the electricity", money=_money(cost.cents))
    if cost.cloud_cents is not None:
        line += "; " + tr("{money} in the cloud", money=_money(cost.cloud_cents))
    return line


def _money(cents: float) -> str:
    return f"{cents / 100:,.2f}"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
