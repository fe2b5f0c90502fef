"""Keeping a Linux machine awake: logind's lock against sleep, else the desktop's own power manager.

Owns the two calls, each on a connection of its own: the lock lasts as long as what holds it, so that a killed agent
holds nothing. A thread of the call; the library is loaded with the first one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from typing import Any

from openclaw_desktop.core.text import tr
from openclaw_desktop.system.bus_link import Which, bus_address

TIMEOUT_S = 3.0
LOGIND, LOGIND_PATH = "org.freedesktop.login1", "/org/freedesktop/login1"
MANAGER = "org.freedesktop.PowerManagement"
MANAGER_PATH, MANAGER_INTERFACE = "/org/freedesktop/PowerManagement/Inhibit", "org.freedesktop.PowerManagement.Inhibit"
_FAILURES = (ImportError, EOFError, RuntimeError, ValueError, StopIteration, KeyError, TimeoutError)
_NOBODY = ("ServiceUnknown", "NameHasNoOwner", "UnknownMethod", "UnknownObject")


class LogindInhibit:
    """A lock of logind on sleep: a descriptor, and closing it lets go."""

    def __init__(self, environ: Mapping[str, str], who: str) -> None:
        self._environ = environ
        self._who = who

    def hold(self, why: str) -> Callable[[], None]:
        """Hold sleep off until the returned function is called; raises OSError."""
        with contextlib.closing(_connect("system", self._environ, enable_fds=True)) as connection:
            body = ("sleep", self._who, why, "block")
            (lock,) = _call(connection, (LOGIND_PATH, LOGIND, f"{LOGIND}.Manager"), "Inhibit", "ssss", body)
            descriptor = lock.to_raw_fd()
        return lambda: os.close(descriptor)


class PowerManagementInhibit:
    """The power manager of KDE, Xfce or MATE: it holds as long as we are connected."""

    def __init__(self, environ: Mapping[str, str], who: str) -> None:
        self._environ = environ
        self._who = who

    def hold(self, why: str) -> Callable[[], None]:
        """Hold sleep off until the returned function is called; raises OSError."""
        connection = _connect("session", self._environ)
        place = (MANAGER_PATH, MANAGER, MANAGER_INTERFACE)
        try:
            (cookie,) = _call(connection, place, "Inhibit", "ss", (self._who, why))
        except OSError:
            connection.close()
            raise

        def release() -> None:
            with contextlib.closing(connection), contextlib.suppress(OSError):
                _call(connection, place, "UnInhibit", "u", (cookie,))

        return release


def _name(service: str) -> str:
    return "logind" if service == LOGIND else tr("the desktop's power manager")


def _connect(which: Which, environ: Mapping[str, str], *, enable_fds: bool = False) -> Any:
    # The words stand in a sentence that the user reads.
    system = which == "system"
    if not (address := bus_address(which, environ)):
        raise OSError(tr("there is no system bus") if system else tr("there is no session bus"))
    try:
        from jeepney.io.blocking import open_dbus_connection

        return open_dbus_connection(bus=address, enable_fds=enable_fds, auth_timeout=TIMEOUT_S)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise OSError(tr("there is no system bus") if system else tr("there is no session bus")) from error
    except (*_FAILURES, OSError) as error:
        raise OSError(
            tr("the system bus does not let us in") if system else tr("the session bus does not let us in")
        ) from error


def _call(
    connection: Any, place: tuple[str, str, str], member: str, signature: str, body: tuple[Any, ...]
) -> tuple[Any, ...]:
    from jeepney import DBusAddress, new_method_call
    from jeepney.wrappers import DBusErrorResponse, unwrap_msg

    path, name, interface = place
    message = new_method_call(DBusAddress(path, name, interface), member, signature, body)
    try:
        return tuple(unwrap_msg(connection.send_and_get_reply(message, timeout=TIMEOUT_S)))
    except DBusErrorResponse as error:
        if str(error.name).endswith(_NOBODY):
            raise OSError(tr("{service} does not run", service=_name(name))) from error
        raise OSError(tr("{service} does not allow it", service=_name(name))) from error
    except (*_FAILURES, OSError) as error:
        raise OSError(tr("{service} did not answer", service=_name(name))) from error
