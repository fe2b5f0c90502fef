"""What each sign does to the importance of a fact: of two alike, the one for which more speaks weighs more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from memory_file import File

from openclaw_desktop.core.sentences import Passage
from openclaw_desktop.memory import editing
from openclaw_desktop.memory.consolidation.consolidator import Minds
from openclaw_desktop.storage.database import Database

JOANA, TOMAS = "My friend Joana works at Bosch.", "My friend Tomas works at Siemens."


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[File]:
    database = await Database.open(tmp_path / "m.db")
    yield File(database)
    await database.close()


async def weights(file: File) -> tuple[float, float]:
    """Return the importance of both facts after the next day's pass."""
    file.clock.moment += timedelta(days=1)
    await file.consolidator().run("background")
    found = dict(await file.rows("select text, importance from memories where kind = 'fact'"))
    return found[JOANA], found[TOMAS]


async def id_of(file: File, text: str) -> str:
    return str((await file.rows("select id from memories where kind = 'fact' and text = ?", text))[0][0])


async def use(file: File) -> None:
    # Both just now, so that only how often differs.
    await file.store.note_use([await id_of(file, JOANA)] * 4)
    await file.store.note_use([await id_of(file, TOMAS)])


async def use_lately(file: File) -> None:
    await file.store.note_use([await id_of(file, TOMAS)])
    file.clock.moment += timedelta(days=200)
    await file.store.note_use([await id_of(file, JOANA)])


async def say_again(file: File) -> None:
    await file.say(JOANA, JOANA, days_ago=60)


async def link(file: File) -> None:
    await file.say("Joana is allergic to nuts.", "Rui is allergic to nuts.", days_ago=60)
    await file.consolidator().run("asked")
    important = "update memories set importance = 1 where kind = 'fact' and text like '%nuts.'"
    await file.database.write(lambda c: c.execute(important).fetchall())


async def put_right(file: File) -> None:
    joana, now = await id_of(file, JOANA), file.clock.now()
    await file.database.write(lambda c: editing.edit(c, joana, {"valid_from": "2020-01-01"}, now))


async def pin(file: File) -> None:
    joana, now = await id_of(file, JOANA), file.clock.now()
    await file.database.write(lambda c: editing.edit(c, joana, {"pinned": True}, now))


@pytest.mark.parametrize("sign", [use, use_lately, say_again, link, put_right, pin])
async def test_of_two_alike_the_one_for_which_more_speaks_weighs_more(
    file: File, sign: Callable[[File], Awaitable[None]]
) -> None:
    await file.say(JOANA, TOMAS, days_ago=60)
    await file.consolidator().run("asked")
    first, second = await weights(file)
    assert first == second, "nothing speaks for one of them"
    await sign(file)
    first, second = await weights(file)
    assert first > second + 0.02


async def test_what_a_model_takes_for_important_weighs_more(file: File) -> None:
    async def score(passage: Passage) -> float:
        return 1.0 if passage.text == JOANA else 0.4

    await file.say(JOANA, TOMAS, days_ago=60)
    await file.consolidator(minds=Minds(score=score)).run("asked")
    first, second = await weights(file)
    assert first > second + 0.02


async def test_each_use_in_an_answer_is_counted_with_its_time(file: File) -> None:
    kept, other = await file.say("My locker is in the basement.", "My bicycle is red.")
    await file.store.note_use([kept])
    file.clock.moment += timedelta(hours=1)
    await file.store.note_use([kept])
    counted = await file.rows("select access_count, last_access_at from memories order by rowid")
    assert counted == [(2, file.clock.moment.isoformat(timespec="seconds")), (0, None)]
    found = await file.store.find_by_id(other)
    assert found is not None and found.access_count == 0, "to be found is not to be used"
