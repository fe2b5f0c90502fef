"""Facts in the file: added with their sources, merged, ended by others, moved and dropped; each change in the diff.

Owns the table `memory_claims` and the rows that consolidation derives. Must not know where the texts come from, nor
models. Writer's thread, within the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import apsw

from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.core.sentences import sense
from openclaw_desktop.memory import history, rows
from openclaw_desktop.memory.consolidation.claims import USER, Claim
from openclaw_desktop.memory.consolidation.deeds import Deeds
from openclaw_desktop.memory.consolidation.importance import LONG_FROM, Signs, earned_tier, weigh
from openclaw_desktop.memory.consolidation.matters import words_asked_by
from openclaw_desktop.memory.consolidation.slots import (
    Reading,
    contradicts,
    contradicts_in_part,
    read_claims,
    rivals,
    same_part,
    same_person,
    weight_of,
)
from openclaw_desktop.memory.consolidation.spans import Span, find_span
from openclaw_desktop.memory.records import NewMemory, StoredMemory, Tier
from openclaw_desktop.memory.vectors.index import remove_vectors
from openclaw_desktop.security.labels import join
from openclaw_desktop.storage.database import fetch

# The `source` of derived rows: what has another was said to be kept, or brought in, by the user.
DERIVED = "consolidation"
# Under this slot a fact's claims name the one that stays though this says otherwise: it is pinned, or tells more.
QUESTIONS = "questions"
_IN_YEAR = LazyPattern(r"\bin (?:[A-Za-z]+ )?((?:19|20)\d\d)\b")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that may become a fact, with the memories it was taken from.

    `weight`: a model's judgement, if any. `puts_right`: the sentence in whose place it stands, if any. `changes`: it
    was said as news, which its text alone may not tell.
    """

    text: str
    sources: tuple[StoredMemory, ...]
    weight: float | None = None
    puts_right: str = ""
    changes: bool = False

    @property
    def label(self) -> Label:
        """The worst of the sources' labels."""
        return join(source.label for source in self.sources)


@dataclass(slots=True)
class Diff:
    """One run within one transaction: opens its row with the first change, and counts what it did.

    `begin` returns the run's id; it is called at most once.
    """

    connection: apsw.Connection
    now: datetime
    begin: Callable[[apsw.Connection], int]
    counts: dict[str, int] = field(default_factory=dict)
    _run_id: int | None = None
    _deeds: Deeds | None = None

    @property
    def run_id(self) -> int:
        """The id of the run."""
        if self._run_id is None:
            self._run_id = self.begin(self.connection)
        return self._run_id

    @property
    def begun(self) -> bool:
        """True where something was done."""
        return self._run_id is not None

    @property
    def deeds(self) -> Deeds:
        """What was done and taken back before."""
        if self._deeds is None:
            self._deeds = Deeds(self.connection)
        return self._deeds

    def count(self, action: str, times: int = 1) -> None:
        """Count a change."""
        self.counts[action] = self.counts.get(action, 0) + times


def add(diff: Diff, candidate: Candidate) -> int | None:
    """Add a fact, or unite it with the one that says the same, and end what it contradicts; None where it was no news.

    A fact that was taken back once does not come back from the same turn, and of a text that the user did not write
    nothing becomes one: "I" is somebody else in it.
    """
    connection = diff.connection
    key = sense_key(candidate.text)
    said = max(candidate.sources, key=lambda source: (source.created_s, source.rowid))
    reading = read_claims(candidate.text)
    reading = replace(reading, changes=reading.changes or candidate.changes)
    if candidate.label.integrity == "untrusted" or any(
        diff.deeds.is_rejected("fact", key, source.id) for source in candidate.sources
    ):
        return None
    for same in _find_same(connection, key, reading, said.created_s):
        _merge(diff, same, candidate)
        _put_right(diff, candidate.puts_right, same.rowid)
        return None
    content = candidate.weight if candidate.weight is not None else weight_of(reading.claims, candidate.text)
    importance = weigh(Signs(content, len(candidate.sources), age_days=_age_days(candidate, diff.now)))
    if importance < LONG_FROM:
        return None
    span = find_span(candidate.text, datetime.fromisoformat(said.created_at).date())
    rowid = _insert(diff, candidate, said, importance, span)
    claim(connection, rowid, candidate.text, reading, content)
    for source in candidate.sources:
        diff.deeds.note(diff.run_id, "fact", key, source.id)
    settle(diff, rowid, reading)
    _put_right(diff, candidate.puts_right, rowid)
    return rowid


def take_over(diff: Diff, fact: StoredMemory, reading: Reading) -> None:
    """Let a fact of the user's own stand in the place of others that say the same; one that was derived in none's."""
    key = sense_key(fact.text)
    same = list(_find_same(diff.connection, key, reading, fact.created_s))
    others = [one for one in same if one.rowid != fact.rowid and one.superseded_by is None]
    if fact.source == DERIVED and others:
        history.change_columns(diff.connection, diff.run_id, fact.id, "merged", {"superseded_by": others[0].id})
        diff.count("merged")
        return
    for other in others:
        if other.pinned:
            continue
        if not diff.deeds.is_rejected("take over", other.id, fact.id):
            history.change_columns(diff.connection, diff.run_id, other.id, "merged", {"superseded_by": fact.id})
            diff.deeds.note(diff.run_id, "take over", other.id, fact.id)
            diff.count("merged")


def settle(diff: Diff, rowid: int, reading: Reading) -> tuple[str, ...]:
    """End the facts that the one at `rowid` contradicts, and return their ids; an older one is ended by a newer.

    What is pinned, or tells more than what is contradicted, stays, put in question.
    """
    connection = diff.connection
    (new,) = rows.fetch_memories(connection, [rowid])
    if new.superseded_by is not None or new.label.integrity == "untrusted":
        return ()
    if not reading.claims or _is_to_come(new, diff.now):
        return ()
    ended: list[str] = []
    for old, whole in _find_contradicted(diff, new, reading):
        if _is_to_come(old, diff.now):
            continue
        earlier, later = (new, old) if _is_later(diff, old, new) else (old, new)
        if earlier.pinned or not whole:
            _question(connection, earlier.id, later.rowid)
        elif _end(diff, earlier, later) and earlier is old:
            ended.append(old.id)
        if whole and earlier is new:
            break
    return tuple(ended)


def _put_right(diff: Diff, text: str, rowid: int) -> None:
    """End the facts that say `text`, and no other: of two sisters, "it's 15 March" is about the one just spoken of."""
    if not text:
        return
    (new,) = rows.fetch_memories(diff.connection, [rowid])
    for old in list(_find_same(diff.connection, sense_key(text), read_claims(text), new.created_s)):
        # What was said again since stays. In the order of rows it may be the later one: it is read when there is time.
        if old.rowid != new.rowid and not old.pinned and old.created_s <= new.created_s:
            _end(diff, old, new)


def settle_begun(diff: Diff, last_day: str) -> None:
    """End what the facts contradict that began to hold after `last_day`, an ISO date, and by today."""
    found = fetch(
        diff.connection,
        """select rowid from memories where tier in ('short', 'medium', 'long') and kind = 'fact'
        and superseded_by is null and speaker in ('', 'user') and date(valid_from) > ?1
        and date(valid_from) <= ?2 order by valid_from, rowid""",
        (last_day, diff.now.date().isoformat()),
    )
    for fact in rows.fetch_memories(diff.connection, [rowid for (rowid,) in found]):
        settle(diff, fact.rowid, read_claims(fact.text))


def reopen(connection: apsw.Connection, rowids: Iterable[int]) -> None:
    """Let what these had ended hold again, or end by what ended them: it is as if they had not been said."""
    connection.executemany(
        """update memories set superseded_by = (select e.superseded_by from memories e where e.rowid = ?1),
        valid_to = case valid_to when (select coalesce(e.valid_from, e.created_at) from memories e where e.rowid = ?1)
          then (select coalesce(s.valid_from, s.created_at) from memories e
            join memories s on s.rowid = e.superseded_by where e.rowid = ?1)
          else valid_to end
        where superseded_by = ?1""",
        [(rowid,) for rowid in rowids],
    )


def claim(connection: apsw.Connection, rowid: int, text: str, reading: Reading, weight: float) -> None:
    """Keep what a fact says and by which words it is asked for, and take it off the queue: it is read."""
    note_claims(connection, rowid, text, reading, weight)
    connection.execute("delete from reading_queue where memory_rowid = ?", (rowid,))


def note_claims(connection: apsw.Connection, rowid: int, text: str, reading: Reading, weight: float) -> None:
    """Keep what a fact says and by which words it is asked for, in the place of what was kept of it."""
    # What it puts in question was found when it was added; a trigger takes that with the rest where its text changes.
    others = "delete from memory_claims where memory_rowid = ? and not (subject = '' and slot = ?)"
    connection.execute(others, (rowid, QUESTIONS))
    whole = Claim("", "", sense_key(text))
    connection.executemany(
        "insert or ignore into memory_claims (memory_rowid, subject, slot, value, denied, weight) values (?, ?, ?,"
        " ?, ?, ?)",
        [(rowid, one.subject, one.slot, one.value, int(one.denied), weight) for one in (whole, *reading.claims)],
    )
    # It is told in these words and asked for in those.
    connection.execute(
        "update memories set neighbours = ?1 where rowid = ?2 and neighbours <> ?1", (words_asked_by(text), rowid)
    )


def move(diff: Diff, fact: StoredMemory, importance: float, tier: Tier) -> None:
    """Give a derived fact the importance it has by now, and the tier that this earns it."""
    if tier != fact.tier and not diff.deeds.is_rejected("retier", fact.id, tier):
        changed = {"tier": tier, "importance": round(importance, 3)}
        history.change_columns(diff.connection, diff.run_id, fact.id, "retiered", changed)
        diff.deeds.note(diff.run_id, "retier", fact.id, tier)
        diff.count("retiered")
    elif abs(importance - fact.importance) >= 0.01:
        sql = "update memories set importance = ? where rowid = ?"
        diff.connection.execute(sql, (round(importance, 3), fact.rowid))


def drop(diff: Diff, fact: StoredMemory) -> bool:
    """Let a derived memory go; its sources stay, and whoever took that back once keeps it."""
    if diff.deeds.is_rejected("drop", fact.id):
        return False
    connection = diff.connection
    before = history.snapshot(connection, fact.id)
    history.note_change(connection, diff.run_id, fact.id, "dropped", before, None)
    remove_vectors(connection, [fact.rowid])
    connection.execute("delete from memories where rowid = ?", (fact.rowid,))
    diff.deeds.note(diff.run_id, "drop", fact.id)
    diff.count("dropped")
    return True


def withdraw(diff: Diff, turn: StoredMemory, told: frozenset[str]) -> None:
    """Take from what was derived of a turn what it tells no more: `told` are the senses of what it tells now.

    What other turns tell too stays, as made of these alone; so does what is pinned.
    """
    sql = """select s.memory_rowid from memory_sources s join memories m on m.rowid = s.memory_rowid
        where s.source_rowid = ? and m.source = ?"""
    made = [rowid for (rowid,) in fetch(diff.connection, sql, (turn.rowid, DERIVED))]
    for fact in rows.fetch_memories(diff.connection, made):
        if fact.kind == "fact" and sense_key(fact.text) in told:
            continue
        sources = [id_ for id_ in history.snapshot(diff.connection, fact.id)["sources"] if id_ != turn.id]
        if fact.kind == "fact" and (sources or fact.pinned):
            history.change_columns(diff.connection, diff.run_id, fact.id, "edited", {"sources": sources})
        else:
            drop(diff, fact)


def sense_key(text: str) -> str:
    """Return what a text says, so that another in other small words has the same."""
    return " ".join(sense(text, by_user=True))


def speaker_of(memory: StoredMemory) -> str:
    """Return who "I" is in a memory."""
    return USER if memory.speaker in ("", USER) else memory.speaker.lower()


def _insert(diff: Diff, candidate: Candidate, said: StoredMemory, importance: float, span: Span) -> int:
    memory = NewMemory(
        candidate.text, source=DERIVED, created_at=said.created_at, session_id=said.session_id,
        speaker=USER, importance=round(importance, 3), kind="fact", tier=earned_tier(importance) or "long",
        label=candidate.label, purpose=said.purpose, confidence=0.9,
        **_span_columns(span),
        expires_at=min((s.expires_at for s in candidate.sources if s.expires_at), default=None),
        derived_from=tuple(source.id for source in candidate.sources),
    )  # fmt: skip
    memory_id = new_id("mem")
    (rowid,) = rows.insert(diff.connection, [rows.Placed(memory_id, memory)], diff.now)
    history.note_change(diff.connection, diff.run_id, memory_id, "added", None, {})
    diff.count("added")
    return rowid


def _find_same(connection: apsw.Connection, key: str, reading: Reading, said_s: int) -> Iterable[StoredMemory]:
    """Yield the facts of the user's that say the same, unless they were over by then."""
    found = fetch(
        connection, "select memory_rowid from memory_claims where subject = '' and slot = '' and value = ?", (key,)
    )
    rowids = {rowid for (rowid,) in found}
    if reading.whole:
        rowids |= _rowids_with(connection, reading.claims)
    for fact in sorted(rows.fetch_memories(connection, rowids), key=lambda fact: fact.rowid):
        if fact.label.integrity == "untrusted" or fact.kind != "fact" or speaker_of(fact) != USER:
            continue
        if sense_key(fact.text) != key:
            other = read_claims(fact.text, speaker_of(fact))
            if not other.whole or not _claim_alike(other.claims, reading.claims):
                continue
        if fact.superseded_by is None or _ended_s(connection, fact) > said_s:
            yield fact


def _claim_alike(claims: Sequence[Claim], others: Sequence[Claim]) -> bool:
    return set(claims) == set(others) and all(
        same_person(a, b) and same_part(a, b) for a in claims for b in others if a == b
    )


def _rowids_with(connection: apsw.Connection, claims: Sequence[Claim]) -> set[int]:
    sql = "select memory_rowid from memory_claims where subject = ? and slot = ? and value = ? and denied = ?"
    return {
        rowid
        for one in claims
        for (rowid,) in fetch(connection, sql, (one.subject, one.slot, one.value, int(one.denied)))
    }


def _ended_s(connection: apsw.Connection, fact: StoredMemory) -> int:
    found = fetch(connection, "select created_s from memories where id = ?", (fact.superseded_by,))
    return int(found[0][0]) if found else 0


def _merge(diff: Diff, fact: StoredMemory, candidate: Candidate) -> None:
    """Unite the sources; of two wordings of the same claims the longer, which is the clearer, is kept."""
    connection = diff.connection
    if fact.source != DERIVED:
        return  # the user's own: it stands for itself, whatever else is said or erased
    held = history.snapshot(connection, fact.id)["sources"]
    fresh = [source.id for source in candidate.sources if source.id not in held]
    if not fresh or diff.deeds.is_rejected("merge", fact.id, *fresh):
        return
    connection.executemany(
        "insert or ignore into memory_sources (memory_rowid, source_rowid) values (?, ?)",
        [(fact.rowid, source.rowid) for source in candidate.sources],
    )
    label = join([fact.label, candidate.label])
    if label != fact.label:
        columns = {
            "integrity": label.integrity,
            "confidentiality": label.confidentiality,
            "origins": json.dumps(label.origins),
        }
        history.change_columns(connection, diff.run_id, fact.id, "merged", columns)
    history.note_change(connection, diff.run_id, fact.id, "merged", {"sources": held}, {"sources": [*held, *fresh]})
    if len(candidate.text) > len(fact.text) + 3 and sense_key(candidate.text) != sense_key(fact.text):
        sql = (
            "select m.id from memory_claims c join memories m on m.id = c.value where c.memory_rowid = ? and c.slot = ?"
        )
        questioned = fetch(connection, sql, (fact.rowid, QUESTIONS))
        history.change_columns(connection, diff.run_id, fact.id, "merged", {"text": candidate.text})
        reading = read_claims(candidate.text)
        claim(connection, fact.rowid, candidate.text, reading, weight_of(reading.claims, candidate.text))
        for (earlier_id,) in questioned:
            _question(connection, earlier_id, fact.rowid)
    diff.deeds.note(diff.run_id, "merge", fact.id, *fresh)
    diff.count("merged")


def _find_contradicted(diff: Diff, new: StoredMemory, reading: Reading) -> list[tuple[StoredMemory, bool]]:
    """Return the live facts that say otherwise about the same, oldest first, each with whether that is all they say.

    Of a thousand things that somebody likes only those are read that are told of again.
    """
    sql = """select c.memory_rowid from memory_claims c join memories m on m.rowid = c.memory_rowid
        where c.subject = ?1 and c.slot = ?2 and m.superseded_by is null and m.rowid <> ?3 and m.kind = 'fact'"""
    found: set[int] = set()
    for rival in {rival for claim in reading.claims for rival in rivals(claim)}:
        values = [value for value in (rival.value, rival.denied) if value is not None]
        only = " and c.value = ?" * (rival.value is not None) + " and c.denied = ?" * (rival.denied is not None)
        found |= {
            rowid for (rowid,) in fetch(diff.connection, sql + only, (rival.subject, rival.slot, new.rowid, *values))
        }
    facts = sorted(rows.fetch_memories(diff.connection, found), key=_order)
    told = [(fact, _says_otherwise(diff, reading, new, fact)) for fact in facts]
    return [(fact, whole) for fact, whole in told if whole is not None]


def _says_otherwise(diff: Diff, reading: Reading, new: StoredMemory, fact: StoredMemory) -> bool | None:
    """Return whether the later of two facts ends all that the earlier says, or but a part (False), or nothing."""
    other = read_claims(fact.text, speaker_of(fact))
    later, earlier, told, held = new, fact, reading, other
    if _is_later(diff, fact, new):
        # What was said later ends what is only now read.
        later, earlier, told, held = fact, new, other, reading
    if later.label.integrity == "untrusted" or _ends_nothing(later, earlier):
        return None
    return True if contradicts(told, held) else False if contradicts_in_part(told, held) else None


def _ends_nothing(later: StoredMemory, earlier: StoredMemory) -> bool:
    """True where what was said later has a term, after which the other may be so again, or tells of a year before it.

    "I live in Lisbon until May", "I moved to Lisbon in 2010".
    """
    years = _IN_YEAR.findall(later.text)
    return later.valid_to is not None or (bool(years) and max(years) < earlier.created_at[:4])


def _end(diff: Diff, old: StoredMemory, new: StoredMemory) -> bool:
    """Let `new` take the place of `old`: it was so until then."""
    if old.superseded_by is not None or diff.deeds.is_rejected("end", old.id, new.id):
        return False
    columns = {"superseded_by": new.id, "valid_to": new.valid_from or new.created_at}
    history.change_columns(diff.connection, diff.run_id, old.id, "superseded", columns)
    diff.deeds.note(diff.run_id, "end", old.id, new.id)
    diff.count("superseded")
    return True


def _question(connection: apsw.Connection, earlier_id: str, rowid: int) -> None:
    """Keep that what stays was said otherwise since: recall tells of it while the one at `rowid` is there."""
    sql = "insert or ignore into memory_claims (memory_rowid, subject, slot, value) values (?, '', ?, ?)"
    connection.execute(sql, (rowid, QUESTIONS, earlier_id))


def _is_later(diff: Diff, old: StoredMemory, new: StoredMemory) -> bool:
    """True where `old`, which was there before, tells of a later time than `new`.

    What is dated ahead of the clock was said while that was wrong: of it only the order of arrival is known.
    """
    if max(old.created_s, new.created_s) > diff.now.timestamp():
        return old.rowid > new.rowid
    return _order(old) > _order(new)


def _order(fact: StoredMemory) -> tuple[str, int, int]:
    """Return since when a fact holds, among others: since it was said, or since it began after that."""
    begins = (fact.valid_from or "")[:10]
    return max(begins, fact.created_at[:10]), fact.created_s, fact.rowid


def _is_to_come(fact: StoredMemory, now: datetime) -> bool:
    """True where a fact begins to hold later: until then the old one does."""
    return fact.valid_from is not None and fact.valid_from[:10] > now.date().isoformat()


def date_by_words(diff: Diff, fact: StoredMemory) -> None:
    """Give a fact of the user's own the span that its words name, unless it has one."""
    if fact.valid_from is not None or fact.valid_to is not None:
        return
    if columns := named_times(fact.text, fact.created_at):
        history.change_columns(diff.connection, diff.run_id, fact.id, "dated", columns)
        diff.count("dated")


def named_times(text: str, said_at: str) -> dict[str, str]:
    """Return `valid_from` and `valid_to` so far as the words name them; `said_at`: ISO, when they were said."""
    named = _span_columns(find_span(text, datetime.fromisoformat(said_at).date()))
    return {name: value for name, value in named.items() if value is not None}


def _span_columns(span: Span) -> dict[str, str | None]:
    return {
        "valid_from": span.first.isoformat() if span.first else None,
        # The day after: a time of its own ends a span, and the last day still counts.
        "valid_to": (span.last + timedelta(days=1)).isoformat() if span.last else None,
    }


def _age_days(candidate: Candidate, now: datetime) -> float:
    """Return for how long nobody has said or used it."""
    used = [datetime.fromisoformat(s.last_access_at).timestamp() for s in candidate.sources if s.last_access_at]
    return max(0.0, (now.timestamp() - max(*used, *(s.created_s for s in candidate.sources), 0)) / 86_400)
