# The raw call is the act: pathlib would only stand in its way.
# ruff: noqa: PTH101, PTH102, PTH104, PTH108, PTH123, PTH208, PTH211, S103, S606
"""Hostile acts, each tried for real: what a hijacked tool would do to get out of its jail.

Owns the list and the scene that they play in. Must not know how a jail works, nor what an escape costs (`proof` does).
An act that returns has succeeded; one that the jail stops raises OSError or MemoryError. Linux. Tool worker, in
children.
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import resource
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from openclaw_desktop.workers.sandbox.kernel import PR_SET_PDEATHSIG, prctl, syscall

if sys.platform != "linux":
    raise ImportError("these acts are Linux's")

Promise = Literal["files", "network", "limits", "tree"]

_CLONE_NEWUSER, _SIGCHLD = 0x10000000, 17
_AT_FDCWD = -100


@dataclass(frozen=True, slots=True)
class Scene:
    """What the acts aim at. `granted` is the one folder that the jail may read; `limit_bytes` its memory.

    `writable` is one that a program's jail may change; a function's jail does not know it. `buffer`: an address in the
    victim's memory that holds nothing.
    """

    granted: str
    outside: str
    tcp_port: int
    udp_port: int
    abstract: str
    open_secret: int
    handle: bytes
    victim_pid: int
    limit_bytes: int
    writable: str = ""
    buffer: int = 0


@dataclass(frozen=True, slots=True)
class Probe:
    """One act and the promises of the jail that its success breaks. `root`: only root can do it even without a jail.

    `programs`: a program's jail must stop it too; else it is a right of every program.
    """

    name: str
    breaks: tuple[Promise, ...]
    act: Callable[[Scene], object]
    root: bool = False
    programs: bool = True


def _read(path: str) -> None:
    with open(path, "rb", buffering=0) as file:
        file.read(1)


def _open(path: str, flags: int = os.O_WRONLY) -> None:
    os.close(os.open(path, flags, 0o600))


def _write_through_openat2(scene: Scene) -> None:
    how = struct.pack("=3Q", os.O_WRONLY, 0, 0)
    os.close(syscall("openat2", _AT_FDCWD, os.fsencode(f"{scene.granted}/file"), how, len(how)))


def _open_by_handle(scene: Scene) -> None:
    here = os.open(scene.granted, os.O_RDONLY)
    os.close(syscall("open_by_handle_at", here, scene.handle, os.O_RDONLY))


def _watch(scene: Scene) -> None:
    syscall("inotify_add_watch", syscall("inotify_init1", 0), os.fsencode(scene.outside), 0xFFF)


def _reach_tcp(scene: Scene) -> None:
    with socket.socket() as peer:
        peer.connect(("127.0.0.1", scene.tcp_port))


def _listen_tcp(_scene: Scene) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()


def _send_udp(scene: Scene) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.sendto(b"x", ("127.0.0.1", scene.udp_port))


def _reach_unix(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(address)


def _use_io_uring(_scene: Scene) -> None:
    os.close(syscall("io_uring_setup", 4, ctypes.create_string_buffer(120)))


def _fork(_scene: Scene) -> None:
    if (pid := os.fork()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _clone_with_namespace(_scene: Scene) -> None:
    if (pid := syscall("clone", _CLONE_NEWUSER | _SIGCHLD, 0, 0, 0, 0)) == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _clone3(_scene: Scene) -> None:
    arguments = struct.pack("=8Q", 0, 0, 0, 0, _SIGCHLD, 0, 0, 0)
    if (pid := syscall("clone3", arguments, len(arguments))) == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _start_thread(_scene: Scene) -> None:
    try:
        _thread.start_new_thread(int, ())
    except RuntimeError as error:
        raise OSError(errno.EPERM, str(error)) from None


def _read_memory(scene: Scene) -> None:
    # An address of ours is one of the victim's too: it is our parent.
    target = ctypes.create_string_buffer(8)
    vector = struct.pack("=2Q", ctypes.addressof(target), 8)
    syscall("process_vm_readv", scene.victim_pid, vector, 1, vector, 1, 0)


def _take_descriptor(scene: Scene) -> None:
    os.close(syscall("pidfd_getfd", syscall("pidfd_open", scene.victim_pid, 0), scene.open_secret, 0))


def _trace(scene: Scene) -> None:
    syscall("ptrace", 0x4206, scene.victim_pid, 0, 0)  # PTRACE_SEIZE: it does not stop the victim


def _own_signals(scene: Scene) -> None:
    file = os.open(f"{scene.granted}/file", os.O_RDONLY)
    fcntl.fcntl(file, fcntl.F_SETOWN, scene.victim_pid)


def _control_device(scene: Scene) -> None:
    fcntl.ioctl(os.open(f"{scene.granted}/file", os.O_RDONLY), 0x5451)  # FIOCLEX


def _run_machine_code(_scene: Scene) -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def _open_many(scene: Scene) -> None:
    for _ in range(100):
        os.open(f"{scene.granted}/file", os.O_RDONLY)


def _lift_limits(_scene: Scene) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except ValueError as error:  # what Python makes of EPERM here
        raise OSError(errno.EPERM, str(error)) from None


def _mount(scene: Scene) -> None:
    syscall("mount", b"none", os.fsencode(scene.outside), b"tmpfs", 0, None)
    syscall("umount2", os.fsencode(scene.outside), 2)  # MNT_DETACH: where there is no jail, leave nothing behind


def _make_bpf_map(_scene: Scene) -> None:
    attributes = struct.pack("=5I", 2, 4, 4, 1, 0)  # an array of one 4-byte value
    os.close(syscall("bpf", 0, attributes, len(attributes)))


def _add_key(_scene: Scene) -> None:
    syscall("add_key", b"user", b"openclaw-probe", b"x", 1, -2)  # -2: the process's own keyring


# Acts that destroy what others need come last.
PROBES: tuple[Probe, ...] = (
    Probe("read outside", ("files",), lambda s: _read(f"{s.outside}/secret")),
    Probe("list outside", ("files",), lambda s: os.listdir(s.outside)),
    Probe("follow a link out", ("files",), lambda s: _read(f"{s.granted}/link")),
    Probe("climb out with ..", ("files",), lambda s: _read(f"{s.granted}/../outside/secret")),
    Probe("read an inherited descriptor", ("files",), lambda s: os.pread(s.open_secret, 1, 0)),
    Probe("open by handle", ("files",), _open_by_handle, root=True),
    Probe("watch outside", ("files",), _watch),
    Probe("read the parent's memory file", ("files",), lambda s: _open(f"/proc/{s.victim_pid}/mem", os.O_RDONLY)),
    Probe("read the parent's environment", ("files",), lambda s: _read(f"/proc/{s.victim_pid}/environ")),
    Probe("read the parent's memory", ("files",), _read_memory),
    Probe("take the parent's descriptor", ("files",), _take_descriptor),
    Probe("trace the parent", ("files", "network", "tree"), _trace),
    Probe("read the session's keyring", ("files",), lambda _: syscall("keyctl", 0, -3, 1)),
    Probe("add a key", ("files",), _add_key),
    Probe("control a device", ("files",), _control_device, programs=False),
    Probe("tcp connect", ("network",), _reach_tcp),
    Probe("tcp listen", ("network",), _listen_tcp),
    Probe("udp send", ("network",), _send_udp),
    Probe("unix connect by path", ("network",), lambda s: _reach_unix(f"{s.outside}/socket")),
    Probe("unix connect by name", ("network",), lambda s: _reach_unix(f"\0{s.abstract}")),
    Probe("netlink socket", ("network",), lambda _: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    Probe("io_uring", ("network",), _use_io_uring),
    Probe("run a program", ("tree",), lambda _: os.execv("/bin/sh", ["/bin/sh", "-c", ":"])),
    Probe("fork", ("tree",), _fork, programs=False),
    Probe("clone into a namespace", ("tree",), _clone_with_namespace),
    Probe("clone3", ("tree",), _clone3),
    Probe("start a thread", ("tree",), _start_thread, programs=False),
    Probe("signal the parent", ("tree",), lambda s: os.kill(s.victim_pid, 0)),
    Probe("own another's signals", ("tree",), _own_signals),
    Probe("leave the session", ("tree",), lambda _: os.setsid(), programs=False),
    Probe("outlive the parent", ("tree",), lambda _: prctl(PR_SET_PDEATHSIG, 0), programs=False),
    Probe("run new machine code", ("tree",), _run_machine_code, programs=False),
    Probe("create a memory file", ("tree",), lambda _: syscall("memfd_create", b"x", 0)),
    Probe("use memory beyond the limit", ("limits",), lambda s: bytearray(s.limit_bytes), programs=False),
    Probe("open files beyond the limit", ("limits",), _open_many, programs=False),
    Probe("lift the limits", ("limits",), _lift_limits, root=True),
    Probe("unshare", ("files", "network"), lambda _: syscall("unshare", _CLONE_NEWUSER)),
    Probe("make a bpf map", ("files", "network"), _make_bpf_map, root=True),
    Probe("mount", ("files",), _mount, root=True),
    Probe("change the root", ("files",), lambda s: os.chroot(s.granted), root=True),
    Probe("write inside", ("files",), lambda s: _open(f"{s.granted}/file")),
    Probe("write outside", ("files",), lambda s: _open(f"{s.outside}/secret")),
    Probe("append inside", ("files",), lambda s: _open(f"{s.granted}/file", os.O_RDWR | os.O_APPEND)),
    Probe("write through openat2", ("files",), _write_through_openat2),
    Probe("create inside", ("files",), lambda s: _open(f"{s.granted}/new", os.O_WRONLY | os.O_CREAT)),
    Probe("create outside", ("files",), lambda s: _open(f"{s.outside}/new", os.O_WRONLY | os.O_CREAT)),
    Probe("make a folder", ("files",), lambda s: os.mkdir(f"{s.granted}/folder")),
    Probe("make a fifo", ("files",), lambda s: os.mkfifo(f"{s.granted}/fifo")),
    Probe("make a symlink", ("files",), lambda s: os.symlink("/", f"{s.granted}/root")),
    Probe("make a hard link", ("files",), lambda s: os.link(f"{s.granted}/file", f"{s.granted}/twin")),
    Probe("change permissions inside", ("files",), lambda s: os.chmod(f"{s.granted}/file", 0o666)),
    Probe("change permissions outside", ("files",), lambda s: os.chmod(f"{s.outside}/secret", 0o666)),
    Probe("change times", ("files",), lambda s: os.utime(f"{s.granted}/file")),
    Probe("truncate on opening inside", ("files",), lambda s: _open(f"{s.granted}/file", os.O_RDONLY | os.O_TRUNC)),
    Probe("truncate on opening outside", ("files",), lambda s: _open(f"{s.outside}/secret", os.O_RDONLY | os.O_TRUNC)),
    Probe("truncate inside", ("files",), lambda s: os.truncate(f"{s.granted}/file", 0)),
    Probe("truncate outside", ("files",), lambda s: os.truncate(f"{s.outside}/secret", 0)),
    Probe("rename inside", ("files",), lambda s: os.rename(f"{s.granted}/file", f"{s.granted}/file2")),
    Probe("rename into the grant", ("files",), lambda s: os.rename(f"{s.outside}/secret", f"{s.granted}/secret")),
    Probe("delete inside", ("files",), lambda s: os.unlink(f"{s.granted}/file")),
    Probe("delete outside", ("files",), lambda s: os.unlink(f"{s.outside}/secret")),
)


@contextlib.contextmanager
def scene(folder: str, victim_pid: int, limit_bytes: int) -> Iterator[Scene]:
    """Set the stage in `folder`, which is empty and ours; it is left full. Raises OSError."""
    granted, outside, writable = f"{folder}/granted", f"{folder}/outside", f"{folder}/writable"
    for path in (granted, outside, writable):
        os.mkdir(path)
        os.chmod(path, 0o777)  # so that nothing but the jail stands in the way, whoever runs the act
    for path in (f"{granted}/file", f"{outside}/secret", f"{writable}/own"):
        with open(path, "wb") as file:
            file.write(b"content")
        os.chmod(path, 0o666)
    os.symlink(f"{outside}/secret", f"{granted}/link")
    abstract = f"openclaw-{os.urandom(8).hex()}"
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        for address in (f"{outside}/socket", f"\0{abstract}"):
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(address)
            server.listen(128)
        os.chmod(f"{outside}/socket", 0o666)
        secret = os.open(f"{outside}/secret", os.O_RDWR)
        stack.callback(os.close, secret)
        with contextlib.suppress(OSError):  # not every file system has attributes
            os.setxattr(secret, "user.openclaw", b"secret")
        buffer = ctypes.create_string_buffer(8)
        handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0), 136)
        with contextlib.suppress(OSError):  # not every file system has handles; the act then fails by itself
            mount_id = ctypes.byref(ctypes.c_int())
            syscall("name_to_handle_at", _AT_FDCWD, os.fsencode(f"{outside}/secret"), handle, mount_id, 0)
        ports = tcp.getsockname()[1], udp.getsockname()[1]
        here = ctypes.addressof(buffer)
        yield Scene(granted, outside, *ports, abstract, secret, handle.raw, victim_pid, limit_bytes, writable, here)
