"""PySide6 6.12.0 drops references to None, True and False on Python below 3.12 and aborts after some signals."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from PySide6.QtCore import QCoreApplication, QObject, Signal

class Source(QObject):
    happened = Signal(object)

application = QCoreApplication([])
seen = []
source = Source()
source.happened.connect(seen.append)
for value in (None, True, False):
    for _ in range(10_000):
        source.happened.emit(value)
        application.processEvents() if len(seen) % 1000 == 0 else None
assert len(seen) == 30_000
"""


def test_ten_thousand_signals_of_each_singleton() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
