"""A download's progress in a terminal.

Owns the bar, with rate and time left. Where stderr is no terminal, a line every tenth.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Never

from openclaw_desktop.cli.output import tell
from openclaw_desktop.core.events import ModelPulled
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.api import AgentService

if TYPE_CHECKING:
    from tqdm import tqdm


async def pull_with_progress(service: AgentService, model_id: str) -> bool:
    """Fetch a model and show how far it is; False where the download was paused."""
    from tqdm import tqdm

    # The bar's own rate counts what was here before; the download knows better.
    form = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}"
    with tqdm(
        total=None, unit="B", unit_scale=True, desc=model_id, disable=not sys.stderr.isatty(), file=sys.stderr,
        bar_format=form,
    ) as bar:  # fmt: skip
        told = _Told(model_id, bar)
        try:
            async for progress in service.pull_model(model_id):
                told.show(progress)
        except asyncio.CancelledError:
            bar.close()
            tell(_kept(told.last))
            raise
    if told.last is None or told.last.done:
        return True
    tell(tr("Paused.") + " " + _kept(told.last))
    return False


class _Told:
    """What of a download was shown."""

    def __init__(self, model_id: str, bar: tqdm[Never]) -> None:
        self._model_id = model_id
        self._bar = bar
        self._tenth = -1
        self.last: ModelPulled | None = None

    def show(self, progress: ModelPulled) -> None:
        self.last = progress
        if progress.notice:
            self._bar.clear()
            tell(progress.notice)
        self._bar.total = progress.total_bytes
        self._bar.set_postfix_str(describe_pace(progress), refresh=False)
        self._bar.n = progress.received_bytes
        self._bar.refresh()
        tenth = 10 * progress.received_bytes // max(1, progress.total_bytes)
        if self._bar.disable and tenth > self._tenth:
            self._tenth = tenth
            tell(tr("{model}: {percent} %", model=self._model_id, percent=tenth * 10))


def describe_pace(progress: ModelPulled) -> str:
    """Return rate and time left, or what else is being done; "" while nothing is known."""
    if progress.state == "verifying":
        return tr("checking")
    if progress.rate_bytes_s is None:
        return ""
    rate = tr("{rate:.1f} MB/s", rate=progress.rate_bytes_s / 1e6)
    if progress.left_s is None:
        return tr("waiting for the network")
    minutes, seconds = divmod(round(progress.left_s), 60)
    hours, minutes = divmod(minutes, 60)
    left = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    return tr("{rate}, {left} left", rate=rate, left=left)


def _kept(last: ModelPulled | None) -> str:
    if last is None or last.received_bytes == 0:
        return tr("What has arrived is kept: the same command goes on from there.")
    return tr(
        "{received} of {total} MB are kept: the same command goes on from there, model remove {model} frees them.",
        received=last.received_bytes // 1_000_000,
        total=last.total_bytes // 1_000_000,
        model=last.model_id,
    )
