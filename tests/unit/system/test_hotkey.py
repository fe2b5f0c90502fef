"""What a combination means, and what to do where none can be taken."""

from __future__ import annotations

import subprocess
import sys

import pytest

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.system.hotkey import choose_hotkey
from openclaw_desktop.system.hotkey.combination import Combination, parse_combination
from openclaw_desktop.system.idle import choose_idle


@pytest.mark.parametrize(
    ("text", "modifiers", "key"),
    [
        ("Ctrl+Alt+Space", {"ctrl", "alt"}, "space"),
        (" control + SHIFT + a ", {"ctrl", "shift"}, "a"),
        ("Super+O", {"super"}, "o"),
        ("Win+Enter", {"super"}, "return"),
        ("F9", set(), "f9"),
        ("Shift+F12", {"shift"}, "f12"),
        ("Ctrl+Plus", {"ctrl"}, "+"),
        ("Alt+F", {"alt"}, "f"),
    ],
)
def test_combinations(text, modifiers, key):
    assert parse_combination(text) == Combination(frozenset(modifiers), key)


@pytest.mark.parametrize(
    "text", ["", "+", "Ctrl", "Ctrl+", "Ctrl++", "Ctrl+Alt", "Foo+A", "Ctrl+Spacebar", "Ctrl+A+B", "F99"]
)
def test_what_is_no_combination(text):
    with pytest.raises(UserError) as caught:
        parse_combination(text)
    assert caught.value.failure.code == "hotkey_unknown"
    assert caught.value.failure.exit_code == ExitCode.USAGE


@pytest.mark.parametrize("text", ["A", "Shift+A", "Space", "Return", "Shift+Delete"])
def test_a_key_that_everybody_types_is_not_taken(text):
    with pytest.raises(UserError) as caught:
        parse_combination(text)
    assert caught.value.failure.code == "hotkey_too_common"


def test_where_none_works_the_sentence_says_what_to_do():
    hotkey = choose_hotkey(None)
    assert "openclaw-desktop --toggle-chat" in hotkey.sentence
    with pytest.raises(UserError) as caught:
        hotkey.register("F9", lambda _: None)
    assert caught.value.failure.text == hotkey.sentence
    hotkey.unregister()
    assert choose_idle(None).idle_s() is None


def test_xlib_is_not_loaded_before_it_is_needed():
    code = (
        "import sys, openclaw_desktop.system.hotkey as h, openclaw_desktop.system.idle as i;"
        "import openclaw_desktop.system.x11 as x;"
        "h.choose_hotkey(x.connect_x11({})); i.choose_idle(None); sys.exit('Xlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
