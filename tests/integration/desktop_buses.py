"""A message bus of the test's own with a mock desktop on it, and a tree that looks like a battery's."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

UPOWER, LOGIN = "org.freedesktop.UPower", "org.freedesktop.login1"
MUTTER, SAVER = "org.gnome.Mutter.IdleMonitor", "org.freedesktop.ScreenSaver"
MANAGER = "org.freedesktop.PowerManagement"
DISPLAY_DEVICE = "/org/freedesktop/UPower/devices/DisplayDevice"
SESSION = "/org/freedesktop/login1/session/_31"
DEADLINE_S = 30.0


@contextlib.contextmanager
def private_bus() -> Iterator[str]:
    """Yield the address of a bus that ends with the block."""
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address=1"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert daemon.stdout is not None
    try:
        yield daemon.stdout.readline().strip()
    finally:
        daemon.kill()
        daemon.communicate()


class MockDesktop:
    """The child of `mock_desktop.py`, and what it told."""

    def __init__(self, address: str, *names: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("mock_desktop.py")), address, *names],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._told: queue.Queue[str] = queue.Queue()
        self._others: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait_for("ready")

    def wait_for(self, line: str) -> None:
        """Wait until it told this line."""
        while line not in self._others:
            self._others.append(self._told.get(timeout=DEADLINE_S))
        self._others.remove(line)

    def set(self, interface: str, name: str, signature: str, value: object) -> None:
        self._order({"set": [interface, name, signature, value]})

    def emit(
        self, path: str, interface: str, member: str, signature: str | None = None, body: tuple[Any, ...] = ()
    ) -> None:
        self._order({"emit": [path, interface, member, signature, list(body)]})

    def change_power(self, on_battery: bool) -> None:
        """Do what UPower does when mains or the charge changed."""
        changed = (UPOWER, {"OnBattery": ("b", on_battery)}, [])
        self.emit(DISPLAY_DEVICE, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", changed)

    def drop(self, name: str) -> None:
        self._order({"drop": name})

    def own(self, name: str) -> None:
        self._order({"own": name})

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._reader.join()

    def _order(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self.wait_for("done")

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):
            for line in self._process.stdout:
                self._told.put(line.strip())


class BatteryTree:
    """Files as the kernel lays them under /sys/class/power_supply."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "BAT0").mkdir(parents=True)
        (folder / "AC0").mkdir()
        for name, value in (("type", "Battery"), ("energy_full", "50000000"), ("present", "1")):
            (folder / "BAT0" / name).write_text(f"{value}\n")
        (folder / "AC0" / "type").write_text("Mains\n")
        self.show(100, mains=True)

    def show(self, percent: int, *, mains: bool) -> None:
        battery = self.folder / "BAT0"
        (battery / "capacity").write_text(f"{percent}\n")
        (battery / "energy_now").write_text(f"{percent * 500_000}\n")
        (battery / "power_now").write_text("9000000\n")
        (battery / "status").write_text("Charging\n" if mains else "Discharging\n")
        (self.folder / "AC0" / "online").write_text(f"{int(mains)}\n")
