"""Telling systemd how the service does: the sd_notify protocol.

Owns the socket that NOTIFY_SOCKET names; without one every call does nothing. Source: sd_notify(3) and
sd_watchdog_enabled(3). Must not know what the service does. Any thread; never blocks and never raises.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Mapping

log = logging.getLogger(__name__)


class ServiceNotifier:
    """Speaks to the service manager that started this process, if there is one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # A leading "@" stands for the zero byte of an abstract socket.
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self) -> None:
        """Say that starting is done."""
        self._send("READY=1")

    def stopping(self) -> None:
        """Say that the service begins to stop."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Show one line of text in `systemctl status`."""
        self._send("STATUS=" + " ".join(text.split()))

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, line: str) -> None:
        if sys.platform == "win32" or not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(line.encode(errors="replace"), self._address)
        except OSError as error:
            log.debug("the service manager can't be told %r: %s", line, error)


def watchdog_interval_s(environ: Mapping[str, str]) -> float | None:
    """Return how often to call `alive`, in seconds: half of the watchdog's limit; None without a watchdog for us."""
    if environ.get("WATCHDOG_PID") not in (None, "", str(os.getpid())):
        return None
    limit_us = environ.get("WATCHDOG_USEC", "")
    return int(limit_us) / 2_000_000 if limit_us.isascii() and limit_us.isdecimal() and int(limit_us) > 0 else None
