"""Fetching from a web server: resumed, refetched segment by segment, and left for the next mirror when it fails.

The server is real and on loopback; nothing of HTTP is faked.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hub_server import HubServer, serving

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import ModelPulled
from openclaw_desktop.inference import download
from openclaw_desktop.inference.catalogue import CatalogueModel, FolderMirror, HubMirror, Mirror
from openclaw_desktop.inference.download import Network, hub
from openclaw_desktop.inference.download import network as network_module

CONTENT = random.Random(8).randbytes(900_000)
SEGMENT = 250_000
SEGMENTS = tuple(hashlib.sha256(CONTENT[at : at + SEGMENT]).hexdigest() for at in range(0, len(CONTENT), SEGMENT))
DIRECT = Network()


def model(*mirrors: Mirror, segments: bool = False) -> CatalogueModel:
    digest = hashlib.sha256(CONTENT).hexdigest()
    plain = CatalogueModel("fake", "Fake Model", "fake.gguf", digest, len(CONTENT), "MIT", 512, False, mirrors)
    return replace(plain, segment_bytes=SEGMENT, segment_sha256=SEGMENTS) if segments else plain


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(hub, "RETRY_WAIT_S", 0.0)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield


async def pull(wanted: CatalogueModel, folder: Path, network: Network = DIRECT) -> list[ModelPulled]:
    """Fetch it; at each step the final name is not there."""
    steps: list[ModelPulled] = []
    async for step in download.pull(wanted, folder, network):
        assert not (folder / wanted.file).exists()
        steps.append(step)
    return steps


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def stop_at(wanted: CatalogueModel, folder: Path, server: HubServer) -> None:
    """Begin a download and close it once the server has stalled and what it sent has arrived."""
    async with contextlib.aclosing(download.pull(wanted, folder, DIRECT)) as steps:  # type: ignore[type-var]
        async for step in steps:
            if server.stalled.is_set() and step.received_bytes > 0:
                return


async def test_a_file_is_fetched_whole(tmp_path: Path) -> None:
    with serving(CONTENT) as server:
        steps = await pull(model(HubMirror(server.url)), tmp_path)
    assert (tmp_path / "fake.gguf").read_bytes() == CONTENT
    assert names(tmp_path) == ["fake.gguf"]
    assert server.requests == [None]
    assert steps[-1].received_bytes == len(CONTENT) and steps[-1].state == "verifying"


@pytest.mark.parametrize("segments", [False, True])
async def test_a_stopped_download_goes_on_where_it_stopped(tmp_path: Path, segments: bool) -> None:
    with serving(CONTENT, "stalls after 400000", "good") as server:
        wanted = model(HubMirror(server.url), segments=segments)
        await stop_at(wanted, tmp_path, server)
        kept = download.part_bytes(wanted, tmp_path)
        assert 0 < kept <= 400_000
        assert names(tmp_path) == ["fake.gguf.part", "fake.gguf.part.log"]
        steps = await pull(wanted, tmp_path)
    assert server.requests == [None, kept]
    assert (tmp_path / "fake.gguf").read_bytes() == CONTENT
    assert "Going on" in next(step.notice for step in steps if step.notice)


@pytest.mark.parametrize(
    "manner", ["ends after 300000", "ends after 0", "503", "429"],
)  # fmt: skip
async def test_what_breaks_off_is_asked_for_again_from_there(tmp_path: Path, manner: str) -> None:
    with serving(CONTENT, manner, "good") as server:
        await pull(model(HubMirror(server.url)), tmp_path)
    assert (tmp_path / "fake.gguf").read_bytes() == CONTENT
    assert server.requests in ([None, 300_000], [None, None])


async def test_a_server_that_stalls_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_module, "STALL_TIMEOUT_S", 2.0)  # a busy machine is no stall
    with serving(CONTENT, "stalls after 100000", "good") as server:
        await pull(model(HubMirror(server.url)), tmp_path)
    assert server.requests == [None, 100_000]


async def test_only_the_damaged_segment_is_fetched_again(tmp_path: Path) -> None:
    with serving(CONTENT, "damages 300000", "good") as server:
        await pull(model(HubMirror(server.url), segments=True), tmp_path)
    assert server.requests == [None, SEGMENT], "the first segment was right"
    assert (tmp_path / "fake.gguf").read_bytes() == CONTENT


async def test_a_segment_that_stays_damaged_is_left_to_the_next_mirror(tmp_path: Path) -> None:
    with serving(CONTENT, "damages 300000") as bad, serving(CONTENT) as good:
        steps = await pull(model(HubMirror(bad.url), HubMirror(good.url), segments=True), tmp_path)
    assert good.requests == [SEGMENT], "what was right of the first mirror's was kept"
    assert any("piece 2 arrives damaged" in step.notice for step in steps)


async def test_a_server_without_ranges_sends_it_all_and_the_rest_is_taken(tmp_path: Path) -> None:
    with serving(CONTENT, "stalls after 400000", "ignores ranges") as server:
        wanted = model(HubMirror(server.url))
        await stop_at(wanted, tmp_path, server)
        await pull(wanted, tmp_path)
    assert (tmp_path / "fake.gguf").read_bytes() == CONTENT


@pytest.mark.parametrize("manner", ["redirect", "no length"])
async def test_other_manners_of_servers_do(tmp_path: Path, manner: str) -> None:
    with serving(CONTENT, manner, "good") as server:
        await pull(model(HubMirror(server.url)), tmp_path)
    assert (tmp_path / "fake.gguf").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("manner", "reason"),
    [("404", "it answers 404"), ("401", "it answers 401"), ("500", "it answers 500"),
     ("another size", "another size"), ("ends after 0", "127.0.0.1 does not give")],
)  # fmt: skip
async def test_a_server_that_does_not_have_it_is_a_sentence(tmp_path: Path, manner: str, reason: str) -> None:
    with serving(CONTENT, manner) as server, pytest.raises(UserError, match=reason) as caught:
        await pull(model(HubMirror(server.url)), tmp_path)
    assert caught.value.failure.code == "download_failed"
    assert names(tmp_path) == [], "a part of nothing leaves nothing"


async def test_a_range_that_was_not_asked_for_is_not_joined(tmp_path: Path) -> None:
    with serving(CONTENT, "stalls after 400000", "wrong range") as server:
        wanted = model(HubMirror(server.url))
        await stop_at(wanted, tmp_path, server)
        with pytest.raises(UserError, match="another size"):
            await pull(wanted, tmp_path)
    assert download.part_bytes(wanted, tmp_path) > 0


async def test_the_next_mirror_goes_on_and_says_why(tmp_path: Path) -> None:
    with serving(CONTENT, "ends after 300000", "404") as bad, serving(CONTENT) as good:
        steps = await pull(model(HubMirror(bad.url), HubMirror(good.url)), tmp_path)
    assert good.requests == [300_000]
    notice = next(step.notice for step in steps if "Trying" in step.notice)
    assert "it answers 404" in notice


async def test_a_whole_that_is_wrong_is_fetched_whole_from_the_next_mirror(tmp_path: Path) -> None:
    with serving(CONTENT, "damages 300000") as bad, serving(CONTENT) as good:
        steps = await pull(model(HubMirror(bad.url), HubMirror(good.url)), tmp_path)
    assert good.requests == [None]
    assert any("thrown away" in step.notice for step in steps)
    assert (tmp_path / "fake.gguf").read_bytes() == CONTENT


async def test_a_mirror_is_not_blamed_for_what_another_began(tmp_path: Path) -> None:
    """The first half came from a bad mirror: the good one may fetch it all again, alone."""
    with serving(CONTENT, "damages 10", "404") as bad, serving(CONTENT) as good:
        bad.manners[0] = "stalls after 400000"
        bad.content = CONTENT[:10] + b"\0" + CONTENT[11:]
        await stop_at(model(HubMirror(bad.url)), tmp_path, bad)
        await pull(model(HubMirror(good.url)), tmp_path)
    assert good.requests[0] is not None and good.requests[-1] is None
    assert (tmp_path / "fake.gguf").read_bytes() == CONTENT


async def test_the_users_own_mirror_goes_first(tmp_path: Path) -> None:
    with serving(CONTENT, "404") as theirs, serving(CONTENT) as own:
        await pull(model(HubMirror(theirs.url)), tmp_path, Network(mirror=f"{own.root}/models/"))
    assert theirs.requests == [] and own.requests == [None]


async def test_a_proxy_is_gone_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(CONTENT) as proxy:
        wanted = model(HubMirror("http://models.invalid/fake.gguf"))
        await pull(wanted, tmp_path / "setting", Network(proxy=proxy.root))
        monkeypatch.setenv("HTTP_PROXY", proxy.root)
        await pull(wanted, tmp_path / "environment")
    assert proxy.proxied == ["http://models.invalid/fake.gguf"] * 2


def test_the_child_that_fetches_packages_gets_the_proxy_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://environment:1")
    assert Network().environment()["HTTPS_PROXY"] == "http://environment:1"
    assert Network(proxy="http://setting:2").environment()["HTTPS_PROXY"] == "http://setting:2"


async def test_a_proxy_that_makes_no_sense_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="proxy can't be used") as caught:
        await pull(model(HubMirror("http://models.invalid/fake.gguf")), tmp_path, Network(proxy="nonsense"))
    assert "network.proxy" in caught.value.failure.advice


async def test_a_folder_is_a_mirror(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "fake.gguf").write_bytes(CONTENT)
    await pull(model(FolderMirror(stick), segments=True), tmp_path / "models")
    assert (tmp_path / "models" / "fake.gguf").read_bytes() == CONTENT
    (stick / "fake.gguf").write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match="another size"):
        await pull(model(), tmp_path / "others", Network(mirror=str(stick)))
    with pytest.raises(UserError, match="can't be used: No such file"):
        await pull(model(), tmp_path / "none", Network(mirror=str(tmp_path / "nowhere")))


async def test_room_is_counted_with_what_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from openclaw_desktop.inference.download import problems

    with serving(CONTENT, "stalls after 400000", "good") as server:
        wanted = model(HubMirror(server.url))
        await stop_at(wanted, tmp_path, server)
        missing = len(CONTENT) - download.part_bytes(wanted, tmp_path)
        disk = problems.shutil.disk_usage(tmp_path)
        for spare, fits in ((0, True), (-1, False)):
            free = missing + problems.SPARE_BYTES + spare
            monkeypatch.setattr(problems.shutil, "disk_usage", lambda _, free=free: disk._replace(free=free))
            if fits:
                problems.check_room(wanted, wanted.mirrors, len(CONTENT) - missing, tmp_path)
            else:
                with pytest.raises(UserError, match="MB left"):
                    await pull(wanted, tmp_path)


async def test_a_cancelled_task_keeps_what_has_arrived(tmp_path: Path) -> None:
    with serving(CONTENT, "stalls after 400000", "good") as server:
        wanted = model(HubMirror(server.url))
        arrived = asyncio.Event()

        async def fetch() -> None:
            async with contextlib.aclosing(download.pull(wanted, tmp_path, DIRECT)) as steps:  # type: ignore[type-var]
                async for step in steps:
                    if step.received_bytes > 0:
                        arrived.set()

        task = asyncio.create_task(fetch())
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        kept = download.part_bytes(wanted, tmp_path)
        assert kept > 0
        await pull(wanted, tmp_path)
    assert server.requests == [None, kept]
