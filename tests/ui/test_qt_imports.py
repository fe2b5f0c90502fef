"""What Qt's binding does to Python's import must not last: see `openclaw_desktop.ui`."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import builtins, linecache
own = builtins.__import__
import openclaw_desktop.ui.popup
import openclaw_desktop.runtime
assert builtins.__import__ is own, builtins.__import__
print(len(linecache.cache))
"""


def test_no_source_is_read_and_kept_for_what_is_imported_after_qt() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) == 0
