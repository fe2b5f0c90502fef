"""The tray's heart beats with Qt's loop, and stands still with it."""

from __future__ import annotations

import subprocess
import sys

HANG = """
import os, threading, time
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from openclaw_desktop.service.lifecycle.watchdog import Heartbeat, Watcher
from openclaw_desktop.ui.loop import Loop

class Writer:
    def ask_writer(self, answer):
        threading.Thread(target=answer).start()
    def writer_worked_s(self):
        return 0.0

application = QApplication([])
loop = Loop(application)
beating, seen = threading.Event(), []
heart = Heartbeat(Writer(), lambda: heart.beats > 3 and beating.set(), 0.01)
def hang():
    if not beating.is_set():
        QTimer.singleShot(10, hang)
        return
    before = heart.beats  # at most one answer is still on its way
    ended = threading.Event()
    watcher = Watcher(lambda: heart.beats, lambda: seen.append("report"), ended.set, 0.05, 0.05)
    watcher.start()
    seen.append(ended.wait(60))  # a slot that does not return: Qt's loop stands
    watcher.stop()
    seen.append(heart.beats - before <= 1)
    task.cancel()
QTimer.singleShot(0, hang)
async def main():
    global task
    import asyncio
    task = asyncio.ensure_future(heart.work())
    await asyncio.wait([task])
loop.run_until_complete(main())
loop.close()
print(seen)
"""


def test_a_slot_that_hangs_is_noticed() -> None:
    child = subprocess.run([sys.executable, "-c", HANG], check=False, capture_output=True, text=True, timeout=100)
    assert (child.returncode, child.stdout, child.stderr) == (0, "['report', True, True]\n", "")
