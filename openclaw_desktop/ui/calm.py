"""Windows that hold still on battery: no blinking cursor, which wakes the processor, and no menus that fade.

Owns what moves and what it was set to. Must not know how a level is found. Main thread.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from openclaw_desktop.core.power import PowerLevel

EFFECTS = (
    Qt.UIEffect.UI_AnimateMenu,
    Qt.UIEffect.UI_FadeMenu,
    Qt.UIEffect.UI_AnimateCombo,
    Qt.UIEffect.UI_AnimateTooltip,
    Qt.UIEffect.UI_FadeTooltip,
)


class Calm:
    """Stops what moves at every level but the full one, and sets it going again as it was."""

    def __init__(self) -> None:
        self._flash_ms = QApplication.cursorFlashTime()
        self._effects = [effect for effect in EFFECTS if QApplication.isEffectEnabled(effect)]
        self.still = False

    def follow(self, level: PowerLevel) -> None:
        """Hold still or move, as the level allows."""
        still = level != "full"
        if still == self.still:
            return
        self.still = still
        QApplication.setCursorFlashTime(0 if still else self._flash_ms)
        for effect in self._effects:
            QApplication.setEffectEnabled(effect, not still)
