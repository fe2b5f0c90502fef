"""Toasts where there is no Linux service: what the library of Windows and macOS is handed, and plyer's words."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desktop_notifier import DesktopNotifier, Notification
from desktop_notifier.backends.dummy import DummyNotificationCenter

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.system.toast import NoToasts, Toast, ToastAction, ToastClosed, ToastPressed, choose_toasts
from openclaw_desktop.system.toast.attention import OpenAttention, WindowsAttention, choose_attention
from openclaw_desktop.system.toast.by_plyer import PlyerToasts, guard, make_plyer
from openclaw_desktop.system.toast.freedesktop import body_for
from openclaw_desktop.system.toast.native import NativeToasts, make_native

ICON = resource_path("icons", "openclaw-idle-64.png")
TOAST = Toast("t1", "title", "body", "critical", (ToastAction("later", "Later"),))


class Centre(DummyNotificationCenter):
    """The library's own backend for systems without one, which keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__("OpenCLaw")
        self.sent: list[Notification] = []
        self.cleared: list[str] = []
        self.allows, self.is_swept = True, False
        self.failure: Exception | None = None

    async def request_authorisation(self) -> bool:
        return self.allows

    async def has_authorisation(self) -> bool:
        return self.allows

    async def send(self, notification: Notification) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent.append(notification)

    async def clear(self, identifier: str) -> None:
        self.cleared.append(identifier)

    async def clear_all(self) -> None:
        self.is_swept = True


def native() -> tuple[NativeToasts, Centre, list[Any]]:
    events: list[Any] = []
    toasts = make_native(events.append, ICON)
    assert toasts is not None
    notifier: DesktopNotifier = toasts._notifier
    notifier._backend = centre = Centre()
    return toasts, centre, events


async def settle() -> None:
    """Let run what another thread would have called."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_the_library_is_handed_our_words_and_tells_what_was_pressed() -> None:
    toasts, centre, events = native()
    await toasts.show(TOAST)
    (sent,) = centre.sent
    assert (sent.title, sent.message, sent.urgency.value, sent.identifier) == ("title", "body", "critical", "t1")
    (button,) = sent.buttons
    assert (button.title, button.identifier) == ("Later", "later")
    assert button.on_pressed is not None and sent.on_clicked is not None and sent.on_dismissed is not None
    button.on_pressed()
    sent.on_dismissed()
    await settle()
    assert events == [ToastPressed("t1", "later")], "what comes after that is its own end"
    await toasts.show(Toast("t2", "b", "", replaces="t1"))
    await toasts.show(Toast("t3", "c", "", replaces="t2"))
    assert centre.cleared == ["t2"], "the first was gone already"
    dismissed, clicked = centre.sent[2].on_dismissed, centre.sent[1].on_clicked
    assert dismissed is not None and clicked is not None
    clicked()
    dismissed()
    await settle()
    assert events[1:] == [ToastClosed("t3", by_user=True)]


async def test_a_centre_that_forbids_or_fails_is_said() -> None:
    toasts, centre, _ = native()
    centre.allows = False
    with pytest.raises(UserError, match="does not let"):
        await toasts.show(TOAST)
    centre.allows, centre.failure = True, OSError("gone")
    with pytest.raises(UserError, match="did not answer"):
        await toasts.show(TOAST)
    await toasts.withdraw("t1")
    assert centre.cleared == []


async def test_what_an_agent_before_left_in_the_centre_is_swept_together() -> None:
    toasts, centre, _ = native()
    await toasts.sweep([])
    assert not centre.is_swept
    await toasts.sweep([await toasts.show(TOAST)])
    assert centre.is_swept


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("plain", "plain"),
        ("--hint=int:transient:1", " --hint=int:transient:1"),
        ("-", " -"),
        ("", " "),
        ("a'b\\c\x00d", "a’b＼cd"),
        ("'>, 'body': <'", "’>, ’body’: <’"),
        ("x" * 50, "x" * 10),
    ],
)
def test_a_word_for_plyer_is_never_an_option_nor_the_end_of_a_quote(text: str, word: str) -> None:
    assert guard(text, 10 if len(text) == 50 else 100) == word


async def test_plyer_calls_no_shell_and_a_title_with_a_dash_is_a_title(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(subprocess, "call", lambda words, **_: called.append(list(words)))
    found: Callable[[str], str | None] = lambda name: f"/usr/bin/{name}"  # noqa: E731
    monkeypatch.setattr(shutil, "which", found)
    from plyer.platforms.linux.notification import NotifySendNotification

    toasts = make_plyer({"DISPLAY": ":0"}, "linux")
    assert isinstance(toasts, PlyerToasts)
    toasts = PlyerToasts(NotifySendNotification().notify)
    await toasts.show(Toast("t", "--expire-time=1; $(touch x)", "-body"))
    (words,) = called
    assert words[:3] == ["notify-send", " --expire-time=1; $(touch x)", " -body"]


async def test_what_plyer_raises_is_said() -> None:
    def fail(**_: object) -> None:
        raise NotImplementedError

    with pytest.raises(UserError, match="NotImplementedError"):
        await PlyerToasts(fail).show(TOAST)


async def test_where_nothing_shows_toasts_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    toasts = choose_toasts({}, lambda event: None, ICON, "linux")
    assert isinstance(toasts, NoToasts) and toasts.name == ""
    with pytest.raises(UserError, match="Nothing here shows notices"):
        await toasts.show(TOAST)
    unknown = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere/bus"}
    with pytest.raises(UserError, match="no desktop session"):
        await choose_toasts(unknown, lambda event: None, ICON, "linux").show(TOAST)


def test_markup_is_escaped_only_for_a_service_that_reads_it() -> None:
    assert body_for("<b>&'\"", frozenset({"body", "body-markup"})) == "&lt;b&gt;&amp;'\""
    assert body_for("<b>&", frozenset({"body"})) == "<b>&"


async def test_who_is_asked_whether_the_desktop_may_be_disturbed() -> None:
    assert isinstance(choose_attention({}, "linux"), OpenAttention)
    assert isinstance(choose_attention({}, "darwin"), OpenAttention)
    windows = choose_attention({}, "win32")
    assert isinstance(windows, WindowsAttention)
    assert await windows.busy() == "", "this is no Windows"
