"""A Git repository that somebody else may have made, and Git run over it so that nothing of it is started.

Owns the closed configuration: Git reads a folder that was made for this one call, with links to the repository's
objects and names and with settings that we wrote. What the repository's own settings name (programs, hooks, files to
include, helpers, addresses) is never read. The jail is the second wall: in it no program but Git itself can be started,
nothing written, nothing reached. Must not know what is asked of Git. Loop; the folder is made in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.gate import Grant, covers
from openclaw_desktop.workers.programs import Program, ProgramResult
from openclaw_desktop.workers.sandbox import temporary
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail
from openclaw_desktop.workers.tool_host import CallFailed

SEARCHED = "/usr/local/bin:/usr/bin:/bin"
TIMEOUT_S = 30.0
LOOK_TIMEOUT_S = 10.0
OUTPUT_BYTES = 400_000
# Not taken over from a repository's folder: what holds settings or programs, and what is not looked at here.
_LEFT_OUT = frozenset(
    (
        "HEAD",
        "config",
        "config.worktree",
        "hooks",
        "info",
        "commondir",
        "gitdir",
        "modules",
        "worktrees",
        "lfs",
        "annex",
    )
)
# What a second work tree has of its own; the rest it shares.
_OF_A_WORK_TREE = frozenset(
    ("index", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG", "rebase-merge", "rebase-apply")
)
# Of the folder `info` all but the attributes, which are ours.
_OF_INFO = ("exclude", "grafts", "sparse-checkout")
# A repository's own .gitattributes can call any file binary, and what changed in it would then not be shown. This comes
# before those: whether a file is text is seen by its content.
_SHOWN = "* !diff\n"
# Said again on the command line, in case a Git to come reads settings from elsewhere.
_OPTIONS = (
    "--no-pager", "--no-optional-locks", "--literal-pathspecs", "-c", "safe.directory=*", "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false", "-c", "core.untrackedCache=false", "-c",
    "protocol.allow=never", "-c", "credential.helper=", "-c", "submodule.recurse=false", "-c", "gc.auto=0",
)  # fmt: skip


class Jails(Protocol):
    """Runs functions and programs in their jails."""

    async def call(self, function: str, arguments: Mapping[str, Any], *, read: Sequence[Path], timeout_s: float) -> Any:
        """Return the function's JSON result; raises CallFailed."""
        ...

    async def run(self, program: Program) -> ProgramResult:
        """Return what came of a program; raises CallFailed."""
        ...


class Permissions(Protocol):
    """What may be touched."""

    def check(self, path: Path) -> None:
        """Raise UserError for one of the agent's own paths."""
        ...

    async def active(self) -> frozenset[Grant]:
        """Return the grants."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Printed:
    """What Git printed. `truncated`: there was more."""

    text: str
    truncated: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Repository:
    """An opened repository. `top`: its work tree; `closed`: the folder of this call; `read`: what Git may read."""

    jails: Jails
    git: str
    top: Path
    closed: Path
    read: tuple[str, ...]
    has_commits: bool = False

    async def git_says(self, words: Sequence[str], stdin: str = "") -> Printed:
        """Run Git with `words`; raises UserError where it fails."""
        jail = ProgramJail(read=self.read, run=(self.git,), address_bytes=0)
        program = Program(
            git_argv(self.git, words), jail, str(self.top), git_environment(self.closed, self.top), TIMEOUT_S,
            OUTPUT_BYTES, stdin,
        )  # fmt: skip
        try:
            result = await self.jails.run(program)
        except CallFailed as failure:
            raise UserError(failure.code, tr("Git was not run: {reason}", reason=str(failure))) from failure
        if result.ended not in ("exit", "output"):
            raise UserError(
                "git_stopped",
                tr("Git took too long, or more memory than it may, and was stopped."),
                tr("Ask for less: one file, or fewer commits."),
            )
        if result.ended == "exit" and result.exit_code != 0:
            last = next((line for line in reversed(result.stderr.splitlines()) if line.strip()), "")
            raise UserError("git_failed", tr("Git could not do it: {reason}", reason=visible(last[:300])))
        return Printed(result.stdout, result.truncated or result.ended == "output")


def git_argv(git: str, words: Sequence[str]) -> tuple[str, ...]:
    """Return Git's command line, with what closes it before `words`."""
    return (git, *_OPTIONS, *words)


def git_environment(closed: Path, top: Path) -> dict[str, str]:
    """Return what Git is told of its surroundings: the closed folder, and nobody's settings."""
    return {
        "GIT_DIR": str(closed),
        "GIT_WORK_TREE": str(top),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "",
    }


@contextlib.asynccontextmanager
async def open_repository(jails: Jails, permissions: Permissions, top: Path) -> AsyncIterator[Repository]:
    """Give the repository whose work tree is `top`, which may be read already; raises UserError.

    Where its own folder lies elsewhere (a second work tree, a link) that must be granted too.
    """
    git = await asyncio.to_thread(_find_git)
    if not git:
        raise UserError("no_git", tr("Git is not installed here."), tr("Install it: the package is called git."))
    try:
        own = await _allowed((await _look(jails, "git.layout", "top", top))["store"], top, permissions)
        found = await _look(jails, "git.store", "folder", own)
        shared, common = found, own
        if found["common"]:
            common = await _allowed(found["common"], top, permissions)
            shared = await _look(jails, "git.store", "folder", common)
    except CallFailed as failure:
        raise UserError(
            "no_repository",
            tr("{path} holds no Git repository that can be read: {reason}.", path=visible(str(top)),
               reason=visible(str(failure))[:200]),
        ) from failure  # fmt: skip
    try:
        closed = await asyncio.to_thread(_new_folder)
    except OSError as error:
        raise _not_ready(error) from error
    try:
        links = {name: common / name for name in shared["names"] if name not in _LEFT_OUT | _OF_A_WORK_TREE}
        links |= {name: own / name for name in found["names"] if name in _OF_A_WORK_TREE or own == common}
        links |= {f"info/{name}": common / "info" / name for name in _OF_INFO}
        try:
            await asyncio.to_thread(_fill, closed, found["head"], shared, links)
        except OSError as error:
            raise _not_ready(error) from error
        read = tuple(dict.fromkeys(map(str, (top, own, common, closed))))
        repository = Repository(jails, git, top, closed, read)
        yield dataclasses.replace(repository, has_commits=await _has_commits(repository))
    finally:
        await asyncio.to_thread(shutil.rmtree, closed, ignore_errors=True)


async def _has_commits(repository: Repository) -> bool:
    try:
        await repository.git_says(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
    except UserError as error:
        if error.failure.code != "git_failed":
            raise
        return False
    return True


async def _look(jails: Jails, function: str, name: str, folder: Path) -> Any:
    return await jails.call(function, {name: str(folder)}, read=(folder,), timeout_s=LOOK_TIMEOUT_S)


async def _allowed(place: str, top: Path, permissions: Permissions) -> Path:
    """Return the canonical folder `place` of a repository, if it is within `top` or granted; raises UserError."""
    try:
        found = await asyncio.to_thread(Path(place).resolve, strict=True)
        str(found).encode()
    except (OSError, RuntimeError, ValueError):
        raise CallFailed("no_repository", "its .git leads nowhere") from None
    permissions.check(found)
    if found.is_relative_to(top):
        return found
    grants = await permissions.active()
    if any(grant.capability in ("file:read", "file:write") and covers(grant.scope, str(found)) for grant in grants):
        return found
    raise UserError(
        "folder_not_granted",
        tr("This repository is kept in {path}, which is not granted.", path=visible(str(found))),
        tr("Allow it with: openclaw-agent grant add file:read FOLDER"),
        ExitCode.DENIED,
    )


def _find_git() -> str:
    """Return the real path of the program, "" where it is not installed."""
    found = shutil.which("git", path=SEARCHED)
    return str(Path(found).resolve()) if found else ""


def _not_ready(error: OSError) -> UserError:
    reason = error.strerror or type(error).__name__
    return UserError(
        "not_ready",
        tr("Git could not be made ready: {reason}.", reason=reason),
        tr("See that there is room in the folder for temporary files, and try again."),
    )


def _new_folder() -> Path:
    return Path(temporary.make("git"))


def _fill(closed: Path, head: str, shared: Mapping[str, Any], links: Mapping[str, Path]) -> None:
    """Make the closed folder: what it must have, links to the rest, and settings of ours."""
    lines = []
    for section, sub, key, value in shared["config"]:
        # What was let through holds no quote, bracket or line's end: nothing needs to be escaped.
        lines += [f'[{section} "{sub}"]' if sub else f"[{section}]", f"\t{key} = {value}"]
    (closed / "HEAD").write_text(head + "\n", encoding="utf-8")
    (closed / "config").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (closed / "info").mkdir()
    (closed / "info" / "attributes").write_text(f"{shared['attributes']}\n{_SHOWN}", encoding="utf-8")
    for name, target in links.items():
        if name not in _LEFT_OUT:
            (closed / name).symlink_to(target)
    for name in ("objects", "refs"):
        if not (closed / name).exists():
            (closed / name).mkdir(exist_ok=True)
