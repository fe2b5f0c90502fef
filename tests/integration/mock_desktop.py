"""A child that plays parts of a desktop on a message bus: UPower, logind, GNOME's idle monitor, a screen saver.

Run as `mock_desktop.py ADDRESS NAME…`. Each line on standard input is a command as JSON: {"set": [interface, property,
signature, value]}, {"emit": [path, interface, member, signature, body]}, {"drop": name}, {"own": name}. What is done to
it is told on standard output, a line each: "ready", "done", "hold WHY", "released", "cookie WHY", "uninhibit".
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from jeepney import (
    DBusAddress,
    HeaderFields,
    MessageType,
    message_bus,
    new_error,
    new_method_return,
    new_signal,
)
from jeepney.io.blocking import open_dbus_connection

SESSION = "/org/freedesktop/login1/session/_31"
PROPERTIES: dict[str, dict[str, tuple[str, Any]]] = {
    "org.freedesktop.UPower": {"OnBattery": ("b", False)},
    "org.freedesktop.login1.User": {"Display": ("(so)", ("1", SESSION))},
    "org.freedesktop.login1.Session": {
        "Active": ("b", True), "LockedHint": ("b", False), "IdleHint": ("b", False),
    },
    # Not the bus's own properties: what the methods below answer.
    "idle": {"mutter_ms": ("t", 0), "saver": ("u", 0)},
}  # fmt: skip


class Mock:
    def __init__(self, address: str) -> None:
        self.connection = open_dbus_connection(bus=address, enable_fds=True)
        self.lock = threading.Lock()

    def send(self, message: Any) -> None:
        with self.lock:
            self.connection.send(message)

    def call_bus(self, message: Any) -> None:
        # No reply is waited for: the thread that receives takes it for one more message.
        self.send(message)

    def answer(self, message: Any) -> None:
        fields = message.header.fields
        member = fields.get(HeaderFields.member)
        if member == "GetAll":
            self.send(new_method_return(message, "a{sv}", (PROPERTIES.get(message.body[0], {}),)))
        elif member == "GetSession":
            self.send(new_method_return(message, "o", (SESSION,)))
        elif member == "GetIdletime":
            self.send(new_method_return(message, "t", (PROPERTIES["idle"]["mutter_ms"][1],)))
        elif member == "AddUserActiveWatch":
            self.send(new_method_return(message, "u", (7,)))
            say("watching")
        elif member == "GetSessionIdleTime":
            self.send(new_method_return(message, "u", (PROPERTIES["idle"]["saver"][1],)))
        elif member == "Inhibit" and fields.get(HeaderFields.signature) == "ssss":
            self.lend(message)
        elif member == "Inhibit":
            say(f"cookie {message.body[1]}")
            self.send(new_method_return(message, "u", (42,)))
        elif member == "UnInhibit":
            say("uninhibit")
            self.send(new_method_return(message))
        else:
            self.send(new_error(message, "org.freedesktop.DBus.Error.UnknownMethod"))

    def lend(self, message: Any) -> None:
        what, _, why, mode = message.body
        kept, lent = os.pipe()
        self.send(new_method_return(message, "h", (lent,)))
        os.close(lent)
        say(f"hold {what} {mode} {why}")

        def wait() -> None:
            os.read(kept, 1)  # the end of it: whoever held the other end has let go
            os.close(kept)
            say("released")

        threading.Thread(target=wait, daemon=True).start()

    def obey(self) -> None:
        for line in sys.stdin:
            ((what, value),) = json.loads(line).items()
            if what == "set":
                interface, name, signature, new = value
                PROPERTIES[interface][name] = (signature, tuple(new) if isinstance(new, list) else new)
            elif what == "emit":
                path, interface, member, signature, body = value
                self.send(new_signal(DBusAddress(path, None, interface), member, signature, tuple(body)))
            elif what == "drop":
                self.call_bus(message_bus.ReleaseName(value))
            elif what == "own":
                self.call_bus(message_bus.RequestName(value))
            say("done")
        os._exit(0)


def say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    address, *names = sys.argv[1:]
    mock = Mock(address)
    for name in names:
        mock.connection.send_and_get_reply(message_bus.RequestName(name))
    threading.Thread(target=mock.obey, daemon=True).start()
    say("ready")
    while True:
        try:
            message = mock.connection.receive()
        except (ConnectionError, OSError):
            return
        if message.header.message_type is MessageType.method_call:
            mock.answer(message)


if __name__ == "__main__":
    main()
