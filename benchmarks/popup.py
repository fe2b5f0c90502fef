"""From the key to the painted popup.

A real key press (XTEST) on a running tray; the popup counts as painted when the screen shows it as it looks at rest.
"""

from __future__ import annotations

from Xlib import X

from benchmarks import desk
from benchmarks.results import INFORMATION, Options, Row, at_most, in_words
from benchmarks.screen import Area, Screen

BAR_MS = 50.0
KEYS = ("Control_L", "Alt_L", "space")
LINES_LOOKED_AT = 24


def measure(options: Options) -> list[Row]:
    """Show and hide the popup many times, beginning anew now and then, and return its rows."""
    starts, presses = (2, 4) if options.quick else (4, 20)
    first_ms: list[float] = []
    mapped_ms: list[float] = []
    painted_ms: list[float] = []
    with desk.desktop(options) as session:
        home = desk.warm_home(session.folder / "measured", session.env)
        screen = Screen(session.name)
        place: tuple[Area, bytes] | None = None
        for _ in range(starts + 1):
            tray = session.start(desk.TRAY, "--hidden", "--home", home)
            desk.wait_until_settled(home, session.env)
            screen.wait_until_quiet()
            if place is None:
                # The first start does not count.
                place = learn(screen)
            else:
                first_ms.append(_show(screen, place)[1])
                for _ in range(presses):
                    hide(screen)
                    times = _show(screen, place)
                    mapped_ms.append(times[0])
                    painted_ms.append(times[1])
            session.stop(tray)
            screen.wait_until_quiet()
        screen.close()
    painted, first, mapped = (in_words(values, "ms", 1) for values in (painted_ms, first_ms, mapped_ms))
    return [
        Row("key to painted popup", "<= 50 ms", painted, at_most(painted_ms, BAR_MS), len(painted_ms)),
        Row("key to painted popup, first time", "<= 50 ms", first, at_most(first_ms, BAR_MS), starts),
        Row("key to mapped popup", "", mapped, INFORMATION, len(mapped_ms)),
    ]


def learn(screen: Screen) -> tuple[Area, bytes]:
    """Show the popup and return where it came, and how it looks at rest."""
    screen.press(*KEYS)
    _, event = screen.wait_for(X.MapNotify)
    screen.wait_until_quiet()
    place = event.window.get_geometry()
    area = Area(place.x, place.y, place.width, place.height, LINES_LOOKED_AT)
    return area, screen.picture(area)


def _show(screen: Screen, place: tuple[Area, bytes]) -> tuple[float, float]:
    """Press the key; return after how many milliseconds the popup was mapped, and painted."""
    pressed_s = screen.press(*KEYS)
    mapped_s, _ = screen.wait_for(X.MapNotify)
    painted_s = screen.wait_until_looks_like(*place)
    screen.wait_until_quiet()
    return 1000 * (mapped_s - pressed_s), 1000 * (painted_s - pressed_s)


def hide(screen: Screen) -> None:
    """Hide the popup and wait until it is gone."""
    screen.press(*KEYS)
    screen.wait_for(X.UnmapNotify)
    screen.wait_until_quiet()
