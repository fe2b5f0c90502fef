"""The sd_notify protocol, against a socket as systemd opens it."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from openclaw_desktop.system.service_notify import ServiceNotifier, watchdog_interval_s

if sys.platform == "win32":
    pytest.skip("Unix datagram sockets", allow_module_level=True)


def listen(address: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.settimeout(5)
    listener.bind(address)
    return listener


def say_everything(notifier: ServiceNotifier) -> None:
    notifier.ready()
    notifier.status("two\nlines")
    notifier.alive()
    notifier.stopping()


SAID = [b"READY=1", b"STATUS=two lines", b"WATCHDOG=1", b"STOPPING=1"]


def test_a_socket_with_a_path(tmp_path):
    with listen(str(tmp_path / "notify")) as listener:
        say_everything(ServiceNotifier({"NOTIFY_SOCKET": str(tmp_path / "notify")}))
        assert [listener.recv(100) for _ in SAID] == SAID


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux")
def test_an_abstract_socket():
    name = f"openclaw-test-{os.getpid()}"
    with listen("\0" + name) as listener:
        say_everything(ServiceNotifier({"NOTIFY_SOCKET": "@" + name}))
        assert [listener.recv(100) for _ in SAID] == SAID


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/notify"}])
def test_without_a_service_manager_nothing_happens(environ):
    say_everything(ServiceNotifier(environ))


def test_a_full_queue_does_not_block(tmp_path):
    with listen(str(tmp_path / "notify")):
        notifier = ServiceNotifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        for _ in range(2000):
            notifier.alive()


@pytest.mark.parametrize(
    ("environ", "interval_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
    ],
)
def test_the_watchdogs_interval(environ, interval_s):
    assert watchdog_interval_s(environ) == interval_s
