"""From the key to the painted popup.

A real key press (XTEST) on a running tray; the popup counts as painted when the screen shows it as it looks at rest.
"""

from __future__ import annotations

from typing import Any

from Xlib import X

from benchmarks import desk
from benchmarks.results import INFORMATION, Options, Row, at_most, in_words
from benchmarks.screen import Area, Screen

BAR_MS = 50.0
KEYS = ("Control_L", "Alt_L", "space")
LINES_LOOKED_AT = 24


def measure(options: Options) -> list[Row]:
    """Show and hide the popup many times and return its rows."""
    samples = 6 if options.quick else 40
    mapped_ms, painted_ms = [], []
    with desk.desktop(options) as session:
        home = desk.warm_home(session.folder / "measured", session.env)
        tray = session.start(desk.TRAY, "--hidden", "--home", home)
        desk.wait_until_settled(home, session.env)
        screen = Screen(session.name)
        screen.wait_until_quiet()
        first_ms, area, wanted = _show_first(screen)
        for _ in range(samples):
            _hide(screen)
            pressed_s = screen.press(*KEYS)
            mapped_s, _ = screen.wait_for(X.MapNotify)
            painted_s = screen.wait_until_looks_like(area, wanted)
            mapped_ms.append(1000 * (mapped_s - pressed_s))
            painted_ms.append(1000 * (painted_s - pressed_s))
            screen.wait_until_quiet()
        screen.close()
        session.stop(tray)
    return [
        Row(
            "key to painted popup",
            "<= 50 ms",
            f"{in_words(painted_ms, 'ms', 1)}; first of all {first_ms:.1f} ms",
            at_most([*painted_ms, first_ms], BAR_MS),
            samples + 1,
        ),
        Row("key to mapped popup", "", in_words(mapped_ms, "ms", 1), INFORMATION, samples),
    ]


def _show_first(screen: Screen) -> tuple[float, Area, bytes]:
    """Press the key for the first time; return how long that took, and where and how the popup looks at rest."""
    pressed_s = screen.press(*KEYS)
    _, event = screen.wait_for(X.MapNotify)
    whole = _area_of(event)
    before = screen.picture(whole)
    painted_s = screen.wait_until_changed(whole, before)
    return 1000 * (painted_s - pressed_s), whole, screen.picture(whole)


def _area_of(event: Any) -> Area:
    place = event.window.get_geometry()
    return Area(place.x, place.y, place.width, place.height, LINES_LOOKED_AT)


def _hide(screen: Screen) -> None:
    screen.press(*KEYS)
    screen.wait_for(X.UnmapNotify)
    screen.wait_until_quiet()
