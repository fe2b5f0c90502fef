"""What the window makes of the machine's level: a line in the tray's menu, and nothing that moves on battery."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication
from ui_bench import Bench, on_loop, until

from openclaw_desktop.core.power import LevelChanged, PowerLevel
from openclaw_desktop.ui.calm import EFFECTS, Calm
from openclaw_desktop.ui.tray import Tray


def test_the_menu_says_what_follows_of_the_power_and_is_silent_on_mains(qapp: QApplication) -> None:
    tray = Tray()
    line = tray.menu.findChild(QAction, "power")
    assert isinstance(line, QAction) and not line.isVisible() and not line.isEnabled()
    tray.show_power("On battery (50 %): work & more waits.")
    assert line.isVisible() and line.text() == "On battery (50 %): work && more waits."
    tray.show_power("")
    assert not line.isVisible()


@pytest.mark.parametrize("level", ["saver", "low", "critical"])
def test_on_battery_nothing_blinks_or_fades_and_on_mains_it_does_again(qapp: QApplication, level: PowerLevel) -> None:
    flash_ms = QApplication.cursorFlashTime()
    effects = [QApplication.isEffectEnabled(effect) for effect in EFFECTS]
    calm = Calm()
    calm.follow(level)
    calm.follow(level)
    assert QApplication.cursorFlashTime() == 0
    assert not any(QApplication.isEffectEnabled(effect) for effect in EFFECTS)
    calm.follow("full")
    assert QApplication.cursorFlashTime() == flash_ms > 0
    assert [QApplication.isEffectEnabled(effect) for effect in EFFECTS] == effects


@on_loop
async def test_the_chat_passes_the_level_on_at_its_start_and_at_each_change(bench: Bench) -> None:
    told: list[LevelChanged] = []
    bench.chat.level_told.connect(told.append)
    change = LevelChanged("low", "active", "The battery is low (15 %).")
    bench.service.tell(change)
    await until(lambda: told)
    assert told == [change]
    await bench.chat.attach(bench.service)
    assert told[-1] == LevelChanged("full", "active", "")
