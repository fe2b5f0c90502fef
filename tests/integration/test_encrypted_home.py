"""An encrypted home on a machine without a keyring: its key in a file, its code on paper, and a running agent.

A real keyring is in tests/desktop/test_keyring.py.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_process import Program
from key_changes import CANARY, KeyHome, add, ids
from test_secrets_cli import Person

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.service.memory import file_key as file_key_desk
from openclaw_desktop.service.remote import RemoteService
from openclaw_desktop.storage.backup import BY_HAND, back_up, is_good, list_backups
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.secrets.recovery_code import read_code

FACT = f"The spare key lies under {CANARY}"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "key"


@pytest.fixture
def people(program: Program) -> Iterator[list[Person]]:
    opened: list[Person] = []
    yield opened
    for person in opened:
        person.close()


def canaries(program: Program) -> list[Path]:
    files = [path for path in program.home.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if CANARY.encode() in path.read_bytes()]


def recalls(program: Program, **environ: str) -> bool:
    return FACT in program.run("recall", "spare key", **environ).done().out


def memory(program: Program, **environ: str) -> dict[str, object]:
    return program.run("status", "--json", **environ).done().document["memory"]


def encrypt(program: Program, key_file: Path) -> str:
    """Make an encrypted home with a fact in it; return its recovery code."""
    program.run("remember", FACT).done()
    change = program.run("memory", "encrypt", "--to", "file", str(key_file), "--json").done().document
    return str(change["recovery_code"])


def test_a_home_is_plain_until_somebody_says_otherwise(program: Program) -> None:
    program.run("remember", FACT).done()
    seen = memory(program)
    assert (seen["encrypted"], seen["key"]) == (False, "none")
    told = "openclaw-agent memory encrypt turns it on, with --to file PATH where no keyring is"
    assert told in str(seen["key_reason"]) and told in program.run("status").out
    program.run("memory", "recover", stdin="not even a code").failed("is not encrypted", "memory encrypt")
    assert "warning key" in program.run("doctor").out
    assert not (program.home / "data" / "openclaw.key.json").exists()
    program.run("memory", "decrypt").done()
    assert memory(program)["key_reason"] == "Not encrypted, as was chosen."
    assert "ok      key" in program.run("doctor").out


def test_a_key_file_encrypts_the_home_and_its_backups(program: Program, key_file: Path) -> None:
    program.run("remember", FACT).done()
    program.run("backup", "create").done()
    aside = program.home / "data" / "openclaw.db.damaged-20260101T000000Z"
    aside.write_bytes((program.home / "data" / "openclaw.db").read_bytes())
    ended = program.run("memory", "encrypt", "--to", "file", str(key_file)).done()
    assert "Recovery code" in ended.out and str(key_file) in ended.out
    assert str(aside) in ended.err, "what stays plain is named"
    aside.unlink()
    assert canaries(program) == [] and key_file.stat().st_mode & 0o777 == 0o600
    seen = memory(program)
    assert (seen["encrypted"], seen["key"]) == (True, "credential file") and str(key_file) in str(seen["key_reason"])
    assert recalls(program) and "ok      key" in program.run("doctor").out
    secret = key_file.read_text().strip()
    for path in program.home.rglob("*"):
        assert not path.is_file() or (secret.encode() not in path.read_bytes())
    program.run("memory", "encrypt").failed("encrypted already")
    assert [copy["ok"] for copy in program.run("backup", "list", "--json").done().document["backups"]] == [True]
    program.run("backup", "restore", "latest", "--yes").done()
    assert recalls(program) and canaries(program) == []


def test_the_key_and_encryption_are_changed_while_the_agent_works(program: Program, key_file: Path) -> None:
    agent = program.serve()

    async def work() -> None:
        remote = await RemoteService.connect(agent.socket_path)
        assert remote is not None
        kept: set[str] = set()
        ended = asyncio.Event()

        async def write(number: int) -> None:
            while not ended.is_set():
                kept.add((await remote.remember(f"fact {number} {len(kept)} {CANARY}")).id)
                await remote.recall("fact")

        writers = [asyncio.create_task(write(number)) for number in range(3)]
        for action, path in (("on", key_file), ("new_key", key_file.with_name("second")), ("off", None)):
            change = await remote.change_encryption(action, "file" if path else None, str(path) if path else None)
            assert change.left == () and (await remote.status()).memory.encrypted == (action != "off")
            before = len(kept)
            while len(kept) < before + 3:
                await asyncio.sleep(0)  # lets the writers come: the loop waits for the agent's answers
            if action != "off":
                assert canaries(program) == []
        ended.set()
        await asyncio.gather(*writers)
        found = {hit.id for hit in (await remote.recall("fact", 1000)).hits}
        count = (await remote.status()).memory.count
        assert sum(count.values()) == len(kept) and found <= kept and len(found) > 3
        await remote.close()

    asyncio.run(work())
    assert agent.stop().code == 0
    assert memory(program)["encrypted"] is False


def test_a_change_goes_on_when_nobody_waits_for_it(program: Program, key_file: Path) -> None:
    agent = program.serve()

    async def work() -> None:
        remote = await RemoteService.connect(agent.socket_path)
        assert remote is not None
        asking = asyncio.create_task(remote.change_encryption("on", "file", str(key_file)))
        await remote.encryption()  # the agent has read the first of the two by now
        asking.cancel()
        await remote.close()

    asyncio.run(work())
    assert agent.stop().code == 0
    assert memory(program)["encrypted"] is True


def test_a_new_home_with_a_credential_is_encrypted_from_the_start(program: Program, tmp_path: Path) -> None:
    credential = tmp_path / "openclaw-key"
    credential.write_text(os.urandom(32).hex() + "\n")
    credential.chmod(0o600)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    program.run("remember", FACT, **environ).done()
    assert canaries(program) == [] and memory(program, **environ)["key"] == "credential file"
    assert "memory recover --new-code" in program.run("doctor", **environ).out, "no code was asked for yet"
    program.run("recall", "spare").done()  # the record tells where the credential was
    credential.chmod(0o644)
    program.run("recall", "spare", **environ).failed("Other users may read", "chmod 600")
    credential.rename(tmp_path / "moved")
    program.run("recall", "spare", **environ).failed("can't be read from")


def test_the_code_brings_a_lost_key_back(program: Program, key_file: Path, people: list[Person]) -> None:
    code = encrypt(program, key_file)
    key_file.unlink()
    program.run("recall", "spare key").failed("can't be read from", "memory recover")
    other = key_file.with_name("other")
    for typed, said in (("", "is no recovery code"), (code[:-1], "is no recovery code"), ("nonsense", "no recovery")):
        program.run("memory", "recover", stdin=typed).failed(said, code=2)
    person = Person(program, "memory", "recover", "--to", "file", str(other))
    people.append(person)
    person.type_hidden("Recovery code (it is not shown): ", code.lower().replace("-", " "))
    assert person.end() == 0, person.shown
    assert str(other) in person.shown and code not in person.shown.upper()
    assert recalls(program)
    other.unlink()
    program.run("memory", "recover", "--to", "none", stdin=code).done()
    assert recalls(program) and memory(program)["key"] == "none"
    program.run("memory", "recover", stdin=code).failed("not encrypted")


def test_a_code_is_no_word_of_the_command_line_and_in_no_file(program: Program, key_file: Path) -> None:
    code = encrypt(program, key_file)
    ended = program.run("memory", "recover", code)
    assert ended.code == 2 and code not in ended.out + ended.err
    program.run("memory", "recover", stdin=code).done()
    for path in program.home.rglob("*"):
        assert not path.is_file() or (code.encode() not in path.read_bytes())


def test_another_file_in_the_place_of_the_encrypted_one_is_refused(program: Program, key_file: Path) -> None:
    encrypt(program, key_file)
    file = program.home / "data" / "openclaw.db"
    kept = file.read_bytes()
    other = Program(program.home.with_name("other"), Path(program.environ["HOME"]))
    other.run("remember", "a lie").done()
    file.write_bytes((other.home / "data" / "openclaw.db").read_bytes())
    for words in (("recall", "spare"), ("serve",), ("remember", "x")):
        program.run(*words).failed("is not encrypted, but the memory was", "backup restore")
    file.unlink()
    program.run("recall", "spare").failed("is gone", "Nothing was begun")
    assert not file.exists()
    file.write_bytes(kept)
    assert recalls(program), "nothing was lost, and the home is not locked"
    file.write_bytes(os.urandom(len(kept)))
    program.run("recall", "spare").failed("damaged", "backup restore latest")


def test_words_that_make_no_sense_change_nothing(program: Program, key_file: Path) -> None:
    program.run("memory", "rekey").failed("is not encrypted")
    program.run("memory", "recover", "--new-code").failed("is not encrypted")
    program.run("memory", "encrypt").failed("no keyring here", "--to file PATH")
    program.run("memory", "encrypt", "--to", "post-it").failed("no place for a key", code=2)
    program.run("memory", "encrypt", "--to", "file").failed("no place for a key", code=2)
    program.run("memory", "encrypt", "--to", "file", str(program.home / "data" / "key")).failed("beside", code=2)
    program.run("memory", "encrypt", "--to", "file", str(key_file / "no" / "folder")).failed("can't be")
    key_file.write_text("no key\n")
    key_file.chmod(0o600)
    program.run("memory", "encrypt", "--to", "file", str(key_file)).failed("32 bytes as hex or base64")
    assert memory(program)["encrypted"] is False and key_file.read_text() == "no key\n"
    encrypt(program, key_file.with_name("good"))
    program.run("memory", "rekey", "--to", "file", str(key_file.with_name("good"))).failed("the present key")
    assert recalls(program)


def test_the_first_run_asks_and_may_be_repeated(program: Program, people: list[Person], tmp_path: Path) -> None:
    program.run("onboard").failed("nobody at a terminal", code=2)
    person = Person(program, "onboard")
    people.append(person)
    person.wait_for("This machine: ")
    person.wait_for("Fetch ")
    person.type("n\n")
    person.wait_for("There is no keyring here")
    person.wait_for("A folder that it may read")
    person.type(f"{tmp_path}\n")
    person.wait_for("A folder that it may read")
    # Where something here can start it at login, that is asked too: Enter is no.
    person.type("\n\n")
    assert person.end() == 0, person.shown
    grants = program.run("grant", "list", "--json").done().document["grants"]
    assert [grant["scope"] for grant in grants] == [str(tmp_path)]
    again = program.run("onboard", "--yes", "--json").done().document
    assert again["folders"] == [str(tmp_path)] and again["recovery_code"] == ""
    assert again["encryption"] | {"reason": ""} == {
        "encrypted": False, "key": "none", "reason": "", "recovery_code": False, "chosen": False, "code_kept": True,
    }  # fmt: skip


@pytest.mark.parametrize("place", ["copy written", "copy checked", "old kept", "renamed"])
async def test_what_fails_on_the_way_leaves_the_home_as_it_was(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = KeyHome(tmp_path)

    def fail(name: str) -> None:
        if name == place:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(file_key_desk.encryption, "step", fail)
    async with home.open() as (database, desk):
        kept = await database.write(add)
        with pytest.raises(UserError, match="is full"):
            await desk.change("on", None, None)
        assert not desk.view().encrypted and kept in await ids(database)
    assert home.ring.kept() == [] and sorted(path.name for path in home.file.parent.iterdir()) == [
        "openclaw.db", "openclaw.key.json",
    ]  # fmt: skip


async def test_a_backup_that_cannot_be_rewritten_is_named_and_its_key_kept(tmp_path: Path) -> None:
    home = KeyHome(tmp_path)
    async with home.open() as (database, desk):
        assert (await desk.change("on", None, None)).left == ()
        good = await database.maintain(lambda connection: back_up(connection, home.backups, BY_HAND))
        foreign = home.backups / "openclaw-20260101T000000Z-by-hand.db"
        foreign.write_bytes(os.urandom(8192))
        old = home.ring.kept()
        change = await desk.change("new_key", None, None)
        assert change.left == (str(foreign),) and set(old) < set(home.ring.kept())
        assert is_good(good, database.key)
        foreign.unlink()
        assert (await desk.change("new_key", None, None)).left == ()
        assert home.ring.kept() == [database.key]


async def test_a_disk_of_backups_that_is_not_there_is_named(tmp_path: Path) -> None:
    home = KeyHome(tmp_path)
    async with home.open() as (database, desk):
        await database.write(add)
        await database.maintain(lambda connection: back_up(connection, home.backups, BY_HAND))
        home.backups.rename(tmp_path / "unplugged")
        assert (await desk.change("on", None, None)).left == (str(home.backups),)
        (tmp_path / "unplugged").rename(home.backups)
        assert len(home.canaries()) == 1, "the user was told of it"


async def test_a_code_that_was_never_shown_is_reminded_of_until_one_is(tmp_path: Path) -> None:
    home = KeyHome(tmp_path)
    async with home.open() as (_, desk):
        await desk.change("on", None, None)  # and the program ends before it is shown
    async with home.open() as (_, desk):
        view = desk.view()
        assert view.recovery_code and not view.code_kept and "never shown" in view.reason
        code = (await desk.change("new_code", None, None)).recovery_code
        await desk.change("keep", None, None)
        assert not desk.view().code_kept, "to put the key back shows no code"
        assert (await desk.change("code_kept", None, None)).recovery_code == ""
    async with home.open() as (_, desk):
        assert desk.view().code_kept and "recovery code opens it too" in desk.view().reason
    async with home.open(read_code(code)) as (_, desk):
        assert desk.view().code_kept
        await desk.change("new_key", None, None)
        assert not desk.view().code_kept, "the new key has another code"


def test_a_code_that_was_printed_was_shown(program: Program, key_file: Path) -> None:
    encrypt(program, key_file)
    (key,) = (one for one in program.run("doctor", "--json").document["findings"] if one["check"] == "key")
    assert key["level"] == "ok" and "recovery code opens it too" in key["sentence"]


async def test_two_changes_at_once_come_one_after_the_other(tmp_path: Path) -> None:
    home = KeyHome(tmp_path)
    async with home.open() as (database, desk):
        kept = await database.write(add)
        await desk.change("on", None, None)
        codes = {done.recovery_code for done in await asyncio.gather(*(
            desk.change("new_key", None, None) for _ in range(3)
        ))}  # fmt: skip
        assert len(codes) == 3 and home.ring.kept() == [database.key] and kept in await ids(database)
    async with home.open() as (database, _):
        assert kept in await ids(database)


def test_a_closed_file_needs_its_key_outside_a_home_too(program: Program, key_file: Path) -> None:
    encrypt(program, key_file)
    path, key = program.home / "data" / "openclaw.db", bytes.fromhex(key_file.read_text())

    async def read(key: bytes | None) -> int:
        database = await Database.open(path, key=key)
        try:
            return int((await database.rows("select count(*) from memories"))[0][0])
        finally:
            await database.close()

    assert asyncio.run(read(key)) == 1
    before = path.read_bytes()
    for wrong in (None, os.urandom(32), b"short"):
        with pytest.raises(UserError):
            asyncio.run(read(wrong))
    assert path.read_bytes() == before and [one.name for one in path.parent.iterdir() if "damaged" in one.name] == []


def test_no_memory_image_can_hold_the_key(program: Program, key_file: Path) -> None:
    encrypt(program, key_file)
    agent = program.serve()
    limits = Path(f"/proc/{agent.pid}/limits").read_text()
    assert next(line for line in limits.splitlines() if line.startswith("Max core file size")).split()[4] == "0"
    assert agent.stop().code == 0


def test_the_copies_of_a_home_are_listed(program: Program, key_file: Path) -> None:
    encrypt(program, key_file)
    program.run("backup", "create").done()
    assert len(list_backups(program.home / "backups")) >= 1 and canaries(program) == []


def test_an_idle_plain_home_loads_no_keyring(program: Program) -> None:
    script = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom openclaw_desktop.runtime import attach_or_start\n"
        "from openclaw_desktop.system.paths import find_home\n"
        "async def main():\n agent = await attach_or_start(find_home(Path(sys.argv[1]), {}), None, 'test')\n"
        " await agent.stop()\nasyncio.run(main())\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('keyring', 'cryptography', 'secretstorage')])"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", script, str(program.home)], env=program.environ, capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    assert ended.stdout.strip() == "[]"
