"""What the doctor finds in a home and on a machine, and what it puts right."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from openclaw_desktop.service.doctor import home_checks, machine_checks
from openclaw_desktop.service.doctor.doctor import Doctor, _guarded
from openclaw_desktop.service.doctor.home_checks import check_home, find_strays
from openclaw_desktop.service.doctor.machine_checks import check_clock, check_zone
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.system.paths import Home, find_home, prepare

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = find_home(tmp_path / "home", {})
    prepare(home)
    return home


def found(home: Home, check: str, repair: bool = False, *, serving: bool = False) -> Finding:
    (finding,) = [one for one in check_home(home, repair, serving=serving) if one.check == check]
    return finding


def open_to_others(home: Home) -> None:
    home.settings_file.write_text("")
    home.settings_file.chmod(0o644)
    home.config.chmod(0o755)


def left_socket(home: Home) -> None:
    home.socket.touch()


def left_half_written(home: Home) -> None:
    path = home.data / ".measured.json.a1b2c3d4"
    path.touch()
    os.utime(path, (0, 0))


def wrong_settings(home: Home) -> None:
    home.settings_file.write_text("[hotkey\n")


def many_logs(home: Home) -> None:
    for number in range(3):
        path = home.logs / f"crash-{number}.txt"
        path.write_bytes(b"x" * 100)
        os.utime(path, (number, number))


@pytest.mark.parametrize(
    ("check", "spoil"), [("home", open_to_others), ("leftovers", left_half_written), ("logs", many_logs)]
)
def test_what_is_wrong_is_said_then_repaired_and_then_well(
    home: Home, check: str, spoil: Callable[[Home], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home_checks, "LOGS_BYTES", 150)
    assert found(home, check).level == "ok"
    spoil(home)
    wrong = found(home, check)
    assert wrong.level == "warning" and wrong.advice and not wrong.repaired
    mended = found(home, check, repair=True)
    assert mended.level == "ok" and mended.repaired
    after = found(home, check)
    assert after.level == "ok" and not after.repaired


def test_a_file_that_is_being_written_is_left_alone(home: Home) -> None:
    path = home.data / ".measured.json.a1b2c3d4"
    path.touch()
    assert found(home, "leftovers", repair=True).level == "ok" and path.exists()
    assert home.marker.exists(), "and so is what only begins with a dot"


def test_a_socket_without_an_agent_goes_and_an_agent_without_a_socket_is_an_error(home: Home) -> None:
    assert found(home, "socket", serving=True).level == "error"
    left_socket(home)
    assert found(home, "socket", serving=True).level == "ok"
    assert found(home, "socket", repair=True).repaired and not home.socket.exists()


def test_settings_that_are_not_understood_are_an_error(home: Home) -> None:
    wrong_settings(home)
    assert found(home, "settings").level == "error"
    assert home.settings_file.read_text() == "[hotkey\n", "nothing of the user's is changed"


def test_recent_crashes_are_told(home: Home) -> None:
    (home.logs / "crash-a.txt").write_text("x")
    finding = found(home, "crashes")
    assert finding.level == "warning" and "crash-a.txt" in finding.advice
    os.utime(home.logs / "crash-a.txt", (0, 0))
    assert found(home, "crashes").level == "ok"


class Process:
    """As `psutil.process_iter` hands one out."""

    def __init__(self, *words: str, ppid: int = 1, age_s: float = 3600.0, uid: int | None = None) -> None:
        uids = SimpleNamespace(real=os.getuid() if uid is None else uid)
        self.info: dict[str, Any] = {
            "cmdline": list(words),
            "ppid": ppid,
            "create_time": time.time() - age_s,
            "uids": uids,
        }


OURS = ("/x/python", "-P", "-m", "openclaw_desktop.cli.agent", "worker", "inference")


def test_only_our_own_old_workers_without_an_agent_are_strays() -> None:
    stray = Process(*OURS)
    frozen = Process("/opt/openclaw/openclaw-desktop", "worker", "tools")
    others = [
        Process(*OURS, ppid=os.getpid()),
        Process(*OURS, age_s=5.0),
        Process(*OURS, uid=os.getuid() + 1),
        Process(*OURS[:-1], "somebody"),
        Process("/x/python", "-m", "celery", "worker", "tools"),
        Process("sh", "worker", "tools"),
        Process(),
    ]
    assert list(find_strays([stray, *others, frozen])) == [stray, frozen]  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("newest", "built_at", "level"),
    [
        (None, None, "ok"),
        (NOW.isoformat(), NOW, "ok"),
        ((NOW + timedelta(hours=20)).isoformat(), None, "ok"),
        ((NOW + timedelta(days=2)).isoformat(), None, "warning"),
        ("2026-12-24T10:00:00", None, "warning"),
        (None, NOW + timedelta(days=2), "warning"),
    ],
)
def test_a_clock_that_can_not_be_right_is_told(newest: str | None, built_at: datetime | None, level: str) -> None:
    assert check_clock(NOW, newest, built_at, True).level == level


def test_a_zone_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_zone().level == "ok"
    monkeypatch.setattr(machine_checks, "find_zone", lambda: "UTC")
    east = time.struct_time((2026, 1, 1, 0, 0, 0, 0, 1, 0), {"tm_gmtoff": 7200})
    monkeypatch.setattr(machine_checks.time, "localtime", lambda: east)
    finding = check_zone()
    assert finding.level == "warning" and "2.0 hours" in finding.sentence


async def test_a_check_that_fails_itself_is_one_finding_and_no_end() -> None:
    async def fail(repair: bool) -> list[Finding]:
        raise RuntimeError("words of somebody")

    (finding,) = await _guarded(fail, False)
    assert finding.level == "warning" and "RuntimeError" in finding.sentence and "words" not in finding.sentence


async def test_the_watch_is_asked_on_the_loop_and_never_in_a_thread() -> None:
    asked: list[threading.Thread] = []

    class Watch:
        @property
        def reading(self) -> SimpleNamespace:
            asked.append(threading.current_thread())
            return SimpleNamespace(idle_s=90.0)

    async def newest() -> None:
        return None

    health = SimpleNamespace(mode="tray", machine=SimpleNamespace(watch=Watch()))
    doctor: Any = SimpleNamespace(parts=SimpleNamespace(newest=newest), health=health)
    found = {one.check: one for one in await Doctor._check_machine(doctor, False)}
    assert "90 seconds" in found["idle"].sentence
    assert asked == [threading.current_thread()]
