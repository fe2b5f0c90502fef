"""The model is warmed up when the window opens, by the program itself."""

from __future__ import annotations

from test_desktop import start

WARMED = (
    "from PySide6.QtCore import QCoreApplication as A;"
    " service.warm_up = lambda: (print('warmed', flush=True), QTimer.singleShot(9, A.quit), service.new_session())[-1]"
)


def test_a_window_that_shows_when_the_agent_has_started_warms_the_model_up() -> None:
    process = start(later=WARMED)
    output, errors = process.communicate(timeout=30)
    assert "warmed\n" in output, errors
    assert process.returncode == 0, errors
