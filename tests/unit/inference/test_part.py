"""The part of a model that has arrived: what is kept of it, whatever happened to it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.inference.catalogue import CatalogueModel
from openclaw_desktop.inference.download import part as part_module
from openclaw_desktop.inference.download.part import PartFile, SegmentDamaged, part_bytes, part_paths

CONTENT = random.Random(3).randbytes(10_000)
SEGMENT = 3_000
PLAIN = CatalogueModel("m", "M", "m.gguf", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "MIT", 512, False)
HASHES = tuple(hashlib.sha256(CONTENT[at : at + SEGMENT]).hexdigest() for at in range(0, len(CONTENT), SEGMENT))
SEGMENTED = replace(PLAIN, segment_bytes=SEGMENT, segment_sha256=HASHES)

both = pytest.mark.parametrize("model", [PLAIN, SEGMENTED], ids=["hash of the whole", "hashes of segments"])


PARTS: list[PartFile] = []


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(part_module, "STRETCH_BYTES", 2_000)
    yield
    while PARTS:
        PARTS.pop()._close_file()


def opened(model: CatalogueModel, folder: Path) -> PartFile:
    part = PartFile(model, folder)
    PARTS.append(part)
    for _ in part.recover():
        pass
    return part


def fill(part: PartFile, upto: int, content: bytes = CONTENT) -> None:
    while part.size < upto:
        part.append(content[part.size : min(part.size + 700, upto)])


def leave(part: PartFile) -> None:
    """Let go of the file as a killed process does: what was written stays, nothing is said in the journal."""
    part._open.flush()
    part._close_file()


@both
def test_a_part_becomes_the_model_once_it_is_whole(tmp_path: Path, model: CatalogueModel) -> None:
    part = opened(model, tmp_path)
    fill(part, len(CONTENT))
    assert not (tmp_path / "m.gguf").exists()
    assert part.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["m.gguf"]
    assert (tmp_path / "m.gguf").read_bytes() == CONTENT


@both
@pytest.mark.parametrize("stop", [1, 700, 2_999, 3_000, 5_500, 9_999])
def test_a_closed_part_goes_on_where_it_stopped(tmp_path: Path, model: CatalogueModel, stop: int) -> None:
    part = opened(model, tmp_path)
    fill(part, stop)
    part.close()
    assert part_bytes(model, tmp_path) == stop
    again = opened(model, tmp_path)
    assert again.size == stop
    fill(again, len(CONTENT))
    assert again.finish()


def test_a_killed_part_keeps_what_its_journal_is_sure_of(tmp_path: Path) -> None:
    part = opened(PLAIN, tmp_path)
    fill(part, 5_000)
    leave(part)
    again = opened(PLAIN, tmp_path)
    assert again.size == 4_200, "two stretches of 2,100; the tail can't be told from a torn one"
    fill(again, len(CONTENT))
    assert again.finish()


def test_a_killed_part_keeps_its_tail_where_segments_can_be_checked(tmp_path: Path) -> None:
    part = opened(SEGMENTED, tmp_path)
    fill(part, 5_000)
    leave(part)
    again = opened(SEGMENTED, tmp_path)
    assert again.size == 5_000
    fill(again, len(CONTENT))
    assert again.finish()


@both
def test_a_stretch_that_never_reached_the_disk_is_fetched_again(tmp_path: Path, model: CatalogueModel) -> None:
    part = opened(model, tmp_path)
    fill(part, 7_000)
    part.close()
    path = tmp_path / "m.gguf.part"
    path.write_bytes(path.read_bytes()[:2_500] + bytes(100) + path.read_bytes()[2_600:])
    again = opened(model, tmp_path)
    assert again.size <= 2_500
    fill(again, len(CONTENT))
    assert again.finish()


@both
@pytest.mark.parametrize("cut", [0, 10, 4_000])
def test_a_part_that_was_cut_short_goes_on_from_there(tmp_path: Path, model: CatalogueModel, cut: int) -> None:
    part = opened(model, tmp_path)
    fill(part, 7_000)
    part.close()
    with (tmp_path / "m.gguf.part").open("r+b") as file:
        file.truncate(cut)
    again = opened(model, tmp_path)
    assert again.size <= cut
    fill(again, len(CONTENT))
    assert again.finish()


@pytest.mark.parametrize("journal", ["", "nonsense", '{"sha256": "another"}\n[2100, 1]', "[1, 2]\n[0, 0]"])
def test_a_part_that_is_not_this_models_is_begun_anew(tmp_path: Path, journal: str) -> None:
    (tmp_path / "m.gguf.part").write_bytes(bytes(4_000))
    (tmp_path / "m.gguf.part.log").write_text(journal)
    part = opened(SEGMENTED, tmp_path)
    assert part.size == 0
    fill(part, len(CONTENT))
    assert part.finish()


def test_a_kill_while_the_journal_is_written_anew_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = opened(PLAIN, tmp_path)
    fill(part, 7_000)
    part.close()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "replace", killed)
        opened(PLAIN, tmp_path)
    leave(PARTS[-1])
    assert set(tmp_path.iterdir()) <= set(part_paths(PLAIN, tmp_path)), "removed with the part"
    again = opened(PLAIN, tmp_path)
    assert again.size == 7_000
    fill(again, len(CONTENT))
    assert again.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["m.gguf"]


def test_a_journal_that_lies_about_its_order_does_no_harm(tmp_path: Path) -> None:
    part = opened(PLAIN, tmp_path)
    fill(part, 5_000)
    part.close()
    log = tmp_path / "m.gguf.part.log"
    log.write_text(log.read_text() + "[10, 5]\n[99999999, 1]\ntorn")
    assert opened(PLAIN, tmp_path).size == 5_000


def test_a_damaged_segment_is_dropped_alone(tmp_path: Path) -> None:
    part = opened(SEGMENTED, tmp_path)
    damaged = CONTENT[:4_000] + b"\0" + CONTENT[4_001:]
    with pytest.raises(SegmentDamaged, match="1"):
        fill(part, len(CONTENT), damaged)
    assert part.size == 3_000, "the first segment is kept"
    fill(part, len(CONTENT))
    assert part.finish()


def test_a_chunk_over_several_segments_is_checked_at_each_end(tmp_path: Path) -> None:
    part = opened(SEGMENTED, tmp_path)
    part.append(CONTENT[:9_500])
    part.append(CONTENT[9_500:])
    assert part.finish()
    other = opened(SEGMENTED, tmp_path)
    with pytest.raises(SegmentDamaged, match="2"):
        other.append(CONTENT[:6_001] + bytes(3_999))
    assert other.size == 6_000
    other.append(CONTENT[6_000:])
    assert other.finish()


def test_a_whole_that_is_not_the_model_leaves_nothing(tmp_path: Path) -> None:
    part = opened(PLAIN, tmp_path)
    fill(part, len(CONTENT), CONTENT[::-1])
    assert not part.finish()
    assert part.size == 0
    fill(part, len(CONTENT))
    assert part.finish()
    assert (tmp_path / "m.gguf").read_bytes() == CONTENT


def test_more_than_the_model_is_refused(tmp_path: Path) -> None:
    part = opened(PLAIN, tmp_path)
    with pytest.raises(UserError, match="not the model"):
        part.append(CONTENT + b"x")
    part.close()
    assert list(tmp_path.iterdir()) == [], "a part of nothing leaves nothing"


def test_rewinding_keeps_what_the_journal_is_sure_of(tmp_path: Path) -> None:
    part = opened(PLAIN, tmp_path)
    fill(part, 7_000)
    part.rewind(5_000)
    assert part.size == 4_200
    fill(part, len(CONTENT))
    assert part.finish()


def test_bytes_that_arrive_after_the_end_go_nowhere(tmp_path: Path) -> None:
    part = opened(PLAIN, tmp_path)
    fill(part, 3_000)
    part.close()
    part.append(b"late")
    assert part_bytes(PLAIN, tmp_path) == 3_000
