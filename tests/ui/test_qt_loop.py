"""The loop of the windows: what it leaves behind harms nobody, whichever thread clears it away."""

from __future__ import annotations

import subprocess
import sys

# Python's collector runs in whatever thread makes the most objects: in the agent mostly in one that works on its file.
LEAVE_TIMERS = """
import gc, os, threading
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from PySide6.QtWidgets import QApplication
from openclaw_desktop.ui.loop import Loop

application = QApplication([])
gc.disable()
loop = Loop(application)
for _ in range(100):
    loop.call_later(0, print)
loop.close()
loop.close()
del loop
collector = threading.Thread(target=gc.collect)
collector.start()
collector.join()
for _ in range(3):
    application.processEvents()
print("alive")
"""


def test_timers_end_with_the_loop_and_not_in_another_thread() -> None:
    command = [sys.executable, "-c", LEAVE_TIMERS]
    child = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (child.returncode, child.stdout, child.stderr) == (0, "alive\n", "")
