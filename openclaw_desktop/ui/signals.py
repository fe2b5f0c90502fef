"""SIGTERM and SIGINT, turned into a Qt signal.

Owns the process's signal handlers while it lives. Must not know what quitting means. Main thread. Python's handlers
run only when the interpreter gets its turn, which an idle Qt loop never gives; the wakeup descriptor does, without a
polling timer and on Windows too.
"""

from __future__ import annotations

import signal
import socket

from PySide6.QtCore import QObject, QSocketNotifier, Signal


class SignalWatcher(QObject):
    """Emits `received` when the process is asked to end."""

    received = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._previous = {
            number: signal.signal(number, lambda _number, _frame: None) for number in (signal.SIGTERM, signal.SIGINT)
        }
        self._previous_fd = signal.set_wakeup_fd(self._writer.fileno())
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._read)

    def _read(self) -> None:
        numbers = self._reader.recv(64)
        # Other signals (a child that ended) arrive on the same descriptor.
        if any(number in self._previous for number in numbers):
            self.received.emit()

    def close(self) -> None:
        """Put the previous handlers back."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._previous_fd)
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()
