"""What one completion took, as plain values.

Owns the record that a client hands to whoever counts (ledger, fit), and the handing. Must not know who reads it. Loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from openclaw_desktop.core.protocols import Lane

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CompletionRecord:
    """One completion or weighing, a cancelled one as far as it came. Times in seconds, sizes in bytes.

    `prompt_s` is the reading of the prompt, `decode_s` the writing, `wall_s` all of it with waiting in the worker,
    `cpu_s` the worker's processor time for it. `context_tokens`, `threads` (None: the worker's own choice) and
    `extra_buffers` are what the model was loaded with; `peak_rss_bytes` is the most that the worker ever held, 0 where
    it does not tell. `turn_id` and `job` are the prompt's.
    """

    model: str
    lane: Lane
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    prompt_s: float
    decode_s: float
    wall_s: float
    cpu_s: float
    threads: int | None
    context_tokens: int
    peak_rss_bytes: int
    extra_buffers: bool = True
    mmap: bool = False
    restored_tokens: int = 0
    turn_id: str = ""
    job: str = ""


class Readers:
    """Those who count completions."""

    def __init__(self) -> None:
        self._readers: list[Callable[[CompletionRecord], None]] = []

    def add(self, reader: Callable[[CompletionRecord], None]) -> None:
        """Hand `reader` each record from now on."""
        self._readers.append(reader)

    def tell(self, record: CompletionRecord) -> None:
        """Hand `record` to each; whoever fails to count costs nobody an answer."""
        for read in self._readers:
            try:
                read(record)
            except Exception:
                log.exception("a completion was not counted")
