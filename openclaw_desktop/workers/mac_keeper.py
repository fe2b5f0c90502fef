"""The keeper of a program on macOS: starts it by sandbox-exec, watches what it uses, and ends it with its group.

Owns one program for its whole life, as `keeper` does on Linux and with the same face. Must not know why it runs. What a
program forks into a session of its own after its parent ended can't be found here, so this jail is never of level 3.
macOS. A child of the tool worker, or `worker program`.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import sys
import time
from typing import NoReturn

from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.programs import Ended, Program
from openclaw_desktop.workers.sandbox import mac_usage, seatbelt, temporary
from openclaw_desktop.workers.sandbox.jail import JailError, close_descriptors, set_limits

if sys.platform != "darwin":
    raise ImportError("sandbox-exec is macOS's")

LOOK_EVERY_S = 0.02
NICENESS = 5
_CHUNK_BYTES = 1 << 16
_NOT_STARTED = 126


class MacKeeper:
    """One running program. `stdio`: its three descriptors. `life`: its end means that nobody wants the program.

    Raises JailError or CallFailed where it does not start.
    """

    listener: int | None = None

    def __init__(
        self, program: Program, in_namespaces: bool, stdio: tuple[int, int, int], life: int | None = None
    ) -> None:
        self.program = program
        self._life = life
        self._code: int | None = None
        if in_namespaces or not os.access(seatbelt.PROGRAM, os.X_OK):
            raise JailError(f"there is no {seatbelt.PROGRAM}")
        if not os.access(program.argv[0], os.X_OK):
            raise CallFailed("not_started", f"No such program: {program.argv[0]}")
        self._private = temporary.make("run")
        self._free = {path: _free_bytes(path) for path in (*program.jail.write, self._private)}
        try:
            words = seatbelt.command(program.jail, self._private, program.argv)
            self._pid = os.fork()
        except (OSError, JailError) as error:
            temporary.remove(self._private)
            raise JailError(str(error)) from error
        if self._pid == 0:
            self._be_program(words, stdio)
        self._seen: set[int] = {self._pid}

    def watch(self, outputs: dict[int, bytearray]) -> Ended:
        """Wait for the program's end, or end it where it uses up more than it may; say which."""
        deadline_s = time.monotonic() + (self.program.timeout_s or 1e9)
        with selectors.DefaultSelector() as selector:
            for descriptor in (*outputs, *(() if self._life is None else (self._life,))):
                selector.register(descriptor, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select(LOOK_EVERY_S):
                    if key.fd == self._life:
                        return "life"
                    if not (chunk := os.read(key.fd, _CHUNK_BYTES)):
                        selector.unregister(key.fd)
                    outputs[key.fd] += chunk
                    if len(outputs[key.fd]) > self.program.output_limit_bytes:
                        return "output"
                if self._ended():
                    return "exit"
                if time.monotonic() >= deadline_s:
                    return "time"
                if (excess := self._excess()) is not None:
                    return excess

    def finish(self) -> int:
        """End the program and all of it that is found; return its exit code."""
        self._look()
        for pid in self._seen - {self._pid}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        temporary.remove(self._private)
        return self._code if self._code >= 0 else 128 - self._code

    def _ended(self) -> bool:
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid:
            self._code = os.waitstatus_to_exitcode(status)
        return bool(pid)

    def _look(self) -> None:
        """Find what belongs to the program by now: its group, and the children of what was found before."""
        found = set(mac_usage.group(self._pid))
        waiting = [pid for pid in self._seen if pid == self._pid or mac_usage.footprint_bytes(pid)]
        while waiting:
            pid = waiting.pop()
            found.add(pid)
            waiting += [child for child in mac_usage.children(pid) if child not in found]
        self._seen = found

    def _excess(self) -> Ended | None:
        jail = self.program.jail
        self._look()
        if len(self._seen) > jail.processes + 1:
            return "processes"
        if sum(map(mac_usage.footprint_bytes, self._seen)) > jail.memory_bytes:
            return "memory"
        if any(free - _free_bytes(path) > jail.written_bytes for path, free in self._free.items()):
            return "disk"
        return None

    def _be_program(self, words: list[str], stdio: tuple[int, int, int]) -> NoReturn:
        try:
            os.setsid()
            kept = [os.dup(descriptor) for descriptor in stdio]
            for number, descriptor in enumerate(kept):
                os.dup2(descriptor, number)
            close_descriptors((0, 1, 2))
            program, jail = self.program, self.program.jail
            os.umask(0o077)
            os.chdir(program.cwd or self._private)
            os.nice(NICENESS)
            set_limits(jail.cpu_s, jail.file_bytes, jail.open_files, 0)
            for number in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **program.environment}
            environment |= {"TMPDIR": self._private, "HOME": environment.get("HOME", self._private)}
            os.execve(words[0], words, environment)  # noqa: S606
        except OSError as error:
            os.write(2, f"sandbox-exec was not started: {error.strerror}\n".encode())
        finally:
            os._exit(_NOT_STARTED)


def _free_bytes(path: str) -> int:
    try:
        found = os.statvfs(path)
    except OSError:
        return 0
    return found.f_bfree * found.f_frsize
