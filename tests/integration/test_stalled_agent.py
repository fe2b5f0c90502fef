"""An agent without a service manager whose loop hangs: it writes down where, starts itself anew, and tells."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import apsw
import psutil
from agent_process import Program, Serving, eventually, worker_pid

from openclaw_desktop.storage.connection import connect

STALLING = Path(__file__).with_name("stalling_agent.py")


def serve_stalling(program: Program, flag: Path, *options: str) -> Serving:
    words = [sys.executable, "-P", str(STALLING), str(flag), *options, "serve", "--home", str(program.home)]
    return program.serve(words)


def test_it_starts_itself_anew_with_its_state_and_tells_of_it(program: Program, tmp_path: Path) -> None:
    flag = tmp_path / "hang"
    agent = serve_stalling(program, flag, "--fast")
    kept = program.run("remember", "The hidden word is bergamot", "--json").done().document["id"]
    children = {child.pid for child in psutil.Process(agent.pid).children(recursive=True)}
    flag.touch()
    agent.wait_for("READY=1", times=2)  # the same process is another program
    assert program.run("status", "--json").done().document["pid"] == agent.pid
    assert program.run("recall", "bergamot", "--json").done().document["hits"][0]["id"] == kept
    left = {child.pid for child in psutil.Process(agent.pid).children(recursive=True)}
    assert not children & left, "no child of the program before is left"
    assert all(child.status() != psutil.STATUS_ZOMBIE for child in psutil.Process(agent.pid).children())

    report = eventually(lambda: next((program.home / "logs").glob("crash-*.txt"), None), "the report").read_text()
    assert "the run before ended: stalled" in report and "in hang" in report
    assert "bergamot" not in report and program.environ["HOME"] not in report
    log = program.run("logs", "--level", "error").done().out
    assert "does not answer" in log and "starts anew" in log
    finding = {one["check"]: one for one in program.run("doctor", "--json").document["findings"]}["crashes"]
    assert finding["level"] == "warning" and "1 times" in finding["sentence"]
    assert agent.stop().code == 0
    assert not (program.home / "run" / "running.json").exists()


def test_a_killed_agent_is_told_of_and_one_that_ended_in_order_is_not(program: Program) -> None:
    program.serve().stop(signal.SIGKILL)
    agent = program.serve()
    (told,) = eventually(lambda: notices(program), "the notice")
    assert "ended without warning" in told and "under way was broken off" in told
    agent.stop()
    program.serve().stop()
    assert notices(program) == [told]


def test_a_worker_that_dies_is_told_of_and_its_report_has_no_content(program: Program, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("The dog is called Bo.")
    agent = program.serve()
    program.run("grant", "add", "file:read", str(note)).done()
    tools = worker_pid("tools", agent.pid)
    os.kill(tools, signal.SIGSEGV)
    (told,) = eventually(lambda: notices(program), "the notice")
    assert "process that runs tools ended by itself" in told and "look at what it was to change" in told
    (report,) = (program.home / "logs").glob("crash-*.txt")
    assert report.read_text().startswith("worker tools ended with -11, 1 in a row\n")
    assert "called Bo" in program.run("tool", "call", "read_file", json.dumps({"path": str(note)})).done().out
    assert worker_pid("tools", agent.pid) != tools
    agent.stop()
    assert notices(program) == [told], "an end in order is no death"


def notices(program: Program) -> list[str]:
    connection = connect(program.home / "data" / "openclaw.db", None, apsw.SQLITE_OPEN_READONLY)
    try:
        return [row[0] for row in connection.execute("select body from notices where topic = 'crash' order by seq")]
    finally:
        connection.close()
