"""What a SKILL.md must look like (agentskills.io), and what is wrong with one that does not.

Owns the rules. Reads YAML, so it runs in the command line's process alone: the agent reads what was kept at install.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml  # type: ignore[import-untyped]

from openclaw_desktop.core.text import tr, visible

NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
HEAD_BYTES_MOST = 16_384
TEXT_BYTES_MOST = 100_000
KNOWN = {"name", "description", "license", "compatibility", "metadata", "allowed-tools"}
_HEAD = re.compile(r"---[ \t]*\n(.*?\n)---[ \t]*(?:\n|$)", re.S)


@dataclass(frozen=True, slots=True)
class Head:
    """What a skill says of itself. `bins`: programs that it can't do without."""

    name: str
    description: str
    bins: tuple[str, ...] = ()


def check_skill(files: Mapping[str, bytes], folder_name: str = "") -> tuple[Head | None, tuple[str, ...]]:
    """Return what the skill says of itself and sentences about what is wrong; the head is None where that is fatal.

    `folder_name`: what its folder is called, "" where that doesn't matter.
    """
    data = files.get("SKILL.md")
    if data is None:
        return None, (tr("There is no SKILL.md."),)
    if len(data) > TEXT_BYTES_MOST:
        return None, (tr("SKILL.md is larger than {size} bytes.", size=TEXT_BYTES_MOST),)
    try:
        text = data.decode().replace("\r\n", "\n").removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None, (tr("SKILL.md is not UTF-8 text."),)
    match = _HEAD.match(text)
    if match is None:
        return None, (tr("SKILL.md does not begin with its head: a line ---, name and description, a line ---."),)
    head = _load(match[1])
    if isinstance(head, str):
        return None, (head,)
    problems = _problems(head, folder_name)
    if not text[match.end() :].strip():
        problems.append(tr("It has no instructions below the head."))
    bins, wrong = _bins(head)
    problems += wrong
    if problems:
        return None, tuple(problems)
    return Head(head["name"], " ".join(head["description"].split()), bins), ()


def _load(text: str) -> dict[str, Any] | str:
    """Return the head as a mapping, or a sentence about what is wrong."""
    if len(text) > HEAD_BYTES_MOST:
        return tr("The head is longer than {size} characters.", size=HEAD_BYTES_MOST)
    try:
        # Aliases are how a small text becomes a large one; no skill needs them.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            return tr("The head uses YAML aliases, which no skill needs.")
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, OverflowError, LookupError, AttributeError) as error:
        # The last two: a value that its own tag does not fit, such as `!!timestamp tea`.
        mark = getattr(error, "problem_mark", None)
        return tr("The head is no YAML: line {line}.", line=mark.line + 2 if mark else 1)
    if not isinstance(found, dict) or not all(isinstance(field, str) for field in found):
        return tr("The head is no list of names and values.")
    return found


def _problems(head: Mapping[Any, Any], folder_name: str) -> list[str]:
    problems = []
    name, description = head.get("name"), head.get("description")
    if not isinstance(name, str) or len(name) > 64 or not NAME.fullmatch(name):
        problems.append(tr("The name must be 1 to 64 small letters, digits and single hyphens."))
    elif folder_name and folder_name != name:
        problems.append(tr("The name {name} is not that of its folder, {folder}.", name=name, folder=folder_name))
    if not isinstance(description, str) or not description.strip() or len(description) > 1024:
        problems.append(tr("The description must be 1 to 1024 characters: what it does, and when to use it."))
    for field, most in (("license", 500), ("compatibility", 500), ("allowed-tools", 2000)):
        if field in head and not (isinstance(head[field], str) and 0 < len(head[field]) <= most):
            problems.append(tr("{field} must be text of at most {most} characters.", field=field, most=most))
    if not isinstance(head.get("metadata", {}), dict):
        problems.append(tr("metadata must be names and values."))
    for field in head:
        if field not in KNOWN:
            problems.append(tr("{field} is no field of a skill; put it below metadata.", field=visible(field[:80])))
    return problems


def _bins(head: Mapping[Any, Any]) -> tuple[tuple[str, ...], list[str]]:
    wanted: Any = head.get("metadata")
    for step in ("openclaw", "requires", "bins"):
        wanted = wanted.get(step) if isinstance(wanted, dict) else None
    if wanted is None:
        return (), []
    if not isinstance(wanted, list) or not all(isinstance(one, str) and re.fullmatch(r"[\w.+-]{1,64}", one)
                                               for one in wanted):  # fmt: skip
        return (), [tr("metadata.openclaw.requires.bins must be a list of names of programs.")]
    return tuple(wanted[:50]), []
