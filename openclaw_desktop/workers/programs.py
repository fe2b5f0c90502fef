"""What a program is and what came of it, as the agent, the tool worker and its keeper say it to one another.

Owns these values and their form as JSON. Must not know how a program is run. Every process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from openclaw_desktop.workers.sandbox.program_jail import ProgramJail

# How a program ended: by itself, or by us because of what it used up. "life": whoever wanted it has gone.
Ended = Literal["exit", "time", "output", "memory", "processes", "disk", "life"]


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `argv` starts with an absolute path; `cwd` is a folder of the jail, "" for its private one.

    `timeout_s`: 0 for none. `output_limit_bytes`: of stdout and of stderr, each. `stdin`: what it reads.
    """

    argv: tuple[str, ...]
    jail: ProgramJail
    cwd: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 0.0
    output_limit_bytes: int = 200_000
    stdin: str = ""

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Program:
        """Rebuild a program from what `as_message` gave; raises KeyError, TypeError or ValueError."""
        jail: Any = {
            name: tuple(value) if isinstance(value, list) else value for name, value in message["jail"].items()
        }
        rest = {name: value for name, value in message.items() if name not in ("jail", "argv")}
        return cls(argv=tuple(message["argv"]), jail=ProgramJail(**jail), **rest)

    def as_message(self) -> dict[str, Any]:
        """Return the program as JSON."""
        message: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        jail = {name: getattr(self.jail, name) for name in ProgramJail.__slots__}
        return message | {"argv": list(self.argv), "environment": dict(self.environment), "jail": jail}


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """What came of a program. `exit_code`: None where it was ended; 128 and the signal's number where a signal did.

    `ended` says why; `truncated`: it wrote more than was wanted. `namespaces`: it was alone in its own.
    """

    exit_code: int | None
    stdout: str
    stderr: str
    truncated: bool
    ended: Ended
    namespaces: bool
