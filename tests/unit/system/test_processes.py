"""Sizes of processes, also of those that have ended."""

from __future__ import annotations

import os
import subprocess
import sys

from openclaw_desktop.system.processes import process_cpu_s, process_sizes


def test_a_process_that_ended_is_left_out():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    pids = {"agent": os.getpid(), "gone": ended.pid, "nonsense": -1}
    assert process_sizes(pids).keys() == {"agent"}
    assert process_sizes(pids)["agent"] > 1_000_000
    assert process_cpu_s(pids)["agent"] > 0
