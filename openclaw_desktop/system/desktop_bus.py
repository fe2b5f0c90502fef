"""Who is there on the desktop's session bus: the ones that show notices and tray icons.

Owns the question alone; nothing is started by it. Must not know who asks. Blocking: it runs in a thread.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

TIMEOUT_S = 3.0


def owners(names: Sequence[str], environ: Mapping[str, str]) -> dict[str, bool] | None:
    """Return for each bus name whether a program has it, or would be started for it; None where there is no bus."""
    if sys.platform != "linux" or not environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return None
    try:
        # jeepney belongs to the desktop extra: the headless agent runs without it.
        from jeepney import DBusAddress, new_method_call
        from jeepney.io.blocking import open_dbus_connection
    except ImportError:
        return None
    bus = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
    try:
        with open_dbus_connection("SESSION") as connection:
            startable = set(
                connection.send_and_get_reply(new_method_call(bus, "ListActivatableNames"), timeout=TIMEOUT_S).body[0]
            )
            found = {}
            for name in names:
                asked = new_method_call(bus, "NameHasOwner", "s", (name,))
                reply = connection.send_and_get_reply(asked, timeout=TIMEOUT_S)
                found[name] = bool(reply.body[0]) or name in startable
            return found
    except (OSError, TimeoutError, KeyError, ValueError, EOFError):
        return None
