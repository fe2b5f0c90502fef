"""`openclaw-agent secret …` on a machine without a keyring: a pipe, a person at a terminal, a running agent."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_process import Program
from test_terminal import Terminal

CANARY = "sk-canary-4f1c9b7e52"
PASSPHRASE = "correct horse battery canary"
HOST = "api.example.com"

# Reads a secret as the product's own requests do, in a process of its own.
USE = """
import asyncio, os, sys
from pathlib import Path
from openclaw_desktop.service.memory.keeping import make_secrets
from openclaw_desktop.storage.settings import load_settings
from openclaw_desktop.system.paths import find_home
home = find_home(Path(sys.argv[1]), {})
secrets = make_secrets(home, load_settings(home.settings_file), lasting=False)
sys.exit(0 if asyncio.run(secrets.get(sys.argv[2], sys.argv[3])) == sys.argv[4][::-1] else 9)
"""
# A fault of our own while the value is in memory.
CRASH = """
import sys
from openclaw_desktop.cli.commands import run_command
from openclaw_desktop.service.local import LocalService
async def set_secret(self, name, host, value, store, passphrase=None):
    raise RuntimeError("a fault")
LocalService.set_secret = set_secret
sys.exit(run_command(sys.argv[1:]))
"""
# A verb that needs a secret, as one that asks a server with a key does.
NEEDY = """
import sys
from openclaw_desktop.cli.commands import run_command
from openclaw_desktop.service.local import LocalService
from openclaw_desktop.service.memory.api import ErasureView
async def forget(self, ids):
    return ErasureView("era", "", len(await self._parts.secrets.get("key", "api.example.com")))
LocalService.forget = forget
sys.exit(run_command(sys.argv[1:]))
"""


class Needy(Program):
    """The command line with that verb in the place of `forget`."""

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-P", "-c", NEEDY, *words, "--home", str(self.home)]


class Person(Terminal):
    """Somebody who types what is not shown."""

    def type_hidden(self, prompt: str, text: str) -> None:
        self.wait_for(prompt)
        self.shown = self.shown.replace(prompt, "(asked)")
        self.type(text + "\n")

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._controller)[3] & termios.ECHO)


@pytest.fixture
def people(program: Program) -> Iterator[list[Person]]:
    opened: list[Person] = []
    yield opened
    for person in opened:
        person.close()


def hits(folder: Path, *texts: str) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert files
    return [path for path in files for text in texts if text.encode() in path.read_bytes()]


def named(path: Path) -> dict[str, str]:
    path.write_text(PASSPHRASE + "\n")
    path.chmod(0o600)
    return {"OPENCLAW_SECRETS_PASSPHRASE_FILE": str(path)}


def test_without_a_keyring_a_script_is_told_what_else_there_is(program: Program) -> None:
    ended = program.run("secret", "set", "key", "--host", HOST, stdin=CANARY)
    ended.failed("There is no keyring here", "--store file", "--store session")
    assert program.run("secret", "list", "--json").done().document == {"secrets": []}
    ended = program.run("secret", "set", "key", "--host", HOST, "--store", "file", stdin=CANARY)
    ended.failed("no terminal to ask", "OPENCLAW_SECRETS_PASSPHRASE_FILE")
    assert hits(program.home, CANARY) == []


@pytest.mark.parametrize("backend", ["keyrings.alt.file.PlaintextKeyring", "keyring.backends.null.Keyring"])
def test_a_plaintext_back_end_is_refused(program: Program, backend: str) -> None:
    ended = program.run("secret", "set", "key", "--host", HOST, stdin=CANARY, PYTHON_KEYRING_BACKEND=backend)
    ended.failed(backend, "not one that protects secrets")
    assert program.run("secret", "list", "--json").done().document == {"secrets": []}


def test_a_value_is_no_word_of_the_command_line(program: Program) -> None:
    ended = program.run("secret", "set", "key", "--host", HOST, CANARY)
    assert ended.code == 2


def test_wrong_words_are_a_wrong_use(program: Program, tmp_path: Path) -> None:
    environ = named(tmp_path / "passphrase")
    for words, stdin, said in [
        (("key", "--host", "https://api.example.com"), CANARY, "not the name of one host"),
        (("a key", "--host", HOST), CANARY, "can't be called"),
        (("key", "--host", HOST), "", "can't be a secret"),
        (("key", "--host", HOST), CANARY + "\nmore\n", "can't be a secret"),
    ]:
        ended = program.run("secret", "set", *words, "--store", "file", stdin=stdin, **environ)
        assert CANARY not in ended.failed(said, code=2)
    program.run("secret", "remove", "key").failed("There is no secret key")


def test_a_person_chooses_the_file_and_comes_back_to_it(program: Program, people: list[Person]) -> None:
    first = Person(program, "secret", "set", "key", "--host", HOST)
    people.append(first)
    first.wait_for("There is no keyring here")
    first.wait_for("Your choice [3]: ")
    first.type("1\n")
    first.type_hidden("Type or paste key (it is not shown): ", CANARY)
    first.type_hidden("at least 8 characters: ", PASSPHRASE)
    first.type_hidden("The same again: ", PASSPHRASE)
    assert first.end() == 0, first.shown
    assert "Kept key for api.example.com" in first.shown
    assert CANARY not in first.shown and PASSPHRASE not in first.shown

    wrong = Person(program, "secret", "set", "second", "--host", HOST, "--store", "file")
    people.append(wrong)
    wrong.type_hidden("Type or paste second (it is not shown): ", CANARY)
    wrong.type_hidden("Passphrase of the secrets' file: ", "wrong horse battery")
    assert wrong.end() == 1
    assert "That is not the passphrase" in wrong.shown

    listed = program.run("secret", "list", "--json").done().document["secrets"]
    assert [(s["name"], s["host"], s["store"]) for s in listed] == [("key", HOST, "file")]
    assert hits(program.home, CANARY, PASSPHRASE) == []


def test_a_person_may_choose_nothing(program: Program, people: list[Person]) -> None:
    person = Person(program, "secret", "set", "key", "--host", HOST)
    people.append(person)
    person.wait_for("Your choice [3]: ")
    person.type("\n")
    assert person.end() == 4
    assert "Nothing was kept." in person.shown


def test_two_passphrases_that_differ_make_no_file(program: Program, people: list[Person]) -> None:
    person = Person(program, "secret", "set", "key", "--host", HOST, "--store", "file")
    people.append(person)
    person.type_hidden("Type or paste key (it is not shown): ", CANARY)
    person.type_hidden("at least 8 characters: ", PASSPHRASE)
    person.type_hidden("The same again: ", PASSPHRASE + "x")
    assert person.end() == 1
    assert "The two differ." in person.shown
    assert not (program.home / "config" / "secrets.sealed").exists()


def test_ctrl_c_at_a_hidden_line_leaves_a_terminal_that_shows(program: Program, people: list[Person]) -> None:
    person = Person(program, "secret", "set", "key", "--host", HOST, "--store", "file")
    people.append(person)
    person.wait_for("(it is not shown): ")
    assert not person.echoes()
    person.interrupt()
    with contextlib.suppress(subprocess.TimeoutExpired):
        person.process.wait(10)
    if person.process.returncode is None:
        person.interrupt()  # one that comes just before the loop goes to sleep is heard with the next
    assert person.end() == 1
    assert person.echoes()


def test_this_session_only_needs_an_agent_and_ends_with_it(program: Program) -> None:
    words = ("secret", "set", "key", "--host", HOST, "--store", "session")
    program.run(*words, stdin=CANARY).failed("No agent is running", code=3)
    agent = program.serve()
    kept = program.run(*words, "--json", stdin=CANARY).done()
    assert {**kept.document, "created_at": ""} == {"name": "key", "host": HOST, "store": "session", "created_at": ""}
    limits = Path(f"/proc/{agent.pid}/limits").read_text().splitlines()
    assert next(line for line in limits if "core file" in line).split()[4] == "0", "no memory image on a disk"
    assert [s["name"] for s in program.run("secret", "list", "--json").done().document["secrets"]] == ["key"]
    ended = agent.stop()
    assert CANARY not in ended.out + ended.err
    assert program.run("secret", "list", "--json").done().document == {"secrets": []}
    assert hits(program.home, CANARY) == []


def test_a_running_agent_is_unlocked_by_a_person_once(program: Program, people: list[Person], tmp_path: Path) -> None:
    program.run("secret", "set", "a", "--host", HOST, "--store", "file", stdin=CANARY, **named(tmp_path / "p")).done()
    agent = program.serve()
    wrong = Person(program, "secret", "unlock")
    people.append(wrong)
    wrong.type_hidden("(it is not shown): ", "wrong horse battery")
    assert wrong.end() == 1
    right = Person(program, "secret", "unlock")
    people.append(right)
    right.type_hidden("(it is not shown): ", PASSPHRASE)
    assert right.end() == 0
    # From here on the agent has the key: a script needs no passphrase.
    program.run("secret", "set", "b", "--host", HOST, "--store", "file", stdin=CANARY).done()
    ended = agent.stop()
    assert PASSPHRASE not in ended.out + ended.err


def test_a_verb_without_an_agent_asks_for_the_passphrase_itself(
    program: Program, people: list[Person], tmp_path: Path
) -> None:
    program.run("secret", "set", "key", "--host", HOST, "--store", "file", stdin=CANARY, **named(tmp_path / "p")).done()
    needy = Needy(program.home, tmp_path / "user")
    person = Person(needy, "forget", "x", "--json")
    people.append(person)
    person.wait_for("The secrets under a passphrase are locked.")
    person.type_hidden("Passphrase of the secrets' file: ", PASSPHRASE)
    assert person.end() == 0, person.shown
    assert f'"forgotten": {len(CANARY)}' in person.shown
    needy.run("forget", "x").failed("are locked", "openclaw-agent secret unlock")


def test_a_service_gets_its_passphrase_as_a_credential(program: Program, tmp_path: Path) -> None:
    named(tmp_path / "openclaw-passphrase")
    agent = program.serve(CREDENTIALS_DIRECTORY=str(tmp_path))
    program.run("secret", "set", "key", "--host", HOST, "--store", "file", stdin=CANARY).done()
    assert agent.stop().code == 0
    assert hits(program.home, CANARY, PASSPHRASE) == []


def test_a_damaged_file_is_said_and_kept(program: Program, tmp_path: Path) -> None:
    words = ("secret", "set", "key", "--host", HOST, "--store", "file")
    environ = named(tmp_path / "p")
    program.run(*words, stdin=CANARY, **environ).done()
    sealed = program.home / "config" / "secrets.sealed"
    half = sealed.read_bytes()[:100]
    sealed.write_bytes(half)
    program.run(*words, stdin=CANARY, **environ).failed("are damaged", "secrets.sealed")
    assert sealed.read_bytes() == half


def test_no_byte_of_a_secret_is_found_after_a_whole_life_of_it(program: Program, tmp_path: Path) -> None:
    """Set, listed, used, used for the wrong host, part of a crash, removed: in the file and in memory."""
    environ = named(tmp_path / "p")
    agent = program.serve(**environ)
    for name, store in (("kept", "file"), ("brief", "session")):
        program.run("secret", "set", name, "--host", HOST, "--store", store, stdin=CANARY).done()
    program.run("secret", "list").done()
    program.run("ask", "Remember that I like tea").done()
    assert hits(program.home, CANARY, PASSPHRASE) == [], "while the agent runs"
    ended = agent.stop()
    assert CANARY not in ended.out + ended.err

    def use(host: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-P", "-c", USE, str(program.home), "kept", host, CANARY[::-1]]
        return subprocess.run(command, env=program.environ | environ, capture_output=True, timeout=60, check=False)

    assert use(HOST).returncode == 0
    other = use("evil.test")
    assert other.returncode == 1 and CANARY.encode() not in other.stdout + other.stderr

    command = [sys.executable, "-P", "-c", CRASH, "secret", "set", "kept", "--host", HOST, "--store", "file"]
    crashed = subprocess.run(
        [*command, "--home", str(program.home)], env=program.environ | environ, input=CANARY.encode(),
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert crashed.returncode == 1 and b"error of its own" in crashed.stderr
    assert CANARY.encode() not in crashed.stdout + crashed.stderr
    assert list((program.home / "logs").glob("crash-*.txt"))
    assert hits(program.home, CANARY, PASSPHRASE) == [], "after use and a crash"

    program.run("secret", "remove", "kept").done()
    assert hits(program.home, CANARY, PASSPHRASE) == []
    assert not (program.home / "config" / "secrets.sealed").exists()
