"""The tools over skills: which there are, and what one says.

Owns whose text that is: ours where the skill came with the agent and is unchanged, else untrusted. Must not know how a
skill is kept. Loop; files are read in a thread.
"""

from __future__ import annotations

import asyncio
import re

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, ToolResult
from openclaw_desktop.core.text import tr, visible, visible_lines
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.tools.skills.shelf import Shelf, Skill

DESCRIPTION_MOST = 300


class ListSkillsTool:
    """Lists the skills by name and description."""

    spec = ToolSpec(
        "list_skills",
        "list the skills: written instructions for a kind of work",
        {"type": "object", "properties": {}, "additionalProperties": False},
        "read",
    )

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call: it has no authority."""
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return one skill a line; what others say of theirs is untrusted and cut short."""
        skills = await asyncio.to_thread(self._shelf.skills)
        whole = "\n".join(_line(skill) for skill in skills) or tr("There are no skills.")
        text = clip(whole, scene.result_tokens)
        data = [{"name": skill.name, "shipped": skill.shipped, "ready": skill.ready} for skill in skills]
        label = _label(skills)
        receipt = Receipt("skills.listed", tr("looked through the skills"), call.id)
        return ToolResult(text + (tr("\n[cut: there are more]") if text != whole else ""), label, (receipt,), data)


class ReadSkillTool:
    """Reads the instructions of one skill, or a file beside them."""

    spec = ToolSpec(
        "read_skill",
        "read the instructions of a skill before doing that kind of work",
        {
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 64},
                "file": {"type": "string", "maxLength": 300, "description": "a file that SKILL.md names"},
            },
            "required": ["name"],
            "additionalProperties": False,
        },
        "read",
    )

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call: it reads the agent's own folder of skills alone."""
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return the text; raises UserError where there is none or the skill is off."""
        wanted = call.arguments.get("file") or "SKILL.md"
        skill, files = await asyncio.to_thread(self._shelf.read, call.arguments["name"])
        label = _label((skill,))
        try:
            whole = files[wanted].decode()
        except KeyError:
            names = ", ".join(visible(path) for path in list(files)[:20])
            # The names are the skill's own words: they keep its label.
            problem = tr("The skill {name} has no {file}; it has {names}.", name=skill.name, file=visible(wanted),
                         names=names)  # fmt: skip
            return ToolResult("", label, error=problem)
        except UnicodeDecodeError:
            raise UserError("not_text", tr("{file} is not text.", file=visible(wanted))) from None
        whole = visible_lines(whole)
        text = clip(whole, scene.result_tokens)
        cut = tr("\n[cut: there is more]") if text != whole else ""
        receipt = Receipt("skill.read", tr("read the skill {name}", name=skill.name), call.id, skill.name)
        return ToolResult(text + cut, label, (receipt,))


def _line(skill: Skill) -> str:
    state = "" if skill.ready else tr(" [off: it changed]") if skill.changes else tr(" [off: it needs programs]")
    return f"{skill.name}{state}: {visible(skill.description)[:DESCRIPTION_MOST]}"


def _label(skills: tuple[Skill, ...]) -> Label:
    others = [skill for skill in skills if not skill.shipped or skill.changes]
    origins = tuple(sorted(f"skill:{skill.name}" for skill in others or skills))
    return Label("untrusted" if others else "system", "public", origins)


PLAIN = (
    PlainForm(
        re.compile(
            r"(?:please )?(?:(?:list|show)(?: me)? (?:all )?(?:my |the )?skills"
            r"|what skills (?:do (?:i|you) have|are there))[.?!]*",
            re.I,
        ),
        "list_skills",
        lambda match: {},
    ),
    PlainForm(
        re.compile(
            r"(?:please )?(?:read|show|open)(?: me)? (?:the skill (?P<name>[a-z0-9][a-z0-9-]{0,63})"
            r"|the (?P<named>[a-z0-9][a-z0-9-]{0,63}) skill)[.?!]*",
            re.I,
        ),
        "read_skill",
        lambda match: {"name": (match["name"] or match["named"]).lower()},
    ),
)
