"""What a key combination such as "Ctrl+Alt+Space" means, on any platform.

Owns the names of modifiers and keys that settings may use. Must not know how a platform numbers its keys.
"""

from __future__ import annotations

from dataclasses import dataclass

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible

_MODIFIERS = {
    "ctrl": "ctrl",
    "control": "ctrl",
    "alt": "alt",
    "shift": "shift",
    "super": "super",
    "meta": "super",
    "win": "super",
}
_KEYS = {
    **{name: name for name in ("space", "tab", "backspace", "insert", "delete", "home", "end", "pageup", "pagedown")},
    **{name: name for name in ("left", "right", "up", "down", "return", "escape", "print", "pause", "menu")},
    **{f"f{number}": f"f{number}" for number in range(1, 25)},
    "enter": "return",
    "esc": "escape",
    "del": "delete",
    "ins": "insert",
    "pgup": "pageup",
    "pgdown": "pagedown",
    "plus": "+",
    "minus": "-",
    "comma": ",",
    "period": ".",
}


@dataclass(frozen=True, slots=True)
class Combination:
    """Modifiers out of ctrl, alt, shift, super, and one key: a single character or a name such as `space` or `f9`."""

    modifiers: frozenset[str]
    key: str


def parse_combination(text: str) -> Combination:
    """Return what `text` means; upper and lower case are the same. Raises UserError."""
    *before, last = (part.strip().lower() for part in text.split("+"))
    modifiers = frozenset(_MODIFIERS.get(part, "") for part in before)
    key = last if len(last) == 1 and last.isprintable() and not last.isspace() else _KEYS.get(last, "")
    if "" in modifiers or not key:
        raise UserError(
            "hotkey_unknown",
            tr("{combination} is not a key combination.", combination=visible(text) or '""'),
            tr('Write it like "Ctrl+Alt+Space", "Super+O" or "F9" under [hotkey] toggle_chat in settings.toml.'),
            ExitCode.USAGE,
        )
    function_key = key[0] == "f" and len(key) > 1
    if not function_key and not modifiers & {"ctrl", "alt", "super"}:
        raise UserError(
            "hotkey_too_common",
            tr("{combination} would take that key away from every other program.", combination=visible(text)),
            tr("Add Ctrl, Alt or Super to it under [hotkey] toggle_chat in settings.toml."),
            ExitCode.USAGE,
        )
    return Combination(modifiers, key)
