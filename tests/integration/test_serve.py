"""`openclaw-agent serve` as a service: what its manager hears, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import sys

import pytest
from agent_process import Program, front_end, run

# Runs the program in a Python where Qt cannot be imported, and tells at its end what it had imported.
WITHOUT_QT = """
import sys
class NoQt:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("PySide6", "qasync", "shiboken6"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, NoQt())
sys.argv[0] = "openclaw-agent"
from openclaw_desktop.cli.agent import main
code = main()
import json
sys.stdout.write(json.dumps(sorted(name for name in sys.modules if "." not in name)))
raise SystemExit(code)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_order(program: Program, number: signal.Signals) -> None:
    agent = program.serve()
    assert agent.socket_path.exists()
    ended = agent.stop(number)
    assert ended.code == 0
    assert ended.out == "" and "Traceback" not in ended.err
    assert agent.told == ["READY=1", "STOPPING=1"]
    assert not agent.socket_path.exists()


def test_ready_means_that_it_answers(program: Program) -> None:
    agent = program.serve()
    with front_end(agent) as connection:
        connection.sendall(b'{"id": 1, "method": "list_grants"}\n')
        assert connection.recv(4096) == b'{"id":1,"result":[]}\n'


def test_it_feeds_the_watchdog_at_half_its_limit(program: Program) -> None:
    agent = program.serve(WATCHDOG_USEC="400000")
    agent.wait_for("WATCHDOG=1", times=4)
    agent.stop()
    assert agent.told[0] == "READY=1" and agent.told[-1] == "STOPPING=1"
    assert program.serve().stop().code == 0, "and without a watchdog it runs too"


def test_a_watchdog_meant_for_another_process_is_not_fed(program: Program) -> None:
    agent = program.serve(WATCHDOG_USEC="20000", WATCHDOG_PID=str(os.getpid()))
    program.run("status").done()
    agent.stop()
    assert "WATCHDOG=1" not in agent.told


def test_what_a_killed_agent_left_behind_is_no_hindrance(program: Program) -> None:
    agent = program.serve()
    assert agent.stop(signal.SIGKILL).code == -signal.SIGKILL
    assert agent.socket_path.exists()
    assert program.run("status", "--json").done().document["pid"] is None
    assert program.serve().stop().code == 0


def test_stopping_ends_the_turns_too(talker: Program) -> None:
    agent = talker.serve()
    asking = talker.start("ask", "Tell me a long story about a ship and its crew.")
    assert asking.stdout is not None and asking.stderr is not None
    assert asking.stdout.read(1), "the answer has begun"
    assert agent.stop().code == 0
    _, err = asking.communicate(timeout=30)
    assert asking.returncode in (1, 3), "stopped, or told that the agent is gone"
    assert len(err.strip().splitlines()) == 1 and "Traceback" not in err


def test_it_runs_and_answers_without_qt_and_without_llama_cpp_in_itself(talker: Program) -> None:
    agent = talker.serve([sys.executable, "-P", "-c", WITHOUT_QT, "serve", "--home", str(talker.home)])
    answer = talker.run("ask", "Say hello.", "--json").done().document
    assert answer["model"] == "smollm2-135m" and answer["answer"]
    status = talker.run("status", "--json").done().document
    assert status["pid"] == agent.pid
    assert {"agent", "inference"} <= set(status["health"]["rss_bytes"])
    ended = agent.stop()
    assert ended.code == 0
    imported = set(json.loads(ended.out))
    assert "openclaw_desktop" in imported
    assert not imported & {"PySide6", "shiboken6", "qasync", "llama_cpp"}


def test_what_blocks_qt_does_block_it(program: Program) -> None:
    code = WITHOUT_QT.replace("from openclaw_desktop.cli.agent import main", "import PySide6")
    ended = run([sys.executable, "-P", "-c", code], program.environ)
    assert ended.code == 1 and "PySide6 is blocked" in ended.err
