"""The keeper of a program: starts it in its jail, watches what it uses, and ends it with all that it started.

Owns one program for its whole life. Lean, as the fork server holds it in memory. Must not know why it runs. Linux. A
process of its own, forked by the tool worker or started as `worker program`.
"""

# Memory counts in this process, and pathlib brings much.
# ruff: noqa: PTH116, PTH123, PTH208

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

from openclaw_desktop.workers.calls import ANSWER_LIMIT_BYTES, JSON, CallFailed
from openclaw_desktop.workers.programs import Ended, Program
from openclaw_desktop.workers.sandbox import temporary, tree
from openclaw_desktop.workers.sandbox.jail import JailError, close_descriptors
from openclaw_desktop.workers.sandbox.kernel import PR_SET_DUMPABLE, prctl
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail, devices, enter_program, names, system_files

if sys.platform != "linux":
    raise ImportError("programs are kept on Linux alone")

from openclaw_desktop.workers.sandbox import namespaces

PRIVATE = "/private"  # its own folder, in a root of its own
PRIVATE_BYTES = 256 << 20
LOOK_EVERY_S = 0.02
THREADS_PER_PROCESS = 16
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


def run(program: Program, in_namespaces: bool, keep: int) -> JSON:
    """Run `program` to its end: {"exit_code", "stdout", "stderr", "truncated", "ended", "namespaces"}.

    `exit_code` is 128 and the signal's number for one that a signal ended. `keep`: a descriptor that stays ours, none
    of the program's. Raises JailError where the jail can't be set up, CallFailed `not_started`.
    """
    close_descriptors((0, 1, 2, keep))
    source = os.memfd_create("stdin")
    os.write(source, program.stdin.encode("utf-8", "surrogateescape"))
    os.lseek(source, 0, os.SEEK_SET)
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    keeper = Keeper(program, in_namespaces, (source, out_end, err_end))
    for descriptor in (source, out_end, err_end):
        os.close(descriptor)
    collected = {out: bytearray(), err: bytearray()}
    ended = keeper.watch(collected)
    exit_code = keeper.finish()
    limit = program.output_limit_bytes
    for pipe, data in collected.items():
        os.set_blocking(pipe, False)
        with contextlib.suppress(BlockingIOError):
            while len(data) <= limit and (chunk := os.read(pipe, _CHUNK_BYTES)):
                collected[pipe] += chunk
    if any(len(data) > limit for data in collected.values()):
        ended = "output" if ended == "exit" else ended
    while True:
        texts = [bytes(data[:limit]).decode("utf-8", "replace") for data in collected.values()]
        result = {
            "exit_code": exit_code if ended == "exit" else None,
            "stdout": texts[0],
            "stderr": texts[1],
            "truncated": any(len(data) > limit for data in collected.values()),
            "ended": ended,
            "namespaces": in_namespaces,
        }
        if len(json.dumps(result)) < ANSWER_LIMIT_BYTES:
            return result
        limit //= 2  # bytes that are no text grow when they are written as JSON


class Keeper:
    """One running program; `body` in its place is code of ours that the self-test runs in the same jail.

    `stdio`: its three descriptors. `life`: a descriptor whose end means that nobody wants the program any more.
    Raises JailError or CallFailed where it does not start.
    """

    def __init__(
        self,
        program: Program,
        in_namespaces: bool,
        stdio: tuple[int, int, int],
        life: int | None = None,
        body: Callable[[], None] | None = None,
    ) -> None:
        self.program = program
        self._body = body
        self._life = life
        self._namespaces = in_namespaces
        self.listener: int | None = None
        tree.adopt_orphans()
        self._private = PRIVATE if in_namespaces else temporary.make("run")
        self._free = {path: _free_bytes(path) for path in program.jail.write}
        status, status_end = os.pipe()
        here, here_end = os.pipe()  # its end tells a child that was born too late that we are gone
        try:
            if in_namespaces:
                namespaces.leave(network=program.jail.network == "full")
                if program.jail.network == "proxy":
                    self._listen()
            self._pid = os.fork()
            if self._pid == 0:
                os.close(here_end)
                self._be_child(stdio, status_end, here)
        except OSError as error:
            self._remove_private()
            raise JailError(f"no namespace: {error}") from error
        os.close(here)
        self._here_end = here_end
        os.close(status_end)
        self._await_start(status)

    def _listen(self) -> None:
        namespaces.raise_loopback()
        server = socket.create_server(("127.0.0.1", self.program.jail.port))
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
        deadline_s = time.monotonic() + (self.program.timeout_s or 1e9)
        with selectors.DefaultSelector() as selector:
            ended = os.pidfd_open(self._pid)
            selector.register(ended, selectors.EVENT_READ)
            for pipe in outputs:
                selector.register(pipe, selectors.EVENT_READ)
            if self._life is not None:
                selector.register(self._life, selectors.EVENT_READ)
            try:
                while True:
                    for key, _ in selector.select(LOOK_EVERY_S):
                        if key.fd == ended:
                            return "exit"
                        if key.fd == self._life:
                            return "life"
                        if not (chunk := os.read(key.fd, _CHUNK_BYTES)):
                            selector.unregister(key.fd)
                        outputs[key.fd] += chunk
                        if len(outputs[key.fd]) > self.program.output_limit_bytes:
                            return "output"
                    if time.monotonic() >= deadline_s:
                        return "time"
                    if (excess := self._excess()) is not None:
                        return excess
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
        tasks = pages = 0
        for pid in processes:
            with contextlib.suppress(OSError, ValueError):
                with open(f"/proc/{pid}/statm", "rb") as file:
                    _, resident, shared = file.read().split()[:3]
                pages += int(resident) - int(shared)
                tasks += len(os.listdir(f"/proc/{pid}/task"))
        if tasks > jail.processes * THREADS_PER_PROCESS:
            return "processes"
        if pages * os.sysconf("SC_PAGE_SIZE") > jail.memory_bytes:
            return "memory"
        if any(free - _free_bytes(path) > jail.written_bytes for path, free in self._free.items()):
            return "disk"
        return None

    # --- the children; these never return

    def _be_child(self, stdio: tuple[int, int, int], status: int, here: int) -> NoReturn:
        try:
            tree.die_with_parent()
            os.set_blocking(here, False)
            with contextlib.suppress(BlockingIOError):
                os.read(here, 1)  # nothing to read yet: our keeper lives. Its end: it does not
                os._exit(_NOT_STARTED)
            os.setsid()
            _take_up(stdio)
            close_descriptors((0, 1, 2, status))
            if not self._namespaces:
                self._be_program(status)
            self._be_first(status)
        except BaseException as error:  # whatever it is, the keeper hears of it
            _tell(status, error)
        finally:
            os._exit(_NOT_STARTED)

    def _be_first(self, status: int) -> NoReturn:
        """Be the first process of the namespaces: build their root, start the program, reap, and take all along."""
        prctl(PR_SET_DUMPABLE, 0)
        jail = self.program.jail
        read, run_from = system_files(jail)
        read = (*jail.read, *read, *run_from)
        links = names(jail, self.program.argv[0] if self.program.argv else "")
        namespaces.enter_root(read, jail.write, devices(), links, self.program.cwd or PRIVATE, (PRIVATE, PRIVATE_BYTES))
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
        own = 0 if self._namespaces else _tasks_of_user()  # a namespace of users counts its own alone
        resource.setrlimit(resource.RLIMIT_NPROC, (_lower(resource.RLIMIT_NPROC, own + tasks),) * 2)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        enter_program(program.jail, (self._private,), self._namespaces, (0, 1, 2, status))
        os.set_inheritable(status, False)
        if self._body is not None:
            os.close(status)
            try:
                self._body()
            finally:
                os._exit(0)
        os.execve(program.argv[0], program.argv, environment)  # noqa: S606

    def _remove_private(self) -> None:
        if not self._namespaces:
            temporary.remove(self._private)


def _lower(kind: int, wanted: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _tasks_of_user() -> int:
    """Return how many threads run as our user: the kernel's limit counts them all."""
    count, user = 0, os.geteuid()
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{name}").st_uid == user:
                    count += len(os.listdir(f"/proc/{name}/task"))
    return count


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
