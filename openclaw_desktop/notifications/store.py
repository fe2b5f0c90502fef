"""The rows of notices: each is here before it is shown, and each says how it stands and why.

Owns the tables `notices`, `notice_topics`, `notice_toasts` and `notice_marks`. Must not decide anything. Loop; SQL on
the database's threads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import apsw

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.notices import Notice, Priority
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.notifications.worth import Habit, Judged, Outcome, after, judge, shifted
from openclaw_desktop.security.labels import label_columns, label_of
from openclaw_desktop.storage.database import Database, Row, fetch

# What nobody looked at for so long after it was told is over; what can't be told at all, after so long.
LIFE = timedelta(days=7)
UNTOLD_LIFE = timedelta(days=30)
# So many that are over are kept; the oldest go first.
KEPT_OVER = 2000
SHOWN = 300
KEPT_TOASTS = timedelta(hours=2)
# The marks of so many toasts are kept: no screen holds more that can still be pressed.
KEPT_MARKS = 30
# More than anybody reads: what a notice says is cut to this.
TITLE_CHARS, BODY_CHARS = 300, 4000

State = Literal["waiting", "held", "shown", "digested", "opened", "dismissed", "snoozed", "expired"]
LIVE: tuple[State, ...] = ("waiting", "held", "shown", "digested", "snoozed")
_LIVE = "('waiting', 'held', 'shown', 'digested', 'snoozed')"
_OVER = "('opened', 'dismissed', 'expired')"


@dataclass(frozen=True, slots=True)
class Kept:
    """A notice as it is kept. `reason`: a word for why it stands so (see `decision.Reason`), or a sentence.

    `toast`: the toast that it was on last. Moments are ISO texts in UTC.
    """

    id: str
    topic: str
    key: str
    title: str
    body: str
    why: str
    asked: Priority
    priority: Priority
    priority_why: str
    open_text: str
    session_id: str | None
    label: Label
    created_at: str
    state: State
    reason: str
    due_at: str | None
    toast: str | None
    shown_at: str | None
    seen_at: str | None
    ended_at: str | None

    @property
    def is_over(self) -> bool:
        """True once nothing comes of it by itself any more."""
        return self.state not in LIVE


@dataclass(frozen=True, slots=True)
class Change:
    """How some notices stand from now on. `toast`: the one that they are shown on now, None where they are not.

    `counts`: it is an interruption of this hour.
    """

    ids: tuple[str, ...]
    state: State
    reason: str = ""
    due: datetime | None = None
    toast: str | None = None
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Counts:
    """`queued`: those that wait to be told; `unseen`: those that the user has not looked at, silent ones left out."""

    queued: int = 0
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class Added:
    """A notice that was just kept. `replaced`: the toasts of those whose place it takes."""

    id: str
    replaced: tuple[str, ...]


_COLUMNS = (
    "id, topic, key, title, body, why, asked, priority, priority_why, actions, session_id, integrity, confidentiality, "
    "origins, created_at, state, reason, due_at, toast, shown_at, seen_at, ended_at"
)


class NoticeStore:
    """The notices of one file."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def _now(self) -> str:
        return _iso(self._clock.now())

    async def add(self, notice: Notice) -> Added:
        """Keep a notice, judged by what is known of its topic; one of the same key that is not over ends."""
        now, notice_id = self._now(), new_id("ntc")

        def insert(connection: apsw.Connection) -> Added:
            replaced = []
            if notice.key:
                same = f"select id, toast from notices where key = ? and topic = ? and state in {_LIVE}"
                before = fetch(connection, same, (notice.key, notice.topic))
                replaced = [str(toast) for _, toast in before if toast is not None]
                _end(connection, [str(row[0]) for row in before], "expired", tr("A newer one took its place."), now)
            judged = judge(notice.priority, notice.label, _habit(connection, notice.topic))
            known = fetch(connection, "select 1 from conversations where id = ?", (notice.session_id,))
            state, reason = ("shown", "silent") if judged.priority == "silent" else ("waiting", "")
            row = (
                notice_id, notice.topic, notice.key, _clean(notice.title[:TITLE_CHARS]),
                _clean(notice.body[:BODY_CHARS]), _clean(notice.why), notice.priority, judged.priority, judged.why,
                json.dumps([notice.open_text] if notice.open_text else []),
                notice.session_id if known else None, *label_columns(notice.label), now, state, reason,
            )  # fmt: skip
            columns = _COLUMNS.removesuffix(", due_at, toast, shown_at, seen_at, ended_at")
            connection.execute(f"insert into notices ({columns}) values ({'?, ' * 16}?)", row)
            _drop_old(connection)
            return Added(notice_id, tuple(replaced))

        return await self._database.write(insert)

    async def due(self, now: datetime) -> tuple[Kept, ...]:
        """Return what is to be decided now, most urgent first: what is new, and what is held until now."""
        sql = f"""select {_COLUMNS} from notices where state = 'waiting'
            or (state in ('held', 'snoozed') and due_at <= ?) order by seq"""
        found = [_kept(row) for row in await self._database.rows(sql, (_iso(now),))]
        return tuple(found)

    async def held(self) -> tuple[Kept, ...]:
        """Return all that is held, oldest first: what a digest tells together."""
        return tuple(
            _kept(row)
            for row in await self._database.rows(f"select {_COLUMNS} from notices where state = 'held' order by seq")
        )

    async def next_due(self) -> datetime | None:
        """Return when something held or snoozed is due; None where nothing is."""
        sql = "select min(due_at) from notices where state in ('held', 'snoozed') and due_at is not null"
        rows = await self._database.rows(sql)
        return None if rows[0][0] is None else datetime.fromisoformat(str(rows[0][0]))

    async def apply(self, changes: Sequence[Change]) -> None:
        """Note how notices stand; one that is over by then, or was seen meanwhile, is left as it is."""
        if not changes:
            return
        now = self._now()
        sql = f"""update notices set state = ?1, reason = ?2, due_at = ?3, toast = coalesce(?4, toast),
            shown_at = case when ?4 is null then shown_at else ?5 end
            where id in (select value from json_each(?6)) and state in {_LIVE}"""

        def work(connection: apsw.Connection) -> None:
            for change in changes:
                due = None if change.due is None else _iso(change.due)
                values = (change.state, change.reason, due, change.toast, now, json.dumps(change.ids))
                connection.execute(sql, values)
                if change.toast is not None and change.counts:
                    connection.execute("insert into notice_toasts values (?, ?)", (change.toast, now))
                    connection.execute(
                        "delete from notice_toasts where at < ?", (_iso(self._clock.now() - KEPT_TOASTS),)
                    )

        await self._database.write(work)

    async def take_back(self, toast: str, reason: str, due: datetime | None) -> None:
        """Note that a toast never reached the screen: its notices are held, and nobody was interrupted."""
        sql = """update notices set state = 'held', reason = ?, due_at = ?, toast = null, shown_at = null
            where toast = ? and state in ('shown', 'digested') and seen_at is null"""
        values = (reason, None if due is None else _iso(due), toast)

        def work(connection: apsw.Connection) -> None:
            connection.execute(sql, values)
            connection.execute("delete from notice_toasts where toast = ?", (toast,))

        await self._database.write(work)

    async def lose(self, toast: str, reason: str, due: datetime) -> None:
        """Note that a toast went off the screen without anybody having put it away: its notices are held."""
        sql = """update notices set state = 'held', reason = ?, due_at = ?
            where toast = ? and state in ('shown', 'digested') and seen_at is null"""
        values = (reason, _iso(due), toast)
        await self._database.write(lambda connection: connection.execute(sql, values).fetchall())

    async def note_mark(self, toast: str, mark: str) -> None:
        """Keep by what a toast is known to whoever shows it, for an agent that is started while it stands."""

        def work(connection: apsw.Connection) -> None:
            kept = [*_marks(connection), (toast, mark)][-KEPT_MARKS:]
            connection.execute("insert or replace into notice_marks values ('toasts', ?)", (json.dumps(kept),))

        await self._database.write(work)

    async def take_marks(self) -> tuple[str, ...]:
        """Return the marks of the last toasts, and forget them.

        What is critical and was on one of these, with nobody having put it away or seen it, is to be told again.
        """
        again = """update notices set state = 'held', reason = 'unreachable', due_at = ? where priority = 'critical'
            and state in ('shown', 'digested') and seen_at is null
            and toast in (select value from json_each(?))"""

        def work(connection: apsw.Connection) -> tuple[str, ...]:
            kept = _marks(connection)
            connection.execute(again, (self._now(), json.dumps([toast for toast, _ in kept])))
            connection.execute("delete from notice_marks where name = 'toasts'")
            return tuple(mark for _, mark in kept)

        return await self._database.write(work)

    async def release(self, *reasons: str) -> None:
        """Have what is held for one of these reasons looked at now, for whichever where none is named."""
        sql = """update notices set due_at = ?1 where state = 'held'
            and (?2 = '[]' or reason in (select value from json_each(?2)))"""
        values = (self._now(), json.dumps(reasons))
        await self._database.write(lambda connection: connection.execute(sql, values).fetchall())

    async def expire(self) -> bool:
        """End what nobody looked at for a week after it was told; True where there was something.

        What waits to be told does so however old it is, but where nothing here ever tells it.
        """
        now = self._clock.now()
        told = """select id from notices where state in ('shown', 'digested')
            and coalesce(shown_at, created_at) <= ?"""
        untold = """select id from notices where state = 'held' and reason in ('off', 'unreachable')
            and created_at <= ?"""

        def work(connection: apsw.Connection) -> bool:
            old = [str(row[0]) for row in fetch(connection, told, (_iso(now - LIFE),))]
            _end(connection, old, "expired", tr("Nobody looked at it for a week."), _iso(now))
            never = [str(row[0]) for row in fetch(connection, untold, (_iso(now - UNTOLD_LIFE),))]
            _end(connection, never, "expired", tr("It could not be shown for a month."), _iso(now))
            return bool(old or never)

        return await self._database.write(work)

    async def told(self, since: datetime) -> tuple[datetime, ...]:
        """Return when toasts came since then, oldest first, those of critical notices left out.

        What lies in the future was noted by a clock that was wrong.
        """
        sql = "select at from notice_toasts where at > ? and at <= ? order by at"
        rows = await self._database.rows(sql, (_iso(since), self._now()))
        return tuple(datetime.fromisoformat(str(at)) for (at,) in rows)

    async def topics_told(self, since: datetime) -> dict[str, datetime]:
        """Return when each topic was shown last, where that is since then."""
        sql = """select topic, max(shown_at) from notices where shown_at > ? and shown_at <= ? and toast is not null
            group by topic"""
        rows = await self._database.rows(sql, (_iso(since), self._now()))
        return {str(topic): datetime.fromisoformat(str(at)) for topic, at in rows}

    async def get(self, notice_id: str) -> Kept:
        """Return a notice; raises UserError where there is none of that id."""
        rows = await self._database.rows(f"select {_COLUMNS} from notices where id = ?", (notice_id,))
        if not rows:
            raise UserError(
                "unknown_notice",
                tr("There is no notice {id}.", id=visible(notice_id)),
                tr("openclaw-agent notify list shows which there are."),
                ExitCode.USAGE,
            )
        return _kept(rows[0])

    async def list(self, everything: bool = False) -> tuple[Kept, ...]:
        """Return what is not over, newest first; `everything`: what is over too."""
        which = "" if everything else f"where state in {_LIVE}"
        sql = f"select {_COLUMNS} from notices {which} order by state in {_LIVE} desc, seq desc limit ?"
        return tuple(_kept(row) for row in await self._database.rows(sql, (SHOWN,)))

    async def ids(self) -> tuple[str, ...]:
        """Return the ids of all that is not over."""
        rows = await self._database.rows(f"select id from notices where state in {_LIVE}")
        return tuple(str(row[0]) for row in rows)

    async def with_key(self, topic: str, key: str) -> tuple[Kept, ...]:
        """Return what has that key and is not over."""
        sql = f"select {_COLUMNS} from notices where topic = ? and key = ? and state in {_LIVE}"
        return tuple(_kept(row) for row in await self._database.rows(sql, (topic, key)))

    async def counts(self) -> Counts:
        """Return how many wait to be told, and how many nobody has looked at."""
        sql = f"""select coalesce(sum(state in ('waiting', 'held', 'snoozed')), 0),
            coalesce(sum(seen_at is null and state <> 'snoozed' and priority <> 'silent'), 0)
            from notices where state in {_LIVE}"""
        queued, unseen = (await self._database.rows(sql))[0]
        return Counts(int(queued), int(unseen))

    async def end(
        self, ids: Iterable[str], state: State, reason: str, outcome: Outcome | None = None
    ) -> tuple[str, ...]:
        """End notices; `outcome` is learnt of their topics. Return the toasts that those were on."""
        now, wanted = self._now(), list(ids)

        def work(connection: apsw.Connection) -> tuple[str, ...]:
            sql = f"""select id, topic, toast from notices where id in (select value from json_each(?))
                and state in {_LIVE}"""
            found = fetch(connection, sql, (json.dumps(wanted),))
            _end(connection, [str(row[0]) for row in found], state, reason, now)
            if outcome is not None:
                for _, topic, _ in found:
                    _learn(connection, str(topic), outcome)
            return tuple(str(toast) for _, _, toast in found if toast is not None)

        return await self._database.write(work)

    async def learn(self, topic: str, outcome: Outcome) -> None:
        """Note what the user did with a notice of that topic."""
        await self._database.write(lambda connection: _learn(connection, topic, outcome))

    async def see(self, ids: Iterable[str]) -> None:
        """Note that the user saw these in the window: what was held is told by that."""
        sql = f"""update notices set seen_at = coalesce(seen_at, ?1),
            reason = case when state in ('waiting', 'held') then ?2 else reason end,
            due_at = case when state in ('waiting', 'held') then null else due_at end,
            state = case when state in ('waiting', 'held') then 'digested' else state end
            where id in (select value from json_each(?3)) and state in {_LIVE}"""
        values = (self._now(), tr("You saw it in the window."), json.dumps(list(ids)))
        await self._database.write(lambda connection: connection.execute(sql, values).fetchall())

    async def habit(self, topic: str) -> Habit:
        """Return what is known of a topic."""
        return await self._database.read(lambda connection: _habit(connection, topic))

    async def habits(self) -> dict[str, Habit]:
        """Return what is known of each topic."""
        rows = await self._database.rows("select topic, shift, outcomes from notice_topics order by topic")
        return {str(topic): Habit(str(outcomes), int(shift)) for topic, shift, outcomes in rows}

    async def shift(self, topic: str, by: Literal[-1, 1]) -> Habit:
        """Note that the user wants less (-1) or more (+1) of a topic, and return what is known of it now."""

        def work(connection: apsw.Connection) -> Habit:
            before = _habit(connection, topic)
            habit = Habit(before.outcomes, shifted(before.shift, by))
            _put_habit(connection, topic, habit)
            _judge_again(connection, topic, habit)
            return habit

        return await self._database.write(work)

    async def forget_topic(self, topic: str) -> bool:
        """Forget what was learnt of a topic; False where that was nothing."""

        def work(connection: apsw.Connection) -> bool:
            connection.execute("delete from notice_topics where topic = ?", (topic,))
            known = bool(connection.changes())
            _judge_again(connection, topic, Habit())
            return known

        return await self._database.write(work)

    async def quiet_marks(self) -> tuple[datetime | None, datetime | None]:
        """Return until when the user wants nothing to be shown, and until when no quiet hours; None: they said none."""
        sql = "select name, value from notice_marks where name in ('quiet_until', 'open_until')"
        rows = await self._database.rows(sql)
        found = {str(name): datetime.fromisoformat(str(value)) for name, value in rows}
        return found.get("quiet_until"), found.get("open_until")

    async def mark_quiet(self, until: datetime | None, open_until: datetime | None = None) -> None:
        """Keep until when nothing is to be shown, or until when no quiet hours count."""

        def work(connection: apsw.Connection) -> None:
            connection.execute("delete from notice_marks where name in ('quiet_until', 'open_until')")
            for name, moment in (("quiet_until", until), ("open_until", open_until)):
                if moment is not None:
                    connection.execute("insert into notice_marks values (?, ?)", (name, _iso(moment)))

        await self._database.write(work)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _clean(text: str) -> str:
    """Return `text` without halves of characters, which no file and no message of the desktop takes."""
    return text.encode("utf-8", "replace").decode()


def _end(connection: apsw.Connection, ids: Sequence[str], state: State, reason: str, now: str) -> None:
    sql = """update notices set state = ?, reason = ?, due_at = null, ended_at = ?,
        seen_at = coalesce(seen_at, ?) where id in (select value from json_each(?))"""
    connection.execute(sql, (state, reason, now, None if state == "expired" else now, json.dumps(ids)))


def _marks(connection: apsw.Connection) -> list[tuple[str, str]]:
    rows = fetch(connection, "select value from notice_marks where name = 'toasts'", ())
    return [(str(toast), str(mark)) for toast, mark in json.loads(rows[0][0])] if rows else []


def _drop_old(connection: apsw.Connection) -> None:
    connection.execute(
        f"""delete from notices where state in {_OVER} and seq <=
            (select seq from notices where state in {_OVER} order by seq desc limit 1 offset ?)""",
        (KEPT_OVER,),
    )


def _habit(connection: apsw.Connection, topic: str) -> Habit:
    rows = fetch(connection, "select outcomes, shift from notice_topics where topic = ?", (topic,))
    return Habit(str(rows[0][0]), int(rows[0][1])) if rows else Habit()


def _put_habit(connection: apsw.Connection, topic: str, habit: Habit) -> None:
    sql = "insert or replace into notice_topics (topic, shift, outcomes) values (?, ?, ?)"
    connection.execute(sql, (topic, habit.shift, habit.outcomes))


def _learn(connection: apsw.Connection, topic: str, outcome: Outcome) -> None:
    before = _habit(connection, topic)
    _put_habit(connection, topic, Habit(after(before.outcomes, outcome), before.shift))


def _judge_again(connection: apsw.Connection, topic: str, habit: Habit) -> None:
    """Give what was not told yet the class that it has by what is known now, to be decided anew."""
    sql = f"select {_COLUMNS} from notices where topic = ? and state in ('waiting', 'held')"
    for kept in map(_kept, fetch(connection, sql, (topic,))):
        judged = judge(kept.asked, kept.label, habit)
        if judged != Judged(kept.priority, kept.priority_why):
            update = "update notices set priority = ?, priority_why = ?, state = 'waiting', due_at = null where id = ?"
            connection.execute(update, (judged.priority, judged.why, kept.id))


def _kept(row: Row) -> Kept:
    actions: list[Any] = json.loads(row[9])
    return Kept(
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8],
        str(actions[0]) if actions else "",
        session_id=row[10], label=label_of(*row[11:14]), created_at=row[14], state=row[15], reason=row[16],
        due_at=row[17], toast=row[18], shown_at=row[19], seen_at=row[20], ended_at=row[21],
    )  # fmt: skip
