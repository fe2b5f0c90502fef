"""Two ciphers for the one file: the quicker one where the processor has it, and either opens whatever is there."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from openclaw_desktop.storage import connection as connections
from openclaw_desktop.storage.connection import AEGIS, CHACHA20, connect, usual_cipher
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.encryption import change_key

KEY = bytes(range(32))
X86 = "processor\t: 0\nmodel name\t: any\nflags\t\t: fpu sse2{}xsave\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd{}crc32\n"


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    usual_cipher.cache_clear()
    yield
    usual_cipher.cache_clear()


def cipher_of(path: Path, key: bytes = KEY) -> str:
    """Return the cipher that a file is under, as somebody else tells it."""
    for cipher in (AEGIS, CHACHA20):
        other = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            other.pragma("cipher", cipher)
            other.pragma("key", f"raw:{key.hex()}")
            other.execute("select count(*) from sqlite_schema").fetchall()
            return cipher
        except apsw.NotADBError:
            continue
        finally:
            other.close()
    return "none"


@pytest.mark.parametrize(
    ("told", "usual"),
    [
        (X86.format(" aes "), AEGIS), (X86.format(" vaes "), CHACHA20), (ARM.format(" aes "), AEGIS),
        (ARM.format(" "), CHACHA20), (None, AEGIS),
    ],
)  # fmt: skip
async def test_a_new_file_is_under_what_the_processor_does_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str | None, usual: str
) -> None:
    if told is not None:
        (tmp_path / "cpuinfo").write_text(told)
    monkeypatch.setattr(connections, "PROCESSORS", tmp_path / "cpuinfo")
    database = await Database.open(tmp_path / "m.db", key=KEY)
    await database.close()
    assert cipher_of(tmp_path / "m.db") == usual


@pytest.mark.parametrize(("written", "now"), [(CHACHA20, AEGIS), (AEGIS, CHACHA20)])
async def test_a_file_under_the_other_cipher_opens_with_all_that_its_log_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, now: str
) -> None:
    monkeypatch.setattr(connections, "usual_cipher", lambda: written)
    path, copy = tmp_path / "m.db", tmp_path / "copy.db"
    database = await Database.open(path, key=KEY)
    await database.write(lambda c: c.execute("insert into memory_state (key, value) values ('kept', '7')"))
    # As a loss of power leaves it: what was kept stands in the log alone.
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
    await database.close()
    monkeypatch.setattr(connections, "usual_cipher", lambda: now)
    with pytest.raises(apsw.NotADBError):
        connect(copy, bytes(32))  # a wrong key takes nothing away
    assert (tmp_path / "copy.db-wal").stat().st_size
    opened = await Database.open(copy, key=KEY)
    assert await opened.rows("select value from memory_state where key = 'kept'") == [("7",)]
    await opened.close()
    assert cipher_of(copy) == written


async def test_a_new_key_brings_the_usual_cipher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "usual_cipher", lambda: CHACHA20)
    path = tmp_path / "m.db"
    database = await Database.open(path, key=KEY)
    assert cipher_of(path) == CHACHA20
    monkeypatch.undo()
    await change_key(database, bytes(range(1, 33)))
    await database.close()
    assert cipher_of(path, bytes(range(1, 33))) == usual_cipher()
