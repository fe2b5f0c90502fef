"""CalDAV (RFC 4791) over the broker: which calendars a server has, their events in a range, and changes by version.

Owns the requests, and the sentence for each way in which a server refuses. Passwords are put in by the broker, answers
are read in the jail, and no sentence quotes a server. Must not know tools. Loop.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import Fetch, WebRequest, WebResponse
from openclaw_desktop.core.text import tr, without_controls
from openclaw_desktop.security.broker.hosts import Target, parse_url
from openclaw_desktop.tools.accounts import Account
from openclaw_desktop.tools.calendar.events import Agenda, Event, agenda_of
from openclaw_desktop.tools.calendar.moments import Range
from openclaw_desktop.tools.parsers import Parse
from openclaw_desktop.tools.sums import ZONE_FOLDERS
from openclaw_desktop.workers.tool_host import CallFailed

ANSWER_BYTES = 4_000_000
OBJECT_BYTES = 600_000
ASK_S, READ_S = 20.0, 15.0
COLLECTIONS = 30

_XML = '<?xml version="1.0" encoding="utf-8"?>'
_NAMES = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
_FIND = (
    f"{_XML}<D:propfind {_NAMES}><D:prop><D:resourcetype/><D:displayname/><D:current-user-principal/>"
    "<C:calendar-home-set/><C:supported-calendar-component-set/></D:prop></D:propfind>"
)
_QUERY = (
    f"{_XML}<C:calendar-query {_NAMES}><D:prop><D:getetag/><C:calendar-data/></D:prop><C:filter>"
    '<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="{first}" end="{last}"/>'
    "</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
)


@dataclass(frozen=True, slots=True)
class Collection:
    """A calendar of a server. `name`: the server's own word for it."""

    target: Target
    name: str


class CalDav:
    """The calendars of servers."""

    def __init__(self, fetch: Fetch, parse: Parse) -> None:
        self._fetch = fetch
        self._parse = parse
        self._known: dict[tuple[str, str], tuple[Collection, ...]] = {}

    async def collections(self, account: Account, *, anew: bool = False) -> tuple[Collection, ...]:
        """Return the calendars that `account` has; raises UserError, also where there is none.

        They are asked for once, and then only where they are wanted `anew`.
        """
        kept = self._known.get((account.url, account.user))
        if kept is not None and not anew:
            return kept
        start = parse_url(account.url)
        try:
            found = await self._below(account, start)
        except UserError as error:
            if start.path != "/" or error.failure.code not in ("calendar_refused", "not_caldav"):
                raise
            found = []
        if not found and start.path == "/" and (moved := await self._well_known(account, start)) is not None:
            found = await self._below(account, moved)
        if not found:
            raise UserError(
                "no_calendar",
                tr("There is no calendar for {user} at {url}.", user=account.user, url=account.url),
                tr("Look up the address of the calendar itself and add the account with that."),
            )
        self._known[account.url, account.user] = tuple(found[:COLLECTIONS])
        return self._known[account.url, account.user]

    async def events(self, account: Account, span: Range, zone: str) -> Agenda:
        """Return what all calendars of `account` have in a range; raises UserError."""
        remembered = (account.url, account.user) in self._known
        try:
            parts = [await self._events(account, one, span, zone) for one in await self.collections(account)]
        except UserError as error:
            if not remembered or error.failure.code != "calendar_refused":
                raise
            # One of them may be gone since they were asked for.
            anew = await self.collections(account, anew=True)
            parts = [await self._events(account, one, span, zone) for one in anew]
        events = sorted((event for part in parts for event in part.events), key=_order)
        return Agenda(
            tuple(events),
            sum(part.unread for part in parts),
            sum(part.unfinished for part in parts),
            any(part.cut for part in parts),
        )

    async def get(self, account: Account, event: Event) -> str:
        """Return the text of an event as the server has it by now; raises UserError.

        That it is the version that was seen is checked by the server when the change comes back: the header of this
        answer may name that version otherwise where it was packed on the way.
        """
        response = await self._ask(account, "GET", parse_url(event.href), b"", {"Accept": "text/calendar"})
        if response.status != 200:
            raise _refused(account, response.status)
        if response.truncated:
            raise UserError("too_large", tr("That event is too large to be changed here."))
        try:
            return response.body.decode()
        except UnicodeDecodeError:
            # What can't be read could not be put back as it was.
            raise odd_event() from None

    async def create(self, account: Account, collection: Collection, uid: str, text: str) -> None:
        """Put a new event there; raises UserError."""
        target = collection.target.joined(f"{collection.target.path.rstrip('/')}/{uid}.ics")
        await self._change(account, "PUT", target, text, {"If-None-Match": "*"})

    async def replace(self, account: Account, event: Event, text: str) -> None:
        """Put `text` in place of the version of an event that was seen; raises UserError where there is a newer one."""
        await self._change(account, "PUT", parse_url(event.href), text, {"If-Match": event.etag})

    async def delete(self, account: Account, event: Event) -> None:
        """Delete the version of an event that was seen; raises UserError where there is a newer one."""
        await self._change(account, "DELETE", parse_url(event.href), "", {"If-Match": event.etag})

    async def _events(self, account: Account, collection: Collection, span: Range, zone: str) -> Agenda:
        first, last = (f"{m.astimezone(UTC):%Y%m%dT%H%M%SZ}" for m in (span.first, span.last))
        body = _QUERY.format(first=first, last=last).encode()
        response = await self._ask(account, "REPORT", collection.target, body, {"Depth": "1"})
        if response.status != 207:
            raise _refused(account, response.status)
        if response.truncated:
            raise UserError(
                "too_many_events",
                tr("The calendar {name} has too much in that time.", name=account.name),
                tr("Ask for fewer days at once."),
            )
        arguments = {
            "data": base64.b64encode(response.body).decode(), "first": span.first.isoformat(),
            "last": span.last.isoformat(), "zone": zone,
        }  # fmt: skip
        agenda = agenda_of(await self._read(account, "calendar.report", arguments), account.name)
        if agenda is None:
            raise _unreadable(account)
        events = []
        for event in agenda.events:
            target = _joined(collection.target, event.href)
            if target is not None and _lies_below(target, collection.target):
                events.append(replace(event, href=target.url))
        return Agenda(tuple(events), agenda.unread, agenda.unfinished, agenda.cut)

    async def _below(self, account: Account, start: Target) -> list[Collection]:
        """Return the calendar at an address; else those in the home of the user whom the server knows, or below it."""
        first = await self._find(account, start, 0)
        here = first[0] if first else {}
        if here.get("calendar"):
            return [Collection(start, str(here["name"]) or start.path.strip("/").rpartition("/")[2])]
        home = str(here.get("home", ""))
        if not home and (principal := _own(account, start, str(here.get("principal", "")))) is not None:
            found = await self._find(account, principal, 0)
            home = str(found[0].get("home", "")) if found else ""
        place = _own(account, start, home) or start
        collections = []
        for one in await self._find(account, place, 1):
            target = _joined(place, str(one.get("href", "")))
            holds_events = not one.get("components") or "VEVENT" in one["components"]
            if one.get("calendar") and holds_events and target is not None:
                collections.append(Collection(target, str(one["name"]) or target.path.strip("/").rpartition("/")[2]))
        return collections

    async def _well_known(self, account: Account, start: Target) -> Target | None:
        """Return where the server says that its calendars begin (RFC 6764); None where it does not say."""
        asked = start.joined("/.well-known/caldav")
        try:
            response = await self._ask(account, "PROPFIND", asked, _FIND.encode(), {})
            moved = parse_url(response.url)
        except UserError as error:
            if error.failure.code in ("sent_elsewhere", "wrong_url", "url_scheme", "url_login"):
                return None
            raise
        return moved if moved.origin == start.origin and moved.path not in ("/", asked.path) else None

    async def _find(self, account: Account, target: Target, depth: int) -> Sequence[Mapping[str, Any]]:
        """Return what a server says of an address, and of what is directly below where `depth` is 1."""
        response = await self._ask(account, "PROPFIND", target, _FIND.encode(), {"Depth": str(depth)})
        if response.status != 207 or response.truncated:
            raise _refused(account, response.status)
        found = await self._read(account, "calendar.dav", {"data": base64.b64encode(response.body).decode()})
        responses = found.get("responses") if isinstance(found, Mapping) else None
        if not isinstance(responses, list) or not all(isinstance(one, Mapping) for one in responses):
            raise _unreadable(account)
        return [{**one, "name": without_controls(str(one.get("name", "")))[:100]} for one in responses]

    async def _read(self, account: Account, function: str, arguments: Mapping[str, Any]) -> Any:
        try:
            read = tuple(Path(folder) for folder in ZONE_FOLDERS)
            return await self._parse.call(function, arguments, read=read, timeout_s=READ_S)
        except CallFailed as failure:
            raise _unreadable(account) from failure

    async def _change(
        self, account: Account, method: str, target: Target, text: str, headers: Mapping[str, str]
    ) -> None:
        kind = {"Content-Type": "text/calendar; charset=utf-8"} if text else {}
        try:
            response = await self._ask(account, method, target, text.encode(), {**headers, **kind})
        except UserError as error:
            if error.failure.code not in ("broken_off", "too_slow"):
                raise
            raise UserError(
                "outcome_unknown",
                tr("{host} did not answer: nobody knows whether the calendar {name} was changed.",
                   host=account.host, name=account.name),
                tr("Look at the calendar before you try again."),
            ) from error  # fmt: skip
        if response.status in (409, 412):
            raise changed_since()
        if response.status not in (200, 201, 204):
            raise _refused(account, response.status, changing=True)

    async def _ask(
        self, account: Account, method: str, target: Target, body: bytes, headers: Mapping[str, str]
    ) -> WebResponse:
        home = parse_url(account.url)
        if target.origin != home.origin:
            raise _elsewhere(account)
        place = f"[{home.host}]" if ":" in home.host else home.host
        kind = {"Content-Type": "application/xml; charset=utf-8"} if body else {}
        request = WebRequest(
            target.url,
            method,
            {**kind, **headers},
            body,
            {"Authorization": f"Basic {account.user}:{account.secret}"},
            OBJECT_BYTES if method == "GET" else ANSWER_BYTES,
            ASK_S,
        )
        response = await self._fetch(request, (f"{place}:{home.port}",))
        if response.status == 401:
            raise UserError(
                "wrong_login",
                tr("{host} did not accept the name or the password of {name}.", host=home.host, name=account.name),
                tr(
                    "Set the password again: openclaw-agent secret set {secret} --host {host}",
                    secret=account.secret.removeprefix("secret:"),
                    host=home.host,
                ),
            )
        return response


def changed_since() -> UserError:
    """Return the error for a version that is no longer the newest."""
    return UserError(
        "changed_since",
        tr("That event was changed by somebody else meanwhile, so it was left as it is."),
        tr("Look at the calendar again, then say what to change."),
    )


def odd_event() -> UserError:
    """Return the error for an event that is written in a way of its own."""
    return UserError(
        "odd_event",
        tr("That event is written in a way in which it can't be changed here, so nothing was sent."),
        tr("Change it in your calendar program."),
    )


def _order(event: Event) -> tuple[str, str]:
    return (event.start.isoformat(), event.title)


def _joined(base: Target, href: str) -> Target | None:
    """Return where a server's link leads; None where that is not on the same server."""
    if not href or not href.isprintable():
        return None
    try:
        target = base.joined(href)
    except UserError:
        return None
    return target if target.origin == base.origin else None


def _lies_below(target: Target, collection: Target) -> bool:
    """Return whether a link stays within a calendar; servers spell the same path in several ways."""
    path, above = unquote(target.path), unquote(collection.path).rstrip("/") + "/"
    return path.startswith(above) and ".." not in path.split("/")


def _own(account: Account, base: Target, href: str) -> Target | None:
    """Return where a server's link leads, None where there is none; raises UserError for one to another server."""
    if not href:
        return None
    target = _joined(base, href)
    if target is None:
        raise _elsewhere(account)
    return target


def _elsewhere(account: Account) -> UserError:
    return UserError(
        "calendar_elsewhere",
        tr("The server of {name} keeps its calendars at another host, where its password does not go.",
           name=account.name),
        tr("Look up the address of the calendar itself and add the account with that."),
    )  # fmt: skip


def _unreadable(account: Account) -> UserError:
    return UserError(
        "not_caldav",
        tr("What {host} answered for {name} can't be read as a calendar.", host=account.host, name=account.name),
        tr("Check the address of the account: it must be that of a CalDAV server."),
    )


def _refused(account: Account, status: int, *, changing: bool = False) -> UserError:
    match status:
        case 403 if changing:
            reason, action = tr("it may not be changed by you"), tr("Ask its owner.")
        case 403:
            reason, action = tr("it is not open to {user}", user=account.user), tr("Check the name of the account.")
        case 404 | 410 if changing:
            reason, action = tr("there is no such event any more"), tr("Look at the calendar again.")
        case 404 | 410:
            reason, action = tr("there is no calendar at that address"), tr("Check the address of the account.")
        case 507:
            reason, action = tr("it is full"), tr("Make room there, then try again.")
        case _ if status >= 500:
            reason, action = tr("something is wrong over there"), tr("Try again later.")
        case _:
            return _unreadable(account)
    return UserError(
        "calendar_refused",
        tr("{host} answered with {status} for {name}: {reason}.",
           host=account.host, status=status, name=account.name, reason=reason),
        action,
    )  # fmt: skip
