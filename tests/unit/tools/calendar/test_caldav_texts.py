"""What a calendar server gives back where it is no text: it is left as it is."""

from datetime import UTC, datetime
from typing import Any

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import WebRequest, WebResponse
from openclaw_desktop.tools.accounts import Account
from openclaw_desktop.tools.calendar.caldav import CalDav
from openclaw_desktop.tools.calendar.events import Event

MINE = Account("life", "calendar", "ana", "secret:cal", url="https://cal.example.org/life/")
DAY = datetime(2026, 12, 4, 12, tzinfo=UTC)


async def test_an_event_that_is_no_text_is_not_written_over() -> None:
    bodies = [b"SUMMARY:Caf\xc3\xa9", b"SUMMARY:Caf\xe9"]

    async def fetch(request: WebRequest, hosts: Any) -> WebResponse:
        assert request.method == "GET" and list(hosts) == ["cal.example.org:443"]
        return WebResponse(request.url, 200, {}, bodies.pop(0))

    dav = CalDav(fetch, None)  # type: ignore[arg-type]
    event = Event("life", "u", "Tea", DAY, DAY, href="https://cal.example.org/life/1.ics", etag='"1"')
    assert await dav.get(MINE, event) == "SUMMARY:Caf\u00e9"
    with pytest.raises(UserError) as caught:
        await dav.get(MINE, event)
    assert caught.value.failure.code == "odd_event"
