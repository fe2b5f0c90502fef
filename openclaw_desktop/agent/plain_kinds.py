"""What a plain request asks for: the kinds that exist, each with what it needs. Values only; not how they are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RememberThis:
    """Keep `text`."""

    text: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class RecallAbout:
    """Say what was told about `query`. Not `certain`: a question that a memory may answer but need not."""

    query: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ForgetAbout:
    """Erase what was told about `query`."""

    query: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ReadFile:
    """Show what the file at `path` (in the user's words) says."""

    path: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ListFolder:
    """Show what is in the folder at `path` (in the user's words)."""

    path: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """Call `tool`: a plain request that the tool itself brought."""

    tool: str
    arguments: Mapping[str, Any]
    certain: bool = True


@dataclass(frozen=True, slots=True)
class NeedsTools:
    """An action that only a model with tools can choose and fill."""

    certain: bool = False


@dataclass(frozen=True, slots=True)
class PlainPlan:
    """Several plain requests, one after the other."""

    requests: tuple[RememberThis | ReadFile | ListFolder | ToolRequest, ...]
    certain: bool = True


PlainRequest = RememberThis | RecallAbout | ForgetAbout | ReadFile | ListFolder | ToolRequest | NeedsTools | PlainPlan
