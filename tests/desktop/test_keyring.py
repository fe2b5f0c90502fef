"""A real Secret Service (gnome-keyring) on a session bus of the test's own: open, locked, and gone.

It holds secrets, and the key of the memory file.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("a Secret Service needs Linux", allow_module_level=True)
pytest.importorskip("Xlib", reason="the desktop dependencies are not installed")

from keyring_daemon import Keyring
from session import PROGRAMS, DesktopSession

if missing := [name for name in (*PROGRAMS, "gnome-keyring-daemon", "gdbus") if shutil.which(name) is None]:
    pytest.skip(f"not installed: {', '.join(missing)}", allow_module_level=True)

CANARY = "sk-canary-4f1c9b7e52"
HOST = "api.example.com"
WAIT_S = 2

# Reads a secret as the product's own requests do.
USE = """
import asyncio, sys
from pathlib import Path
from openclaw_desktop.service.memory.keeping import make_secrets
from openclaw_desktop.storage.settings import load_settings
from openclaw_desktop.system.paths import find_home
home = find_home(Path(sys.argv[1]), {})
print(asyncio.run(make_secrets(home, load_settings(home.settings_file), lasting=False).get("key", sys.argv[2]))[::-1])
"""


class Agent:
    """The command line inside the session, for one home."""

    def __init__(self, session: DesktopSession, home: Path) -> None:
        self.session = session
        self.home = home

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "openclaw_desktop.cli.agent", *words, "--home", str(self.home)]
        return subprocess.run(
            command, env=self.session.env, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )

    def set(self, name: str = "key") -> subprocess.CompletedProcess[str]:
        return self.run("secret", "set", name, "--host", HOST, stdin=CANARY)

    def use(self, host: str = HOST) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-c", USE, str(self.home), host]
        return subprocess.run(command, env=self.session.env, capture_output=True, text=True, timeout=60, check=False)

    def listed(self) -> list[tuple[str, str]]:
        done = self.run("secret", "list", "--json")
        assert done.returncode == 0, done
        return [(secret["name"], secret["store"]) for secret in json.loads(done.stdout)["secrets"]]


@pytest.fixture
def session() -> Iterator[DesktopSession]:
    with DesktopSession() as session:
        yield session


@pytest.fixture
def keyring(session: DesktopSession) -> Iterator[Keyring]:
    keyring = Keyring(session)
    yield keyring
    keyring.end()


@pytest.fixture
def agent(session: DesktopSession, tmp_path: Path) -> Agent:
    agent = Agent(session, tmp_path / "home")
    assert agent.listed() == []  # which makes the home
    return agent


def hits(*folders: Path) -> list[Path]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if CANARY.encode() in path.read_bytes()]


def test_an_open_keyring_keeps_gives_and_forgets(keyring: Keyring, agent: Agent, tmp_path: Path) -> None:
    keyring.start("test")
    done = agent.set()
    assert (done.returncode, done.stdout) == (0, "Kept key for api.example.com (in the keyring).\n"), done
    assert agent.listed() == [("key", "keyring")]
    used = agent.use()
    assert used.stdout.strip() == CANARY[::-1], used
    refused = agent.use("evil.test")
    assert refused.returncode == 1 and "was not sent to evil.test" in refused.stderr
    assert CANARY not in refused.stderr

    neighbour = Agent(keyring.session, tmp_path / "neighbour")
    assert neighbour.listed() == [], "homes share no secrets"

    # Not in our home, and not readable in the keyring's own files either.
    rings = Path(keyring.session.env["XDG_DATA_HOME"], "keyrings")
    assert hits(agent.home, rings) == []
    assert "/org/freedesktop/secrets/collection/login/" in keyring.items()
    removed = agent.run("secret", "remove", "key")
    assert (removed.returncode, removed.stdout) == (0, "Removed.\n"), removed
    assert agent.listed() == []
    assert keyring.items() == "(@ao [], @ao [])"
    assert agent.use().stdout.strip() == "" and hits(agent.home, rings) == []


def test_a_locked_keyring_with_nobody_at_its_window_is_a_sentence_in_time(keyring: Keyring, agent: Agent) -> None:
    keyring.start("test")
    assert agent.set().returncode == 0
    keyring.end()
    keyring.start(None)
    settings = agent.home / "config" / "settings.toml"
    settings.write_text(f"[secrets]\nkeyring_wait_s = {WAIT_S}\n")
    for act in (lambda: agent.set("second"), lambda: agent.run("secret", "remove", "key"), agent.use):
        began_s = time.monotonic()
        ended = act()
        assert ended.returncode == 1, ended
        assert f"did not answer within {WAIT_S} seconds" in ended.stderr, ended
        # The thread that still waits for the window keeps no program from ending.
        assert WAIT_S <= time.monotonic() - began_s < WAIT_S + 45
        assert CANARY not in ended.stdout + ended.stderr
    assert agent.listed() == [("key", "keyring")], (
        "what can be listed without the keyring is listed, and nothing is lost"
    )
    settings.unlink()
    keyring.end()
    keyring.start("test")
    assert agent.use().stdout.strip() == CANARY[::-1]


def test_a_keyring_that_has_gone_is_a_sentence(session: DesktopSession, keyring: Keyring, agent: Agent) -> None:
    keyring.start("test")
    assert agent.set().returncode == 0
    keyring.end()
    session.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={session.folder}/nobody"
    ended = agent.set("second")
    assert ended.returncode == 1 and "There is no keyring here" in ended.stderr, ended
    ended = agent.use()
    assert ended.returncode == 1 and "There is no keyring here" in ended.stderr, ended
    assert agent.listed() == [("key", "keyring")]


RING = """
import sys, keyring
print(keyring.get_password(f"OpenCLaw Desktop ({sys.argv[1]})", "memory-file-key"), end="")
"""
FACT = "The spare key lies under canary-8c41d7"


def data(agent: Agent) -> list[Path]:
    return [path for path in agent.home.rglob("*") if path.is_file() and b"canary-8c41d7" in path.read_bytes()]


def done(ended: subprocess.CompletedProcess[str]) -> dict[str, object]:
    assert ended.returncode == 0, ended
    return json.loads(ended.stdout)


def encrypted(agent: Agent) -> str:
    """Remember a fact, go through the first run, and return the recovery code."""
    assert agent.run("remember", FACT).returncode == 0
    assert agent.run("backup", "create").returncode == 0
    assert len(data(agent)) == 2
    first = done(agent.run("onboard", "--yes", "--json"))
    assert first["encryption"]["encrypted"] and first["encryption"]["key"] == "keyring"
    return str(first["recovery_code"])


def recalls(agent: Agent) -> bool:
    return FACT in agent.run("recall", "spare key").stdout


def test_the_first_run_encrypts_the_memory_and_the_keyring_holds_its_key(keyring: Keyring, agent: Agent) -> None:
    keyring.start("test")
    code = encrypted(agent)
    assert data(agent) == [], "neither the file, its backup nor anything beside them can be read"
    memory = done(agent.run("status", "--json"))["memory"]
    assert (memory["encrypted"], memory["key"]) == (True, "keyring")
    assert recalls(agent)
    rings = Path(keyring.session.env["XDG_DATA_HOME"], "keyrings")
    command = [sys.executable, "-P", "-c", RING, str(agent.home)]
    key = subprocess.run(
        command, env=keyring.session.env, capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert len(key) == 64
    for path in (*agent.home.rglob("*"), *rings.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            assert not any(secret in content for secret in (code.encode(), key.encode(), bytes.fromhex(key)))
    again = agent.run("onboard", "--yes")
    assert again.returncode == 0 and "Its key is in the keyring" in again.stdout and "Recovery code" not in again.stdout

    other = done(agent.run("memory", "rekey", "--json"))
    assert other["recovery_code"] not in ("", code) and other["left"] == []
    assert recalls(agent) and data(agent) == []
    assert all(copy["ok"] for copy in done(agent.run("backup", "list", "--json"))["backups"])
    assert done(agent.run("memory", "decrypt", "--json"))["encrypted"] is False
    assert recalls(agent) and len(data(agent)) == 2
    assert keyring.items() == "(@ao [], @ao [])", "a key that opens nothing any more is not kept"


def test_a_locked_keyring_keeps_the_memory_shut_and_loses_nothing(keyring: Keyring, agent: Agent) -> None:
    keyring.start("test")
    encrypted(agent)
    keyring.end()
    keyring.start(None)
    settings = agent.home / "config" / "settings.toml"
    settings.write_text(f"[secrets]\nkeyring_wait_s = {WAIT_S}\n")
    before = (agent.home / "data" / "openclaw.db").read_bytes()
    for words in (("recall", "spare key"), ("serve",), ("doctor",)):
        ended = agent.run(*words)
        assert ended.returncode == 1, ended
        said = ended.stdout + ended.stderr
        assert "The memory is encrypted" in said and f"did not answer within {WAIT_S} seconds" in said, ended
        assert "memory recover" in said and "Traceback" not in said
    assert (agent.home / "data" / "openclaw.db").read_bytes() == before, "nothing was begun in its place"
    keyring.end()
    keyring.start("test")
    assert recalls(agent), "and the home was not left locked"


def test_a_lost_keyring_and_the_code_open_the_memory(keyring: Keyring, agent: Agent) -> None:
    keyring.start("test")
    code = encrypted(agent)
    keyring.end()
    shutil.rmtree(Path(keyring.session.env["XDG_DATA_HOME"], "keyrings"))
    keyring.start("other")
    lost = agent.run("recall", "spare key")
    assert lost.returncode == 1 and "its key is not in the keyring" in lost.stderr and "memory recover" in lost.stderr
    wrong = agent.run("memory", "recover", stdin=code[:-1] + ("0" if code[-1] != "0" else "1"))
    assert wrong.returncode == 2 and "a letter is wrong" in wrong.stderr and code not in wrong.stderr
    recovered = agent.run("memory", "recover", stdin=code.lower() + "\n")
    assert recovered.returncode == 0 and "its key is in the keyring" in recovered.stdout, recovered
    assert recalls(agent)
    newer = done(agent.run("memory", "recover", "--new-code", "--json"))["recovery_code"]
    void = agent.run("memory", "recover", stdin=code)
    assert void.returncode == 1 and "not the recovery code" in void.stderr
    assert agent.run("memory", "recover", "--to", "none", stdin=str(newer)).returncode == 0
    assert recalls(agent) and done(agent.run("status", "--json"))["memory"]["key"] == "none"


def test_without_keyring_and_code_it_stays_shut_with_a_sentence(
    session: DesktopSession, keyring: Keyring, agent: Agent
) -> None:
    keyring.start("test")
    encrypted(agent)
    keyring.end()
    session.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={session.folder}/nobody"
    ended = agent.run("recall", "spare key")
    assert ended.returncode == 1 and len(ended.stderr.splitlines()) == 1, ended
    assert "There is no keyring here" in ended.stderr and "Without key and code nobody can open it" in ended.stderr


def test_the_first_run_without_a_keyring_leaves_the_memory_plain_and_says_so(
    session: DesktopSession, agent: Agent
) -> None:
    session.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={session.folder}/nobody"
    ended = agent.run("onboard", "--yes")
    assert ended.returncode == 0 and "the memory is not encrypted" in ended.stdout, ended
    assert "--to file PATH" in ended.stdout
    assert done(agent.run("status", "--json"))["memory"]["encrypted"] is False
