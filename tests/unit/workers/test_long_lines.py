"""What the fork server reads: a line that comes in many pieces is put together once, not looked through at each."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("there is no fork server on Windows", allow_module_level=True)

from openclaw_desktop.workers import fork_server
from openclaw_desktop.workers.sandbox.jail import Jail


class Counting(bytearray):
    """What came in so far, and how often it was looked through."""

    looked = 0

    def split(self, *arguments: Any) -> list[Any]:
        self.looked += 1
        return super().split(*arguments)


def test_a_long_line_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    server = fork_server._Server({}, Jail())
    obeyed: list[Any] = []
    monkeypatch.setattr(server, "_obey", obeyed.append)
    server._input = coming = Counting()
    text = b'{"data": "' + b"x" * 1_000_000 + b'"}\n{"data": "next"}\n{"da'
    pieces = [text[at : at + 1000] for at in range(0, len(text), 1000)]
    monkeypatch.setattr(os, "read", lambda descriptor, count: pieces.pop(0))
    while pieces:
        assert server._read_messages()
    assert [len(message["data"]) for message in obeyed] == [1_000_000, 4]
    assert server._input == b'{"da' and coming.looked == 1
    pieces.append(b"")
    assert not server._read_messages(), "nobody writes any more"
