"""How far an erasure reaches: what was made of some memories, and the words that they came from.

Owns the questions, asked of the one file and of its copies, older ones too. Must not know how anything is erased.
Runs on the database's threads.

- What is asked for, in each wording that was united with it or stood there before it was edited; and of a fact what it
  was made of: erased from the fact alone, the turn would tell it again.
- Of the turns that these came from, and of those that went on from them after an answer in the inbox: all that was
  said in them, and every memory of it.
- What of these was removed before, and stands in the history of changes alone.
- What was made of any of these: facts, summaries, and answers of other turns that repeat them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import apsw

from openclaw_desktop.core.sentences import sense
from openclaw_desktop.memory.sessions import AFTER_PARKED
from openclaw_desktop.storage.database import Row, fetch

TURN_PREFIX = "turn_"
# The `source` of what a fact said before it was edited.
EARLIER = "edit"
# Every join is a cross join: SQLite then keeps their order, where it would else read all memories for a few ids.


@dataclass(frozen=True, slots=True)
class Reach:
    """What goes, and what is left to be looked at again.

    `asked`, `said_with` and `derived`: ids of memories, in the order of the module's list. `gone`: ids of memories that
    the history of changes alone still holds. `turns`: of these everything goes; `answers`: turns of which the agent's
    words go. `remaining`: ids of memories whose facts go though they themselves stay.
    """

    asked: tuple[str, ...] = ()
    said_with: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    turns: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()

    @property
    def memory_ids(self) -> tuple[str, ...]:
        """All memories that go."""
        return (*self.asked, *self.said_with, *self.derived)

    @property
    def marks(self) -> tuple[str, ...]:
        """Every id that no copy of the file may bring back."""
        return (*self.memory_ids, *self.gone, *self.turns)

    def __bool__(self) -> bool:
        return bool(self.memory_ids or self.gone or self.turns)


def find_reach(connection: apsw.Connection, ids: Iterable[str]) -> Reach:
    """Return all that goes with the memories and turns `ids`; those that are not there are left out."""
    wanted = list(dict.fromkeys(ids))
    if "memory_sources" in table_names(connection):
        asked = _with_sources(connection, _with_wordings(connection, wanted))
    else:
        asked = _known(connection, wanted)
    named = _turns_there(connection, wanted)
    of_asked = [turn for (turn,) in rows_of(connection, asked, "m.turn_id") if turn is not None]
    return _whole(connection, wanted, asked, list(dict.fromkeys([*of_asked, *named])))


def find_marked(connection: apsw.Connection, marks: Iterable[str]) -> Reach:
    """Return what a copy of the file still holds of what was erased, by the marks of that, and what was made of it."""
    wanted = list(dict.fromkeys(marks))
    return _whole(connection, wanted, _known(connection, wanted), _turns_there(connection, wanted))


def find_alone(connection: apsw.Connection, ids: Iterable[str]) -> Reach:
    """Return the memories `ids` and the messages that they are of, and nothing that was made of them."""
    asked = _known(connection, list(dict.fromkeys(ids)))
    turns = [turn for turn, kind in rows_of(connection, asked, "m.turn_id, m.kind") if turn and kind == "turn"]
    return Reach(asked=tuple(asked), turns=tuple(dict.fromkeys(turns)))


def _whole(connection: apsw.Connection, wanted: list[str], asked: list[str], turns: list[str]) -> Reach:
    tables = table_names(connection)
    if "inbox" in tables:
        turns = _with_what_came_of(connection, turns)
    said_with = [id_ for id_ in _ids(connection, "m.turn_id", turns) if id_ not in set(asked)]
    core = [*asked, *said_with]
    derived, remaining = list[str](), list[str]()
    if "memory_sources" in tables:
        derived = [id_ for id_ in _derived(connection, core) if id_ not in set(core)]
        remaining = _remaining(connection, [*core, *derived])
    gone = _gone(connection, wanted, [*core, *derived]) if "memory_changes" in tables else []
    answers = _answers(connection, [*core, *derived], turns)
    parts = (asked, said_with, derived, gone, turns, answers, remaining)
    return Reach(*(tuple(part) for part in parts))


def _with_what_came_of(connection: apsw.Connection, turns: list[str]) -> list[str]:
    """Return `turns` and those that came of the calls that were parked in them, and so on."""
    parked: dict[str, list[str]] = {}
    for id_, turn in fetch(connection, "select id, turn_id from inbox"):
        parked.setdefault(turn, []).append(id_)
    found, step = dict.fromkeys(turns), turns
    while step:
        step = [begin + id_ for turn in step for id_ in parked.get(turn, ()) for begin in AFTER_PARKED]
        step = [turn for turn in step if turn not in found]
        found.update(dict.fromkeys(step))
    return list(found)


def table_names(connection: apsw.Connection) -> frozenset[str]:
    """Return the tables of a file: a copy from before an update lacks some."""
    return frozenset(name for (name,) in fetch(connection, "select name from sqlite_schema where type = 'table'"))


def rows_of(connection: apsw.Connection, ids: Collection[str], columns: str) -> list[Row]:
    """Return columns of the memories `ids` that there are, oldest first."""
    sql = f"select {columns} from json_each(?) j cross join memories m on m.id = j.value order by m.rowid"
    return fetch(connection, sql, (json.dumps(list(ids)),))


def _with_wordings(connection: apsw.Connection, ids: list[str]) -> list[str]:
    """Return `ids` with the facts that say the same and took their place, or gave it up to them, and earlier texts."""
    sql = """select o.id, o.text, o.source from memories m cross join memories o on o.superseded_by = m.rowid
            where m.id = ?1 and m.kind = 'fact'
        union all select o.id, o.text, o.source from memories m cross join memories o on o.rowid = m.superseded_by
            where m.id = ?1 and m.kind = 'fact'"""
    found = dict.fromkeys(ids)
    step = ids
    while step:
        told = {id_: _sense(text) for id_, text in rows_of(connection, step, "m.id, m.text")}
        step = [
            other
            for id_, said in told.items()
            for other, text, source in fetch(connection, sql, (id_,))
            if other not in found and (source == EARLIER or _sense(text) == said)
        ]
        found.update(dict.fromkeys(step))
    return list(found)


def _sense(text: str) -> tuple[str, ...]:
    return tuple(sense(text, by_user=True))


def _known(connection: apsw.Connection, ids: Sequence[str]) -> list[str]:
    return _ids(connection, "m.id", ids)


def _ids(connection: apsw.Connection, column: str, values: Sequence[str]) -> list[str]:
    sql = f"select m.id from json_each(?) j cross join memories m on {column} = j.value order by m.rowid"
    return [str(id_) for (id_,) in fetch(connection, sql, (json.dumps(values),))]


def _with_sources(connection: apsw.Connection, ids: Sequence[str]) -> list[str]:
    """Return the memories that there are, and of the facts among them what they were made of."""
    sql = """with recursive up (place) as (
            select m.rowid from json_each(?) j cross join memories m on m.id = j.value
            union
            select s.source_rowid from up cross join memories m on m.rowid = up.place and m.kind = 'fact'
            join memory_sources s on s.memory_rowid = m.rowid
        ) select m.id from up cross join memories m on m.rowid = up.place order by m.rowid"""
    return [str(id_) for (id_,) in fetch(connection, sql, (json.dumps(ids),))]


def _turns_there(connection: apsw.Connection, ids: Sequence[str]) -> list[str]:
    """Return those of `ids` that name turns in which anything was said."""
    named = [id_ for id_ in ids if id_.startswith(TURN_PREFIX)]
    sql = """select distinct j.value from json_each(?) j where exists (select 1 from messages where turn_id = j.value)
        or exists (select 1 from memories where turn_id = j.value)"""
    return [str(turn) for (turn,) in fetch(connection, sql, (json.dumps(named),))]


def _derived(connection: apsw.Connection, ids: Sequence[str]) -> list[str]:
    sql = """with recursive down (place) as (
            select m.rowid from json_each(?) j cross join memories m on m.id = j.value
            union
            select s.memory_rowid from down join memory_sources s on s.source_rowid = down.place
        ) select m.id from down cross join memories m on m.rowid = down.place order by m.rowid"""
    return [str(id_) for (id_,) in fetch(connection, sql, (json.dumps(ids),))]


def _answers(connection: apsw.Connection, ids: Sequence[str], turns: Collection[str]) -> list[str]:
    rows = rows_of(connection, ids, "m.turn_id, m.kind, m.speaker")
    found = [turn for turn, kind, speaker in rows if turn and kind == "turn" and speaker == "assistant"]
    return [turn for turn in dict.fromkeys(found) if turn not in turns]


def _remaining(connection: apsw.Connection, ids: Sequence[str]) -> list[str]:
    """Return what facts that go were made of besides: it stays, and is read again."""
    sql = """select distinct source.id from json_each(?1) j cross join memories m on m.id = j.value and m.kind = 'fact'
        join memory_sources s on s.memory_rowid = m.rowid join memories source on source.rowid = s.source_rowid
        where source.id not in (select value from json_each(?1)) order by source.rowid"""
    return [str(id_) for (id_,) in fetch(connection, sql, (json.dumps(ids),))]


def _gone(connection: apsw.Connection, wanted: Sequence[str], ids: Sequence[str]) -> list[str]:
    """Return memories removed before whose text history holds: of `wanted`, or made of `ids` or of one another."""
    removed = """select distinct memory_id from memory_changes where memory_id in (select value from json_each(?))
        and memory_id not in (select id from memories)"""
    sql = """select distinct c.memory_id from memory_changes c, json_each(c.before, '$.sources') s
        where c.after is null and s.value in (select value from json_each(?))"""
    known = dict.fromkeys(ids)
    found: dict[str, None] = dict.fromkeys(str(id_) for (id_,) in fetch(connection, removed, (json.dumps(wanted),)))
    step = [*ids, *found]
    while step:
        step = [id_ for (id_,) in fetch(connection, sql, (json.dumps(step),)) if id_ not in known and id_ not in found]
        found.update(dict.fromkeys(step))
    return list(found)
