"""A small desktop of a test's own: X server, window manager, session bus and, where wanted, a tray.

Owns the children and their folder and ends them together. Nothing waits by the clock: each child says when it is ready
(a pipe, a property, a selection, a bus name), and each wait has a deadline.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from Xlib import X
from Xlib.display import Display

TrayHost = Literal["xfce", "trayer", "none"]

DEADLINE_S = 30.0
PROGRAMS = ("Xvfb", "openbox", "dbus-daemon", "xdotool")
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "SYSTEMROOT")

# One panel at the bottom (position 8 = south edge, middle) that holds the tray alone.
_PANEL = """<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=8;x=640;y=780"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="32"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty"><property name="plugin-1" type="string" value="systray"/></property>
</channel>
"""


class DesktopSession:
    """Use as a context manager; `env` is what programs inside need, `folder` is removed at the end."""

    def __init__(self, tray: TrayHost = "none", *, window_manager: bool = True, size: str = "1280x800") -> None:
        self.tray = tray
        self.window_manager = window_manager
        self.size = size
        self.env: dict[str, str] = {}
        self.folder = Path()
        self._children: list[subprocess.Popen[bytes]] = []
        self._display: Display | None = None

    def __enter__(self) -> DesktopSession:
        self.folder = Path(tempfile.mkdtemp(prefix="desktop-"))
        try:
            self._make_environment()
            self._start_x_server()
            self._start_bus()
            if self.window_manager:
                self._start_window_manager()
            if self.tray != "none":
                self.start_tray(self.tray)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The X display, such as `:7`."""
        return self.env["DISPLAY"]

    def start(self, *command: str | Path, **extra_env: str) -> subprocess.Popen[bytes]:
        """Start a program inside; its output goes to NAME.log in `folder`; it is ended with the session."""
        return self._spawn(command, env=self.env | extra_env)

    def run(self, *command: str | Path, timeout_s: float = DEADLINE_S, **extra_env: str) -> str:
        """Run a program inside to its end and return its output, stripped; raises CalledProcessError."""
        done = subprocess.run(
            command, env=self.env | extra_env, check=True, capture_output=True, text=True, timeout=timeout_s
        )
        return done.stdout.strip()

    def press(self, *keys: str) -> None:
        """Press keys as a user does, such as `ctrl+alt+space`."""
        self.run("xdotool", "key", "--clearmodifiers", *keys)

    def screenshot(self, path: Path) -> Path:
        """Write a picture of the whole screen."""
        self.run("import", "-silent", "-window", "root", path)
        return path

    def stop(self, child: subprocess.Popen[bytes]) -> None:
        """End one child and all that it started."""
        self._children.remove(child)
        _end(child)

    def stop_x_server(self) -> None:
        """End the X server under everybody's feet."""
        self._disconnect()
        self.stop(self._children[0])

    def close(self) -> None:
        """End everything, last started first."""
        self._disconnect()
        while self._children:
            _end(self._children.pop())
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_environment(self) -> None:
        folders = {
            "HOME": "home",
            "XDG_CONFIG_HOME": "home/.config",
            "XDG_DATA_HOME": "home/.local/share",
            "XDG_STATE_HOME": "home/.local/state",
            "XDG_CACHE_HOME": "home/.cache",
            "XDG_RUNTIME_DIR": "run",
        }
        self.env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        for variable, folder in folders.items():
            (self.folder / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            self.env[variable] = str(self.folder / folder)
        self.env |= {
            "XDG_SESSION_TYPE": "x11",
            "XDG_CURRENT_DESKTOP": "XFCE",
            "QT_QPA_PLATFORM": "xcb",
            "NO_AT_BRIDGE": "1",  # no accessibility bus
            "GIO_USE_VFS": "local",  # no gvfs daemons
        }

    def _start_x_server(self) -> None:
        arguments = ("-screen", "0", f"{self.size}x24", "-nolisten", "tcp", "-noreset")
        self.env["DISPLAY"] = ":" + self._spawn_and_hear(lambda pipe: ("Xvfb", "-displayfd", pipe, *arguments))
        self._display = Display(self.name)
        mask = X.PropertyChangeMask | X.StructureNotifyMask
        self._display.screen().root.change_attributes(event_mask=mask)

    def _start_bus(self) -> None:
        listen = f"--address=unix:path={self.env['XDG_RUNTIME_DIR']}/bus"
        self.env["DBUS_SESSION_BUS_ADDRESS"] = self._spawn_and_hear(
            lambda pipe: ("dbus-daemon", "--session", "--nofork", "--nopidfile", listen, f"--print-address={pipe}")
        )

    def _start_window_manager(self) -> None:
        self.start("openbox")
        display = self._display
        check = display.intern_atom("_NET_SUPPORTING_WM_CHECK")
        self._wait_on_x(
            lambda: display.screen().root.get_full_property(check, X.AnyPropertyType) is not None, "window manager"
        )

    def start_tray(self, host: TrayHost) -> None:
        """Start a tray host, now or later than the programs that want to be in it."""
        if host == "xfce":
            channels = Path(self.env["XDG_CONFIG_HOME"], "xfce4", "xfconf", "xfce-perchannel-xml")
            channels.mkdir(parents=True)
            (channels / "xfce4-panel.xml").write_text(_PANEL)
            self.start("xfce4-panel", "--disable-wm-check")
            self.run("gdbus", "wait", "--session", "--timeout", f"{DEADLINE_S:.0f}", "org.kde.StatusNotifierWatcher")
        else:
            self.start("trayer", "--edge", "bottom", "--align", "right", "--widthtype", "request", "--height", "32")
        display = self._display
        selection = display.intern_atom("_NET_SYSTEM_TRAY_S0")
        # A new owner says so by a MANAGER message to the root window, which wakes the wait.
        self._wait_on_x(lambda: display.get_selection_owner(selection) != X.NONE, "tray")

    def _spawn(self, command: tuple[str | Path, ...], **options: object) -> subprocess.Popen[bytes]:
        with (self.folder / f"{Path(command[0]).name}.log").open("ab") as log:
            child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **options,
            )
        self._children.append(child)
        return child

    def _spawn_and_hear(self, command: Callable[[str], tuple[str, ...]]) -> str:
        """Start a program that writes one line to a pipe once it is ready, and return that line."""
        reader, writer = os.pipe()
        try:
            words = command(str(writer))
            self._spawn(words, env=self.env, pass_fds=(writer,))
            os.close(writer)
            writer = -1
            deadline = time.monotonic() + DEADLINE_S
            heard = b""
            while not heard.endswith(b"\n"):
                ready, _, _ = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))
                part = os.read(reader, 1024) if ready else b""
                if not part:
                    raise TimeoutError(f"{words[0]} did not become ready: {self._log_of(words[0])}")
                heard += part
            return heard.decode().strip()
        finally:
            os.close(reader)
            if writer != -1:
                os.close(writer)

    def _wait_on_x(self, is_ready: Callable[[], bool], what: str) -> None:
        """Return once `is_ready`; looked at again after each X event."""
        deadline = time.monotonic() + DEADLINE_S
        while not is_ready():
            if not self._display.pending_events():
                ready, _, _ = select.select([self._display], [], [], max(0.0, deadline - time.monotonic()))
                if not ready:
                    logs = "\n".join(log.read_text(errors="replace") for log in sorted(self.folder.glob("*.log")))
                    raise TimeoutError(f"no {what} within {DEADLINE_S:.0f} s\n{logs}")
            while self._display.pending_events():
                self._display.next_event()

    def _log_of(self, program: str) -> str:
        return (self.folder / f"{program}.log").read_text(errors="replace")

    def _disconnect(self) -> None:
        if self._display is not None:
            with contextlib.suppress(Exception):
                self._display.close()
            self._display = None


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a child's whole process group: politely, then for sure."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=5)
