"""The keeper of a program: starts it in its jail, watches what it uses, and ends it with all that it started.

Owns one program for its whole life. Lean, as the fork server holds it in memory. Must not know why it runs. Linux. A
process of its own, forked by the tool worker or started as `worker program`.
"""

# Memory counts in this process, and pathlib brings much.
# ruff: noqa: PTH123

from __future__ import annotations

import contextlib
import json
import os
import resource
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.programs import Ended, Program
from openclaw_desktop.workers.sandbox import temporary, tree
from openclaw_desktop.workers.sandbox.jail import JailError, close_descriptors
from openclaw_desktop.workers.sandbox.kernel import PR_SET_DUMPABLE, prctl
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail, enter_program, names, surroundings

if sys.platform != "linux":
    raise ImportError("programs are kept on Linux alone")

from openclaw_desktop.workers.sandbox import namespaces, strays, usage

PRIVATE = "/private"  # its own folder, in a root of its own
PRIVATE_BYTES = 256 << 20
LOOK_EVERY_S = 0.02
THREADS_PER_PROCESS = 16
DESCRIPTORS_PER_PROCESS = 64
NICENESS = 5  # the keeper must come to its turn, however many there are
_CHUNK_BYTES = 1 << 16
_NOT_STARTED = 126


_usable: bool | None = None


def namespaces_work() -> bool:
    """Return whether a program really started in namespaces here; tried once in the life of this process."""
    global _usable  # noqa: PLW0603 - what the kernel allows does not change
    if _usable is None:
        _usable = _starts_in_namespaces()
    return _usable


def _starts_in_namespaces() -> bool:
    if (pid := os.fork()) == 0:
        code = 1
        try:
            nowhere = os.open(os.devnull, os.O_RDWR)
            probe = Program(("/bin/true",), ProgramJail(any_program=True), timeout_s=10.0)
            keeper = Keeper(probe, True, (nowhere, nowhere, nowhere))
            keeper.watch({})
            code = 0 if keeper.finish() == 0 else 1
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1] == 0


class Keeper:
    """One running program; `body` in its place is code of ours that the self-test runs in the same jail.

    `stdio`: its three descriptors. `life`: a descriptor whose end means that nobody wants the program any more. Where
    the `program` is None, all that can be done without knowing it is done, and `begin` starts it. Raises JailError or
    CallFailed where it does not start.
    """

    def __init__(
        self,
        program: Program | None,
        in_namespaces: bool,
        stdio: tuple[int, int, int],
        life: int | None = None,
        body: Callable[[], None] | None = None,
    ) -> None:
        self._stdio = stdio
        self._body = body
        self._life = life
        self._namespaces = in_namespaces
        self._swapping = usage.swaps()
        self._private = PRIVATE if in_namespaces else ""
        self._pid = 0
        self._order: int | None = None
        self.listener: int | None = None
        tree.adopt_orphans()
        self._status, self._status_end = os.pipe()
        self._here, self._here_end = os.pipe()  # its end tells a child that was born too late that we are gone
        if program is not None:
            self._take(program)
            if in_namespaces:
                _leave(program.jail)
                if program.jail.network == "proxy":
                    self._listen()
            self._start(None)
        elif in_namespaces:
            _leave(None)
            orders, self._order = os.pipe()
            self._fork(orders)
            os.close(orders)

    def begin(self, program: Program) -> None:
        """Start the program that was not known yet; its jail must be one without the network."""
        self._take(program)
        self._start(json.dumps(program.as_message()).encode())

    def _take(self, program: Program) -> None:
        self.program = program
        self._system = surroundings(program.jail)
        self._free = {path: _free_bytes(path) for path in program.jail.write}

    def _start(self, order: bytes | None) -> None:
        try:
            if not self._namespaces:
                self._private = temporary.make("run")
                self._free[self._private] = _free_bytes(self._private)  # on the disk, too
            if self._order is None or order is None:
                self._fork(None)
            else:
                _write_all(self._order, order)
                os.close(self._order)
        except OSError as error:
            self._remove_private()
            raise JailError(f"the program's process: {error}") from error
        os.close(self._here)
        os.close(self._status_end)
        self._await_start(self._status)

    def _fork(self, orders: int | None) -> None:
        """Start the first process, which takes its program from `orders` where we don't know it yet."""
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._here_end)
            if self._order is not None:
                os.close(self._order)
            self._be_child(self._stdio, self._status_end, self._here, orders)

    def _listen(self) -> None:
        try:
            namespaces.raise_loopback()
            server = socket.create_server(("127.0.0.1", self.program.jail.port))
        except OSError as error:
            raise JailError(f"no loopback: {error}") from error
        server.setblocking(False)
        self.listener = server.detach()

    def _await_start(self, status: int) -> None:
        told = b""
        while chunk := os.read(status, _CHUNK_BYTES):
            told += chunk
        os.close(status)
        if told:
            self.finish()
            error = json.loads(told)
            raise JailError(error["message"]) if error["code"] == "jail" else CallFailed(**error)

    def watch(self, outputs: dict[int, bytearray]) -> Ended:
        """Wait for the program's end, or end it where it uses up more than it may; say which."""
        now_s = time.monotonic()
        deadline_s, look_s = now_s + (self.program.timeout_s or 1e9), now_s + LOOK_EVERY_S
        with selectors.DefaultSelector() as selector:
            ended = os.pidfd_open(self._pid)
            selector.register(ended, selectors.EVENT_READ)
            for pipe in outputs:
                selector.register(pipe, selectors.EVENT_READ)
            if self._life is not None:
                selector.register(self._life, selectors.EVENT_READ)
            try:
                while True:
                    for key, _ in selector.select(max(0.0, look_s - time.monotonic())):
                        if key.fd == ended:
                            return "exit"
                        if key.fd == self._life:
                            return "life"
                        if not (chunk := os.read(key.fd, _CHUNK_BYTES)):
                            selector.unregister(key.fd)
                        outputs[key.fd] += chunk
                        if len(outputs[key.fd]) > self.program.output_limit_bytes:
                            return "output"
                    if (now_s := time.monotonic()) >= deadline_s:
                        return "time"
                    if now_s >= look_s:
                        if (excess := self._excess()) is not None:
                            return excess
                        # However long a look took, most of the time is the program's.
                        took_s = time.monotonic() - now_s
                        look_s = now_s + took_s + max(LOOK_EVERY_S, 2 * took_s)
            finally:
                os.close(ended)

    def finish(self) -> int:
        """End the program and all that it started; return its exit code."""
        # Its group at once, or one that forks on and on would keep ahead of us; its jail lets nobody leave the group
        # but in namespaces, which end with their first process.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, tree.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, tree.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        tree.kill_strays(())
        os.close(self._here_end)
        self._remove_private()
        return code if code >= 0 else 128 - code

    def _excess(self) -> Ended | None:
        jail = self.program.jail
        processes = tree.descendants(os.getpid(), jail.processes + 2)
        if len(processes) > jail.processes + 1:
            return "processes"
        if usage.threads(processes) > jail.processes * THREADS_PER_PROCESS:
            return "processes"
        # What waits in sockets and pipes is memory that the kernel counts as nobody's.
        many = usage.descriptors(processes) > jail.processes * DESCRIPTORS_PER_PROCESS
        if many or usage.exceeds_memory(processes, jail.memory_bytes, self._swapping):
            return "memory"
        if any(free - _free_bytes(path) > jail.written_bytes for path, free in self._free.items()):
            return "disk"
        return None

    # --- the children; these never return

    def _be_child(self, stdio: tuple[int, int, int], status: int, here: int, orders: int | None) -> NoReturn:
        try:
            tree.die_with_parent()
            os.set_blocking(here, False)
            with contextlib.suppress(BlockingIOError):
                os.read(here, 1)  # nothing to read yet: our keeper lives. Its end: it does not
                os._exit(_NOT_STARTED)
            os.setsid()
            _take_up(stdio)
            close_descriptors((0, 1, 2, status, orders if orders is not None else status))
            if not self._namespaces:
                self._be_program(status)
            prctl(PR_SET_DUMPABLE, 0)
            namespaces.begin_root()
            if orders is not None:
                if not (order := read_all(orders)):
                    os._exit(_NOT_STARTED)  # nobody wanted a program
                os.close(orders)
                self.program = Program.of(json.loads(order))
                self._system = surroundings(self.program.jail)
            self._be_first(status)
        except BaseException as error:  # whatever it is, the keeper hears of it
            _tell(status, error)
        finally:
            os._exit(_NOT_STARTED)

    def _be_first(self, status: int) -> NoReturn:
        """Be the first process of the namespaces: build their root, start the program, reap, and take all along."""
        jail, system = self.program.jail, self._system
        read = (*jail.read, *system.read, *system.run)
        links = names(jail, self.program.argv[0] if self.program.argv else "")
        cwd = self.program.cwd or PRIVATE
        namespaces.enter_root(read, jail.write, system.devices, links, cwd, (PRIVATE, PRIVATE_BYTES))
        program = os.fork()
        if program == 0:
            tree.die_with_parent()
            os.setsid()
            self._be_program(status)
        nowhere = os.open("/dev/null", os.O_RDWR)
        _take_up((nowhere, nowhere, nowhere))
        close_descriptors_below(3)
        while True:
            pid, result = os.waitpid(-1, 0)
            if pid == program:
                code = os.waitstatus_to_exitcode(result)
                os._exit(code if code >= 0 else 128 - code)

    def _be_program(self, status: int) -> NoReturn:
        program = self.program
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **program.environment}
        environment |= {"TMPDIR": self._private, "HOME": environment.get("HOME", self._private)}
        os.umask(0o077)
        os.chdir(program.cwd or self._private)
        os.nice(NICENESS)
        tasks = program.jail.processes * THREADS_PER_PROCESS
        own = 0 if self._namespaces else _tasks_of_all()  # a namespace of users counts its own alone
        resource.setrlimit(resource.RLIMIT_NPROC, (_lower(resource.RLIMIT_NPROC, own + tasks),) * 2)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        if not self._namespaces:
            strays.mark(
                self._private
            )  # should our keeper be killed: death follows the parent only as long as one likes
        enter_program(program.jail, self._system, (self._private,), self._namespaces, (0, 1, 2, status))
        os.set_inheritable(status, False)
        if self._body is not None:
            os.close(status)
            try:
                self._body()
            finally:
                os._exit(0)
        os.execve(program.argv[0], program.argv, environment)  # noqa: S606

    def _remove_private(self) -> None:
        if self._private and not self._namespaces:
            strays.unmark(self._private)
            temporary.remove(self._private)


def _leave(jail: ProgramJail | None) -> None:
    try:
        namespaces.leave(network=jail is not None and jail.network == "full")
    except OSError as error:
        raise JailError(f"no namespace: {error}") from error


def _write_all(pipe: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def read_all(pipe: int) -> bytes:
    """Return what comes over `pipe` until its end."""
    data = bytearray()
    while chunk := os.read(pipe, _CHUNK_BYTES):
        data += chunk
    return bytes(data)


def _lower(kind: int, wanted: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _tasks_of_all() -> int:
    """Return how many threads there are: the kernel's limit counts all of our user, who has no more than these."""
    with open("/proc/loadavg", "rb") as file:
        return int(file.read().split()[3].split(b"/")[1])


def _take_up(stdio: tuple[int, int, int]) -> None:
    kept = [os.dup(descriptor) for descriptor in stdio]  # first, as one may stand where another goes
    for number, descriptor in enumerate(kept):
        os.dup2(descriptor, number)
        os.close(descriptor)


def close_descriptors_below(first: int) -> None:
    """Close every descriptor from `first` on; in a root of its own there may be no list of them."""
    os.closerange(first, 4096)


def _tell(status: int, error: BaseException) -> None:
    if isinstance(error, JailError):
        failure = {"code": "jail", "message": str(error)}
    elif isinstance(error, OSError):
        failure = {"code": "not_started", "message": f"{error.strerror}: {error.filename or ''}".rstrip(": ")}
    else:
        failure = {"code": "not_started", "message": f"{type(error).__name__}: {error}"}
    with contextlib.suppress(OSError):
        os.write(status, json.dumps(failure).encode())


def _free_bytes(path: str) -> int:
    try:
        found = os.statvfs(path)
    except OSError:
        return 0
    return found.f_bfree * found.f_frsize
