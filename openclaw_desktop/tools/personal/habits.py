"""Habits: what the user wants to do often, on which days it was done, and for how many days in a row.

Owns the tables `habits` and `habit_days` and their tool. A day is the user's own, in the zone that they are in. Loop;
SQL on the database's threads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import apsw

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, ToolResult
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.labels import label_columns, label_of
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools.personal.rows import LABEL_COLUMNS, find_meant, lines

Join = Callable[[Iterable[Label]], Label]

PERIOD_DAYS = 30


@dataclass(frozen=True, slots=True)
class Habit:
    """One habit, with the days on which it was done, oldest first."""

    id: str
    name: str
    created_at: str
    label: Label
    days: tuple[date, ...] = ()


def streak(days: Sequence[date], today: date) -> int:
    """Return for how many days in a row up to `today` it was done; a day that is not over yet breaks nothing."""
    done = set(days)
    day = today if today in done else today - timedelta(days=1)
    count = 0
    while day in done:
        count, day = count + 1, day - timedelta(days=1)
    return count


def longest_streak(days: Sequence[date]) -> int:
    """Return the most days in a row."""
    best = count = 0
    last: date | None = None
    for day in sorted(set(days)):
        count = count + 1 if last is not None and day - last == timedelta(days=1) else 1
        best, last = max(best, count), day
    return best


class HabitStore:
    """The habits of one file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self) -> tuple[Habit, ...]:
        """Return all habits by name."""
        rows = await self._database.rows(f"select id, name, created_at, {LABEL_COLUMNS} from habits order by name")
        days = await self._database.rows("select habit_id, day from habit_days order by day")
        return tuple(
            Habit(
                row[0],
                row[1],
                row[2],
                label_of(*row[3:6]),
                tuple(date.fromisoformat(day) for habit, day in days if habit == row[0]),
            )
            for row in rows
        )

    async def put(self, habit: Habit) -> None:
        """Keep a habit with its days, in place of what had its id."""

        def put(connection: apsw.Connection) -> None:
            connection.execute("delete from habits where id = ?", (habit.id,))
            connection.execute(
                f"insert into habits (id, name, created_at, {LABEL_COLUMNS}) values (?, ?, ?, ?, ?, ?)",
                (habit.id, habit.name, habit.created_at, *label_columns(habit.label)),
            )
            for day in habit.days:
                connection.execute("insert into habit_days values (?, ?)", (habit.id, day.isoformat()))

        await self._database.write(put)

    async def mark(self, habit_id: str, day: date, done: bool) -> None:
        """Note that it was done on `day`, or that it was not."""
        sql = (
            "insert or ignore into habit_days values (?, ?)"
            if done
            else "delete from habit_days where habit_id = ? and day = ?"
        )
        await self._database.write(lambda c: c.execute(sql, (habit_id, day.isoformat())).fetchall())

    async def remove(self, habit_id: str) -> None:
        """Remove a habit and its days."""
        await self._database.write(lambda c: c.execute("delete from habits where id = ?", (habit_id,)).fetchall())


class HabitsTool:
    """Keeps count of habits."""

    spec = ToolSpec(
        "habits",
        "the user's habits: start one, mark it done for today or a day, see streaks, remove one",
        {
            "type": "object",
            "properties": {
                "action": {"enum": ["start", "done", "not_done", "list", "remove"]},
                "habit": {"type": "string", "minLength": 1, "maxLength": 100},
                "day": {"type": "string", "pattern": r"^(?:today|yesterday|\d{4}-\d{2}-\d{2})$"},
            },
            "required": ["action"],
            "additionalProperties": False,
        },
        "local-reversible",
        undoable=True,
    )

    def __init__(self, store: HabitStore, clock: Clock, join: Join) -> None:
        self._store = store
        self._clock = clock
        self._join = join

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call: it has no authority arguments."""
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Do what the action says; `habit` names a habit by its words."""
        asked, today = call.arguments, self._clock.now().astimezone().date()
        habits = await self._store.list()
        if asked["action"] == "list":
            return self._listed(call, habits, today)
        if not (name := str(asked.get("habit", "")).strip()):
            raise UserError("nothing_given", tr("Say which habit."))
        if asked["action"] == "start":
            return await self._start(call, scene, name, habits)
        habit = find_meant(habits, name, lambda habit: habit.name)
        if asked["action"] == "remove":
            await self._store.remove(habit.id)
            receipt = Receipt("habit.removed", tr("removed a habit"), call.id, habit.id)
            return ToolResult(tr("Removed: {habit}", habit=habit.name), habit.label, (receipt,), undo=_kept(habit))
        day, done = _day(str(asked.get("day", "today")), today), asked["action"] == "done"
        await self._store.mark(habit.id, day, done)
        now = next(known for known in await self._store.list() if known.id == habit.id)
        receipt = Receipt("habit.marked", tr("kept count"), call.id, habit.id)
        return ToolResult(
            _told(now, today), habit.label, (receipt,), _numbers(now, today),
            undo={"habit": habit.id, "day": day.isoformat(), "was": day in habit.days},
        )  # fmt: skip

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Take a change back."""
        if "started" in token:
            await self._store.remove(str(token["started"]))
        elif "was" in token:
            await self._store.mark(token["habit"], date.fromisoformat(token["day"]), bool(token["was"]))
        else:
            label = label_of(token["integrity"], token["confidentiality"], token["origins"])
            days = tuple(date.fromisoformat(day) for day in token["days"])
            await self._store.put(Habit(token["id"], token["name"], token["created_at"], label, days))
        return tr("The habits are as they were.")

    async def _start(self, call: ToolCall, scene: CallScene, name: str, habits: tuple[Habit, ...]) -> ToolResult:
        if any(habit.name.casefold() == name.casefold() for habit in habits):
            raise UserError("habit_exists", tr("There is a habit of that name: {habit}.", habit=visible(name)))
        habit = Habit(new_id("habit"), name, self._clock.now().isoformat(timespec="seconds"), scene.context)
        await self._store.put(habit)
        receipt = Receipt("habit.started", tr("started a habit"), call.id, habit.id)
        text = tr("Started: {habit}. Say when you have done it.", habit=name)
        return ToolResult(text, scene.context, (receipt,), {"id": habit.id}, undo={"started": habit.id})

    def _listed(self, call: ToolCall, habits: tuple[Habit, ...], today: date) -> ToolResult:
        text = lines((f"- {_told(habit, today)}" for habit in habits), tr("There is no habit yet."))
        receipt = Receipt("habits.listed", tr("looked at the habits"), call.id)
        data = [_numbers(habit, today) for habit in habits]
        return ToolResult(text, self._join(habit.label for habit in habits), (receipt,), data)


def _day(text: str, today: date) -> date:
    try:
        day = {"today": today, "yesterday": today - timedelta(days=1)}.get(text) or date.fromisoformat(text)
    except ValueError:
        raise UserError("no_date", tr("There is no day {day}.", day=visible(text))) from None
    if day > today:
        raise UserError("no_date", tr("{day} is still to come.", day=text))
    return day


def _numbers(habit: Habit, today: date) -> dict[str, Any]:
    lately = [day for day in habit.days if timedelta(0) <= today - day < timedelta(days=PERIOD_DAYS)]
    return {
        "id": habit.id, "name": habit.name, "done_today": today in habit.days, "streak": streak(habit.days, today),
        "longest": longest_streak(habit.days), "last_30_days": len(lately),
    }  # fmt: skip


def _told(habit: Habit, today: date) -> str:
    numbers = _numbers(habit, today)
    state = tr("done today") if numbers["done_today"] else tr("not done today")
    return tr(
        "{habit}: {state}; {streak} in a row (most: {longest}), {count} of the last 30 days",
        habit=habit.name, state=state, streak=numbers["streak"], longest=numbers["longest"],
        count=numbers["last_30_days"],
    )  # fmt: skip


def _kept(habit: Habit) -> dict[str, Any]:
    integrity, confidentiality, origins = label_columns(habit.label)
    return {
        "id": habit.id, "name": habit.name, "created_at": habit.created_at, "integrity": integrity,
        "confidentiality": confidentiality, "origins": origins, "days": [day.isoformat() for day in habit.days],
    }  # fmt: skip


PLAIN = (
    PlainForm(
        re.compile(r"(?:please )?(?:show|list)(?: me)? my habits[.!]*|how are my habits(?: going)?\?*", re.I),
        "habits",
        lambda match: {"action": "list"},
    ),
    PlainForm(
        re.compile(r"(?:please )?(?:track|start)(?: a| the)? habit:? (?P<habit>[^,;:.!?]{1,80})[.!]*", re.I),
        "habits",
        lambda match: {"action": "start", "habit": match["habit"].strip("\"'“” ")},
    ),
    PlainForm(
        re.compile(
            r"(?:please )?mark (?:my |the )?habit (?P<habit>[^,;:.!?]{1,80}?) (?:as )?done"
            r"(?: (?P<day>today|yesterday))?[.!]*",
            re.I,
        ),
        "habits",
        lambda match: {
            "action": "done",
            "habit": match["habit"].strip("\"'“” "),
            "day": (match["day"] or "today").lower(),
        },
    ),
)
