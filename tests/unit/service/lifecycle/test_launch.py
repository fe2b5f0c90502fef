"""One thing starts the agent; what is in the way is said, and a refusal takes nothing away."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.service.lifecycle.launch import LaunchDesk, launch_files
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.autostart.xdg import XdgAutostart
from openclaw_desktop.system.paths import find_home
from openclaw_desktop.system.service_unit import SystemUnit, UserUnit, UserUnitPlace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")


class Manager:
    """In the place of systemctl: it answers, or is not there."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.there = True

    def __call__(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        if not self.there:
            raise FileNotFoundError(words[0])
        self.told.append(" ".join(words[1:]))
        said = {"is-enabled": "enabled\n", "is-active": "active\n"}
        return subprocess.CompletedProcess(words, 0, next((said[word] for word in words if word in said), ""), "")


@pytest.fixture
def manager() -> Manager:
    return Manager()


@pytest.fixture
def desk(tmp_path: Path, manager: Manager) -> LaunchDesk:
    return LaunchDesk(
        find_home(tmp_path / "a home", {}),
        service=UserUnit(UserUnitPlace(tmp_path / "user"), {"OPENCLAW_MODELS": "/m", "LANG": "C"}, manager),
        system=SystemUnit(tmp_path / "root", manager, is_root=True),
        tray=XdgAutostart(tmp_path / "autostart"),
    )


def test_each_takes_the_others_place_and_twice_is_once(desk: LaunchDesk, manager: Manager, tmp_path: Path) -> None:
    first = desk.install("tray")
    assert first.changed and first.replaced == () and desk.installed() == ("tray",)
    second = desk.install("service")
    assert second.replaced == ("tray",) and desk.installed() == ("service",)
    assert manager.told[-2:] == ["--user daemon-reload", "--user enable openclaw-agent.service"]
    text = (tmp_path / "user" / "openclaw-agent.service").read_text()
    assert f'serve" "--home" "{tmp_path}/a home"' in text and 'Environment="OPENCLAW_MODELS=/m"' in text
    assert "LANG" not in text
    assert not desk.install("service").changed
    assert desk.install("tray").replaced == ("service",) and desk.installed() == ("tray",)
    assert "--user disable --now openclaw-agent.service" in manager.told
    assert desk.remove("tray") and not desk.remove("tray") and desk.installed() == ()


def test_where_nobody_starts_services_nothing_is_changed(desk: LaunchDesk, manager: Manager) -> None:
    desk.install("tray")
    manager.there = False
    with pytest.raises(UserError) as refused:
        desk.install("service")
    assert refused.value.failure.code == "no_service_manager" and "--tray" in refused.value.failure.advice
    assert desk.installed() == ("tray",)


def test_beside_the_machines_own_agent_there_is_none(desk: LaunchDesk) -> None:
    desk.system.install(["/bin/true", "serve"])
    for kind in ("tray", "service"):
        with pytest.raises(UserError) as refused:
            desk.install(kind)  # type: ignore[arg-type]
        assert refused.value.failure.code == "one_launch" and "sudo" in refused.value.failure.advice
    assert desk.installed() == ("system",)


def test_a_program_that_is_gone_is_found_and_mended(desk: LaunchDesk, manager: Manager, tmp_path: Path) -> None:
    desk.install("service")
    (view,) = [view for view in desk.views() if view.installed]
    assert (view.enabled, view.active, view.problem) == (True, True, "") and Path(view.program).is_file()
    unit = tmp_path / "user" / "openclaw-agent.service"
    unit.write_text(unit.read_text().replace('ExecStart="/', 'ExecStart="/gone/'))
    (wrong,) = desk.findings(repair=False)
    assert wrong.level == "warning" and "/gone/" in wrong.sentence
    (mended,) = desk.findings(repair=True)
    assert mended.repaired and desk.findings(repair=False)[0].level == "ok"


def test_two_written_by_hand_are_told(desk: LaunchDesk, tmp_path: Path) -> None:
    desk.install("service")
    XdgAutostart(tmp_path / "autostart").install([sys.executable])
    assert desk.findings(repair=False)[0].level == "warning"
    hidden = tmp_path / "autostart" / "openclaw-desktop.desktop"
    hidden.write_text(hidden.read_text() + "Hidden=true\n")
    assert desk.installed() == ("service",), "what the desktop was told not to start starts nothing"


async def test_no_tool_may_touch_what_starts_the_agent(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "memory.db")
    files = launch_files({"XDG_CONFIG_HOME": str(tmp_path / "config")})
    grants = GrantStore(database, files)
    await grants.add("file:write", str(tmp_path))
    drop_in = tmp_path / "config/systemd/user/openclaw-agent.service.d/evil.conf"
    for path in (*files, drop_in):
        with pytest.raises(UserError) as refused:
            grants.check(path)
        assert refused.value.failure.code == "own_folder"
    grants.check(tmp_path / "config" / "autostart" / "other.desktop")
    await database.close()
