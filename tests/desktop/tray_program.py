"""`openclaw-desktop` in a desktop session, and what its agent says about itself.

Owns the processes of one home and leaves none behind. What was stored is asked of the agent itself, over its socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil
from screen import Area, Screen, until

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.service.api import SessionMessage
from openclaw_desktop.service.remote import RemoteService
from openclaw_desktop.service.status_views import Status

T = TypeVar("T")
HOTKEY = "ctrl+alt+space"
POPUP = "OpenCLaw"
QUESTION = "OpenCLaw asks"
HEADER_PX = 64


class TrayProgram:
    """The real program of one home."""

    def __init__(self, screen: Screen, home: Path, models: Path) -> None:
        self.screen = screen
        self.session = screen.session
        self.home = home
        self._models = str(models)
        self._started: list[subprocess.Popen[bytes]] = []

    @property
    def socket(self) -> Path:
        return self.home / "run" / "agent.sock"

    def start(self, *flags: str) -> subprocess.Popen[bytes]:
        """Start the program and wait until its agent answers."""
        program = self.start_at_once(*flags)
        until(lambda: self.status() is not None or program.poll() is not None, "the agent answers")
        assert program.poll() is None, self.log
        return program

    def start_at_once(self, *flags: str) -> subprocess.Popen[bytes]:
        """Start the program without waiting."""
        words = (sys.executable, "-m", "openclaw_desktop.cli.desktop", "--home", str(self.home), *flags)
        program = self.session.start(*words, OPENCLAW_MODELS=self._models)
        self._started.append(program)
        return program

    def second_start(self, *flags: str) -> int:
        """Start the program once more and return its exit code."""
        return self.start_at_once(*flags).wait(20)

    def agent(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `openclaw-agent` in the same session and home."""
        command = (sys.executable, "-m", "openclaw_desktop.cli.agent", *words, "--home", str(self.home))
        program = self.session.start(*command, OPENCLAW_MODELS=self._models)
        self._started.append(program)
        return program

    def ask_agent(self, *words: str) -> Any:
        """Run `openclaw-agent … --json` to its end and return the document."""
        command = (sys.executable, "-m", "openclaw_desktop.cli.agent", *words, "--home", str(self.home), "--json")
        return json.loads(self.session.run(*command, OPENCLAW_MODELS=self._models))

    @property
    def log(self) -> str:
        parts = [self.session.folder / f"{Path(sys.executable).name}.log", self.home / "logs" / "agent.log"]
        return "\n".join(part.read_text(errors="replace") for part in parts if part.exists())

    def end(self) -> None:
        """End whatever still runs."""
        for program in self._started:
            for process in self.family(program):
                with contextlib.suppress(psutil.Error):
                    process.kill()
            program.wait()

    @staticmethod
    def family(program: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """Return the program's process and all that it started."""
        try:
            process = psutil.Process(program.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    @staticmethod
    def wait_gone(family: list[psutil.Process]) -> None:
        """Wait until none of these runs."""
        until(lambda: all(not _runs(process) for process in family), f"{family} have ended", 20)

    def worker(self, program: subprocess.Popen[bytes], role: str) -> psutil.Process:
        """Return the worker of that role, once it runs."""

        def find() -> psutil.Process | None:
            for process in self.family(program):
                with contextlib.suppress(psutil.Error):
                    if process.cmdline()[-2:] == ["worker", role]:
                        return process
            return None

        return until(find, f"worker {role}")

    # What its agent says

    def call(self, command: Callable[[RemoteService], Awaitable[T]]) -> T | None:
        """Do one command over the socket; None where nobody listens."""

        async def attach() -> T | None:
            remote = await RemoteService.connect(self.socket)
            if remote is None:
                return None
            try:
                return await command(remote)
            except UserError:
                return None
            finally:
                await remote.close()

        return asyncio.run(attach())

    def status(self) -> Status | None:
        return self.call(RemoteService.status)

    def messages(self) -> list[SessionMessage]:
        """Return what is stored of the chat, oldest first."""
        chat = self.call(RemoteService.latest_session)
        return [] if chat is None else list(chat.messages)

    def answers(self) -> list[SessionMessage]:
        """Return the stored answers of the chat, oldest first."""
        return [message for message in self.messages() if message.role == "assistant"]

    def wait_for_answer(self, count: int = 1) -> SessionMessage:
        """Return the answer with that number once it is stored."""
        return until(lambda: self.answers()[count - 1 : count], f"answer {count}", 60)[0]

    # What a user does

    @property
    def popup(self) -> Area | None:
        return self.screen.find_window(POPUP)

    @property
    def popup_area(self) -> Area:
        """Where the popup is; waits until it is there."""
        return until(lambda: self.popup, "the popup is shown")

    @property
    def chat_area(self) -> Area:
        """The popup without its header."""
        return self.popup_area.below(HEADER_PX)

    def wait_hidden(self) -> None:
        until(lambda: self.popup is None, "the popup is hidden")

    def open(self) -> Area:
        """Open the popup by the hotkey, once that is taken, and wait until the keys go there."""
        until(lambda: (status := self.status()) and status.hotkey == "Ctrl+Alt+Space", "the hotkey is registered")
        if self.popup is None:
            self.session.press(HOTKEY)
        self.wait_for_keyboard()
        return self.popup_area

    def wait_for_keyboard(self) -> None:
        """Wait until the keys go to the popup; a hidden window may still be named as the active one."""
        until(lambda: self.popup and self.screen.active_title() == POPUP, "the popup has the keyboard")

    def say(self, text: str) -> None:
        """Type a message and send it."""
        self.wait_for_keyboard()
        until(lambda: not self._shows_stop(), "the popup is ready for a message")
        self.screen.type(text)
        self.session.press("Return")

    def _shows_stop(self) -> bool:
        """Say whether the button at the end of an empty editor is Stop: filled with the program's colour."""
        x, y = self.send_button
        _blue, green, red = (int(part) for part in self.screen.look(Area(x, y - 11, 1, 1))[0, 0])
        return green - red > 60

    @property
    def send_button(self) -> tuple[int, int]:
        """Where Send, or Stop, is: at the end of the editor."""
        popup = self.popup_area
        return popup.right - 41, popup.bottom - 40


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
