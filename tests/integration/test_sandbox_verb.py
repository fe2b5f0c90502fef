"""`sandbox check` and `sandbox exec` as a user calls them: the script's own output and exit code, and no way out."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)

from jail_room import HAS_JAIL, USERS, become, let_reach_checkout, open_folder

from openclaw_desktop.workers.fork_server import ABI_VARIABLE, NAMESPACES_VARIABLE
from openclaw_desktop.workers.sandbox import landlock

pytestmark = pytest.mark.skipif(not HAS_JAIL, reason="this kernel has no jail to test")
AGENT = [sys.executable, "-P", "-m", "openclaw_desktop.cli.agent", "sandbox"]


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        for name in ("r", "w"):
            (path / name).mkdir()
            (path / name).chmod(0o777)
        (path / "r/text").write_text("granted")
        (path / "secret").write_text("top secret")
        for readable in (path / "r/text", path / "secret"):
            readable.chmod(0o666)
        yield path


def sandbox(
    *words: str, stdin: str = "", user: str = "self", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    def be_nobody() -> None:
        let_reach_checkout()
        become(user)

    variables = {"PATH": os.environ["PATH"], "SECRET": "canary", **environment}
    return subprocess.run(
        [*AGENT, *words], input=stdin, capture_output=True, text=True, timeout=120, check=False, cwd=cwd,
        env=variables, preexec_fn=be_nobody if user == "nobody" else None,
    )  # fmt: skip


def run_script(folder: Path, text: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(text)
    script.chmod(0o644)
    grants = ("--read", str(folder / "r"), "--write", str(folder / "w"))
    return sandbox("exec", *grants, "--", str(script), *arguments, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("abi", [landlock.LATEST_ABI, 4, 2])
@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("namespaces", ["1", "0"])
def test_check_proves_level_3(user: str, abi: int, namespaces: str) -> None:
    masks = {ABI_VARIABLE: str(abi), NAMESPACES_VARIABLE: namespaces}
    done = sandbox("check", "--json", user=user, **masks)
    told = json.loads(done.stdout)
    assert (done.returncode, told["level"], told["reason"]) == (0, 3, "")
    assert f"landlock {min(abi, landlock.kernel_abi())}" in told["layers"]
    assert len(told["probes"]) >= 100
    assert all(probe["held"] for probe in told["probes"])
    assert namespaces == "1" or "namespaces" not in told["layers"]


def test_check_in_words() -> None:
    done = sandbox("check")
    assert done.returncode == 0
    assert "Level 3 of 3" in done.stdout
    assert "hostile acts were stopped" in done.stdout


@pytest.mark.parametrize("words", [("check", "--json"), ("check",)])
def test_a_weak_jail_is_said_to_be_one(words: tuple[str, ...]) -> None:
    done = sandbox(*words, **{ABI_VARIABLE: "0"})
    assert done.returncode == 1
    assert "read outside" in done.stdout or '"level": 2' in done.stdout


def test_a_weak_jail_runs_nothing(folder: Path) -> None:
    done = run_script(folder, "print('ran')", **{ABI_VARIABLE: "0"})
    assert (done.returncode, done.stdout) == (4, "")
    assert "nothing was run" in done.stderr


GOOD = """
import asyncio, datetime, os, shutil, sqlite3, ssl, subprocess, sys, tempfile, threading
import numpy
r, w = sys.argv[1:3]
said = [open(r + "/text").read(), sys.stdin.read()]
thread = threading.Thread(target=lambda: said.append("thread"))
thread.start(); thread.join()
said.append(subprocess.run([sys.executable, "-c", "print('child')"], capture_output=True, text=True).stdout.strip())
said.append(str(numpy.ones((9, 9)).dot(numpy.ones((9, 9))).sum()))
database = sqlite3.connect(w + "/x.db")
database.execute("pragma journal_mode=wal")
database.execute("create table t (a)")
database.execute("insert into t values (1)")
database.commit()
said.append(str(database.execute("select count(*) from t").fetchone()[0]))
with tempfile.TemporaryDirectory() as own:
    open(own + "/a", "w").write("x")
    said.append(os.listdir(own)[0])
os.makedirs(w + "/deep/er"); open(w + "/deep/er/file", "w").write("x"); os.rename(w + "/deep", w + "/moved")
shutil.rmtree(w + "/moved")
asyncio.run(asyncio.sleep(0))
other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
other.kill(); said.append(str(other.wait()))
print(",".join(said))
print("warning", file=sys.stderr)
sys.exit(7)
"""


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("namespaces", ["1", "0"])
def test_what_an_honest_script_needs_works(folder: Path, user: str, namespaces: str) -> None:
    more = {"stdin": "typed", "user": user, NAMESPACES_VARIABLE: namespaces}
    done = run_script(folder, GOOD, str(folder / "r"), str(folder / "w"), **more)
    assert done.stdout == "granted,typed,thread,child,729.0,1,a,-9\n"
    assert (done.returncode, done.stderr) == (7, "warning\n")
    assert (folder / "w/x.db").exists()


HOSTILE = """
import ctypes, os, signal, socket, subprocess, sys
r, w, outside, parent = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
def attempt(name, act):
    try:
        act()
    except (OSError, subprocess.SubprocessError):
        return
    print("escaped:", name)
def run(*argv):
    if subprocess.run(argv, capture_output=True).returncode:
        raise OSError
attempt("read", lambda: open(outside + "/secret").read())
attempt("passwd", lambda: open("/etc/passwd").read())
attempt("root folder", lambda: os.listdir("/"))
attempt("home", lambda: os.listdir("/root"))
attempt("tmp", lambda: os.listdir("/tmp"))
attempt("sys", lambda: os.listdir("/sys/class"))
attempt("shm", lambda: open("/dev/shm/openclaw", "w"))
attempt("write the read-only", lambda: open(r + "/text", "a"))
attempt("create in the read-only", lambda: open(r + "/new", "w"))
attempt("delete the read-only", lambda: os.unlink(r + "/text"))
attempt("chmod the read-only", lambda: os.chmod(r + "/text", 0o777))
attempt("link the read-only", lambda: os.link(r + "/text", w + "/link"))
attempt("follow", lambda: (os.symlink(outside + "/secret", w + "/l"), open(w + "/l").read()))
attempt("python itself", lambda: open(os.__file__, "a"))
attempt("a .pth file", lambda: open(os.path.join(sys.prefix, "lib", "x.pth"), "w"))
attempt("environ of the parent", lambda: open(f"/proc/{parent}/environ").read())
attempt("environ of getppid", lambda: open(f"/proc/{os.getppid()}/environ").read())
attempt("memory of the parent", lambda: open(f"/proc/{parent}/mem", "r+b"))
attempt("root of the parent", lambda: os.listdir(f"/proc/{parent}/root"))
attempt("signal", lambda: os.kill(parent, 0))
attempt("tcp", lambda: socket.create_connection(("127.0.0.1", 22), 1))
attempt("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 53)))
attempt("unix", lambda: socket.socket(socket.AF_UNIX).connect("/run/dbus/system_bus_socket"))
attempt("abstract", lambda: socket.socket(socket.AF_UNIX).bind("\\0openclaw"))
attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))
attempt("vsock", lambda: socket.socket(40, socket.SOCK_STREAM))
attempt("a shell", lambda: run("/bin/sh", "-c", ":"))
attempt("the loader", lambda: run("/lib64/ld-linux-x86-64.so.2", "/bin/true"))
attempt("memory file", lambda: os.memfd_create("x"))
attempt("set-user-id", lambda: os.close(os.open(w + "/s", os.O_CREAT | os.O_WRONLY, 0o4755)))
attempt("fifo", lambda: os.mkfifo(w + "/fifo"))
attempt("terminal", lambda: open("/dev/tty", "w"))
attempt("kernel log", lambda: open("/dev/kmsg"))
if "SECRET" in os.environ: print("escaped: environment")
libc = ctypes.CDLL(None, use_errno=True)
calls = {"unshare": (0x10000000,), "chroot": (b"/",), "ptrace": (0, 0, 0, 0), "mount": (b"a", b"/tmp", b"tmpfs", 0, 0)}
for name, arguments in calls.items():
    if getattr(libc, name)(*arguments) == 0: print("escaped:", name)
print("done")
"""


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("namespaces", ["1", "0"])
def test_a_hostile_script_gets_nothing(folder: Path, user: str, namespaces: str) -> None:
    words = (str(folder / "r"), str(folder / "w"), str(folder), str(os.getpid()))
    done = run_script(folder, HOSTILE, *words, user=user, **{NAMESPACES_VARIABLE: namespaces})
    assert (done.stdout, done.returncode) == ("done\n", 0)
    assert (folder / "r/text").read_text() == "granted"
    assert [path.name for path in (folder / "r").iterdir()] == ["text"]


def test_the_hostile_script_would_get_much_without_a_jail(folder: Path) -> None:
    (folder / "script.py").write_text(HOSTILE)
    words = (str(folder / "r"), str(folder / "w"), str(folder), str(os.getpid()))
    stand_in = "import os; os.__file__ = '/dev/null'; os.path.join = lambda *a: '/dev/null'\n"
    (folder / "script.py").write_text(stand_in + HOSTILE)
    done = subprocess.run(
        [sys.executable, str(folder / "script.py"), *words], capture_output=True, text=True, timeout=60, check=False
    )
    (Path("/dev/shm/openclaw")).unlink(missing_ok=True)
    assert done.stdout.count("escaped:") >= 15


def test_relative_words_and_links_lead_where_they_lead_outside(folder: Path) -> None:
    (folder / "other").symlink_to(folder / "r")
    (folder / "script.py").write_text("import sys; print(open(sys.argv[1] + '/text').read())")
    done = sandbox("exec", "--read", "other", "--", "script.py", "other", cwd=folder)
    assert (done.stdout, done.returncode) == ("granted\n", 0)


def test_a_script_that_takes_too_long_is_ended(folder: Path) -> None:
    (folder / "script.py").write_text("while True: pass")
    done = sandbox("exec", "--timeout", "0.5", "--", str(folder / "script.py"))
    assert done.returncode != 0
    assert "took too long" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("namespaces", ["1", "0"])
def test_ending_the_verb_ends_the_script_and_its_children(folder: Path, number: int, namespaces: str) -> None:
    os.mkfifo(folder / "w/fifo")
    alive = os.open(folder / "w/fifo", os.O_RDONLY | os.O_NONBLOCK)
    text = "import os, time\nf = open('fifo', 'w')\nif os.fork(): os.fork()\nprint('up', flush=True)\ntime.sleep(1000)"
    (folder / "script.py").write_text(text)
    words = [*AGENT, "exec", "--write", str(folder / "w"), "--", str(folder / "script.py")]
    environment = {**os.environ, NAMESPACES_VARIABLE: namespaces}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=folder / "w", env=environment) as verb:
        assert verb.stdout is not None
        assert verb.stdout.readline() == "up\n"
        verb.send_signal(number)
    assert select.select([alive], [], [], 20)[0]
    assert os.read(alive, 1) == b""
    os.close(alive)


@pytest.mark.parametrize("words", [("--", "missing.py"), ("--read", "missing", "--", "script.py"), ("--", ".")])
def test_what_is_not_there_is_a_sentence(folder: Path, words: tuple[str, ...]) -> None:
    (folder / "script.py").write_text("print('ran')")
    done = sandbox("exec", *words, cwd=folder)
    assert done.returncode == 1
    assert "ran" not in done.stdout
    assert "There is no" in done.stderr or "is not a file" in done.stderr


def test_a_call_without_a_script_is_a_wrong_use() -> None:
    assert sandbox("exec").returncode == 2
