"""What was told of an erased turn goes with it, and what quotes it wherever it came from; the rest stays."""

from __future__ import annotations

from pathlib import Path

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.notices import Notice
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.sessions import SessionStore, SpokenMessage
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.notifications.store import NoticeStore
from openclaw_desktop.storage.backup import back_up
from openclaw_desktop.storage.database import Database

CANARY = "zanzibar-canary"


async def test_notices_of_its_chat_and_those_that_quote_it_go(
    database: Database, memories: MemoryStore, tmp_path: Path
) -> None:
    sessions, notices = SessionStore(database), NoticeStore(database, SystemClock())
    chat, other = await sessions.begin(), await sessions.begin()
    await sessions.add_message(chat, SpokenMessage("turn_1", "user", f"my locker is {CANARY}", USER))
    await sessions.add_message(other, SpokenMessage("turn_2", "user", "something else", USER))
    fact = NewMemory(f"my locker is {CANARY}", kind="turn", session_id=chat, speaker="user", turn_id="turn_1")
    memory_id = await memories.remember(fact)
    for title, body, session_id in (
        ("of its chat", "without the word", chat),
        ("elsewhere", f"it says: my locker is {CANARY}!", None),
        ("another chat", "said something else", other),
        ("its own", "nothing of it", None),
    ):
        await notices.add(Notice("job:1", title, body, USER, session_id=session_id))
    await database.beside(lambda connection: back_up(connection, tmp_path / "backups", "daily"))

    await memories.forget([memory_id])

    assert sorted(kept.title for kept in await notices.list()) == ["another chat", "its own"]
    left = [file.name for file in tmp_path.rglob("*") if file.is_file() and CANARY.encode() in file.read_bytes()]
    assert left == [], "not in a copy either"


async def test_a_chat_that_goes_takes_its_notices_with_it(database: Database) -> None:
    sessions, notices = SessionStore(database), NoticeStore(database, SystemClock())
    chat = await sessions.begin()
    await notices.add(Notice("job:1", "of its chat", "", USER, session_id=chat))
    await notices.add(Notice("job:1", "of a chat that is not kept", "", USER, session_id="ses_incognito"))
    await database.write(lambda c: c.execute("delete from conversations where id = ?", (chat,)).fetchall())
    (left,) = await notices.list()
    assert (left.title, left.session_id) == ("of a chat that is not kept", None)
