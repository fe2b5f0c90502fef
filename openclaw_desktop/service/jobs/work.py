"""What a job does, as the data that it is kept as: a reminder, a prompt, one call of a tool, or a job that we bring.

Owns the form of that data and its words. Must not know how any of it is done. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.core.tokens import clip

WorkKind = Literal["remind", "prompt", "tool", "built-in"]
SHOWN_TOKENS = 60
CONTAINS = "contains:"
# "ok": the call was done, and a command ended with 0. "some": it found something. "changed": its result is another
# than at the check before.
CONDITIONS = ("ok", "some", "changed")


@dataclass(frozen=True, slots=True)
class Check:
    """One call of a tool that decides whether the work is done at all. `condition`: CONDITIONS, or `contains:TEXT`."""

    tool: str
    arguments: Mapping[str, Any]
    condition: str = "ok"


@dataclass(frozen=True, slots=True)
class Work:
    """What a run does. `text`: of a reminder or prompt; `name`: of a tool, or of a job that we bring."""

    kind: WorkKind
    text: str = ""
    name: str = ""
    arguments: Mapping[str, Any] | None = None
    check: Check | None = None

    def as_data(self) -> dict[str, Any]:
        """Return it as it is kept."""
        data: dict[str, Any] = {"do": self.kind}
        if self.kind in ("remind", "prompt"):
            data["text"] = self.text
        else:
            data["name"] = self.name
        if self.kind == "tool":
            data["arguments"] = dict(self.arguments or {})
        if self.check is not None:
            check = self.check
            data["check"] = {"tool": check.tool, "arguments": dict(check.arguments), "if": check.condition}
        return data

    def describe(self) -> str:
        """Return it in words, in which nothing can hide."""
        match self.kind:
            case "remind":
                words = tr("reminds you: {text}", text=visible(clip(self.text, SHOWN_TOKENS)))
            case "prompt":
                words = tr("asks: {text}", text=visible(clip(self.text, SHOWN_TOKENS)))
            case "tool":
                words = tr("calls {tool}", tool=visible(self.name))
            case _:
                words = tr("built in: {name}", name=self.name)
        if self.check is None:
            return words
        return tr("{words}, if {tool} says so ({condition})", words=words, tool=visible(self.check.tool),
                  condition=visible(self.check.condition))  # fmt: skip


def read_work(data: Mapping[str, Any]) -> Work:
    """Return the work that is kept as `data`; raises UserError where it makes no sense."""
    try:
        asked = data.get("check")
        check = None if asked is None else make_check(str(asked["tool"]), dict(asked["arguments"]), str(asked["if"]))
        kind = data["do"]
        if kind in ("remind", "prompt"):
            return Work(kind, text=str(data["text"]), check=check)
        if kind == "tool":
            return Work(kind, name=str(data["name"]), arguments=dict(data["arguments"]), check=check)
        if kind == "built-in":
            return Work(kind, name=str(data["name"]), check=check)
    except (KeyError, TypeError, ValueError) as error:
        raise _senseless() from error
    raise _senseless()


def make_check(tool: str, arguments: Mapping[str, Any], condition: str) -> Check:
    """Return a check; raises UserError for a condition that is none."""
    if condition not in CONDITIONS and not (condition.startswith(CONTAINS) and condition != CONTAINS):
        raise UserError(
            "bad_condition",
            tr("“{condition}” is no condition of a check.", condition=visible(condition[:60])),
            tr("Write ok, some, changed, or contains:TEXT."),
            ExitCode.USAGE,
        )
    return Check(tool, arguments, condition)


def _senseless() -> UserError:
    return UserError(
        "bad_work",
        tr("What this job is to do makes no sense to this version of the program."),
        tr("Update the program, or remove the job and add it anew."),
    )
