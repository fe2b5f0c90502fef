"""The folder of the user that a program works in, and how much it may do there.

Owns the rule: a granted folder alone, and never one that holds the agent's own files. Must not know the program. Loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.gate import Grant, covers
from openclaw_desktop.tools.path_finder import PathFinder

CHANGES, READS = "read and change", "read"


class Grants(Protocol):
    """The standing permissions."""

    async def active(self) -> frozenset[Grant]:
        """Return the grants."""
        ...


class WorkFolders:
    """Finds such folders. `own`: the agent's own, which no program may have below its feet."""

    def __init__(self, finder: PathFinder, grants: Grants, own: Sequence[Path] = ()) -> None:
        self._finder = finder
        self._grants = grants
        self._own = tuple(path.resolve() for path in own)

    async def find(self, path: str, scene: CallScene) -> tuple[Path, str]:
        """Return the canonical folder and the access to it, CHANGES or READS; raises UserError where it is none."""
        folder = await self._finder.find(path, scene)
        if not folder.is_dir():
            raise UserError("not_folder", tr("{path} is not a folder.", path=visible(str(folder))))
        if any(own.is_relative_to(folder) for own in self._own):
            raise UserError(
                "own_folder",
                tr("{path} holds the agent's own files, so no command runs there.", path=visible(str(folder))),
                tr("Choose a folder that holds only what the command is about."),
                ExitCode.DENIED,
            )
        grants = await self._grants.active() | {Grant("file:read", path) for path in scene.attached}
        for capability, access in (("file:write", CHANGES), ("file:read", READS)):
            if any(grant.capability == capability and covers(grant.scope, str(folder)) for grant in grants):
                return folder, access
        raise UserError(
            "folder_not_granted",
            tr("Commands run in granted folders alone, and {path} is not one.", path=visible(str(folder))),
            tr("Allow it with: openclaw-agent grant add file:read FOLDER, or file:write where it may change files."),
            ExitCode.DENIED,
        )
