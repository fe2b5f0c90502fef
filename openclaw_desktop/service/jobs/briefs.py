"""The texts of the jobs that we bring: what the day holds, what it held, which mails are worth a look, what is coming.

Owns what such a text says and in which order. All of it is found by code; no model takes part, so nothing in it is made
up. Must not know when it is told. Loop.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from openclaw_desktop.core.labels import SYSTEM, Label
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.security.labels import join
from openclaw_desktop.service.jobs.looks import Look, Looks

# Kinds of mail that somebody wrote to the user, or that something is to be done about.
WORTH_A_LOOK = ("personal", "invitation", "bill")
MAILS_SHOWN = 8
ITEMS_SHOWN = 20
AHEAD_DAYS = 7
LINE_TOKENS = 40


@dataclass(frozen=True, slots=True)
class Told:
    """A text to tell, with its label. `quiet`: why it need not be told; "" where it wants to be known.

    `problem`: why nothing could be found, in its place. `seen`: marks of what it speaks of, so that the next text can
    leave it out.
    """

    text: str
    label: Label
    quiet: str = ""
    problem: str = ""
    seen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Past:
    """What came of the jobs of the last day: how many were done, and the names of those that were not."""

    done: int = 0
    bad: tuple[str, ...] = ()


class Briefs:
    """Writes the texts."""

    def __init__(self, looks: Looks) -> None:
        self._looks = looks

    async def morning(self, now: datetime, turn_id: str, past: Past) -> Told:
        """Return what today holds. `now`: aware, in the user's zone."""
        today = now.date()
        events = await self._looks.events(turn_id, today.isoformat(), 1)
        todos, mail = await self._looks.todos(turn_id), await self._looks.unread(turn_id)
        due = [todo for todo in todos.items if _is_due(todo, today)]
        waiting = await self._looks.pending()
        parts = [
            _section(tr("Calendar:"), [_event_line(event, today) for event in events.items]),
            _section(tr("Due:"), [_todo_line(todo) for todo in due]),
            _mail_section(mail),
            tr("{count} wait in the inbox for your answer.", count=waiting) if waiting else "",
            _past_line(past),
        ]
        if not any(parts):
            free = tr("Nothing is planned for today, and nothing is due.")
            parts.append(free if not _why_nothing(events) else tr("Nothing is due today."))
        return _told(tr("Today, {day}", day=_day_words(today)), parts, (events, todos, mail))

    async def evening(self, now: datetime, turn_id: str, past: Past) -> Told:
        """Return what is left of today, and what tomorrow begins with."""
        tomorrow = now.date() + timedelta(days=1)
        events = await self._looks.events(turn_id, tomorrow.isoformat(), 1)
        todos, mail = await self._looks.todos(turn_id), await self._looks.unread(turn_id)
        left = [todo for todo in todos.items if _is_due(todo, now.date())]
        waiting = await self._looks.pending()
        parts = [
            _section(tr("Still to do:"), [_todo_line(todo) for todo in left]),
            _section(tr("Tomorrow:"), [_event_line(event, tomorrow) for event in events.items]),
            _mail_section(mail),
            tr("{count} wait in the inbox for your answer.", count=waiting) if waiting else "",
            tr("{count} runs of jobs were done today.", count=past.done) if past.done else "",
            _past_line(past),
        ]
        if not any(parts):
            free = tr("Nothing is left over from today, and tomorrow is free.")
            parts.append(free if not _why_nothing(events) else tr("Nothing is left over from today."))
        return _told(tr("The end of {day}", day=_day_words(now.date())), parts, (events, todos, mail))

    async def mail(self, turn_id: str, seen: Sequence[str]) -> Told:
        """Return the unread mails that are worth a look and not among `seen`."""
        mail = await self._looks.unread(turn_id)
        known = set(seen)
        fresh = [one for one in mail.items if _mark(one) not in known]
        worth = [one for one in fresh if one["category"] in WORTH_A_LOOK]
        others = Counter(str(one["category"]) for one in fresh if one["category"] not in WORTH_A_LOOK)
        parts = [_section(tr("Worth a look:"), [_mail_line(one) for one in worth][:MAILS_SHOWN])]
        if len(worth) > MAILS_SHOWN:
            parts.append(tr("[{count} more]", count=len(worth) - MAILS_SHOWN))
        if others:
            parts.append(tr("Besides: {kinds}", kinds=_counted(others)))
        quiet = "" if worth else tr("No mail that is worth a look.")
        told = _told(tr("New mails: {count}", count=len(fresh)), parts, (mail,))
        # Those that were read since are forgotten: what is kept is no longer than the mailbox's unread ones.
        marks = tuple(_mark(one) for one in mail.items)
        # Where the mail could not be read, nothing is taken for seen.
        marks = marks if not mail.notes else tuple({*marks, *seen})
        return Told(told.text, told.label, quiet, "" if worth else _why_nothing(mail), marks)

    async def ahead(self, now: datetime, turn_id: str) -> Told:
        """Return the events of the coming days, and which of them overlap."""
        first = now.date() + timedelta(days=1)
        events = await self._looks.events(turn_id, first.isoformat(), AHEAD_DAYS)
        days: dict[date, list[str]] = {}
        for event in events.items:
            day = max(datetime.fromisoformat(str(event["start"])).date(), first)
            days.setdefault(day, []).append(_event_line(event, day))
        parts = [_section(_day_words(day) + ":", lines) for day, lines in sorted(days.items())]
        parts.append(_section(tr("At the same time:"), _overlaps(events.items)))
        told = _told(tr("The coming {count} days", count=AHEAD_DAYS), parts, (events,))
        if events.items:
            return told
        return Told(told.text, told.label, tr("The coming days are free."), _why_nothing(events))


def _mark(mail: Mapping[str, Any]) -> str:
    """Return what tells a mail from others and says nothing of it."""
    return hashlib.sha256(str(mail["id"]).encode()).hexdigest()[:24]


def _why_nothing(look: Look) -> str:
    """Return why not all could be looked at; "" where it was."""
    return look.lacks or " ".join(look.notes)


def _told(head: str, parts: Sequence[str], looks: Sequence[Look]) -> Told:
    notes = [f"[{note}]" for look in looks for note in look.notes]
    text = "\n".join([head, *(part for part in parts if part), *dict.fromkeys(notes)])
    return Told(text, join([SYSTEM, *(look.label for look in looks)]))


def _section(head: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    more = [tr("[{count} more]", count=len(lines) - ITEMS_SHOWN)] if len(lines) > ITEMS_SHOWN else []
    return "\n".join([head, *(f"- {line}" for line in lines[:ITEMS_SHOWN]), *more])


def _mail_section(mail: Look) -> str:
    if not mail.items:
        return ""
    kinds = Counter(str(one["category"]) for one in mail.items)
    worth = [one for one in mail.items if one["category"] in WORTH_A_LOOK]
    head = tr("Unread mail: {kinds}", kinds=_counted(kinds))
    return _section(head, [_mail_line(one) for one in worth[:MAILS_SHOWN]]) or head


def _mail_line(mail: Mapping[str, Any]) -> str:
    sender = visible(str(mail["from_name"] or mail["from"])) or tr("nobody")
    return clip(f"{sender}: {visible(str(mail['subject'])) or tr('[no subject]')}", LINE_TOKENS)


def _counted(kinds: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())


def _event_line(event: Mapping[str, Any], day: date) -> str:
    start, end = (datetime.fromisoformat(str(event[edge])) for edge in ("start", "end"))
    title = visible(str(event["title"])) or tr("[no title]")
    place = f" ({visible(str(event['place']))})" if event["place"] else ""
    if event["all_day"]:
        when = tr("all day")
    elif start.date() < day:
        when = tr("until {time}", time=f"{end:%H:%M}")
    else:
        when = f"{start:%H:%M}–{end:%H:%M}"
    return clip(f"{when} {title}{place}", LINE_TOKENS)


def _overlaps(events: Sequence[Mapping[str, Any]]) -> list[str]:
    timed = [event for event in events if not event["all_day"] and event["busy"]]
    lines = []
    for place, event in enumerate(timed):
        end = datetime.fromisoformat(str(event["end"]))
        for other in timed[place + 1 :]:
            if datetime.fromisoformat(str(other["start"])) < end:
                start = datetime.fromisoformat(str(other["start"]))
                pair = f"{visible(str(event['title']))} / {visible(str(other['title']))}"
                lines.append(clip(f"{start:%Y-%m-%d %H:%M} {pair}", LINE_TOKENS))
    return lines


def _todo_line(todo: Mapping[str, Any]) -> str:
    due = datetime.fromisoformat(str(todo["due_at"]))
    when = f"{due:%Y-%m-%d %H:%M}"
    said = tr("overdue since {when}", when=when) if todo["overdue"] else tr("due {when}", when=when)
    return clip(f"{visible(str(todo['text']))} ({said})", LINE_TOKENS)


def _is_due(todo: Mapping[str, Any], today: date) -> bool:
    return bool(todo["due_at"]) and datetime.fromisoformat(str(todo["due_at"])).date() <= today


def _past_line(past: Past) -> str:
    if not past.bad:
        return ""
    return tr("Jobs that were not done: {names}", names=", ".join(visible(name) for name in past.bad[:5]))


def _day_words(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B}"
