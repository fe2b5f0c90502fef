"""Models by hand: fetched, paused, killed and taken up again, added, chosen and removed, with the real program.

The bytes are SmolLM2's; they come from a real web server on loopback that is the user's own mirror.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from agent_process import Program, eventually
from hub_server import HubServer, serving
from test_terminal import Terminal

from openclaw_desktop.inference import files
from openclaw_desktop.runtime import attach_or_start
from openclaw_desktop.system.paths import find_home

MODEL = "smollm2-135m"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE = 98_362_432
# At most so much of a part may wait in the program's memory.
FLUSHED = 100_000


@pytest.fixture
def source(smollm2: Path) -> Path:
    return smollm2 / FILE


@pytest.fixture
def hub(source: Path, program: Program) -> Iterator[HubServer]:
    with serving(source.read_bytes()) as server:
        program.run("status").done()
        mirror = f'[network]\nmirror = "{server.root}/models"\n'
        (program.home / "config" / "settings.toml").write_text(mirror)
        yield server


def view(program: Program, model_id: str) -> dict[str, object]:
    models = program.run("model", "list", "--json").done().document["models"]
    return next(model for model in models if model["id"] == model_id)


def part(program: Program) -> Path:
    return program.home / "models" / f"{FILE}.part"


def arrive(program: Program, size: int) -> None:
    eventually(lambda: part(program).exists() and part(program).stat().st_size >= size, "the part")


def status_model(program: Program) -> dict[str, object]:
    model: dict[str, object] = program.run("status", "--json").done().document["model"]
    return model


def test_a_killed_download_goes_on_where_it_stopped(program: Program, hub: HubServer) -> None:
    hub.manners = ["stalls after 60000000", "good"]
    pulling = program.start("model", "pull", MODEL)
    assert hub.stalled.wait(60)
    arrive(program, 59_900_000)
    pulling.send_signal(signal.SIGKILL)
    pulling.communicate()
    assert not (program.home / "models" / FILE).exists()
    kept = view(program, MODEL)["part_bytes"]
    assert isinstance(kept, int) and 59_900_000 <= kept <= 60_000_000
    ended = program.run("model", "pull", MODEL).done()
    assert "Going on where it stopped" in ended.err
    assert hub.requests == [None, kept], "its segments are known, so that not a byte is fetched twice"
    assert (program.home / "models" / FILE).stat().st_size == SIZE
    assert not part(program).exists()


def test_a_download_is_paused_from_elsewhere_and_freed(program: Program, hub: HubServer) -> None:
    # However slow the machine: asked again it sends nothing more.
    hub.manners = ["stalls after 30000000", "stalls after 0"]
    pulling = program.start("model", "pull", MODEL)
    assert hub.stalled.wait(60)
    arrive(program, 30_000_000 - FLUSHED)
    program.run("model", "remove", MODEL).failed("is being fetched", "Pause")
    assert "model pull smollm2-135m goes on" in program.run("model", "pause", MODEL).done().out
    _, err = pulling.communicate(timeout=60)
    assert pulling.returncode == 1
    assert "Paused. 30 of 98 MB are kept" in err
    program.run("model", "pause", MODEL).failed("is not being fetched")
    assert "not whole (30 of 98 MB" in program.run("model", "list").done().out
    assert "30 MB are free again" in program.run("model", "remove", MODEL).done().out
    assert not part(program).exists()


def test_a_terminal_shows_a_bar_with_rate_and_time_left(program: Program, hub: HubServer) -> None:
    hub.manners = ["stalls after 60000000", "good"]
    terminal = Terminal(program, "model", "pull", MODEL, columns=80)
    try:
        terminal.wait_for(" left")
        hub.let_go.set()
        assert terminal.end() == 0
    finally:
        terminal.close()
    bar = re.compile(r"smollm2-135m: +\d+%\|.+\| \d\S*/98\.4M, \d+\.\d MB/s, \d+:\d\d left")
    drawn = [line for line in re.split(r"[\r\n]+", terminal.shown) if " left" in line]
    assert all(bar.match(line) for line in drawn), drawn
    assert "SmolLM2 135M is here" in terminal.shown
    assert not re.search(r"\x1b\[[\d;]*m", terminal.shown), "no colour, whatever NO_COLOR says"


def test_an_interrupt_says_what_is_kept(program: Program, hub: HubServer) -> None:
    # Three tenths are there with the last bytes alone, so that what is told then is what is kept.
    hub.manners = ["stalls after 29520000", "stalls after 0"]
    pulling = program.start("model", "pull", MODEL)
    assert hub.stalled.wait(60)
    assert pulling.stderr is not None
    while "30 %" not in pulling.stderr.readline():
        assert pulling.poll() is None
    pulling.send_signal(signal.SIGINT)
    _, err = pulling.communicate(timeout=60)
    assert pulling.returncode == 1
    assert "29 of 98 MB are kept: the same command goes on from there" in err
    assert "Traceback" not in err


def test_a_model_that_was_fetched_answers_and_is_removed(program: Program, hub: HubServer) -> None:
    program.run("model", "pull", MODEL).done()
    program.serve()
    program.run("ask", "Say hello.", "--no-tools").done()
    assert status_model(program)["state"] == "ready"
    removed = program.run("model", "remove", MODEL, "--json").done().document
    assert removed["freed_bytes"] == SIZE and removed["was_in_use"] and removed["answering"] is None
    assert status_model(program)["name"] is None
    assert not (program.home / "models" / FILE).exists()
    program.run("model", "remove", MODEL).failed("is not on this machine")


def test_a_file_of_the_users_is_used_where_it_lies(program: Program, source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "My Model (v2).gguf"
    copyfile(source, mine)
    with mine.open("ab") as file:
        file.write(b"\0")
    added = program.run("model", "add", str(mine), "--json").done().document
    assert added["id"] == "my-model-v2" and added["path"] == str(mine) and added["own"]
    assert not added["calls_tools"], "it has 135 million parameters"
    assert added["context_tokens"] == 8192
    program.run("model", "use", "my-model-v2").done()
    assert view(program, "my-model-v2")["chosen"]
    again = program.run("model", "add", str(mine), "--json").done().document
    assert again["id"] == "my-model-v2", "added again it is the same one"
    mine.write_bytes(mine.read_bytes()[::-1])
    assert "has changed since it was added" in str(view(program, "my-model-v2")["problem"])
    mine.unlink()
    assert "is gone" in str(view(program, "my-model-v2")["problem"])
    program.run("model", "pull", "my-model-v2").failed("is gone", "add it again")
    assert "is forgotten" in program.run("model", "remove", "my-model-v2").done().out
    assert "my-model-v2" not in program.run("model", "list").done().out


def test_a_file_outside_is_forgotten_and_never_deleted(program: Program, source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    copyfile(source, mine)
    program.run("model", "add", str(mine)).done()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    copyfile(mine, elsewhere / "mine.gguf")
    with (elsewhere / "mine.gguf").open("ab") as file:
        file.write(b"\0")
    other = program.run("model", "add", str(elsewhere / "mine.gguf"), "--json").done().document
    assert other["id"] == "mine-2", "another file of that name is another model"
    said = program.run("model", "remove", "mine").done().out
    assert "is forgotten" in said and f"{mine} was left where it is" in said
    assert mine.stat().st_size == SIZE


def test_a_copy_lies_in_the_models_folder(program: Program, source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    copyfile(source, mine)
    with mine.open("ab") as file:
        file.write(b"\0")
    added = program.run("model", "add", str(mine), "--copy", "--json").done().document
    assert added["path"] == str(program.home / "models" / "mine.gguf")
    mine.unlink()
    assert view(program, "mine")["path"] is not None
    assert "98 MB are free again" in program.run("model", "remove", "mine").done().out
    assert not (program.home / "models" / "mine.gguf").exists()


def test_a_copy_of_a_known_model_is_that_model(program: Program, source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "downloaded by hand.gguf"
    copyfile(source, mine)
    added = program.run("model", "add", str(mine), "--copy", "--json").done().document
    assert (added["id"], added["own"]) == (MODEL, False)
    assert (program.home / "models" / FILE).exists()


def test_a_file_with_a_catalogue_model_s_name_is_never_taken_for_it(
    program: Program, source: Path, tmp_path: Path
) -> None:
    """Others quantise the same models under the same names: fetching or removing one must leave the user's."""
    mine = tmp_path / "Qwen3-0.6B-Q8_0.gguf"
    copyfile(source, mine)
    with mine.open("ab") as file:
        file.write(b"\0")
    added = program.run("model", "add", str(mine), "--copy", "--json").done().document
    assert added["path"] == str(program.home / "models" / "qwen3-0.6b-q8-0-own.gguf")
    assert view(program, "qwen3-0.6b")["problem"] == ""
    program.run("model", "remove", "qwen3-0.6b").failed("is not on this machine")
    program.run("model", "remove", "qwen3-0.6b-q8-0").done()
    moved = mine.rename(program.home / "models" / mine.name)
    ended = program.run("model", "add", str(moved))
    assert ended.code == 1 and "has the name that Qwen3 0.6B is fetched to. Rename" in ended.err
    assert moved.exists()


@pytest.mark.parametrize("content", [b"", b"GGUF", b"PK\3\4" + bytes(4000), b"GGUF" + bytes(400)])
def test_a_file_that_is_no_model_is_a_sentence(program: Program, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "no.gguf").write_bytes(content)
    ended = program.run("model", "add", str(tmp_path / "no.gguf"))
    assert ended.code == 1 and "no model that can be used here" in ended.err and "Traceback" not in ended.err
    assert not (program.home / "config" / "models.toml").exists()


def test_a_path_to_nothing_is_a_sentence(program: Program, tmp_path: Path) -> None:
    ended = program.run("model", "add", str(tmp_path / "nowhere.gguf"))
    assert ended.code == 2 and "There is no file" in ended.err


def test_a_model_in_a_folder_of_the_users_is_not_deleted(program: Program, smollm2: Path) -> None:
    program.environ["OPENCLAW_MODELS"] = str(smollm2)
    program.run("model", "remove", MODEL).failed("outside this agent's models folder")
    assert (smollm2 / FILE).exists()


def test_an_embedding_model_is_never_chosen_to_chat(program: Program) -> None:
    program.run("model", "use", "all-minilm-l6-v2").failed("can't answer", code=2)


def test_own_models_that_cannot_be_understood_are_not_written_over(
    program: Program, source: Path, tmp_path: Path
) -> None:
    program.run("status").done()
    broken = program.home / "config" / "models.toml"
    broken.write_text("[[model]\n")
    program.run("model", "list").done()
    ended = program.run("model", "add", str(source))
    assert ended.code == 1 and "can't be understood" in ended.err
    assert broken.read_text() == "[[model]\n"


async def test_a_file_that_was_hashed_while_it_came_is_not_hashed_again(
    program: Program, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[Path] = []
    hash_file = files.hash_file

    def counting(path: Path) -> str:
        hashed.append(path)
        return hash_file(path)

    monkeypatch.setattr(files, "hash_file", counting)
    monkeypatch.delenv("OPENCLAW_MODELS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    for _ in range(2):  # nor by the next start
        agent = await attach_or_start(find_home(program.home, {}), None, "test")
        try:
            assert [step async for step in agent.service.pull_model(MODEL)][-1].done
        finally:
            await agent.stop()
    assert hub.requests == [None] and (program.home / "models" / FILE).exists()
    assert hashed == []
