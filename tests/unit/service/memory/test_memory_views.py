"""However much belongs to a memory, what a front end is shown of it fits one frame and says how much more there is."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.memory.browsing import Linked
from openclaw_desktop.memory.erasing import Preview
from openclaw_desktop.memory.history import Change, Run
from openclaw_desktop.memory.mentions import Mention
from openclaw_desktop.memory.records import Recollection, StoredMemory, as_recollection
from openclaw_desktop.service.memory import views
from openclaw_desktop.service.wire import FRAME_LIMIT_BYTES, encode, encode_frame

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TIME = NOW.isoformat()
# Six bytes each in JSON; of a memory no word but the text is longer than 2000 characters, and there are 100 origins.
WORD = "\x01" * 2000
LABEL = Label("untrusted", "private", (WORD,) * 100)
TEXT = "\x01" * 2_000_000
WHOLE = {"text": WORD * 100, "source": WORD, "origins": WORD * 100, "sources": [f"mem_{n}" for n in range(5000)]}


def huge(number: int) -> StoredMemory:
    return StoredMemory(
        rowid=number, id=f"mem_{number}", text=TEXT, tier="long", kind="fact", speaker=WORD, source=WORD,
        session_id=WORD, turn_id=WORD, created_at=TIME, created_s=0, observed_at=TIME, valid_from=None, valid_to=None,
        expires_at=None, importance=0.5, confidence=1.0, pinned=False, access_count=0, last_access_at=None,
        label=LABEL, purpose=WORD, superseded_by=None,
    )  # fmt: skip


def frame_bytes(value: Any) -> int:
    return len(encode_frame({"id": 1, "result": encode(value)}))


def change(number: int) -> Change:
    return Change(number, "mem_1", "dropped", WHOLE, WHOLE)


def test_a_memory_that_much_was_made_of_and_happened_to() -> None:
    linked = Linked(tuple(huge(number) for number in range(100)), 4000)
    changes = [change(number) for number in range(300)]
    detail = views.memory_detail(huge(1), linked, linked, linked, changes, NOW)
    assert frame_bytes(detail) <= FRAME_LIMIT_BYTES
    assert detail.changes[-1].run_id == 299
    assert detail.more["sources"] + len(detail.sources) == 4000
    assert detail.more["changes"] + len(detail.changes) == 300
    assert "4000 memories" in detail.why[0]
    assert detail.memory.label.origins[-1] == "and 80 more"
    assert detail.changes[-1].before is not None and detail.changes[-1].before["sources"][-1] == "and 4980 more"


def test_of_what_was_made_of_much_the_first_is_shown_and_of_little_all() -> None:
    few, none = [replace(huge(number), text="s" * 2000, source="s" * 2000) for number in range(3)], Linked((), 0)
    few = [replace(one, speaker="user", session_id=None, turn_id=None, purpose="", label=USER) for one in few]
    detail = views.memory_detail(huge(1), Linked(tuple(few), 3), none, Linked(tuple(few), 101), [], NOW)
    assert [memory.id for memory in detail.sources] == ["mem_0", "mem_1", "mem_2"]
    assert detail.more == {"supersedes": 98} and frame_bytes(detail) <= FRAME_LIMIT_BYTES


def test_a_run_and_what_an_erasure_takes_and_leaves() -> None:
    run = Run(1, "import", TIME, TIME, None, "", 5000)
    shown = views.run_detail(run, [change(number) for number in range(5000)])
    assert frame_bytes(shown) <= FRAME_LIMIT_BYTES and shown.more + len(shown.changes) == 5000
    memories = tuple(huge(number) for number in range(150))
    mentions = tuple(Mention(f"mem_{n}", WORD * 10, TIME, WORD, (WORD[:60],)) for n in range(1000))
    seen = views.erasure_preview(Preview(memories, memories, memories, mentions, {"messages": 3}, 0, 0, ()))
    assert frame_bytes(seen) <= FRAME_LIMIT_BYTES
    assert seen.counts["memories"] == 450 and seen.more + len(seen.going) == 450
    assert len(seen.mention_ids) == 1000 and 0 < len(seen.mentions) < 1000


def test_what_is_found_comes_whole_or_as_its_beginning() -> None:
    def found(text: str) -> Recollection:
        return as_recollection(replace(huge(1), text=text))

    assert [hit.text for hit in views.memory_hits([found("a" * 20_000)] * 10)] == ["a" * 20_000] * 10
    clipped = views.memory_hits([found("\x01" * 2_000_000)] * 10)
    assert len(clipped) == 10 and frame_bytes(clipped) <= FRAME_LIMIT_BYTES and clipped[0].text.endswith("[…]")
