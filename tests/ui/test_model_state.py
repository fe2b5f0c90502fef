"""What the window says of the model in use: whether data leaves this machine, and never what was true before."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from PySide6.QtWidgets import QLabel
from scripted_service import ScriptedService
from ui_bench import Bench, on_loop, until

from openclaw_desktop.core.events import ModelStateChanged
from openclaw_desktop.service.api import ModelView
from openclaw_desktop.service.status_views import Status
from openclaw_desktop.ui.chat import Chat
from openclaw_desktop.ui.popup import Popup


@on_loop
async def test_a_line_that_is_too_long_still_says_that_data_leaves_this_machine(bench: Bench) -> None:
    bench.service.tell(ModelStateChanged("vllm/" + "a-very-long-name-" * 9, "busy", leaves_machine=True))
    await until(lambda: bench.popup.header.state.startswith("Leaves this machine: vllm/"))


@on_loop
async def test_the_greeting_does_not_promise_what_is_not_so(bench: Bench) -> None:
    assert "Everything stays on this machine" in bench.texts("welcome_text")[-1]
    bench.service.tell(ModelStateChanged("work/far", "ready", leaves_machine=True))
    await until(lambda: "leaves this machine" in bench.texts("welcome_text")[-1])
    bench.service.tell(ModelStateChanged("good-4b", "ready"))
    await until(lambda: "Everything stays on this machine" in bench.texts("welcome_text")[-1])


class SlowService(ScriptedService):
    """It answers when it is told to."""

    def __init__(self, *, model: str | None = "good-4b", vectors_leave: bool = False) -> None:
        super().__init__(model=model)
        self.listing = 0
        self.go = asyncio.Event()
        self.vectors_leave = vectors_leave

    async def status(self) -> Status:
        status = await super().status()
        return replace(status, memory=replace(status.memory, vectors_leave_machine=self.vectors_leave))

    async def list_models(self) -> tuple[ModelView, ...]:
        self.listing += 1
        await self.go.wait()
        return await super().list_models()


@on_loop
async def test_what_is_told_while_the_window_attaches_is_newer_than_the_status() -> None:
    service, popup = SlowService(), Popup()
    chat = Chat(popup)
    service.state = "loading"
    attaching = asyncio.ensure_future(chat.attach(service))
    await until(lambda: service.listing)
    service.tell(ModelStateChanged("good-4b", "ready"))
    await until(lambda: popup.header.state == "good-4b, ready")
    service.go.set()
    await attaching
    assert popup.header.state == "Good 4B, ready"
    await chat.close()


@on_loop
async def test_a_model_that_came_while_models_were_listed_is_greeted() -> None:
    service, popup = SlowService(model=None, vectors_leave=True), Popup()
    chat = Chat(popup)
    attaching = asyncio.ensure_future(chat.attach(service))
    await until(lambda: service.listing == 1)
    service.go.set()
    await until(lambda: popup.header.state == "no model")
    service.go.clear()
    await until(lambda: service.listing == 2)
    service.tell(ModelStateChanged("good-4b", "unloaded"))
    await until(lambda: popup.header.state == "Good 4B, asleep")
    service.go.set()
    await attaching
    told = [label.text() for label in popup.welcome.widget().findChildren(QLabel, "welcome_text")]
    assert len(told) == 1 and "leaves this machine" in told[0], "its memories' vectors are made elsewhere"
    await chat.close()
