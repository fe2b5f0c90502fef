"""A call to Xlib that finds the screen gone ends the process at once, whatever its other threads wait for."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

if sys.platform != "linux":
    pytest.skip("X11 needs Linux", allow_module_level=True)
pytest.importorskip("Xlib", reason="the desktop dependencies are not installed")
pytest.importorskip("PySide6", reason="the desktop dependencies are not installed")

from session import PROGRAMS, DesktopSession

if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
    pytest.skip(f"not installed: {', '.join(missing)}", allow_module_level=True)

PROGRAM = """
import atexit, ctypes, logging, sys, threading
from PySide6.QtWidgets import QApplication
from openclaw_desktop.ui.screen_loss import end_with_screen

application = QApplication([])
logging.basicConfig(stream=sys.stdout)
end_with_screen()
# What waits for ever at an orderly exit.
atexit.register(threading.Event().wait)
print("ready", flush=True)
sys.stdin.readline()
ctypes.CDLL("libX11.so.6").XSync(ctypes.c_void_p(application.nativeInterface().display()), 0)
print("never said", flush=True)
"""


def test_a_call_that_finds_the_screen_gone_ends_the_process() -> None:
    with DesktopSession("none", window_manager=False) as session:
        pipe = subprocess.PIPE
        program = subprocess.Popen((sys.executable, "-c", PROGRAM), env=session.env, stdin=pipe, stdout=pipe, text=True)
        try:
            assert program.stdout is not None and program.stdout.readline() == "ready\n"
            session.stop_x_server()
            told, _ = program.communicate("\n", timeout=40)
        finally:
            program.kill()
            program.wait()
    assert "found the screen gone" in told and "never said" not in told
    assert program.returncode == 0
