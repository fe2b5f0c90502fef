"""A download's progress in a terminal.

Owns the bar. Where stderr is no terminal, a line every tenth.
"""

from __future__ import annotations

import sys

from tqdm import tqdm

from openclaw_desktop.cli.output import tell
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.api import AgentService


async def pull_with_progress(service: AgentService, model_id: str) -> None:
    """Fetch a model and show how far it is."""
    terminal = sys.stderr.isatty()
    told = -1
    with tqdm(total=None, unit="B", unit_scale=True, desc=model_id, disable=not terminal, file=sys.stderr) as bar:
        async for progress in service.pull_model(model_id):
            bar.total = progress.total_bytes
            bar.update(progress.received_bytes - bar.n)
            tenth = 10 * progress.received_bytes // max(1, progress.total_bytes)
            if not terminal and tenth > told:
                told = tenth
                tell(tr("{model}: {percent} %", model=model_id, percent=tenth * 10))
