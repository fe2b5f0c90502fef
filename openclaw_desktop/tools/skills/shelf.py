"""The skills that there are: those that came with the agent, and those that the user installed.

Owns what is kept of each (`skills.json`: what it says of itself, the hash of each file) and that a changed one is off
until it is approved again. Nothing of a hash is remembered between two looks: times, size and place of a file stay the
same where it is written through a mapping or its times are set back. Must not know YAML, nor who asks. Any process;
blocking, a skill is small.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.tools.skills.tree import differences, hash_files, hash_tree, read_tree

RECORD = "skills.json"
SKILLS_MOST = 200
SCRIPTS = "scripts/"
_SEARCHED = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Skill:
    """One skill. `shipped`: it came with the agent. `missing`: programs that it needs and this machine lacks.

    `changes`: what is not as it was approved; `sha256`: of the approved tree.
    """

    name: str
    description: str
    folder: Path
    shipped: bool
    sha256: str
    scripts: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """True where it is as it was approved and has what it needs."""
        return not self.changes and not self.missing


class Shelf:
    """The skills of two folders: the shipped one, which is only read, and the user's."""

    def __init__(self, shipped: Path, installed: Path) -> None:
        self._shipped = shipped
        self._installed = installed

    def skills(self) -> tuple[Skill, ...]:
        """Return all skills, sorted by name; a shipped one can't be replaced. Raises UserError."""
        found: dict[str, Skill] = {}
        for folder, shipped in ((self._shipped, True), (self._installed, False)):
            for name, kept in _load(folder).items():
                found.setdefault(name, _skill(folder / name, name, kept, shipped))
        return tuple(skill for _, skill in sorted(found.items()))

    def find(self, name: str) -> Skill:
        """Return the skill of that name; raises UserError."""
        for folder, shipped in ((self._shipped, True), (self._installed, False)):
            if (kept := _load(folder).get(name)) is not None:
                return _skill(folder / name, name, kept, shipped)
        raise UserError(
            "no_such_skill",
            tr("There is no skill {name}.", name=visible(name[:80])),
            tr("See which there are: openclaw-agent skill list"),
            ExitCode.USAGE,
        )

    def read(self, name: str) -> tuple[Skill, dict[str, bytes]]:
        """Return a skill and its files, exactly as approved; raises UserError where it changed or lacks something."""
        skill = self.find(name)
        if skill.missing:
            raise UserError(
                "skill_needs_programs",
                tr("The skill {name} needs {programs}.", name=name, programs=", ".join(skill.missing)),
                tr("Install that first."),
            )
        files = {} if skill.changes else read_tree(skill.folder)
        if skill.changes or hash_tree(hash_files(files)) != skill.sha256:
            raise UserError(
                "skill_changed",
                tr("The skill {name} is not as it was approved, so it is off.", name=name),
                tr("See what changed and allow it again: openclaw-agent skill approve {name}", name=name),
                ExitCode.DENIED,
            )
        return skill, files

    def install(self, name: str, description: str, bins: tuple[str, ...], files: Mapping[str, bytes]) -> Skill:
        """Keep a checked skill; raises UserError where the name is taken."""
        records = _load(self._installed)
        if name in records or name in _load(self._shipped):
            raise UserError(
                "skill_there",
                tr("There is a skill {name} already.", name=name),
                tr("Remove it first: openclaw-agent skill remove {name}", name=name),
            )
        if len(records) >= SKILLS_MOST:
            raise UserError("too_many_skills", tr("There are {count} skills already.", count=SKILLS_MOST))
        with _said():
            self._installed.mkdir(mode=0o700, parents=True, exist_ok=True)
            coming = Path(tempfile.mkdtemp(prefix=".coming-", dir=self._installed))
            try:
                for path, content in files.items():
                    target = coming / path
                    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    target.write_bytes(content)
                    target.chmod(0o600)
                # A folder that nothing was kept of is what an install left that was cut short.
                shutil.rmtree(self._installed / name, ignore_errors=True)
                coming.replace(self._installed / name)
            finally:
                shutil.rmtree(coming, ignore_errors=True)
            self._keep(records, name, description, bins, files)
        return self.find(name)

    def approved_files(self, name: str) -> Mapping[str, bytes] | None:
        """Return an installed skill's files as they were approved; None where no copy of them was kept."""
        # Here and below not at the top: the agent only reads skills, and archives would slow its start.
        from openclaw_desktop.tools.skills.approved import load_copy

        kept = _load(self._installed).get(name)
        return None if kept is None else load_copy(self._installed, name, kept["files"])

    def approve(self, name: str, description: str, bins: tuple[str, ...], files: Mapping[str, bytes]) -> Skill:
        """Take a changed skill as it was shown from now on: exactly `files`."""
        with _said():
            self._keep(_load(self._installed), name, description, bins, files)
        return self.find(name)

    def remove(self, name: str) -> None:
        """Remove an installed skill; raises UserError for one that came with the agent."""
        from openclaw_desktop.tools.skills.approved import drop_copy

        skill = self.find(name)
        if skill.shipped:
            raise UserError("skill_shipped", tr("The skill {name} came with the agent and stays.", name=name))
        records = _load(self._installed)
        del records[name]
        with _said():
            _save(self._installed, records)
        shutil.rmtree(skill.folder, ignore_errors=True)
        drop_copy(self._installed, name)

    def _keep(
        self,
        records: dict[str, Any],
        name: str,
        description: str,
        bins: tuple[str, ...],
        files: Mapping[str, bytes],
    ) -> None:
        from openclaw_desktop.tools.skills.approved import keep_copy

        keep_copy(self._installed, name, files)
        records[name] = record_of(description, bins, files)
        _save(self._installed, records)


def record_of(description: str, bins: tuple[str, ...], files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return what is kept of a skill."""
    return {"description": description, "bins": list(bins), "files": hash_files(files)}


def _skill(folder: Path, name: str, kept: Mapping[str, Any], shipped: bool) -> Skill:
    files = kept["files"]
    try:
        changes = differences(files, hash_files(read_tree(folder)))
    except UserError as error:
        changes = (error.failure.sentence,)
    return Skill(
        name,
        kept["description"],
        folder,
        shipped,
        hash_tree(files),
        tuple(path for path in files if path.startswith(SCRIPTS)),
        tuple(program for program in kept["bins"] if not shutil.which(program, path=_SEARCHED)),
        changes,
    )


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """Turn a failure to write, such as a full disk, into a sentence."""
    try:
        yield
    except OSError as error:
        raise UserError(
            "skill_not_kept",
            tr("The skills could not be written: {reason}.", reason=error.strerror or type(error).__name__),
            tr("See that there is room on the disk and that you may write there, and try again."),
        ) from error


def _load(folder: Path) -> dict[str, Any]:
    try:
        records = json.loads((folder / RECORD).read_bytes())
        for kept in records.values():
            if not isinstance(kept["files"], dict) or not isinstance(kept["description"], str):
                raise TypeError
            list(kept["bins"])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError, AttributeError, KeyError, TypeError) as error:
        raise UserError(
            "skills_unreadable",
            tr("{path} can't be read, so no skill is used.", path=visible(str(folder / RECORD))),
            tr("Delete it and install your skills again."),
        ) from error
    return dict(records)


def _save(folder: Path, records: Mapping[str, Any]) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".record-", dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(records, file, indent=1, sort_keys=True)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(folder / RECORD)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
