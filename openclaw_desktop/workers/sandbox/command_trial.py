"""Hostile acts as commands of the system, for platforms whose jail can only be tried from outside.

Owns the lists, the scene that they play in, and what their ends mean. Must not know how a program is jailed, nor what a
result is worth (`proof` does). An act that ends with exit code 0 has got out; so has one that had to be ended for what
it used up and was not. macOS and Windows use it; its POSIX list runs on Linux too. The tool worker or the agent.
"""

# Memory counts in the tool worker, and pathlib brings much.
# ruff: noqa: PTH102, PTH108, PTH110, PTH118, PTH123, PTH211

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.programs import Ended, Program
from openclaw_desktop.workers.sandbox.jail import JailError
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail

if sys.platform == "win32":
    import subprocess
else:
    import fcntl

Run = Callable[[Program], Mapping[str, Any]]
TIMEOUT_S = 20.0
OUTLIVE = "outlive the end"
_MEMORY_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class CommandProbe:
    """One act: a line for the system's shell, and the promises of the jail that its success breaks.

    `ended`: how it must end, where it uses up more than it may; it is given `timeout_s`.
    """

    name: str
    breaks: tuple[str, ...]
    line: str
    ended: Ended | None = None
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Stage:
    """What the acts aim at. `granted` may be read, `writable` changed; `outside` is nobody's business."""

    granted: str
    outside: str
    writable: str
    tcp_port: int
    udp_port: int
    address: str
    victim_pid: int

    def words(self) -> tuple[str, ...]:
        """Return what a line finds as $1 to $7, or as OPENCLAW_1 to OPENCLAW_7."""
        numbers = (str(self.tcp_port), str(self.udp_port))
        return (self.granted, self.outside, self.writable, *numbers, self.address, str(self.victim_pid))


def _perl(code: str, *words: str) -> str:
    return f"exec perl -e '{code}' {' '.join(words)}"


_TO = "sockaddr_in($ARGV[0], inet_aton(q(127.0.0.1)))"
POSIX_PROBES: tuple[CommandProbe, ...] = (
    CommandProbe("read outside", ("files",), 'cat "$2/secret"'),
    CommandProbe("list outside", ("files",), 'ls "$2"'),
    CommandProbe("list the root folder", ("files",), "ls /"),
    CommandProbe("read the users' list", ("files",), "cat /etc/passwd"),
    CommandProbe("follow a link out", ("files",), 'cat "$1/link"'),
    CommandProbe("climb out with ..", ("files",), 'cat "$1/../outside/secret"'),
    CommandProbe("follow a link of its own out", ("files",), 'ln -s "$2/secret" "$3/own" && cat "$3/own"'),
    CommandProbe("write inside", ("files",), 'echo x >> "$1/file"'),
    CommandProbe("create inside", ("files",), ': > "$1/new"'),
    CommandProbe("make a folder inside", ("files",), 'mkdir "$1/folder"'),
    CommandProbe("change permissions inside", ("files",), 'chmod 666 "$1/file"'),
    CommandProbe("change times inside", ("files",), 'touch -t 200001010000 "$1/file"'),
    CommandProbe("rename inside", ("files",), 'mv "$1/file" "$1/other" && mv "$1/other" "$1/file"'),
    CommandProbe("delete inside", ("files",), 'rm "$1/spare"'),
    CommandProbe("write through a link of its own", ("files",), 'ln -s "$1/file" "$3/in" && echo x >> "$3/in"'),
    CommandProbe("hard link to a read-only file", ("files",), 'ln "$1/file" "$3/hard"'),
    CommandProbe("write outside", ("files",), 'echo x >> "$2/secret"'),
    CommandProbe("create outside", ("files",), ': > "$2/new"'),
    CommandProbe("change permissions outside", ("files",), 'chmod 666 "$2/secret"'),
    CommandProbe("hard link to a secret", ("files",), 'ln "$2/secret" "$3/taken"'),
    CommandProbe("make a file set-user-id", ("files",), ': > "$3/set" && chmod 4755 "$3/set" && test -u "$3/set"'),
    CommandProbe("make a fifo", ("files",), 'mkfifo "$3/fifo"'),
    CommandProbe("write into /tmp", ("files",), 'f="/tmp/openclaw-act-$$"; : > "$f" && rm "$f"'),
    CommandProbe(
        "tcp connect", ("network",),
        _perl(f"use Socket; socket(S, AF_INET, SOCK_STREAM, 0) && connect(S, {_TO}) or exit 1", '"$4"'),
    ),
    CommandProbe(
        "tcp listen", ("network",),
        _perl("use Socket; socket(S, AF_INET, SOCK_STREAM, 0) && bind(S, sockaddr_in(0, INADDR_LOOPBACK)) "
              "&& listen(S, 1) or exit 1"),
    ),
    CommandProbe(
        "udp send", ("network",),
        _perl(f"use Socket; socket(S, AF_INET, SOCK_DGRAM, 0) && send(S, q(x), 0, {_TO}) or exit 1", '"$5"'),
    ),
    CommandProbe(
        "unix connect", ("network",),
        _perl("use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0) && connect(S, sockaddr_un($ARGV[0])) or exit 1", '"$6"'),
    ),
    CommandProbe("signal the parent", ("tree",), 'kill -0 "$7"'),
    CommandProbe("slow the parent down", ("tree",), 'renice -n 1 -p "$7"'),
    CommandProbe(
        OUTLIVE, ("tree",),
        _perl("use POSIX; pipe(R, W); if (fork) { close W; <R>; exit } close R; POSIX::setsid(); fork and exit; "
              "open(F, q(>), $ARGV[0]); flock(F, 2); open(STDOUT, q(>), q(/dev/null)); "
              "open(STDERR, q(>), q(/dev/null)); print W qq(up\\n); close W; "
              "select(undef, undef, undef, 0.1) while -e $ARGV[0]", '"$3/stray"'),
    ),
    CommandProbe("run on and on", ("limits",), "exec sleep 30", ended="time", timeout_s=0.3),
    CommandProbe("write on and on", ("limits",), "exec yes", ended="output"),
    CommandProbe("use memory beyond the limit", ("limits",), _perl("$x = q(x) x (1 << 29); sleep 30"), ended="memory"),
)  # fmt: skip

WINDOWS_PROBES: tuple[CommandProbe, ...] = (
    CommandProbe("read outside", ("files",), 'type "%OPENCLAW_2%\\secret"'),
    CommandProbe("list outside", ("files",), 'dir /b "%OPENCLAW_2%"'),
    CommandProbe("list the user's folder", ("files",), 'dir /b "%SystemDrive%\\Users\\%OPENCLAW_8%"'),
    CommandProbe("climb out with ..", ("files",), 'type "%OPENCLAW_1%\\..\\outside\\secret"'),
    CommandProbe("write inside", ("files",), 'echo x>>"%OPENCLAW_1%\\file"'),
    CommandProbe("create inside", ("files",), 'echo x>"%OPENCLAW_1%\\new"'),
    CommandProbe("make a folder inside", ("files",), 'mkdir "%OPENCLAW_1%\\folder"'),
    CommandProbe("rename inside", ("files",), 'ren "%OPENCLAW_1%\\file" other'),
    CommandProbe("change attributes inside", ("files",), 'attrib +r "%OPENCLAW_1%\\file"'),
    CommandProbe("hard link to a secret", ("files",), 'mklink /h "%OPENCLAW_3%\\hard" "%OPENCLAW_2%\\secret"'),
    CommandProbe("write outside", ("files",), 'echo x>>"%OPENCLAW_2%\\secret"'),
    CommandProbe("create outside", ("files",), 'echo x>"%OPENCLAW_2%\\new"'),
    CommandProbe("change rights inside", ("files",), 'icacls "%OPENCLAW_1%\\file" /grant *S-1-1-0:F'),
    CommandProbe("write the user's registry", ("files",), "reg add HKCU\\Environment /v OpenClawAct /d x /f"),
    CommandProbe("tcp connect", ("network",), 'curl.exe -s -m 3 -o NUL "http://127.0.0.1:%OPENCLAW_4%/"'),
    CommandProbe("end another's process", ("tree",), "taskkill /f /pid %OPENCLAW_7%"),
    CommandProbe("run on and on", ("limits",), "ping -n 30 127.0.0.1", ended="time", timeout_s=0.5),
    CommandProbe("write on and on", ("limits",), "for /l %i in (0,0,1) do @echo xxxxxxxxxxxxxxxx", ended="output"),
)


_HONEST = 'cat "$1/file" && echo x > "$3/mine"'


def escapes(probes: Sequence[CommandProbe], run: Run, folder: str, namespaces: bool = True) -> list[str]:
    """Try every act by `run` and return the names of those that got out; `folder` is empty, canonical and ours.

    Raises JailError where a program can't even do what it may, CallFailed and OSError where nothing can be tried.
    """
    with stage(folder) as scene:
        jail = ProgramJail(
            (scene.granted,), (scene.writable,), any_program=True, address_bytes=0, memory_bytes=_MEMORY_BYTES,
            namespaces=namespaces,
        )  # fmt: skip
        line = 'type "%OPENCLAW_1%\\file" && echo x>"%OPENCLAW_3%\\mine"' if sys.platform == "win32" else _HONEST
        honest = CommandProbe("honest", (), line)
        if run(_program(honest, jail, scene))["exit_code"] != 0:
            raise JailError("a program in its jail can't do what it may")
        found = []
        for probe in probes:
            result = run(_program(probe, jail, scene))
            got_out = result["ended"] != probe.ended if probe.ended else result["exit_code"] == 0
            if probe.name == OUTLIVE:
                got_out = _is_held(os.path.join(scene.writable, "stray"))
            if got_out:
                found.append(probe.name)
        return found


def _program(probe: CommandProbe, jail: ProgramJail, scene: Stage) -> Program:
    words = scene.words()
    if sys.platform == "win32":
        shell = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "cmd.exe")
        argv: tuple[str, ...] = (shell, "/d", "/c", probe.line)
        words += (os.environ.get("USERNAME", ""),)
    else:
        argv = ("/bin/sh", "-c", probe.line, "sh", *words)
    environment = {f"OPENCLAW_{number}": word for number, word in enumerate(words, 1)}
    if probe.ended == "output":
        jail = replace(jail, memory_bytes=1 << 30)
    return Program(argv, jail, scene.writable, environment, probe.timeout_s, output_limit_bytes=50_000)


def _is_held(path: str) -> bool:
    """Return whether somebody still holds the lock of a file; whoever does ends once it is removed."""
    if sys.platform != "win32" and os.path.exists(path):
        with open(path, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.unlink(path)
                return True
    return False


@contextlib.contextmanager
def stage(folder: str) -> Iterator[Stage]:
    """Set the stage in `folder`, which is empty and ours; it is left full. Raises OSError."""
    granted, outside, writable = (os.path.join(folder, name) for name in ("granted", "outside", "writable"))
    for path in (granted, outside, writable):
        os.mkdir(path)
    for path in (os.path.join(granted, "file"), os.path.join(granted, "spare"), os.path.join(outside, "secret")):
        with open(path, "wb") as file:
            file.write(b"content")
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
        udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        address = os.path.join(outside, "socket")
        if sys.platform != "win32":
            os.symlink(os.path.join(outside, "secret"), os.path.join(granted, "link"))
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(address)
            server.listen(64)
        ports = tcp.getsockname()[1], udp.getsockname()[1]
        yield Stage(granted, outside, writable, *ports, address, _victim(stack))


def _victim(stack: contextlib.ExitStack) -> int:
    """Return the process id of one that the acts aim at: our parent, or one of its own where they would end it."""
    if sys.platform == "win32":
        system = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32")
        words = [os.path.join(system, "ping.exe"), "-n", "120", "127.0.0.1"]
        victim = subprocess.Popen(words, stdout=subprocess.DEVNULL, creationflags=subprocess.CREATE_NO_WINDOW)
        stack.callback(victim.kill)
        return victim.pid
    else:
        return os.getppid()


def program_escapes_by_command(run: Run, folder: str) -> list[str]:
    """Try this platform's acts; see `escapes`."""
    try:
        return escapes(WINDOWS_PROBES if sys.platform == "win32" else POSIX_PROBES, run, folder)
    except CallFailed as failure:
        raise JailError(failure.message) from failure


def promises() -> dict[str, tuple[str, ...]]:
    """Return what each of this platform's acts would break."""
    probes = WINDOWS_PROBES if sys.platform == "win32" else POSIX_PROBES
    return {probe.name: probe.breaks for probe in probes}
