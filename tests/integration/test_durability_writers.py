"""Twenty at once, through the agent and past it: nothing is lost, and whoever is refused reads why."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from agent_process import Program
from counts import count

from openclaw_desktop.memory import NewMemory, open_memory
from openclaw_desktop.service.remote import RemoteService

WRITERS = count("writers at once", 20)
EACH = 25
# Waits for its word, so that all open, migrate and write at once.
WRITER = """
import asyncio, sys
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.storage.database import Database
from pathlib import Path

async def main(path, number, each):
    sys.stdin.readline()
    try:
        database = await Database.open(Path(path))
        memories = MemoryStore(database, None)
        for turn in range(int(each)):
            print(await memories.remember(NewMemory(f"fact {turn} of writer {number}", session_id="one", kind="turn")))
        await database.close()
    except UserError as error:
        print("refused", error.failure.code, error)

asyncio.run(main(*sys.argv[1:]))
"""
# Opens one new file after the other, each at the same moment as all the others.
OPENER = """
import asyncio, sys
from openclaw_desktop.storage.database import Database
from pathlib import Path

async def main(folder, files):
    for number in range(int(files)):
        print("ready", flush=True)
        sys.stdin.readline()
        await (await Database.open(Path(folder, f"{number}.db"))).close()

asyncio.run(main(*sys.argv[1:]))
"""


def check(path: Path, kept: list[str]) -> None:
    connection = apsw.Connection(str(path))
    assert connection.pragma("integrity_check", 1) == "ok"
    ids = {row[0] for row in connection.execute("select id from memories")}
    words = connection.execute("select count(*) from memories_fts where memories_fts match 'fact'").get
    connection.close()
    assert len(kept) == len(set(kept)) and set(kept) <= ids
    assert words == len(ids)


@pytest.mark.parametrize("new", [True, False], ids=["a file that is not there yet", "a file that is there"])
async def test_processes_that_open_the_file_itself(tmp_path: Path, new: bool) -> None:
    path = tmp_path / "m.db"
    if not new:
        async with open_memory(path) as memory:
            await memory.remember(NewMemory("the first fact"))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(number), str(EACH)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(WRITERS)
    ]  # fmt: skip
    kept: list[str] = []
    try:
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            out, err = process.communicate(timeout=300)
            assert process.returncode == 0 and "Traceback" not in err, err
            told = out.splitlines()
            refused = [line for line in told if line.startswith("refused")]
            assert not refused, "each waits for its turn, and has it however many stand before it"
            kept += told
    finally:
        for process in processes:
            with process:  # closes its pipes
                process.kill()
    assert len(kept) == WRITERS * EACH
    check(path, kept)


def test_processes_that_open_new_files_at_the_same_moment(tmp_path: Path) -> None:
    files = 150  # without trying again, one in some hundred of these is refused or sees the tables change
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER, str(tmp_path), str(files)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(WRITERS)
    ]  # fmt: skip
    try:
        for _ in range(files):
            for process in processes:
                assert process.stdout is not None
                process.stdout.readline()
            for process in processes:
                assert process.stdin is not None
                with contextlib.suppress(BrokenPipeError):  # its error is read below
                    process.stdin.write("go\n")
                    process.stdin.flush()
        errors = [process.communicate(timeout=60)[1] for process in processes]
    finally:
        for process in processes:
            with process:
                process.kill()
    assert errors == [""] * WRITERS


async def test_commands_and_connections_to_one_agent(program: Program) -> None:
    agent = program.serve()
    verbs = [program.start("remember", f"fact of verb {number}", "--json") for number in range(WRITERS)]
    services = [await RemoteService.connect(agent.socket_path) for _ in range(WRITERS)]

    async def write(service: RemoteService | None, number: int) -> list[str]:
        assert service is not None
        kept = [(await service.remember(f"fact {turn} of connection {number}")).id for turn in range(EACH)]
        await service.close()
        return kept

    kept = [one for ids in await asyncio.gather(*map(write, services, range(WRITERS))) for one in ids]
    for verb in verbs:
        out, err = await asyncio.to_thread(verb.communicate, timeout=120)
        assert verb.returncode == 0, err
        kept.append(out.split('"id": "')[1].split('"')[0])
    assert agent.stop().code == 0
    assert len(kept) == WRITERS * (EACH + 1)
    check(program.home / "data" / "openclaw.db", kept)


def test_commands_without_an_agent_stand_in_line(program: Program) -> None:
    verbs = [program.start("remember", f"fact {number}", "--json") for number in range(WRITERS)]
    kept = []
    for verb in verbs:
        out, err = verb.communicate(timeout=300)
        if verb.returncode:
            assert "is using this home" in err and "Traceback" not in err, "who waited too long reads for whom"
        else:
            kept.append(out.split('"id": "')[1].split('"')[0])
    assert kept
    check(program.home / "data" / "openclaw.db", kept)
