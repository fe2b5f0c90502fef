"""What a jailed call gives back, and how it fails.

Owns the words that the fork server, its client and the functions inside the jail share. Must not know any of them.
Both processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

JSON = Any  # whatever `json` can write; checked where it crosses a pipe, not by types
Handler = Callable[..., JSON]
Handlers = Mapping[str, Handler]

# An answer is one line, and a line longer than `process.LINE_LIMIT_BYTES` ends the worker: stay well below.
ANSWER_LIMIT_BYTES = 1_000_000


class CallFailed(Exception):
    """A call that gave no result: `code` for programs, `message` for whoever reads the log or the chat."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
