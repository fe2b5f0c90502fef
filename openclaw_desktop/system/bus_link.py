"""One connection to a message bus of the desktop (D-Bus), by jeepney.

Owns the connection, who waits for which reply, and who hears which signal. Must not know what any of them means. A
signal counts only where it comes from the owner of the name that it was asked of. Loop; nothing polls. The library is
loaded with the first connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

log = logging.getLogger(__name__)

Which = Literal["session", "system"]
OPEN_TIMEOUT_S = 5.0
CALL_TIMEOUT_S = 5.0
SYSTEM_SOCKET = "unix:path=/run/dbus/system_bus_socket"
DBUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")


class BusFailed(Exception):
    """A call was answered with an error (`name`, such as org.freedesktop.DBus.Error.ServiceUnknown), or not at all."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class _Listener:
    sender: str
    interface: str
    member: str
    path: str
    hear: Callable[[tuple[Any, ...]], None]


def bus_address(which: Which, environ: Mapping[str, str]) -> str:
    """Return the address of a bus; "" where there is none for this process."""
    if sys.platform in ("win32", "darwin"):
        return ""
    if which == "system":
        return environ.get("DBUS_SYSTEM_BUS_ADDRESS") or SYSTEM_SOCKET
    if address := environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return address
    place = f"{environ.get('XDG_RUNTIME_DIR', '')}/bus"
    return f"unix:path={place}" if environ.get("XDG_RUNTIME_DIR") and os.access(place, os.W_OK) else ""


class BusLink:
    """An open connection; `lost` is set when the bus ends it."""

    def __init__(self, connection: Any) -> None:
        """Use `open` instead."""
        self._connection = connection
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._listeners: list[_Listener] = []
        self._owners: dict[str, str] = {}
        self.lost = asyncio.Event()
        self._receiving = asyncio.get_running_loop().create_task(self._receive(), name="message bus")

    @classmethod
    async def open(cls, which: Which, environ: Mapping[str, str]) -> BusLink | None:
        """Return a connection; None where there is no such bus, or it doesn't answer."""
        if not (address := bus_address(which, environ)):
            return None
        try:
            # Imported here: the library is there for Linux alone, and other systems have no such bus.
            from jeepney.io.asyncio import open_dbus_connection

            async with asyncio.timeout(OPEN_TIMEOUT_S):
                return cls(await open_dbus_connection(bus=address))
        except (ImportError, OSError, EOFError, RuntimeError, ValueError, StopIteration, TimeoutError) as error:
            log.debug("no %s bus: %r", which, error)
            return None

    @property
    def unique_name(self) -> str:
        """What the bus calls this connection."""
        return str(self._connection.unique_name)

    async def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: tuple[Any, ...] = (),
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> tuple[Any, ...]:
        """Call a method and return what it answers; raises BusFailed."""
        from jeepney import DBusAddress, MessageType, new_method_call

        if self.lost.is_set():
            raise BusFailed("lost")
        message = new_method_call(DBusAddress(path, destination, interface), member, signature or None, body)
        serial = next(self._connection.outgoing_serial)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[serial] = future
        try:
            async with asyncio.timeout(timeout_s):
                await self._connection.send(message, serial=serial)
                reply = await future
        except (OSError, TimeoutError) as error:
            raise BusFailed(type(error).__name__) from error
        finally:
            self._waiting.pop(serial, None)
        if reply.header.message_type is MessageType.error:
            raise BusFailed(_field(reply, "error_name") or "error")
        return tuple(reply.body)

    async def properties(self, destination: str, path: str, interface: str) -> dict[str, Any]:
        """Return an object's properties without their types; raises BusFailed."""
        found = await self.call(destination, path, "org.freedesktop.DBus.Properties", "GetAll", "s", (interface,))
        return {str(name): value for name, (_, value) in dict(found[0]).items()}

    async def owner(self, name: str) -> str:
        """Return who owns `name` now; "" where nobody does."""
        with contextlib.suppress(BusFailed):
            return str((await self.call(*DBUS, "GetNameOwner", "s", (name,)))[0])
        return ""

    async def listen(
        self,
        sender: str,
        interface: str,
        member: str,
        path: str,
        hear: Callable[[tuple[Any, ...]], None],
    ) -> None:
        """Have `hear` called with the body of each such signal of `sender`'s owner; raises BusFailed.

        `path`: the object; one that ends in "/" stands for all below it.
        """
        where = f"path_namespace='{path[:-1]}'" if path.endswith("/") else f"path='{path}'"
        rule = f"type='signal',sender='{sender}',interface='{interface}',member='{member}',{where}"
        if sender not in self._owners:
            changed = f"type='signal',sender='{DBUS[0]}',member='NameOwnerChanged',arg0='{sender}'"
            await self.call(*DBUS, "AddMatch", "s", (changed,))
            self._owners[sender] = await self.owner(sender)
        self._listeners.append(_Listener(sender, interface, member, path, hear))
        await self.call(*DBUS, "AddMatch", "s", (rule,))

    async def listen_for_owner(self, name: str, hear: Callable[[tuple[Any, ...]], None]) -> None:
        """Have `hear` called with (name, old owner, new owner) whenever `name` changes hands; raises BusFailed."""
        rule = f"type='signal',sender='{DBUS[0]}',member='NameOwnerChanged',arg0='{name}'"

        def of_this_name(body: tuple[Any, ...]) -> None:
            if body and body[0] == name:
                hear(body)

        self._listeners.append(_Listener(DBUS[0], DBUS[2], "NameOwnerChanged", DBUS[1], of_this_name))
        await self.call(*DBUS, "AddMatch", "s", (rule,))

    async def close(self) -> None:
        """End the connection; a second time does nothing."""
        self._receiving.cancel()
        await asyncio.gather(self._receiving, return_exceptions=True)
        with contextlib.suppress(OSError):
            await self._connection.close()

    async def _receive(self) -> None:
        try:
            while True:
                self._take(await self._connection.receive())
        except (EOFError, OSError):
            log.debug("the message bus ended the connection")
        except Exception:
            # Bytes that are no messages, from whoever: a connection that can't be read is one that is lost.
            log.warning("the message bus can't be understood", exc_info=True)
        finally:
            self.lost.set()
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(BusFailed("lost"))

    def _take(self, message: Any) -> None:
        from jeepney import MessageType

        kind = message.header.message_type
        if kind in (MessageType.method_return, MessageType.error):
            future = self._waiting.get(_field(message, "reply_serial"))
            if future is not None and not future.done():
                future.set_result(message)
        elif kind is MessageType.signal:
            self._tell(message)

    def _tell(self, message: Any) -> None:
        sender, interface = _field(message, "sender"), _field(message, "interface")
        member, path = _field(message, "member"), str(_field(message, "path"))
        if sender == DBUS[0] and member == "NameOwnerChanged" and len(message.body) == 3:
            name, _, owner = message.body
            if name in self._owners:
                self._owners[name] = owner
        for listener in tuple(self._listeners):
            known = listener.sender if listener.sender == DBUS[0] else self._owners.get(listener.sender)
            below = listener.path.endswith("/") and path.startswith(listener.path[:-1])
            if (
                sender == known
                and (interface, member) == (listener.interface, listener.member)
                and (below or path == listener.path)
            ):
                try:
                    listener.hear(tuple(message.body))
                except Exception:
                    log.exception("a signal of %s was not understood", listener.sender)


def _field(message: Any, name: str) -> Any:
    from jeepney import HeaderFields

    return message.header.fields.get(getattr(HeaderFields, name))
