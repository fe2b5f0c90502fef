"""What a path in a user's or a model's words means.

Owns where a path is looked for: where the user is, home and its usual folders, then by its name below the granted
folders. Must not open a file. Loop; the search below granted folders runs in a thread.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.gate import Grant

USUAL_FOLDERS = ("", "Documents", "Desktop", "Downloads")
# Granted folders may be large: the search ends somewhere, and looks near the top first.
SEARCHED_ENTRIES = 20_000
SHOWN_PATHS = 5
UNCLEAR = "which_path"


class Permissions(Protocol):
    """What may be touched: the grants, and which paths are the agent's own."""

    def check(self, path: Path) -> None:
        """Raise UserError for one of the agent's own paths."""
        ...

    async def active(self) -> frozenset[Grant]:
        """Return the grants."""
        ...


class PathFinder:
    """Finds what a path in words means."""

    def __init__(self, permissions: Permissions, home: Path) -> None:
        self._permissions = permissions
        self._home = home

    async def find(self, path: str, scene: CallScene) -> Path:
        """Return the canonical path of an existing file or folder.

        Raises UserError where there is none, with the code UNCLEAR where it may be one of several.
        """
        given = _expand(path.strip())
        bases = [*([Path(scene.folder)] if scene.folder else []), *(self._home / name for name in USUAL_FOLDERS)]
        attached = [Path(name) for name in scene.attached if Path(name).name == given.name]
        # Small models put a slash before a bare name; the question shows the path that was found.
        inside = given.relative_to(given.anchor)
        candidates = [*([given] if given.is_absolute() else []), *attached, *(base / inside for base in bases)]
        found = next((found for candidate in candidates if (found := _resolve(candidate))), None)
        if found is None:
            found = await self._find_below_grants(inside)
        if found is None:
            places = ", ".join(dict.fromkeys(visible(str(base)) for base in bases))
            raise UserError(
                "no_such_file",
                tr("There is no {path} in {places}.", path=visible(path), places=places),
                tr("Give the whole path of the file."),
            )
        self._permissions.check(found)
        return found

    async def find_new(self, path: str, scene: CallScene, near: Path | None = None) -> Path:
        """Return the canonical path of what is there, or will be: its folder must be there.

        `near`: where a bare name is meant to be. Raises UserError.
        """
        given = _expand(path.strip())
        bases = [*([near] if near else []), *([Path(scene.folder)] if scene.folder else []), self._home]
        candidates = [given] if given.is_absolute() else [base / given for base in bases]
        for candidate in candidates:
            folder = _resolve(candidate.parent)
            if folder is None or candidate.name in ("", ".", ".."):
                continue
            # A link that is there already means what it leads to: never written through unseen.
            found = _resolve(candidate) or folder / candidate.name
            if found.is_symlink() or not _is_text(found):
                continue
            self._permissions.check(found)
            return found
        raise UserError(
            "no_such_folder",
            tr("There is no folder for {path}, so nothing was changed.", path=visible(path)),
            tr("Make the folder first, or give the whole path."),
        )

    async def _find_below_grants(self, wanted: Path) -> Path | None:
        """Return the one path below the granted folders that ends like `wanted`; None where there is none."""
        if not wanted.name or ".." in wanted.parts:
            return None
        scopes = [Path(grant.scope) for grant in await self._permissions.active() if grant.capability == "file:read"]
        found = await asyncio.to_thread(lambda: sorted(set(_ending_like(wanted, scopes))))
        if len(found) > 1:
            shown = ", ".join(visible(str(path)) for path in found[:SHOWN_PATHS])
            raise UserError(
                UNCLEAR,
                tr("{count} paths end in {path}: {paths}.", count=len(found), path=visible(str(wanted)), paths=shown),
                tr("Which one do you mean?"),
            )
        return found[0] if found else None


def _ending_like(wanted: Path, folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the paths below `folders` whose last parts are those of `wanted`, in any case of letters."""
    parts = [part.lower() for part in wanted.parts]
    left = SEARCHED_ENTRIES
    for folder in folders:
        for parent, folders_here, files in os.walk(folder):
            names = [*files, *folders_here]
            left -= len(names)
            for name in names:
                path = Path(parent, name)
                below = [part.lower() for part in path.parts[-len(parts) :]]
                # A link may lead out of the grant: what it leads to is what counts, and that is looked at by the gate.
                if below == parts and (resolved := _resolve(path)) is not None:
                    yield resolved
            if left < 0:
                return


def _expand(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # "~nobody/notes.txt"
        return Path(path)


def _is_text(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeError:
        return False
    return True


def _resolve(path: Path) -> Path | None:
    try:
        found = path.resolve(strict=True)
        str(found).encode()  # a name that is no text can be neither asked about nor kept
    except (OSError, RuntimeError, ValueError):
        return None
    return found
