"""The agent under a real `systemd --user`: installed, ready when it says so, in its jail, restarted when it hangs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import counts
import pytest
from agent_process import Program, eventually, wait_gone
from user_manager import Manager, why_not

STALLING = Path(__file__).with_name("stalling_agent.py")
# The unit says 60: that long it takes in the full proof.
DROP_IN = "" if counts.FULL else "WatchdogSec=4\n"

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "there is a manager")


@pytest.fixture
def manager(program: Program, tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(program, tmp_path / "systemd manager")
    yield manager
    manager.end()
    print(manager.log)  # shown where the test failed


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A path as people have them: with a space, a percent sign, a dollar and quotes."""
    return tmp_path / 'my 5% $HOME\'s "agent"'


def test_a_service_is_installed_runs_in_its_jail_and_goes(manager: Manager, program: Program) -> None:
    manager.write_drop_in("")
    done = program.run("service", "install", "--json").done().document
    assert done["changed"] and done["kind"] == "service"
    assert manager.value_of("ActiveState") == "active" and manager.value_of("UnitFileState") == "enabled"
    pid = int(manager.value_of("MainPID"))
    status = program.run("status", "--json").done().document
    assert status["pid"] == pid and status["home"] == str(program.home)
    # NoNewPrivileges and the unit's filters leave the jail whole: every act of the self-test is stopped.
    assert status["sandbox"]["level"] == 3 and "namespaces" in status["sandbox"]["layers"], status["sandbox"]
    limits = {name: manager.value_of(name) for name in ("NoNewPrivileges", "UMask", "LimitCORE", "OOMPolicy")}
    assert limits == {"NoNewPrivileges": "yes", "UMask": "0077", "LimitCORE": "0", "OOMPolicy": "continue"}

    again = program.run("service", "install", "--json").done().document
    assert not again["changed"] and int(manager.value_of("MainPID")) == pid, "twice is once"
    (way,) = [one for one in program.run("service", "status", "--json").done().document["ways"] if one["installed"]]
    assert way["kind"] == "service" and way["active"] and way["enabled"] and not way["problem"]

    # One thing starts the agent: the tray's entry takes the service's place, with a sentence.
    said = program.run("service", "install", "--tray").done().out
    assert "is taken away" in said and not (manager.units / "openclaw-agent.service").exists()
    wait_gone([pid])
    assert (manager.home / ".config" / "autostart" / "openclaw-desktop.desktop").exists()
    assert program.run("service", "remove", "--json").done().document == {"removed": ["tray"]}
    assert "Nothing starts the agent" in program.run("service", "remove").done().out


def test_a_loop_that_hangs_is_ended_by_the_watchdog_and_the_state_is_whole(
    manager: Manager, program: Program, tmp_path: Path
) -> None:
    flag = tmp_path / "hang"
    program.run("service", "install", "--no-start").done()
    command = f'"{sys.executable}" -P "{STALLING}" "{flag}" serve --home "{tmp_path / "plain"}"'
    program.home = tmp_path / "plain"
    manager.write_drop_in(f"{DROP_IN}ExecStart=\nExecStart={command}\n")
    manager.control("daemon-reload")
    manager.control("start", "openclaw-agent.service")  # returns once READY=1 has come
    pid = int(manager.value_of("MainPID"))
    kept = program.run("remember", "The watchdog is a poodle", "--json").done().document["id"]

    flag.touch()
    wait_gone([pid], deadline_s=150.0)
    eventually(lambda: manager.value_of("NRestarts") == "1" and manager.value_of("ActiveState") == "active", "restart")
    again = int(manager.value_of("MainPID"))
    assert again != pid and program.run("status", "--json").done().document["pid"] == again
    assert program.run("recall", "poodle", "--json").done().document["hits"][0]["id"] == kept
    # Where it hung is told: the user by a notice, whoever mends it by a report without a word of content.
    report = eventually(lambda: next((program.home / "logs").glob("crash-*.txt"), None), "the report").read_text()
    assert "Fatal Python error: Aborted" in report and "in hang" in report and "poodle" not in report

    manager.control("stop", "openclaw-agent.service")
    assert (manager.value_of("ActiveState"), manager.value_of("Result")) == ("inactive", "success")
    assert not (program.home / "run" / "agent.sock").exists()
    assert not (program.home / "run" / "running.json").exists(), "that was an end in order"
    assert "Traceback" not in manager.log, manager.log
