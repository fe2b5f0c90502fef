"""What can go wrong, as a plain sentence with what to do next.

Owns the exception that may reach a person and the exit codes of the command line. Must not know who shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of both programs; stable."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NEEDS_AGENT = 3
    DENIED = 4


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure as plain data: `code` for programs, `sentence` and `advice` for people."""

    code: str
    sentence: str
    advice: str = ""
    exit_code: int = ExitCode.FAILED

    @property
    def text(self) -> str:
        """What happened and what to do, in one line."""
        return f"{self.sentence} {self.advice}".strip()


class UserError(Exception):
    """An error that a person may read: what happened, why, and what to do next."""

    def __init__(self, code: str, sentence: str, advice: str = "", exit_code: int = ExitCode.FAILED) -> None:
        super().__init__(f"{sentence} {advice}".strip())
        self.failure = Failure(code, sentence, advice, int(exit_code))

    @classmethod
    def from_failure(cls, failure: Failure) -> UserError:
        """Rebuild the error on the other side of a socket."""
        return cls(failure.code, failure.sentence, failure.advice, failure.exit_code)
