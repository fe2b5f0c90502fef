"""The tray program from its start to its end, as processes and in pieces."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QRect, QSize
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QSystemTrayIcon, QToolButton
from ui_bench import on_loop, until

from openclaw_desktop.service.status_views import SandboxStatus
from openclaw_desktop.ui.jail_note import describe_level, explain_jail, explain_level
from openclaw_desktop.ui.popup import Popup, place_popup
from openclaw_desktop.ui.states import Mood
from openclaw_desktop.ui.tray import DOT_COLOUR, Tray, load_icon

HERE = Path(__file__).parent
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from openclaw_desktop.ui.application import Front, run_desktop

# What costs more time than the icon itself.
LATE = {
    "asyncio", "qasync", "logging.handlers", "apsw", "numpy", "llama_cpp", "jsonschema", "msgspec", "psutil", "Xlib",
    "openclaw_desktop.runtime", "openclaw_desktop.service.api", "openclaw_desktop.ui.desktop",
    "openclaw_desktop.ui.popup", "PySide6.QtDBus", "PySide6.QtNetwork", "PySide6.QtSvg",
}

def icon_shown():
    late = LATE & set(sys.modules)
    print("icon", *sorted(late), flush=True)

async def build():
    WHAT
    from scripted_service import ScriptedService
    global service
    service = ScriptedService()
    return Front(service, shutdown, register_hotkey)

def register_hotkey(toggle):
    toggle(5)
    from PySide6.QtCore import QTimer
    def slot_that_raises():
        raise ValueError("from a slot")
    QTimer.singleShot(0, slot_that_raises)
    QTimer.singleShot(0, lambda: print("running", flush=True))
    LATER
    return "No hotkey here."

async def shutdown():
    import asyncio
    await asyncio.get_running_loop().run_in_executor(None, int)
    print("shut down", flush=True)

sys.exit(run_desktop(build, hidden=False, show_first=True, icon_shown=icon_shown))
"""


def start(what: str = "pass", later: str = "pass") -> subprocess.Popen[str]:
    program = PROGRAM.replace("WHAT", what).replace("LATER", later)
    return subprocess.Popen(
        [sys.executable, "-c", program, str(HERE)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
    )


def expect(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    said = process.stdout.readline().strip()
    assert said == line, said or process.communicate()[1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_in_order(number: signal.Signals) -> None:
    process = start()
    expect(process, "icon")
    expect(process, "running")
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert output == "shut down\n"
    assert process.returncode == 0, errors
    assert "from a slot" in errors


def test_quit_from_outside_still_shuts_the_agent_down() -> None:
    process = start(later="from PySide6.QtCore import QCoreApplication as A; QTimer.singleShot(9, A.exit)")
    output, errors = process.communicate(timeout=30)
    assert output.endswith("shut down\n"), errors
    assert process.returncode == 0, errors


def test_qts_own_quit_shuts_the_agent_down() -> None:
    process = start(later="from PySide6.QtCore import QCoreApplication as A; QTimer.singleShot(9, A.quit)")
    output, errors = process.communicate(timeout=30)
    assert output.endswith("shut down\n"), errors
    assert process.returncode == 0, errors


def test_new_palette_reaches_the_popup() -> None:
    later = (
        "from PySide6.QtGui import QColor, QPalette; from PySide6.QtWidgets import QApplication as A;"
        " popup = [w for w in A.topLevelWidgets() if w.objectName() == 'popup'][0]; light = popup.styleSheet();"
        " A.setPalette(QPalette(QColor('#2b2b2b'), QColor('#202020')));"
        " print('changed', popup.styleSheet() != light, flush=True); QTimer.singleShot(9, A.quit)"
    )
    output, errors = start(later=later).communicate(timeout=30)
    assert "changed True" in output, errors


def test_end_of_the_own_agent_ends_the_tray() -> None:
    process = start(later="from openclaw_desktop.core.events import AgentStopping; service.tell(AgentStopping())")
    output, errors = process.communicate(timeout=30)
    assert output.endswith("shut down\n"), errors
    assert process.returncode == 0, errors


def test_failed_start_is_shown_and_quit_returns_its_exit_code() -> None:
    what = (
        "from openclaw_desktop.core.errors import UserError; from PySide6.QtCore import QTimer, QCoreApplication;"
        " QTimer.singleShot(50, QCoreApplication.quit); raise UserError('x', 'No disk.', 'Free some.', 3)"
    )
    process = start(what)
    output, errors = process.communicate(timeout=30)
    assert output == "icon\n"
    assert process.returncode == 3, errors


def test_quit_while_the_agent_starts() -> None:
    what = (
        "import asyncio; from PySide6.QtCore import QTimer, QCoreApplication;"
        " QTimer.singleShot(50, QCoreApplication.quit); await asyncio.Event().wait()"
    )
    process = start(what)
    output, errors = process.communicate(timeout=30)
    assert output == "icon\n"
    assert process.returncode == 0, errors


def test_tray_says_what_was_clicked_and_shows_the_state(qtbot) -> None:
    tray = Tray()
    wishes: list[str] = []
    tray.toggle_requested.connect(lambda: wishes.append("toggle"))
    tray.open_requested.connect(lambda: wishes.append("open"))
    tray.new_chat_requested.connect(lambda: wishes.append("new"))
    tray.inbox_requested.connect(lambda: wishes.append("inbox"))
    tray.jail_note_requested.connect(lambda: wishes.append("jail"))
    tray.quit_requested.connect(lambda: wishes.append("quit"))
    icon = tray.findChild(QSystemTrayIcon)
    icon.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    icon.activated.emit(QSystemTrayIcon.ActivationReason.Context)
    actions = {action.objectName(): action for action in tray.menu.findChildren(QAction)}
    for name in ("open_chat", "new_chat", "inbox", "jail", "quit"):
        actions[name].trigger()
    assert wishes == ["toggle", "open", "new", "inbox", "jail", "quit"]
    assert not actions["status"].isEnabled()
    tray.show_state("good-4b, loading", "busy")
    assert "good-4b, loading" in icon.toolTip()
    assert actions["status"].text() == "good-4b, loading"
    assert tray.mood == "busy"


def dots(icon: QSystemTrayIcon) -> int:
    """Return how many pixels of the icon have the colour of the dot."""
    image = icon.icon().pixmap(QSize(64, 64), 1.0).toImage()
    near = [image.pixelColor(x, y).name() for x in range(64) for y in range(64)]
    return near.count(DOT_COLOUR)


@pytest.mark.parametrize("mood", ["idle", "busy", "error"])
def test_what_waits_is_counted_in_the_menu_and_dotted_on_the_icon(qtbot, mood: Mood) -> None:
    tray = Tray()
    tray.show_state("good-4b, ready", mood)
    icon = tray.findChild(QSystemTrayIcon)
    inbox = tray.menu.findChild(QAction, "inbox")
    assert (inbox.text(), dots(icon)) == ("Inbox", 0)
    tray.show_pending(2)
    assert inbox.text() == "Inbox (2)"
    assert "2 tasks wait for your answer" in icon.toolTip() and "good-4b, ready" in icon.toolTip()
    assert dots(icon) > 100
    tray.show_state("good-4b, loading", "busy")
    tray.renew()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    (icon,) = tray.findChildren(QSystemTrayIcon)
    assert dots(icon) > 100, "whatever else the icon shows"
    tray.show_pending(0)
    assert (inbox.text(), dots(icon)) == ("Inbox", 0)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_the_menu_says_how_far_tools_are_walled_off(qtbot, level: int) -> None:
    tray = Tray()
    line = tray.menu.findChild(QAction, "jail")
    assert not line.isVisible(), "nobody knows yet"
    tray.show_level(describe_level(level))
    assert line.isVisible() and f"level {level} of 3" in line.text()
    assert ("not fully" in line.text()) is (level < 3)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_a_level_is_explained_with_what_is_missing(level: int) -> None:
    reason = "not kept: network" if level < 3 else ""
    said = explain_level(SandboxStatus(level, ("landlock",), reason))
    assert any("landlock" in sentence for sentence in said)
    assert any("not kept: network" in sentence for sentence in said) is (level < 3)
    assert any("sandbox check" in sentence for sentence in said) is (level < 3)
    assert len({explain_level(SandboxStatus(other, ()))[0] for other in range(4)}) == 4


@on_loop
async def test_the_note_on_the_jail_is_a_window_that_closes(qtbot) -> None:
    shown = asyncio.ensure_future(explain_jail(SandboxStatus(2, ("seccomp",), "not kept: network")))
    find = QApplication.topLevelWidgets
    await until(lambda: [w for w in find() if w.objectName() == "jail_note" and w.isVisible()])
    (window,) = [w for w in find() if w.objectName() == "jail_note" and w.isVisible()]
    said = [label.text() for label in window.findChildren(QLabel)]
    assert "How tools are walled off: level 2 of 3" in said
    assert "Why it is not more: not kept: network" in said
    window.findChild(QPushButton, "close").click()
    await shown


def test_renewed_tray_keeps_what_it_shows(qtbot) -> None:
    tray = Tray()
    wishes: list[str] = []
    tray.toggle_requested.connect(lambda: wishes.append("toggle"))
    tray.show_state("good-4b, loading", "busy")
    old = tray.findChild(QSystemTrayIcon)
    tray.renew()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    (icon,) = tray.findChildren(QSystemTrayIcon)
    assert icon is not old
    assert "good-4b, loading" in icon.toolTip()
    assert icon.contextMenu() is tray.menu
    icon.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    assert wishes == ["toggle"]


def test_banner_keeps_what_is_still_true(qtbot) -> None:
    popup = Popup()
    qtbot.addWidget(popup)
    for sentence in ("No tray.", "No hotkey.", "No tray."):
        popup.show_banner(sentence)
    assert popup.banner == "No tray.\nNo hotkey."
    popup.drop_banner("No tray.")
    popup.drop_banner("No tray.")
    assert popup.banner == "No hotkey."
    popup.findChild(QToolButton, "banner_close").click()
    assert popup.banner == ""


@pytest.mark.parametrize("mood", ["idle", "busy", "error"])
def test_icons_are_shipped(qapp, mood) -> None:
    sizes = {(size.width(), size.height()) for size in load_icon(mood).availableSizes()}
    assert sizes == {(22, 22), (32, 32), (64, 64), (256, 256)}


def test_popup_stands_in_the_corner_of_the_tray() -> None:
    screen, size = QRect(0, 30, 1920, 1050), QSize(440, 600)
    assert place_popup(size, screen, QRect()).bottomRight().x() == 1919 - 12
    assert place_popup(size, screen, QRect()).bottom() == 1079 - 12
    top = place_popup(size, screen, QRect(1800, 0, 22, 22))
    assert (top.top(), top.right()) == (42, 1907)
    assert place_popup(QSize(4000, 4000), screen, QRect()).height() == 1050 - 24


@pytest.mark.parametrize(
    ("available", "corner"),
    [
        (QRect(0, 30, 1920, 1050), "top right"),  # a panel at the top
        (QRect(70, 30, 1850, 1050), "top right"),  # and a dock at the left
        (QRect(0, 30, 1920, 1000), "top right"),  # and a dock at the bottom
        (QRect(0, 0, 1920, 1040), "bottom right"),
        (QRect(0, 0, 1850, 1080), "bottom right"),
        (QRect(70, 0, 1850, 1080), "bottom left"),
        (QRect(0, 0, 1920, 1080), "bottom right"),
    ],
)
def test_popup_stands_at_the_panel_where_nobody_tells_where_the_icon_is(available: QRect, corner: str) -> None:
    rect = place_popup(QSize(440, 600), available, QRect(), QRect(0, 0, 1920, 1080))
    assert available.contains(rect)
    assert ("top" in corner) == (rect.top() == available.top() + 12)
    assert ("bottom" in corner) == (rect.bottom() == available.bottom() - 12)
    assert ("left" in corner) == (rect.left() == available.left() + 12)
    assert ("right" in corner) == (rect.right() == available.right() - 12)


@pytest.mark.parametrize("icon", [QRect(1880, 1050, 30, 30), QRect(1880, 32, 30, 30), QRect(10, 1050, 30, 30)])
@pytest.mark.parametrize("size", [QSize(440, 600), QSize(4000, 4000)])
def test_popup_never_covers_its_icon(icon: QRect, size: QSize) -> None:
    screen = QRect(0, 30, 1920, 1050)
    rect = place_popup(size, screen, icon)
    assert not rect.intersects(icon)
    assert screen.contains(rect)
    assert rect.height() >= 600


def test_program_shows_its_icon_before_it_loads_the_rest(tmp_path: Path) -> None:
    program = """
import json, os, sys
import openclaw_desktop.cli.desktop as program
import openclaw_desktop.ui.application as application
run = application.run_desktop

def icon_shown():
    print(json.dumps(sorted(sys.modules)), flush=True)
    os._exit(0)

application.run_desktop = lambda *args, **options: run(*args, icon_shown=icon_shown, **options)
sys.argv = ["openclaw-desktop", "--home", sys.argv[1]]
program.main()
"""
    words = [sys.executable, "-c", program, str(tmp_path / "home")]
    environ = os.environ | {"QT_QPA_PLATFORM": "offscreen", "DISPLAY": ":0"}
    loaded = set(json.loads(subprocess.run(words, env=environ, check=True, capture_output=True, text=True).stdout))
    assert "openclaw_desktop.ui.tray" in loaded
    rooms = {"runtime", "service", "agent", "inference", "memory", "storage", "security", "tools", "workers"}
    assert not {f"openclaw_desktop.{room}" for room in rooms} & loaded
    heavy = {"apsw", "asyncio", "jsonschema", "llama_cpp", "msgspec", "numpy", "psutil", "qasync", "ssl", "Xlib"}
    assert not heavy & loaded
    qt = {name.removeprefix("PySide6.") for name in loaded if name.startswith("PySide6.Qt")}
    assert qt == {"QtCore", "QtGui", "QtWidgets"}
    own = {name.removeprefix("openclaw_desktop.ui.") for name in loaded if name.startswith("openclaw_desktop.ui.")}
    assert own == {"application", "tray", "states"}
