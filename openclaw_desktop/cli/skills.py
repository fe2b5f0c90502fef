"""The verbs `skill list / check / install / approve / remove`.

Owns their words, and that a person at a real terminal says yes to a skill. Needs no running agent: the agent looks into
the folder of skills with each call. Must not know what makes a skill right.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from openclaw_desktop.cli import output
from openclaw_desktop.cli.terminal import is_real_terminal, read_line
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.system.paths.home import Home, find_home
from openclaw_desktop.tools.skills.approved import describe_change
from openclaw_desktop.tools.skills.archives import read_archive
from openclaw_desktop.tools.skills.form import Head, check_skill
from openclaw_desktop.tools.skills.shelf import SCRIPTS, Shelf, Skill
from openclaw_desktop.tools.skills.tree import read_tree


def run(arguments: argparse.Namespace) -> int:
    """Do the verb and return the exit code; raises UserError."""
    if arguments.action == "check":
        return _check(arguments)
    home = find_home(arguments.home, os.environ)
    shelf = Shelf(resource_path("skills"), home.skills)
    match arguments.action:
        case "list":
            return _list(shelf, arguments)
        case "install":
            return _install(shelf, home, arguments)
        case "approve":
            return _approve(shelf, arguments)
        case _:
            return _remove(shelf, arguments)


def _list(shelf: Shelf, arguments: argparse.Namespace) -> int:
    skills = shelf.skills()
    if arguments.json:
        output.print_json({"skills": [_as_json(skill) for skill in skills]})
    else:
        output.say("\n".join(_describe(skill) for skill in skills) + "\n")
    return ExitCode.DONE


def _check(arguments: argparse.Namespace) -> int:
    files, folder_name = _read(arguments.path)
    head, problems = check_skill(files, folder_name)
    if arguments.json:
        output.print_json({"ok": head is not None, "problems": list(problems)})
    elif head is not None:
        output.say(tr("{name} is a good skill: {count} files.", name=head.name, count=len(files)) + "\n")
    else:
        output.say("\n".join(problems) + "\n")
    return ExitCode.DONE if head is not None else ExitCode.FAILED


def _install(shelf: Shelf, home: Home, arguments: argparse.Namespace) -> int:
    files, folder_name = _read(arguments.path)
    head = _good(files, folder_name)
    if not home.marker.is_file():
        raise UserError("no_home", tr("There is no agent here yet."), tr("Set it up first: openclaw-agent onboard"))
    _show(head, files)
    _confirm(tr("Install this skill? [y/N] "))
    return _tell(arguments, shelf.install(head.name, head.description, head.bins, files))


def _approve(shelf: Shelf, arguments: argparse.Namespace) -> int:
    skill = shelf.find(arguments.name)
    if skill.shipped:
        raise UserError("skill_shipped", tr("{name} came with the agent.", name=skill.name), tr("Reinstall the agent."))
    files = read_tree(skill.folder)
    head = _good(files, skill.name)
    before = shelf.approved_files(skill.name)
    changes = skill.changes if before is None else describe_change(before, files)
    for line in changes or (tr("Nothing changed."),):
        output.tell(line)
    _show(head, files)
    _confirm(tr("Use it as it is now? [y/N] "))
    return _tell(arguments, shelf.approve(head.name, head.description, head.bins, files))


def _remove(shelf: Shelf, arguments: argparse.Namespace) -> int:
    skill = shelf.find(arguments.name)
    if not skill.shipped:
        _confirm(tr("Remove the skill {name}? [y/N] ", name=skill.name))
    shelf.remove(skill.name)
    if arguments.json:
        output.print_json({"removed": skill.name})
    else:
        output.say(tr("Removed {name}.", name=skill.name) + "\n")
    return ExitCode.DONE


def _read(path: Path) -> tuple[Mapping[str, bytes], str]:
    """Return the files of a skill and the name of its folder, "" for an archive."""
    if path.is_dir():
        return read_tree(path), path.resolve().name
    if not path.is_file():
        raise UserError(
            "no_such_file",
            tr("There is no {path}.", path=visible(str(path))),
            tr("Give the folder of a skill, or its zip or tar.gz archive."),
            ExitCode.USAGE,
        )
    return read_archive(path), ""


def _good(files: Mapping[str, bytes], folder_name: str) -> Head:
    head, problems = check_skill(files, folder_name)
    if head is None:
        raise UserError("bad_skill", " ".join(problems), tr("Ask who made it for one that is right."))
    return head


def _show(head: Head, files: Mapping[str, bytes]) -> None:
    output.tell(f"{head.name}: {visible(head.description)}")
    for path, content in sorted(files.items()):
        output.tell(f"  {visible(path)}  {len(content):,}")
    output.tell(tr("Its text is not yours: after reading it the agent asks before it acts."))
    if any(path.startswith(SCRIPTS) for path in files):
        output.tell(tr("Its scripts run in a jail without a network, and only when you say yes to each run."))


def _confirm(question: str) -> None:
    if not is_real_terminal():
        raise UserError(
            "no_terminal", tr("A person says yes to this, at a real terminal."), tr("Open a terminal and try again."),
            ExitCode.DENIED,
        )  # fmt: skip
    typed = asyncio.run(_ask(question))
    if (typed or "").strip().lower() not in ("y", "yes"):
        raise UserError("not_confirmed", tr("Nothing was changed."), "", ExitCode.DENIED)


async def _ask(question: str) -> str | None:
    return await read_line(question)


def _tell(arguments: argparse.Namespace, skill: Skill) -> int:
    if arguments.json:
        output.print_json(_as_json(skill))
    else:
        output.say(_describe(skill) + "\n")
    return ExitCode.DONE


def _as_json(skill: Skill) -> dict[str, object]:
    return {
        "name": skill.name, "description": skill.description, "shipped": skill.shipped, "ready": skill.ready,
        "missing": list(skill.missing), "changes": list(skill.changes), "sha256": skill.sha256,
        "scripts": list(skill.scripts),
    }  # fmt: skip


def _describe(skill: Skill) -> str:
    source = tr("came with the agent") if skill.shipped else tr("installed by you")
    lines = [f"{skill.name}  ({source})", f"    {visible(skill.description)}"]
    if skill.scripts:
        lines.append(tr("    scripts: {names}", names=", ".join(visible(path) for path in skill.scripts[:5])))
    if skill.missing:
        lines.append(tr("    off: it needs {programs}", programs=", ".join(skill.missing)))
    if skill.changes:
        lines.append(tr("    off: it is not as it was approved ({changes})", changes="; ".join(skill.changes[:5])))
    return "\n".join(lines)
