"""`memory consolidate`, by itself and at a running agent; and with the real model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from agent_process import Program

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.protocols import Urgency
from openclaw_desktop.inference.client import ENVIRONMENT, LoadedModel, ModelClient
from openclaw_desktop.memory.consolidation.checking import is_borne_out
from openclaw_desktop.memory.consolidation.consolidator import Consolidator, Minds
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.service.memory.consolidation import loaded_minds
from openclaw_desktop.storage.database import Database
from openclaw_desktop.workers.supervisor import Supervisor

FILE = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
TURNS = (
    "My sister Anna moved to Rome in May 2024. She never eats fish.",
    "The plumber comes on Thursdays, but never before 9.",
    "If I moved to Oslo, I'd learn Norwegian.",
    "What is the capital of Peru?",
    "I don't work at Siemens anymore.",
    "My boss said that I live in Paris.",
)


class Always:
    def may_run(self, kind: str, urgency: Urgency) -> bool:
        return True


async def keep_turns(path: Path) -> None:
    database = await Database.open(path)
    turns = [NewMemory(text, kind="turn", tier="short", speaker="user", label=USER) for text in TURNS]
    await MemoryStore(database, None).remember_many(turns)
    await database.close()


async def test_the_verb_reads_what_was_said_alone_and_at_a_running_agent(program: Program) -> None:
    program.run("status").done()
    await keep_turns(program.home / "data" / "openclaw.db")
    said = program.run("memory", "consolidate").done().out
    assert f"Read {len(TURNS)} memories." in said and "2  facts added" in said
    program.serve()
    document = program.run("memory", "consolidate", "--json").done().document
    assert document == {
        "read": 0, "changes": {}, "unread": 0, "run_id": None, "stopped": "",
        "missing_bytes": 0, "missing_disk_bytes": 0,
    }  # fmt: skip


@pytest.fixture
async def client(qwen: Path) -> AsyncIterator[ModelClient]:
    client = ModelClient(Supervisor("inference", ENVIRONMENT), lambda _, state: None)
    client.choose(LoadedModel("qwen2.5-coder-1.5b", qwen / FILE, 4096))
    yield client
    await client.stop()


async def test_what_the_real_model_adds_is_borne_out_by_its_turn(tmp_path: Path, client: ModelClient) -> None:
    await keep_turns(tmp_path / "m.db")
    database = await Database.open(tmp_path / "m.db")
    minds = Minds(extract=loaded_minds(client, lambda: True).extract)
    await Consolidator(database, Always(), SystemClock(), minds=minds).run("asked")
    facts = await database.rows(
        """select m.text, s.text from memories m join memory_sources l on l.memory_rowid = m.rowid
        join memories s on s.rowid = l.source_rowid where m.kind = 'fact'"""
    )
    await database.close()
    assert len(facts) >= 2
    for fact, turn in facts:
        print(fact)
        assert fact in turn or is_borne_out(fact, turn), (fact, turn)
    assert not any(word in fact for fact, _ in facts for word in ("Oslo", "Norwegian", "Paris", "Peru"))


async def test_a_model_that_is_not_loaded_is_not_loaded_for_this() -> None:
    async def never(*_: object) -> None:
        raise AssertionError("asked")

    minds = loaded_minds(never, lambda: False)  # type: ignore[arg-type]
    assert minds.extract is not None and minds.score is not None
    assert await minds.extract([]) == []
    assert await minds.score(None) is None  # type: ignore[arg-type]
