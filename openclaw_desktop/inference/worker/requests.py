"""What is asked of the engine, and what it tells of its work.

Owns these values. Must not know the pipe that carries them. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Messages = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Load:
    """How a model is loaded. `identity` names its bytes; "" lets size, time and beginning of the file do so."""

    path: str
    context_tokens: int
    threads: int
    extra_buffers: bool
    mmap: bool
    states_folder: str | None = None
    states_limit_bytes: int = 0
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt. `stable`: so many first messages are the same in every prompt of its kind.

    `keep`: whether what is read of it may be kept in a file after the answer.
    """

    messages: Messages
    lane: str = "chat"
    stable: int = 0
    keep: bool = True


@dataclass(slots=True)
class Run:
    """What one completion took. Times are in seconds, sizes in bytes.

    `cached_tokens` of the prompt were not read again, `restored_tokens` of them came from a file; `texts_cached` of
    `texts` pieces of the prompt were tokenised before.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    prompt_s: float = 0.0
    decode_s: float = 0.0
    stop: str = "end"
    restored_tokens: int = 0
    cpu_s: float = 0.0
    peak_rss_bytes: int = 0
    grammar_cached: bool = False
    texts: int = 0
    texts_cached: int = 0
