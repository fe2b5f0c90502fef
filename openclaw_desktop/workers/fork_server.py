"""The body of `worker tools`: for each call it forks a child that jails itself, answers and dies.

Owns the running children: their time, their output, their end. Single-threaded, without secrets, and lean, as it stays
in memory: no asyncio here. Must not know what the functions do, and never trusts what a child writes. Tool worker.

Protocol, one JSON object a line. In: `{"id", "op": "call", "function", "arguments", "read", "write", "timeout_s",
"output_limit_bytes"}`, `{"id", "op": "run", "program"}`, `{"id", "op": "prove"}`, `{"id", "op": "cancel"}`. Out:
`{"id", "result"}` or `{"id", "error": {"code", "message"}}` with a code of a function's own or cancelled, died, failed,
jail, timeout, too_much_output.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from openclaw_desktop.workers.calls import ANSWER_LIMIT_BYTES, JSON, CallFailed, Handlers
from openclaw_desktop.workers.programs import Program
from openclaw_desktop.workers.sandbox import landlock, tree
from openclaw_desktop.workers.sandbox.jail import Jail, JailError, close_descriptors, enter
from openclaw_desktop.workers.sandbox.proof import both, prove, prove_commands, prove_programs

if sys.platform != "win32":
    from openclaw_desktop.workers.program_run import run
    from openclaw_desktop.workers.sandbox import temporary
if sys.platform == "linux":
    from openclaw_desktop.workers.keeper import namespaces_work
    from openclaw_desktop.workers.sandbox import strays
    from openclaw_desktop.workers.sandbox.program_jail import prepare
    from openclaw_desktop.workers.sandbox.usage import swaps
    from openclaw_desktop.workers.spare_keeper import stand_by

ABI_VARIABLE = "OPENCLAW_LANDLOCK_ABI"  # for tests: see what an older kernel would give
NAMESPACES_VARIABLE = "OPENCLAW_NAMESPACES"  # for tests: "0" for a system that forbids them
PROOF_TIMEOUT_S = 20.0
WRITTEN_FILE_BYTES = 256 << 20
KEEPER_GRACE_S = 5.0
SPARE_LIFE_S = 120.0
_ROOM_BYTES = 256 << 20  # of memory for a call, beyond what the server itself has

_STDIN, _STDOUT = 0, 1
_CHUNK_BYTES = 1 << 16


def serve(handlers: Handlers) -> int:
    """Answer calls of `handlers` on stdin and stdout until stdin ends; return the exit code."""
    if not hasattr(os, "fork"):
        sys.stderr.write("this platform cannot fork, so there is no tool worker\n")
        return 1
    tree.die_with_parent()
    tree.adopt_orphans()
    if sys.platform == "linux":
        strays.end_strays()  # of workers before us that were killed
    gc.collect()
    gc.freeze()  # children then share these pages for good
    abi = int(os.environ.get(ABI_VARIABLE, landlock.LATEST_ABI))
    return _Server(handlers, Jail(memory_bytes=_own_memory_bytes() + _ROOM_BYTES, landlock_abi=abi)).run()


def _own_memory_bytes() -> int:
    """Return the address space of this process: whoever has large libraries loaded needs that much to begin with."""
    if sys.platform != "linux":
        return 0  # nothing limits it there either
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - pathlib costs memory here
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class _Child:
    call_id: int
    pid: int
    pipe: int
    deadline_s: float
    limit_bytes: int
    program: bool = False
    output: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class _Spare:
    """A keeper that has made ready what it can without knowing its program: half of what a short command takes."""

    pid: int
    order: int
    pipe: int
    in_namespaces: bool
    until_s: float


class _Server:
    def __init__(self, handlers: Handlers, jail: Jail) -> None:
        self._handlers = handlers
        self._jail = jail
        self._children: dict[int, _Child] = {}
        self._spare: _Spare | None = None
        self._namespaces = False  # where the last program ran
        self._selector = selectors.DefaultSelector()
        self._input = bytearray()

    def run(self) -> int:
        self._selector.register(_STDIN, selectors.EVENT_READ)
        try:
            while True:
                for key, _ in self._selector.select(self._patience_s()):
                    if key.fd == _STDIN:
                        if not self._read_messages():
                            return 0
                    elif isinstance(key.data, _Child) and key.data.call_id in self._children:
                        self._read_output(key.data)
                now_s = time.monotonic()
                for child in [child for child in self._children.values() if child.deadline_s <= now_s]:
                    self._end(child, ("timeout", "the call took too long"))
                if self._spare is not None and self._spare.until_s <= now_s:
                    self._drop_spare()
        except BrokenPipeError:  # nobody listens any more
            return 0
        finally:
            for child in list(self._children.values()):
                self._bury(child)
            self._drop_spare()

    def _patience_s(self) -> float | None:
        times_s = [child.deadline_s for child in self._children.values()]
        if self._spare is not None:
            times_s.append(self._spare.until_s)
        return max(0.0, min(times_s) - time.monotonic()) if times_s else None

    def _read_messages(self) -> bool:
        chunk = os.read(_STDIN, _CHUNK_BYTES)
        self._input += chunk
        if b"\n" not in chunk:  # a long line is looked at once: an attachment has thousands of pieces
            return bool(chunk)
        *lines, rest = self._input.split(b"\n")
        self._input = bytearray(rest)
        for line in lines:
            self._obey(json.loads(line))
        return bool(chunk)

    def _obey(self, message: Mapping[str, JSON]) -> None:
        call_id, operation = int(message["id"]), message["op"]
        try:
            if operation == "call":
                self._start_call(call_id, message)
            elif operation == "run":
                self._start_program(call_id, Program.of(message["program"]))
            elif operation == "prove":
                self._start(call_id, _proving(self._jail), PROOF_TIMEOUT_S, ANSWER_LIMIT_BYTES)
            elif operation == "cancel":
                if child := self._children.get(call_id):
                    self._end(child, ("cancelled", "the call was cancelled"))
            else:
                _answer(call_id, {"error": _error("failed", f"no operation {operation!r}")})
        except (KeyError, TypeError, ValueError, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            _answer(call_id, {"error": _error("failed", f"{type(error).__name__}: {error}")})

    def _start_call(self, call_id: int, message: Mapping[str, JSON]) -> None:
        handler = self._handlers[message["function"]]
        arguments = dict(message["arguments"])
        timeout_s = float(message["timeout_s"])
        read = tuple(str(path) for path in message["read"])
        write = tuple(str(path) for path in message.get("write", ()))
        cpu_s = max(1, int(timeout_s) + 1)
        file_bytes = WRITTEN_FILE_BYTES if write else 0
        jail = Jail(
            read, write, self._jail.memory_bytes, cpu_s, file_bytes=file_bytes, landlock_abi=self._jail.landlock_abi
        )
        prepare = getattr(handler, "prepare", None)

        def body(pipe: int) -> JSON:
            if prepare is not None:
                prepare()  # such as an import that would make the server itself too large
            enter(jail, (0, 1, 2, pipe))
            return {"result": handler(**arguments)}

        limit_bytes = min(int(message["output_limit_bytes"]), ANSWER_LIMIT_BYTES)
        self._start(call_id, body, timeout_s, limit_bytes)

    def _start_program(self, call_id: int, program: Program) -> None:
        if program.timeout_s <= 0:
            raise ValueError("a program that is waited for needs a time limit")
        program = replace(program, jail=replace(program.jail, landlock_abi=self._jail.landlock_abi))
        in_namespaces = self._namespaces = _in_namespaces(program)
        # The keeper ends its program in time; one that does not is ended with it.
        timeout_s = program.timeout_s + KEEPER_GRACE_S
        spare = self._take_spare(program, in_namespaces)
        if spare is not None:
            self._follow(_Child(call_id, spare.pid, spare.pipe, time.monotonic() + timeout_s, ANSWER_LIMIT_BYTES, True))
        else:
            self._start(call_id, _keeping(program, in_namespaces), timeout_s, ANSWER_LIMIT_BYTES, program=True)

    def _take_spare(self, program: Program, in_namespaces: bool) -> _Spare | None:
        """Hand `program` to the keeper that waits; None where there is none, or none that fits."""
        spare = self._spare
        if spare is None or spare.in_namespaces != in_namespaces or program.jail.network != "none":
            return None
        self._spare = None
        rest = memoryview(json.dumps(program.as_message()).encode())
        try:
            if _has_ended(spare.pid):  # a child of its own may still hold the other end of its pipe
                raise BrokenPipeError
            while rest:
                rest = rest[os.write(spare.order, rest) :]
        except BrokenPipeError:  # somebody ended it
            self._put_away(spare)
            return None
        finally:
            os.close(spare.order)
        return spare

    def _make_spare(self, in_namespaces: bool) -> None:
        if self._spare is not None or sys.platform != "linux":
            return
        try:
            orders, order = os.pipe()
        except OSError:
            return  # no room for one: the next program starts without it
        try:
            pid, pipe = self._fork(_standing_by(orders, in_namespaces))
        except OSError:
            os.close(order)
            return
        finally:
            os.close(orders)
        self._spare = _Spare(pid, order, pipe, in_namespaces, time.monotonic() + SPARE_LIFE_S)

    def _drop_spare(self) -> None:
        if self._spare is not None:
            spare, self._spare = self._spare, None
            os.close(spare.order)
            self._put_away(spare)

    def _put_away(self, spare: _Spare) -> None:
        os.close(spare.pipe)
        with contextlib.suppress(ProcessLookupError):
            os.kill(spare.pid, tree.SIGKILL)
        os.waitpid(spare.pid, 0)
        self._kill_strays()

    def _start(
        self, call_id: int, body: Callable[[int], JSON], timeout_s: float, limit_bytes: int, program: bool = False
    ) -> None:
        pid, pipe = self._fork(body)
        self._follow(_Child(call_id, pid, pipe, time.monotonic() + timeout_s, limit_bytes, program))

    def _fork(self, body: Callable[[int], JSON]) -> tuple[int, int]:
        """Start a child that runs `body`; return its process id and where its answer comes from."""
        parent = os.getpid()
        pipe, child_end = os.pipe()
        try:
            pid = _fork()
        except OSError:
            os.close(pipe)
            os.close(child_end)
            raise
        if pid == 0:
            _live_and_die(parent, child_end, body)
        os.close(child_end)
        return pid, pipe

    def _follow(self, child: _Child) -> None:
        self._children[child.call_id] = child
        self._selector.register(child.pipe, selectors.EVENT_READ, child)

    def _read_output(self, child: _Child) -> None:
        chunk = os.read(child.pipe, _CHUNK_BYTES)
        child.output += chunk
        if len(child.output) > child.limit_bytes:
            self._end(child, ("too_much_output", f"more than {child.limit_bytes} bytes"))
        elif not chunk:
            self._end(child)

    def _end(self, child: _Child, error: tuple[str, str] | None = None) -> None:
        exit_code = self._bury(child)
        outcome = {"error": _error(*error)} if error else _outcome(bytes(child.output), exit_code)
        _answer(child.call_id, outcome)
        if child.program and error is None:
            self._make_spare(self._namespaces)

    def _bury(self, child: _Child) -> int:
        """Kill and reap `child` and whatever it left behind; return its exit code."""
        del self._children[child.call_id]
        self._selector.unregister(child.pipe)
        os.close(child.pipe)
        # One that has closed its pipe is ending and keeps its exit code; one that only pretends is ended here.
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, tree.SIGKILL)
        exit_code = os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])
        self._kill_strays()
        return exit_code

    def _kill_strays(self) -> None:
        known = {child.pid for child in self._children.values()}
        if self._spare is not None:
            known.add(self._spare.pid)
        tree.kill_strays(known)


def _fork() -> int:
    if sys.platform == "win32":
        raise OSError(errno.ENOSYS, "no fork")
    else:
        return os.fork()


def _has_ended(pid: int) -> bool:
    if sys.platform == "linux":
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    else:
        return False  # no keeper waits there


def _live_and_die(parent: int, pipe: int, body: Callable[[int], JSON]) -> None:
    """Be the child: run `body`, write what came of it to `pipe`, and never return."""
    exit_code = 1
    try:
        tree.die_with_parent(parent)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        output = memoryview(_attempt(body, pipe))
        while output:
            output = output[os.write(pipe, output) :]
        exit_code = 0
    finally:
        os._exit(exit_code)  # whatever happened: the server's stack above us is not ours to unwind


def _attempt(body: Callable[[int], JSON], pipe: int) -> bytes:
    try:
        # As letters, not as their escapes: other scripts than Latin would take twice the room.
        return json.dumps(body(pipe), ensure_ascii=False).encode("utf-8", "surrogatepass")
    except JailError as error:
        failure = _error("jail", str(error))
    except CallFailed as error:
        failure = _error(error.code, error.message)
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "OSError")
        failure = _error("failed", f"{name}: {error.strerror or error}")
    except MemoryError:
        failure = _error("failed", "ENOMEM: the call needed more memory than it may use")
    except Exception as error:
        failure = _error("failed", f"{type(error).__name__}: {error}")
    return json.dumps({"error": failure}).encode()


def _outcome(output: bytes, exit_code: int) -> JSON:
    """Return what a child wrote if it is an outcome, else how it died. The child may have been hijacked."""
    if exit_code == 0:
        with contextlib.suppress(ValueError, RecursionError):
            outcome = json.loads(output)
            if isinstance(outcome, dict) and (outcome.keys() == {"result"} or _is_error(outcome)):
                return outcome
        return {"error": _error("died", "the call gave no readable answer")}
    if exit_code == -getattr(signal, "SIGXCPU", 0):
        return {"error": _error("timeout", "the call used too much processor time")}
    cause = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
    return {"error": _error("died", f"the call ended with {cause}")}


def _is_error(outcome: Mapping[str, JSON]) -> bool:
    error = outcome.get("error")
    return (
        outcome.keys() == {"error"}
        and isinstance(error, dict)
        and error.keys() == {"code", "message"}
        and all(isinstance(text, str) for text in error.values())
    )


def _answer(call_id: int, outcome: Mapping[str, JSON]) -> None:
    line = _line(call_id, outcome)
    if len(line) > ANSWER_LIMIT_BYTES + 1000:  # numbers may grow when they are written again
        line = _line(call_id, {"error": _error("too_much_output", f"more than {ANSWER_LIMIT_BYTES} bytes")})
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(_STDOUT, rest) :]


def _line(call_id: int, outcome: Mapping[str, JSON]) -> bytes:
    text = json.dumps({"id": call_id, **outcome}, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"  # half a surrogate pair is no text


def _error(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}


def _in_namespaces(program: Program) -> bool:
    """Return whether `program` is to be alone in its namespaces, with all at hand that its keeper needs."""
    if sys.platform == "linux":
        in_namespaces = program.jail.namespaces and _namespaces_allowed() and namespaces_work()
        prepare(program.jail, in_namespaces)
        swaps()
        return in_namespaces
    else:
        return False


def _keeping(program: Program, in_namespaces: bool) -> Callable[[int], JSON]:
    """Return the body of a child that keeps `program`."""
    if sys.platform == "win32":
        raise ValueError("no program is kept by a fork server on Windows")
    else:
        return lambda pipe: {"result": run(program, in_namespaces, pipe)}


def _standing_by(orders: int, in_namespaces: bool) -> Callable[[int], JSON]:
    """Return the body of a child that waits for its program."""
    if sys.platform == "linux":
        return lambda pipe: {"result": stand_by(orders, in_namespaces, pipe)}
    else:
        raise ValueError("keepers wait on Linux alone")


def _proving(jail: Jail) -> Callable[[int], JSON]:
    """Return the body of a child that tries what the jail is worth."""

    def body(pipe: int) -> JSON:
        close_descriptors((0, 1, 2, pipe))  # one that waits for its program must not wait for our end of its pipe
        return {"result": _as_json(jail)}

    return body


def _as_json(jail: Jail) -> JSON:
    proof = prove(jail)
    if sys.platform == "linux":
        proof = both(proof, prove_programs(jail.landlock_abi, _namespaces_allowed()))
    elif sys.platform == "darwin":
        folder = temporary.make("proof")
        try:
            proof = both(proof, prove_commands(_run_apart, "sandbox-exec", folder))
        finally:
            temporary.remove(folder)
    names = ("level", "layers", "reason", "escaped", "tried")
    return {name: getattr(proof, name) for name in names}


def _run_apart(program: Program) -> JSON:
    """Run a program as a call of it would, in a child of its own; raises JailError."""
    pipe, child_end = os.pipe()
    parent = os.getpid()
    pid = _fork()
    if pid == 0:
        _live_and_die(parent, child_end, _keeping(program, _in_namespaces(program)))
    os.close(child_end)
    told = bytearray()
    while chunk := os.read(pipe, _CHUNK_BYTES):
        told += chunk
    os.close(pipe)
    os.waitpid(pid, 0)
    outcome = _outcome(bytes(told), 0)
    if "error" in outcome:
        raise JailError(outcome["error"]["message"])
    return outcome["result"]


def _namespaces_allowed() -> bool:
    return os.environ.get(NAMESPACES_VARIABLE) != "0"
