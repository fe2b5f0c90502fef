# The raw call is the act: pathlib would only stand in its way.
# ruff: noqa: PTH104, PTH116, PTH123, PTH208, PTH211
"""More hostile acts: what a whole program could try beyond a function, and what neither may do.

Owns the list. The rest is as in `probes`. Linux. Tool worker, in children.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import socket
import stat
import sys

from openclaw_desktop.workers.sandbox.kernel import syscall
from openclaw_desktop.workers.sandbox.probes import Probe, Scene

if sys.platform != "linux":
    raise ImportError("these acts are Linux's")

_F_NOTIFY, _DN_MODIFY = 1026, 2
_IPC_CREATE, _IPC_REMOVE = 0o1000, 0
_AF_ALG, _AF_PACKET = 38, 17
_CLONE_NEWNET = 0x40000000


def _fchmod(scene: Scene) -> None:
    os.fchmod(os.open(f"{scene.granted}/file", os.O_RDONLY), 0o666)


def _futime(scene: Scene) -> None:
    os.utime(os.open(f"{scene.granted}/file", os.O_RDONLY))


def _truncate_with_mode_3(scene: Scene) -> None:
    os.close(os.open(f"{scene.granted}/file", os.O_TRUNC | 3))


def _notify(scene: Scene) -> None:
    fcntl.fcntl(os.open(scene.granted, os.O_RDONLY), _F_NOTIFY, _DN_MODIFY)


def _share_memory(_scene: Scene) -> None:
    number = syscall("shmget", 0, 4096, _IPC_CREATE | 0o600)
    syscall("shmctl", number, _IPC_REMOVE, None)


def _queue_messages(_scene: Scene) -> None:
    number = syscall("msgget", 0, _IPC_CREATE | 0o600)
    syscall("msgctl", number, _IPC_REMOVE, None)


def _open_queue(_scene: Scene) -> None:
    name = f"openclaw-{os.getpid()}".encode()
    os.close(syscall("mq_open", name, os.O_CREAT | os.O_RDWR, 0o600, None))
    syscall("mq_unlink", name)


def _limit_the_parent(scene: Scene) -> None:
    resource.prlimit(scene.victim_pid, resource.RLIMIT_CORE, resource.prlimit(scene.victim_pid, resource.RLIMIT_CORE))


def _slow_the_parent(scene: Scene) -> None:
    os.setpriority(os.PRIO_PROCESS, scene.victim_pid, 0)


def _bind_the_parent(scene: Scene) -> None:
    os.sched_setaffinity(scene.victim_pid, os.sched_getaffinity(0))


def _signal_by_descriptor(scene: Scene) -> None:
    signal.pidfd_send_signal(os.pidfd_open(scene.victim_pid), 0)


def _send_unconnected(scene: Scene) -> None:
    one, _ = socket.socketpair(type=socket.SOCK_DGRAM)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(f"{scene.outside}/datagrams{os.getpid()}")
    one.sendmsg([b"x"], [], 0, f"{scene.outside}/datagrams{os.getpid()}")


def _read_through_own_link(scene: Scene) -> None:
    link = f"{scene.writable}/link{os.getpid()}"
    os.symlink(f"{scene.outside}/secret", link)
    with open(link, "rb") as file:
        file.read(1)


def _write_through_own_link(scene: Scene) -> None:
    link = f"{scene.writable}/link{os.getpid()}"
    os.symlink(f"{scene.granted}/file", link)
    os.close(os.open(link, os.O_WRONLY))


def _link_in(scene: Scene, path: str) -> None:
    os.link(path, f"{scene.writable}/hard{os.getpid()}")


def _move_in(scene: Scene, path: str) -> None:
    os.rename(path, f"{scene.writable}/moved{os.getpid()}")


def _swap(scene: Scene) -> None:
    names = os.fsencode(f"{scene.writable}/own"), os.fsencode(f"{scene.granted}/file")
    syscall("renameat2", -100, names[0], -100, names[1], 2)  # RENAME_EXCHANGE


def _make_set_user_id(scene: Scene) -> None:
    path = f"{scene.writable}/set{os.getpid()}"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o4755))
    if not os.stat(path).st_mode & stat.S_ISUID:
        raise PermissionError(1, "the bit was dropped")


def _make_device(scene: Scene) -> None:
    os.mknod(f"{scene.writable}/device{os.getpid()}", 0o600 | stat.S_IFCHR, os.makedev(1, 3))


def _fault_for_others(_scene: Scene) -> None:
    os.close(syscall("userfaultfd", 0))


def _set_name(_scene: Scene) -> None:
    name = os.uname().nodename.encode()
    syscall("sethostname", name, len(name))


def _clone_network(_scene: Scene) -> None:
    if (pid := syscall("clone", _CLONE_NEWNET | 17, 0, 0, 0, 0)) == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _change_flags(scene: Scene) -> None:
    # FS_IOC_GETFLAGS and SETFLAGS: chattr on what can only be read.
    file, flags = os.open(f"{scene.granted}/file", os.O_RDONLY), ctypes.create_string_buffer(8)
    fcntl.ioctl(file, 0x80086601, flags)
    fcntl.ioctl(file, 0x40086602, flags)


def _become_another(_scene: Scene) -> None:
    try:
        os.setuid(os.getuid() + 1)
    except OSError as error:  # EINVAL: nobody else is known in this namespace
        raise PermissionError(1, str(error)) from None


def _raw(family: int, kind: int = socket.SOCK_RAW, protocol: int = 0) -> None:
    socket.socket(family, kind, protocol).close()


MORE_PROBES: tuple[Probe, ...] = (
    Probe("list the root folder", ("files",), lambda _: os.listdir("/")),
    Probe("read the users' list", ("files",), lambda _: open("/etc/passwd", "rb").close()),
    Probe("list the system's devices", ("files",), lambda _: os.listdir("/sys")),
    Probe("read the kernel's symbols", ("files",), lambda _: open("/proc/kallsyms", "rb").close()),
    Probe("change permissions by descriptor", ("files",), _fchmod),
    Probe("change times by descriptor", ("files",), _futime),
    Probe("change the owner", ("files",), lambda s: os.chown(f"{s.granted}/file", os.getuid(), os.getgid())),
    Probe("set an attribute", ("files",), lambda s: os.setxattr(f"{s.granted}/file", "user.openclaw", b"x")),
    Probe("change a file's flags", ("files",), _change_flags, root=True),
    Probe("truncate with access mode 3", ("files",), _truncate_with_mode_3),
    Probe("be told of changes", ("files",), _notify),
    Probe("system V shared memory", ("files",), _share_memory),
    Probe("system V messages", ("files",), _queue_messages),
    Probe("message queue", ("files",), _open_queue),
    Probe("set the parent's limits", ("tree",), _limit_the_parent),
    Probe("slow the parent down", ("tree",), _slow_the_parent),
    Probe("bind the parent to a processor", ("tree",), _bind_the_parent),
    Probe("signal the parent by descriptor", ("tree",), _signal_by_descriptor),
    Probe("send from an unconnected pair", ("network",), _send_unconnected),
    Probe("raw socket", ("network",), lambda _: _raw(socket.AF_INET, protocol=socket.IPPROTO_ICMP), root=True),
    Probe("packet socket", ("network",), lambda _: _raw(_AF_PACKET), root=True),
    Probe("ipv6 socket", ("network",), lambda _: _raw(socket.AF_INET6, socket.SOCK_DGRAM)),
    Probe("clone into a network", ("network",), _clone_network, root=True),
    Probe("read through a link of its own", ("files",), _read_through_own_link),
    Probe("write through a link of its own", ("files",), _write_through_own_link),
    Probe("hard link to a secret", ("files",), lambda s: _link_in(s, f"{s.outside}/secret")),
    Probe("hard link to a read-only file", ("files",), lambda s: _link_in(s, f"{s.granted}/file")),
    Probe("swap with a read-only file", ("files",), _swap),
    Probe("make a file set-user-id", ("files",), _make_set_user_id),
    Probe("make a device", ("files",), _make_device, root=True),
    Probe("fault for others", ("tree",), _fault_for_others, root=True),
    Probe("rename the host", ("files",), _set_name, root=True),
    Probe("become another user", ("files",), _become_another, root=True),
    Probe("take a read-only file away", ("files",), lambda s: _move_in(s, f"{s.granted}/file")),
    Probe("take a secret away", ("files",), lambda s: _move_in(s, f"{s.outside}/secret")),
)
