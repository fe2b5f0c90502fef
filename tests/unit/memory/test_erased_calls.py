"""What the calls of an erased turn were about goes with it: from the audit log, the inbox, and what undoes them."""

from dataclasses import replace
from pathlib import Path

from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.sessions import SessionStore, SpokenMessage
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.security.audit import AuditEntry, AuditLog
from openclaw_desktop.security.inbox import InboxStore
from openclaw_desktop.storage.backup import back_up
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools.undoing import UndoStore

CANARY = "zanzibar-canary"


def turn(text: str, turn_id: str) -> NewMemory:
    return NewMemory(text, kind="turn", session_id="s", speaker="user", turn_id=turn_id)


def traces(folder: Path) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file() and CANARY.encode() in file.read_bytes()]


async def test_a_request_that_waited_in_the_inbox_keeps_no_word_of_what_it_erased(
    database: Database, memories: MemoryStore
) -> None:
    inbox = InboxStore(database)
    fact = await memories.remember(NewMemory(f"my PIN is {CANARY}"))
    for words, capability in ((f"my PIN {CANARY}", ""), ("tell Bob", "mail:send")):
        call = ToolCall("c", "call", {"about": words})
        entry = inbox.new_entry(
            call, None, hash_=words, capability=capability, target=words, preview="", reason="", session_id="s",
            turn_id="turn_ask", folder=None, context=USER,
        )  # fmt: skip
        await inbox.park(entry)
    forgets, tells = await inbox.list()
    await inbox.begin(forgets.id, forgets.call_hash)
    await memories.forget([fact], asked_in="turn_ask")
    forgets, tells = await inbox.get(forgets.id), await inbox.get(tells.id)
    assert (forgets.target, forgets.arguments, forgets.state) == ("", {}, "running")
    assert (tells.target, tells.arguments, tells.state) == ("tell Bob", {"about": "tell Bob"}, "open"), "another call"


async def test_of_a_call_in_an_erased_turn_it_is_kept_that_it_was_and_no_word_of_it(
    database: Database, memories: MemoryStore, tmp_path: Path
) -> None:
    sessions = SessionStore(database)
    session = await sessions.begin()
    scene = CallScene(session, "turn_1", USER)
    audit, inbox, undo = AuditLog(database), InboxStore(database), UndoStore(database)
    call = ToolCall("c", "write", {"path": CANARY})
    for turn_id in ("turn_1", "turn_2"):
        word = CANARY if turn_id == "turn_1" else "other"
        await audit.record(AuditEntry("call", turn_id, "write", "decision", "allow", "", USER, "file:write", "h", word))
        await undo.keep("write", word, {"text": word}, replace(scene, turn_id=turn_id), USER)
    parked = [
        inbox.new_entry(
            one := replace(call, arguments={"path": word}), one, hash_=word, capability="file:write", target=word,
            preview=word, reason="", session_id=session, turn_id=turn_id, folder=None, context=USER,
        )
        for turn_id, word in (("turn_1", CANARY), ("turn_1", f"{CANARY} 2"), ("turn_2", "other"))
    ]  # fmt: skip
    for entry in parked:
        await inbox.park(entry)
    await inbox.end(parked[1].id, "done", f"Wrote {CANARY}.")
    for turn_id in (f"turn_told_{parked[1].id}", f"turn_then_{parked[1].id}"):
        await sessions.add_message(session, SpokenMessage(turn_id, "assistant", f"I wrote {CANARY}", USER))
    await sessions.add_message(session, SpokenMessage(f"turn_told_{parked[2].id}", "assistant", "It waits.", USER))
    said = await memories.remember_many([turn(f"write {CANARY}", "turn_1"), turn("write the other", "turn_2")])
    await database.maintain(lambda c: back_up(c, tmp_path / "backups", "by-hand"))
    assert traces(tmp_path)
    receipt = await memories.erasing.erase([said[0]])
    assert receipt.counts["calls"] == 4 and receipt.counts["copies"] == 1
    assert traces(tmp_path) == []
    assert (await audit.verify()).broken is None
    assert [row.target for row in await audit.last()] == ["", "other"]
    assert [(await inbox.get(entry.id)).state for entry in parked] == ["denied", "done", "open"]
    assert [message.text for message in await sessions.messages(session)] == ["It waits."]
    assert (await undo.find(session)).what == "other"
