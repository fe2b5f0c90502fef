"""Questions for several things: what lies in several conversations is found, however much one of them talks of it."""

from collections.abc import Sequence

from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.memory.recall.candidates import Candidate
from openclaw_desktop.memory.recall.crowds import MOST_BETTER, thin_out
from openclaw_desktop.memory.recall.hits import Hit
from openclaw_desktop.memory.recall.scoring import WEIGHTS, Signals, score

CHATTY = (
    "The concert in the town hall was full",
    "A concert in the park is lovely",
    "There is a concert for the children",
    "The concert began late that evening",
    "Our concert tickets were cheap",
)


def hit(rowid: int, session: str | None, value: float, kind: str = "turn") -> Hit:
    memory = Candidate(
        rowid, f"m{rowid}", kind, "user", session, 0, None, None, None, None, None, 0.5, 0, "a text", "", "", None
    )
    return Hit(memory, Signals(), score=value)


def order(hits: Sequence[Hit]) -> list[int]:
    return [one.memory.rowid for one in sorted(hits, key=lambda one: -one.score)]


def test_each_further_turn_of_a_conversation_loses_more() -> None:
    hits = [hit(number, "long", 5.0 - number / 10) for number in range(6)]
    thin_out(hits, -1.5)
    assert [round(one.signals.crowd * MOST_BETTER) for one in hits] == [0, 1, 2, 3, 3, 3]
    assert [round(one.score, 6) for one in hits] == [5.0, 4.4, 3.8, 3.2, 3.1, 3.0]


def test_what_stands_for_itself_loses_nothing() -> None:
    hits = [hit(1, "a", 5.0), hit(2, "a", 4.9, kind="fact"), hit(3, None, 4.8), hit(4, "b", 4.7), hit(5, "a", 4.6)]
    thin_out(hits, -1.5)
    assert order(hits) == [1, 2, 3, 4, 5]
    assert [one.signals.crowd > 0 for one in hits] == [False, False, False, False, True]


def test_what_is_lost_is_part_of_the_formula() -> None:
    first, second = hit(1, "a", 0.0), hit(2, "a", 0.0)
    first.signals.words = 1.0
    for one in (first, second):
        one.score = score(one.signals)
    thin_out([first, second], WEIGHTS.crowd)
    assert second.signals.crowd > 0
    assert second.score == score(second.signals)


async def test_several_conversations_answer_a_question_for_several_things(memories: MemoryStore) -> None:
    chats = [("long", text) for text in CHATTY]
    chats += [("b", "We heard a concert in Ghent"), ("c", "I went to a concert at the harbour")]
    await memories.remember_many(
        [NewMemory(text, kind="turn", speaker="user", session_id=session) for session, text in chats]
    )
    several = {found.session_id for found in await memories.recall("Which concerts are there?", 5)}
    one = {found.session_id for found in await memories.recall("Where is the next concert?", 5)}
    assert several == {"long", "b", "c"}
    assert one == {"long"}
