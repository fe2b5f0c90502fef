"""Regular expressions that are compiled when they are first needed.

Owns the delay: the word lists of a language take long to compile, and a start, or a verb that only asks a running
agent, matches nothing with them. A pattern with a mistake in it raises at its first use, in its tests. Any thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property

Replacement = str | Callable[[re.Match[str]], str]


class LazyPattern:
    """What `re.compile` returns, compiled at its first use."""

    def __init__(self, source: str, flags: int = 0) -> None:
        self._source = source
        self._flags = flags

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self._source, self._flags)

    @property
    def pattern(self) -> str:
        """The source."""
        return self._source

    def search(self, text: str, start: int = 0) -> re.Match[str] | None:
        """Return the first match anywhere from `start` on."""
        return self._compiled.search(text, start)

    def match(self, text: str, start: int = 0) -> re.Match[str] | None:
        """Return the match at `start`."""
        return self._compiled.match(text, start)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """Return the match of the whole text."""
        return self._compiled.fullmatch(text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """Yield every match."""
        return self._compiled.finditer(text)

    def findall(self, text: str) -> list[str]:
        """Return every match; of a pattern with at most one group."""
        return self._compiled.findall(text)

    def split(self, text: str, maxsplit: int = 0) -> list[str]:
        """Return what stands between the matches."""
        return self._compiled.split(text, maxsplit)

    def sub(self, replacement: Replacement, text: str, count: int = 0) -> str:
        """Return the text with matches replaced."""
        return self._compiled.sub(replacement, text, count)
