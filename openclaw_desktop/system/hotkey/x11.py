"""The hotkey on X11: a passive grab (XGrabKey) of exactly one key, so that no other keystroke is ever seen.

Owns the grab and the difference between a press and a key held down. Source: X Window System Protocol, GrabKey. The
thread of the loop.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.system.hotkey.combination import Combination, parse_combination
from openclaw_desktop.system.x11 import X11Connection, XDisplay, XEvent

log = logging.getLogger(__name__)

_MODIFIER_KEYS = {"ctrl": ("Control_L", "Control_R"), "alt": ("Alt_L", "Alt_R"), "super": ("Super_L", "Super_R")}
_KEY_NAMES = {"backspace": "BackSpace", "pageup": "Prior", "pagedown": "Next", "space": "space"}
# A key held down repeats as release and press at the same moment; a finger needs longer.
_REPEAT_MS = 2


class X11Hotkey:
    """Grabs one combination on the root window."""

    def __init__(self, connection: X11Connection) -> None:
        self._connection = connection
        self._text = ""
        self._on_press: Callable[[int], None] | None = None
        self._grabs: frozenset[tuple[int, int]] = frozenset()
        self._released_ms: int | None = None
        self._problem: str | None = None

    @property
    def sentence(self) -> str | None:
        """What to tell the user if the combination was lost after it had been taken; None while all is well."""
        return self._problem

    def register(self, combination: str, on_press: Callable[[int], None]) -> None:
        """Grab `combination` and call `on_press` with the server's time of each press; raises UserError."""
        self.unregister()
        self._text = combination
        self._grab()
        self._on_press = on_press
        self._connection.listen(self)

    def unregister(self) -> None:
        """Give the combination back."""
        self._on_press = None
        self._connection.ignore()
        with contextlib.suppress(UserError):  # the server may just have ended, and the grab with it
            self._ungrab()

    def on_events(self, events: list[XEvent]) -> None:
        """Tell presses from repeats; follow a new keyboard mapping."""
        from Xlib import X

        if any(event.type == X.MappingNotify for event in events):
            self._follow_mapping()
        for event in events:
            if event.type == X.KeyRelease:
                self._released_ms = event.time
            elif event.type == X.KeyPress and self._on_press is not None:
                held = self._released_ms is not None and 0 <= event.time - self._released_ms <= _REPEAT_MS
                if not held:
                    self._on_press(event.time)

    def on_lost(self) -> None:
        """Forget the grab: it went with the server."""
        self._grabs = frozenset()
        self._on_press = None
        self._problem = tr("The X server has ended, and the key combination with it.")

    def _follow_mapping(self) -> None:
        try:
            if self._grabs and self._find() == self._grabs:
                # The first key of another keyboard is told as a new mapping; letting go here would lose that key.
                return
            self._ungrab()
            self._grab()
        except UserError as error:
            # Kept for the next mapping: keyboard settings are often changed in several steps.
            self._problem = error.failure.text
            log.warning("%s", error)

    def _ungrab(self) -> None:
        grabs, self._grabs = self._grabs, frozenset()
        if grabs:
            self._connection.run(lambda display: _ungrab_all(display, grabs))

    def _find(self) -> frozenset[tuple[int, int]]:
        combination = parse_combination(self._text)
        return self._connection.run(lambda display: frozenset(_find_grabs(display, combination)))

    def _grab(self) -> None:
        grabs = self._find()
        if not grabs:
            raise UserError(
                "hotkey_no_key",
                tr("This keyboard has no key for {combination}.", combination=visible(self._text)),
                tr("Choose another one under [hotkey] toggle_chat in settings.toml."),
            )
        if not self._connection.run(lambda display: _grab_all(display, grabs)):
            raise UserError(
                "hotkey_taken",
                tr("Another program already owns the key combination {combination}.", combination=visible(self._text)),
                tr(
                    "Choose another one under [hotkey] toggle_chat in settings.toml, or bind the command "
                    "openclaw-desktop --toggle-chat in your desktop's keyboard settings."
                ),
            )
        self._grabs = grabs
        self._problem = None


def _grab_all(display: XDisplay, grabs: frozenset[tuple[int, int]]) -> bool:
    """Grab all or nothing; return whether it worked."""
    from Xlib import X
    from Xlib.error import CatchError

    root = display.screen().root
    refused = CatchError()
    for keycode, mask in grabs:
        root.grab_key(keycode, mask, False, X.GrabModeAsync, X.GrabModeAsync, onerror=refused)
    display.sync()
    if refused.get_error() is None:
        return True
    _ungrab_all(display, grabs)
    return False


def _ungrab_all(display: XDisplay, grabs: frozenset[tuple[int, int]]) -> None:
    root = display.screen().root
    for keycode, mask in grabs:
        root.ungrab_key(keycode, mask)
    display.sync()


def _find_grabs(display: XDisplay, combination: Combination) -> Iterator[tuple[int, int]]:
    """Yield each keycode and modifier mask of `combination`, with every state of Caps Lock and Num Lock."""
    from Xlib import X

    mask = X.ShiftMask if "shift" in combination.modifiers else 0
    for name in combination.modifiers - {"shift"}:
        found = _mask_of(display, _MODIFIER_KEYS[name])
        if not found:
            return
        mask |= found
    num_lock = _mask_of(display, ("Num_Lock",))
    # Places 0 and 2 of a key are what it types without Shift in the first and second layout.
    keycodes = {code for code, place in display.keysym_to_keycodes(_keysym(combination.key)) if place in (0, 2)}
    for keycode in keycodes:
        for locks in (0, X.LockMask, num_lock, X.LockMask | num_lock):
            yield keycode, mask | locks


def _keysym(key: str) -> int:
    from Xlib import XK

    if len(key) == 1:
        # Latin-1 characters are their own keysyms; others are offset (X Protocol, appendix A).
        return ord(key) if ord(key) < 0x100 else 0x1000000 | ord(key)
    return int(XK.string_to_keysym(_KEY_NAMES.get(key, key.capitalize())))


def _mask_of(display: XDisplay, key_names: tuple[str, ...]) -> int:
    """Return the modifier bit to which one of these keys is bound, 0 if none is."""
    from Xlib import XK

    keycodes = {code for name in key_names for code, _ in display.keysym_to_keycodes(XK.string_to_keysym(name))}
    for row, bound in enumerate(display.get_modifier_mapping()):
        if keycodes & set(bound):
            return 1 << row
    return 0
