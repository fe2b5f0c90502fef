"""From the start of the process to the icon: as the session bus hears it, and as the panel shows it.

The real program, its files in the page cache. The announcement on the bus is the first moment at which a panel can
know of the icon. It then asks our process for the picture, so that the painted icon, measured from the panel's pixels,
comes late where our process is busy with its imports.
"""

from __future__ import annotations

import time

from benchmarks import desk
from benchmarks.results import Options, Row, at_most, in_words
from benchmarks.screen import Area, Screen
from benchmarks.session_bus import TrayWatch

BAR_MS = 300.0
PANEL_PX = 36


def measure(options: Options) -> list[Row]:
    """Start and end the tray some times and return both rows."""
    samples = 4 if options.quick else 20
    announced_ms, painted_ms = [], []
    with desk.desktop(options) as session, TrayWatch(session.env) as bus:
        home = desk.warm_home(session.folder / "measured", session.env)
        screen = Screen(session.name)
        width, height = screen.size
        panel = Area(0, height - PANEL_PX, width, PANEL_PX)
        screen.wait_until_quiet()
        empty = screen.picture(panel)
        # The first start fills the caches and does not count.
        for number in range(samples + 1):
            wall_s, monotonic_s = time.time(), time.perf_counter()
            tray = session.start(desk.TRAY, "--hidden", "--home", home)
            seen_s = screen.wait_until_changed(panel, empty)
            heard_s = bus.next_icon()
            desk.wait_until_settled(home, session.env)
            session.stop(tray)
            screen.wait_until_looks_like(panel, empty)
            if number:
                announced_ms.append(1000 * (heard_s - wall_s))
                painted_ms.append(1000 * (seen_s - monotonic_s))
        screen.close()
    announced, painted = in_words(announced_ms, "ms"), in_words(painted_ms, "ms")
    return [
        Row("start to icon, announced on the bus", "<= 300 ms", announced, at_most(announced_ms, BAR_MS), samples),
        Row("start to icon, painted by the panel", "<= 300 ms", painted, at_most(painted_ms, BAR_MS), samples),
    ]
