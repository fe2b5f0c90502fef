"""Dates and time zones: what is worked out in the jail.

Owns how a day and a zone are written, and what to say of an hour that does not exist or comes twice. Must not know how
it was asked for. Zone files are read, so the jail opens their folders. Parsers' worker, in the jailed child.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

from dateutil.relativedelta import relativedelta

from openclaw_desktop.core.text import tr
from openclaw_desktop.workers.calls import JSON, CallFailed, Handler

_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"), 1
    )
    for name in names.split()
}  # fmt: skip
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DAY_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?(?: of)? ([a-z]+)\.?,?(?: (\d{4}))?")
_MONTH_DAY = re.compile(r"([a-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?,?(?: (\d{4}))?")
_NEAR = {"today": 0, "tomorrow": 1, "yesterday": -1, "now": 0}
# Days that everybody knows by name: month and day.
_FEASTS = {"christmas": (12, 25), "christmas eve": (12, 24), "christmas day": (12, 25), "new year": (1, 1),
           "new years": (1, 1), "new year's": (1, 1), "new year's day": (1, 1), "new year's eve": (12, 31),
           "halloween": (10, 31), "valentine's day": (2, 14), "valentines day": (2, 14)}  # fmt: skip
_UNITS = ("days", "weeks", "months", "years")
_CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm|a\.m\.|p\.m\.)?")
_OFFSET = re.compile(r"(?:utc|gmt)\s*([+-]\d{1,2})(?::?(\d{2}))?")
# Looked up before the jail closes: their folders alone are open in it.
_ZONES = sorted(zoneinfo.available_timezones())
# Cities and short names that the zones' own names lack.
_PLACES = {
    "utc": "UTC", "gmt": "UTC", "est": "America/New_York", "edt": "America/New_York", "et": "America/New_York",
    "cst": "America/Chicago", "cdt": "America/Chicago", "ct": "America/Chicago", "mst": "America/Denver",
    "mt": "America/Denver", "pst": "America/Los_Angeles", "pdt": "America/Los_Angeles", "pt": "America/Los_Angeles",
    "cet": "Europe/Berlin", "cest": "Europe/Berlin", "bst": "Europe/London", "ist": "Asia/Kolkata",
    "jst": "Asia/Tokyo", "san francisco": "America/Los_Angeles", "seattle": "America/Los_Angeles",
    "boston": "America/New_York", "washington": "America/New_York", "miami": "America/New_York",
    "atlanta": "America/New_York", "houston": "America/Chicago", "dallas": "America/Chicago",
    "las vegas": "America/Los_Angeles", "beijing": "Asia/Shanghai", "mumbai": "Asia/Kolkata",
    "delhi": "Asia/Kolkata", "new delhi": "Asia/Kolkata", "bangalore": "Asia/Kolkata", "munich": "Europe/Berlin",
    "hamburg": "Europe/Berlin", "frankfurt": "Europe/Berlin", "cologne": "Europe/Berlin", "milan": "Europe/Rome",
    "naples": "Europe/Rome", "barcelona": "Europe/Madrid", "porto": "Europe/Lisbon", "geneva": "Europe/Zurich",
    "edinburgh": "Europe/London", "manchester": "Europe/London", "kyiv": "Europe/Kyiv", "osaka": "Asia/Tokyo",
    "rio de janeiro": "America/Sao_Paulo", "montreal": "America/Toronto", "ottawa": "America/Toronto",
    "calgary": "America/Edmonton", "wellington": "Pacific/Auckland", "canberra": "Australia/Sydney",
    "cape town": "Africa/Johannesburg", "abu dhabi": "Asia/Dubai", "hanoi": "Asia/Ho_Chi_Minh",
    "japan": "Asia/Tokyo", "china": "Asia/Shanghai", "india": "Asia/Kolkata", "germany": "Europe/Berlin",
    "france": "Europe/Paris", "spain": "Europe/Madrid", "italy": "Europe/Rome", "uk": "Europe/London",
    "england": "Europe/London", "ireland": "Europe/Dublin", "portugal": "Europe/Lisbon", "hawaii": "Pacific/Honolulu",
}  # fmt: skip


def date_sum(kind: str, first: str, second: str = "", amount: int = 0, unit: str = "days", *, today: str) -> JSON:
    """Return {"text", "value"}; `kind`: "between", "add", "weekday", "until" or "age".

    `today`: ISO, the user's own day. Raises CallFailed `no_date` or `too_far`.
    """
    now = date.fromisoformat(today)
    day = _day(first, now, forward=kind == "until")
    try:
        match kind:
            case "between":
                other = _day(second, now, forward=False)
                return _span(day, other)
            case "add":
                if unit not in _UNITS:
                    raise CallFailed("no_date", f"{unit[:20]} is no length of time")
                there = day + (_length(amount, unit))
                return {"text": _told(there), "value": there.isoformat()}
            case "weekday":
                return {"text": _told(day), "value": _weekday(day)}
            case "until":
                count = (day - now).days
                return {"text": tr("{days} until {day}", days=_days(count), day=_told(day)), "value": count}
            case _:
                if day > now:
                    raise CallFailed("no_date", f"{_told(day)} is still to come")
                lived = relativedelta(now, day)
                years = _count(lived.years, tr("year"), tr("years"))
                return {"text": tr("{years}, since {day}", years=years, day=_told(day)), "value": lived.years}
    except (OverflowError, ValueError):
        raise CallFailed("too_far", "that day is outside the calendar (years 1 to 9999)") from None


def _length(amount: int, unit: str) -> relativedelta:
    match unit:
        case "days":
            return relativedelta(days=amount)
        case "weeks":
            return relativedelta(weeks=amount)
        case "months":
            return relativedelta(months=amount)
        case _:
            return relativedelta(years=amount)


def zone_time(place: str, clock: str, source: str, now: str, home: str) -> JSON:
    """Return {"text", "value"}: the time at `place`; `clock` (such as "3 pm", "" for now) is told by `source`'s clocks.

    `now`: ISO with an offset, `home`: the user's own zone, which "" means. Raises CallFailed `no_zone` or `no_time`.
    """
    there, here = _zone(place, home), _zone(source, home)
    moment, remark = datetime.fromisoformat(now).astimezone(here), ""
    if clock:
        moment, remark = _at(clock, moment, here)
    found = moment.astimezone(there)
    label = f"{place or home} ({_offset(found)})"
    text = tr("{time} in {place}", time=f"{found:%H:%M}", place=label)
    if found.date() != moment.date():
        text = tr("{time} on {day} in {place}", time=f"{found:%H:%M}", day=_told(found.date()), place=label)
    text += f"; {remark}" if remark else ""
    return {"text": text, "value": found.isoformat()}


def _at(clock: str, near: datetime, zone: zoneinfo.ZoneInfo) -> tuple[datetime, str]:
    found = _CLOCK.fullmatch(clock.strip().lower().replace("noon", "12 pm").replace("midnight", "12 am"))
    if found is None:
        raise CallFailed("no_time", f"{clock[:20]!r} is no time of day")
    hour, minute = int(found[1]), int(found[2] or 0)
    if half := (found[3] or "")[:1]:
        if not 1 <= hour <= 12:
            raise CallFailed("no_time", f"{clock[:20]!r} is no time of day")
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or minute > 59:
        raise CallFailed("no_time", f"{clock[:20]!r} is no time of day")
    moment = near.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
    if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment.replace(tzinfo=None):
        return moment.astimezone(UTC).astimezone(zone), tr("the clocks skip that hour there: an hour later")
    if moment.utcoffset() != moment.replace(fold=1).utcoffset():
        return moment, tr("that hour comes twice there: the first one")
    return moment, ""


def _zone(name: str, home: str) -> zoneinfo.ZoneInfo:
    text = re.sub(r"\s+", " ", (name or home).strip())
    if found := _OFFSET.fullmatch(text.lower()):
        if found[2] in (None, "00") and abs(int(found[1])) <= 14:
            return zoneinfo.ZoneInfo(f"Etc/GMT{-int(found[1]):+d}")  # POSIX signs are the other way round
        raise CallFailed("no_zone", f"{text[:30]} is no time zone that is known here")
    wanted = text.lower().replace(" ", "_")
    known = _PLACES.get(text.lower()) or next(
        (zone for zone in _ZONES if wanted in (zone.lower(), zone.lower().split("/")[-1])),
        None,
    )
    if known is None or not wanted:
        raise CallFailed("no_zone", f"{text[:30]!r} is no place whose time is known here")
    return zoneinfo.ZoneInfo(known)


def _day(text: str, now: date, *, forward: bool) -> date:
    """Return the day that `text` names; without a year the nearest to come where `forward`, else that of this year."""
    said = re.sub(r"\s+", " ", text.strip().lower())
    try:
        if said in _NEAR:
            return now + timedelta(days=_NEAR[said])
        if found := _ISO.fullmatch(said):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if said in _FEASTS:
            month, day, year = *_FEASTS[said], None
        elif (found := _DAY_MONTH.fullmatch(said)) and found[2] in _MONTHS:
            month, day, year = _MONTHS[found[2]], int(found[1]), found[3]
        elif (found := _MONTH_DAY.fullmatch(said)) and found[1] in _MONTHS:
            month, day, year = _MONTHS[found[1]], int(found[2]), found[3]
        else:
            raise ValueError
        if year is not None:
            return date(int(year), month, day)
        return _without_year(month, day, now, forward)
    except (ValueError, OverflowError):
        raise CallFailed("no_date", f"{text[:30]!r} is no date; write it as 2026-03-14 or 14 March 2026") from None


def _without_year(month: int, day: int, now: date, forward: bool) -> date:
    date(2024, month, day)  # a leap year: 29 February is a date
    for year in range(now.year, now.year + 9):
        try:
            there = date(year, month, day)
        except ValueError:
            continue
        if there >= now or not forward:
            return there
    raise ValueError


def _span(first: date, second: date) -> JSON:
    count = abs((second - first).days)
    lengths = relativedelta(max(first, second), min(first, second))
    parts = [_count(lengths.years, tr("year"), tr("years")), _count(lengths.months, tr("month"), tr("months"))]
    named = [part for part, number in zip(parts, (lengths.years, lengths.months), strict=True) if number]
    if named and lengths.days:
        named.append(_days(lengths.days))
    days = _days(count) + (f" ({', '.join(named)})" if named else "")
    text = tr("{days} between {first} and {second}", days=days, first=_told(first), second=_told(second))
    return {"text": text, "value": count}


def _told(day: date) -> str:
    return f"{_weekday(day)}, {day.isoformat()}"


def _weekday(day: date) -> str:
    names = (
        tr("Monday"), tr("Tuesday"), tr("Wednesday"), tr("Thursday"), tr("Friday"), tr("Saturday"), tr("Sunday"),
    )  # fmt: skip
    return names[day.weekday()]


def _days(count: int) -> str:
    return _count(count, tr("day"), tr("days"))


def _count(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if abs(count) == 1 else more}"


def _offset(moment: datetime) -> str:
    text = f"{moment:%z}"
    return f"UTC{text[:3]}:{text[3:5]}"


HANDLERS: Mapping[str, Handler] = MappingProxyType({"dates.sum": date_sum, "dates.zone": zone_time})
