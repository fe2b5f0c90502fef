"""A chat whose agent is a script, on one qasync loop a test."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QLabel
from scripted_service import ScriptedService

from openclaw_desktop.ui.chat import Chat
from openclaw_desktop.ui.loop import Loop
from openclaw_desktop.ui.popup import Popup

LIMIT_S = 20.0


async def until(holds: Callable[[], object]) -> None:
    """Let Qt and the tasks run until `holds`; fail when it takes too long."""
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline, "did not happen: " + repr(holds)
        await asyncio.sleep(0)


class BenchClock:
    """Stands a few minutes after the scripted chat's last message."""

    moment = datetime(2026, 1, 1, 0, 10, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return self.moment.timestamp()


@dataclass
class Bench:
    """A popup joined to a scripted agent."""

    service: ScriptedService
    popup: Popup
    chat: Chat
    clock: BenchClock

    def type_and_send(self, text: str) -> None:
        self.popup.composer.edit.setPlainText(text)
        self.popup.composer.send_button.click()

    async def start_turn(self, text: str = "hello") -> None:
        """Send `text` and wait until the turn runs."""
        count = len(self.service.asked)
        self.type_and_send(text)
        await until(lambda: len(self.service.asked) > count and self.chat.turn_id is not None)

    async def settle(self) -> None:
        """Wait until no turn runs."""
        await until(lambda: not self.popup.composer.running)
        # A widget that was added shows when Qt has laid it out: one more round of its events.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def find(self, kind: type, name: str) -> Any:
        """Return the last widget of that name."""
        found = [widget for widget in self.popup.findChildren(kind, name) if not widget.isHidden()]
        return found[-1] if found else None

    def texts(self, name: str) -> list[str]:
        """Return what all labels of that name say."""
        return [label.text() for label in self.popup.findChildren(QLabel, name) if not label.isHidden()]


@pytest.fixture
def loop(qapp: QApplication) -> Iterator[Loop]:
    """Qt's loop as asyncio's, for one test."""
    qapp.setQuitOnLastWindowClosed(False)
    loop = Loop(qapp)
    asyncio.set_event_loop(loop)
    yield loop
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture
def drive(loop: Loop) -> Callable[[Awaitable[Any]], Any]:
    """Run a coroutine on Qt's loop to its end."""

    def run(awaitable: Awaitable[Any]) -> Any:
        return loop.run_until_complete(asyncio.wait_for(awaitable, LIMIT_S * 2))

    return run


@pytest.fixture
def service() -> ScriptedService:
    """The scripted agent; a test may change it before `bench` attaches."""
    return ScriptedService()


@pytest.fixture
def bench(drive: Callable[[Awaitable[Any]], Any], service: ScriptedService) -> Iterator[Bench]:
    """A popup that is shown and attached."""
    popup = Popup()
    clock = BenchClock()
    chat = Chat(popup, clock)
    bench = Bench(service, popup, chat, clock)

    async def open_popup() -> None:
        await chat.attach(service)
        popup.present()
        # Shortcuts work in the active window alone.
        await until(popup.isActiveWindow)

    drive(open_popup())
    yield bench
    drive(chat.close())
    popup.hide()
    popup.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def on_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Turn a coroutine test into a plain one that runs on Qt's loop; pytest-asyncio's own loop knows no Qt."""
    parameters = list(inspect.signature(test).parameters.values())
    drive = inspect.Parameter("drive", inspect.Parameter.POSITIONAL_OR_KEYWORD)

    @functools.wraps(test)
    def run(drive: Callable[[Awaitable[Any]], Any], **fixtures: Any) -> None:
        drive(test(**fixtures))

    del run.__wrapped__
    run.__signature__ = inspect.Signature([drive, *parameters])
    return run
