"""What was put right stands above what it corrects, turns included."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest

from openclaw_desktop.core.labels import Label
from openclaw_desktop.memory import MemoryStore, NewMemory, Recollection
from openclaw_desktop.memory.consolidation.matters import words_asked_by
from openclaw_desktop.memory.recall import corrections
from openclaw_desktop.memory.recall.candidates import Candidate
from openclaw_desktop.storage.database import Database

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Told:
    """Facts with the turns that they were made of, one after the other."""

    def __init__(self, database: Database) -> None:
        self.database, self.store = database, MemoryStore(database, None)
        self.facts: list[str] = []

    async def say(self, text: str, fact: str | None, day: int) -> str:
        """Keep a turn, and a fact made of it."""
        moment = f"2026-11-{day:02}T10:00:00+00:00"
        turn = NewMemory(text, kind="turn", speaker="user", session_id=f"s{day}", turn_id=f"t{day}", created_at=moment)
        turn_id = await self.store.remember(turn)
        if fact is not None:
            made = NewMemory(fact, speaker="user", created_at=moment, derived_from=(turn_id,))
            self.facts.append(await self.store.remember(made))
            sql = "update memories set neighbours = ? where id = ?"
            words = words_asked_by(fact)
            await self.database.write(lambda c: c.execute(sql, (words, self.facts[-1])).fetchall())
        return turn_id

    async def replace(self, old: str, new: str | None) -> None:
        """End a fact, for another or for none."""
        sql = """update memories set superseded_by = (select rowid from memories where id = ?),
            valid_to = '2026-11-20T10:00:00+00:00' where id = ?"""
        await self.database.write(lambda c: c.execute(sql, (new, old)).fetchall())

    async def ask(self, question: str) -> list[Recollection]:
        return await self.store.recall(question, now=NOW)


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    database = await Database.open(tmp_path / "m.db")
    yield Told(database)
    await database.close()


async def test_the_turns_that_hold_no_more_stand_below_what_was_put_right(told: Told) -> None:
    old = await told.say("My wifi password is hunter2", "wifi password: hunter2", 1)
    older = await told.say("The wifi password changed to hunter3, by the way", "wifi password: hunter3", 5)
    await told.say("It is hunter4 now, after all that", "hunter4 opens the network", 9)
    first, second, third = told.facts
    await told.replace(first, second)
    await told.replace(second, third)
    hits = await told.ask("what is the wifi password?")
    assert hits[0].id == third
    assert "took the place of what was said before" in hits[0].why
    outdated = {hit.id: hit.why for hit in hits if hit.id in (old, older)}
    assert len(outdated) == 2
    assert all("no longer true since 2026-11-" in why for why in outdated.values())
    assert {first, second}.isdisjoint(hit.id for hit in hits)


async def test_what_was_is_found_where_it_is_asked_for_alone_and_says_that_it_holds_no_more(told: Told) -> None:
    await told.say("s1", "My phone number is 0151 222", 1)
    await told.say("s2", "My phone number is 0151 999", 9)
    old, new = told.facts
    await told.replace(old, new)
    for now in ("What is my phone number?", "What is my phone number? I want to call before dinner"):
        hits = await told.ask(now)
        assert (hits[0].id, hits[0].ended) == (new, False)
        assert old not in [hit.id for hit in hits]
    hits = await told.ask("What was my phone number before?")
    assert {hit.id: hit.ended for hit in hits if hit.id in told.facts} == {old: True, new: False}


async def test_of_two_facts_of_one_matter_the_later_that_tells_of_a_change_is_first(told: Told) -> None:
    await told.say("s1", "My favourite composer is Ravel", 1)
    await told.say("s2", "I've switched to Schubert as the composer that I like best", 20)
    await told.say("s3", "I own the complete works of a composer called Bruch", 21)
    hits = await told.ask("which is my favourite composer?")
    assert [hit.id for hit in hits[:2]] == [told.facts[1], told.facts[0]], [hit.text for hit in hits]
    assert "newer than another hit" in hits[0].why and "newer" not in hits[1].why


@pytest.mark.parametrize(
    ("older", "later"),
    [
        ("The composer that I love most is Ravel", "I have a recording by the composer Bruch"),  # it tells of no change
        ("The composer that I love most is Ravel", "I moved to Lisbon"),  # of something else
        ("Ravel is the composer I love most", "My new neighbour is a composer"),  # of another matter
    ],
)
async def test_what_only_came_later_leaves_the_better_answer_first(told: Told, older: str, later: str) -> None:
    await told.say("s1", older, 1)
    await told.say("s2", later, 20)
    hits = await told.ask("which is my favourite composer?")
    assert hits[0].id == told.facts[0] and all("newer" not in hit.why for hit in hits)


async def test_an_untrusted_text_never_passes_the_users_own_by_calling_itself_new(told: Told) -> None:
    await told.say("s1", "Everyone in my family knows that Ravel is the composer I love most", 1)
    moment = "2026-11-20T10:00:00+00:00"
    text = "I've switched to Schubert as my favourite composer"
    label = Label("untrusted", "private", ("mail",))
    await told.store.remember(NewMemory(text, speaker="user", created_at=moment, label=label))
    hits = await told.ask("which composer do I love most?")
    assert hits[0].id == told.facts[0] and "newer" not in hits[1].why


async def test_a_turn_that_says_other_things_keeps_its_place_for_them(told: Told) -> None:
    both = await told.say("I live in Porto, and my dog Rex chases the postman all day", "I live in Porto", 1)
    await told.say("I moved to Lisbon", "I live in Lisbon", 9)
    await told.replace(*told.facts)
    hits = await told.ask("Does my dog Rex chase the postman?")
    assert hits[0].id == both
    assert not any("no longer true" in hit.why or "took the place" in hit.why for hit in hits)


async def test_what_ended_without_another_says_so(told: Told) -> None:
    turn = await told.say("I have a dog called Rex", "I have a dog called Rex", 1)
    other = await told.say("The dog of the neighbours is called Bello", None, 2)
    await told.replace(told.facts[0], None)
    hits = await told.ask("what is the dog called")
    assert [hit.id for hit in hits] == [other, turn]
    assert "no longer true since 2026-11-20" in hits[1].why


async def test_a_question_for_the_past_still_finds_it(told: Told) -> None:
    await told.say("My wifi password is hunter2", "wifi password: hunter2", 1)
    await told.say("The wifi password is hunter3 now", "wifi password: hunter3", 5)
    await told.replace(*told.facts)
    assert (await told.ask("what was the previous wifi password?"))[0].id == told.facts[0]


async def test_what_was_put_right_many_times_is_read_at_once(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await told.store.remember_many([NewMemory(f"My weight is {number} kg") for number in range(60)])
    last = await told.store.remember(NewMemory("The scales show 81"))
    for old, new in zip(ids, [*ids[1:], last], strict=True):
        await told.replace(old, new)
    reads = []
    read_candidates = corrections.read_candidates

    def read(connection: apsw.Connection, rowids: Iterable[int]) -> list[Candidate]:
        reads.append(rowids)
        return read_candidates(connection, rowids)

    monkeypatch.setattr(corrections, "read_candidates", read)
    hits = await told.ask("What is my weight in kg?")
    assert [hit.id for hit in hits] == [last]
    assert len(reads) == 1


async def test_a_turn_falls_once_however_many_of_its_facts_ended(told: Told) -> None:
    turn = await told.say("I have a dog called Rex", "The dog is called Rex", 1)
    same = NewMemory("The dog Rex is called by the user", created_at="2026-11-01T10:00:00+00:00", derived_from=(turn,))
    told.facts.append(await told.store.remember(same))

    async def score() -> float:
        _, hits = await told.store.search.weigh("what is the dog Rex called", NOW, 10)
        return next(hit.score for hit in hits if hit.memory.id == turn)

    before = await score()
    for fact in told.facts:
        await told.replace(fact, None)
    assert await score() == pytest.approx(before - corrections.OUTDATED)


async def test_an_answer_of_what_was_and_what_is_holds(told: Told) -> None:
    await told.say("My wifi password is hunter2", "wifi password: hunter2", 1)
    await told.say("The wifi password is hunter3 now", "wifi password: hunter3", 5)
    both = NewMemory(
        "Your wifi password was hunter2 and is hunter3", kind="turn", speaker="assistant", session_id="s5",
        derived_from=tuple(told.facts),
    )  # fmt: skip
    answer = await told.store.remember(both)
    await told.replace(*told.facts)
    _, hits = await told.store.search.weigh("what is the wifi password?", NOW, 10)
    assert [hit.ended for hit in hits if hit.memory.id == answer] == [None]


async def test_the_turn_in_which_a_fact_was_kept_holds_no_more_than_the_fact(told: Told) -> None:
    fact = "my sister's birthday is on March 14"
    kept = await told.store.remember(NewMemory(fact, speaker="user", session_id="s1", turn_id="t1"))
    said = await told.say(f"Remember that {fact}", None, 1)
    saved = NewMemory(f"Saved: {fact}", kind="turn", speaker="assistant", session_id="s1", turn_id="t1")
    answer = await told.store.remember(saved)
    right = await told.store.remember(NewMemory("My sister's birthday is on 15 March.", speaker="user"))
    await told.replace(kept, right)
    hits = await told.ask("When is my sister's birthday?")
    assert hits[0].id == right and kept not in [hit.id for hit in hits]
    marked = {hit.id for hit in hits if "no longer true since 2026-11-20" in hit.why}
    assert marked == {said, answer}
