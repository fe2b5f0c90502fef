"""The gate between model and tools: one pure, total function.

Owns the table of what a call may do. No model, no I/O, no clock: the same input gives the same decision. The model is
treated as hijacked, so nothing that it says counts here but the call itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import ToolCall, ToolSpec
from openclaw_desktop.security.scopes import covers_call, covers_path

Action = Literal["allow", "allow_undo", "ask", "ask_twice", "park", "refuse"]


@dataclass(frozen=True, slots=True)
class Grant:
    """A standing permission: `capability` such as `file:read`, `scope` a canonical target such as an absolute path.

    What a scope means for each capability: `security.scopes`.
    """

    capability: str
    scope: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a call. `standing` says whether an answer may be kept as a grant."""

    action: Action
    reason: str
    standing: bool = False


def decide(context: Label, call: ToolCall, tool: ToolSpec, grants: frozenset[Grant], attended: bool) -> Decision:
    """Decide about a frozen `call` of `tool` in a turn whose texts have the label `context`.

    | untrusted | private | attended | read  | local-reversible | irreversible, outbound | guarded                |
    |-----------|---------|----------|-------|------------------|------------------------|------------------------|
    | no        | any     | yes      | allow | allow            | grant                  | ask                    |
    | no        | any     | no       | allow | allow            | grant                  | park                   |
    | yes       | no      | yes      | allow | allow, with undo | ask                    | ask, no standing grant |
    | yes       | yes     | yes      | allow | allow, with undo | ask                    | ask twice              |
    | yes       | any     | no       | allow | allow, with undo | park                   | refuse                 |

    "grant": allowed with a fitting grant, else ask when attended and park when not. A read that needs a grant and has
    none is asked or parked too.
    """
    untrusted = context.integrity == "untrusted"
    private = context.confidentiality != "public"
    if call.name != tool.name:
        return Decision("refuse", "the call does not belong to this tool")
    if tool.effect == "read":
        if tool.capability is None or fits(call, tool, grants):
            return Decision("allow", "reading within a grant")
        return _ask_or_park(attended, "reading outside every grant", standing=not untrusted)
    if tool.effect == "local-reversible":
        if untrusted:
            return Decision("allow_undo", "can be undone")
        return Decision("allow", "can be undone")
    if tool.effect in ("local-irreversible", "outbound"):
        if untrusted:
            return _ask_or_park(attended, f"{tool.effect} after untrusted text", standing=False)
        if fits(call, tool, grants):
            return Decision("allow", "within a grant")
        return _ask_or_park(attended, f"{tool.effect} outside every grant", standing=True)
    if not untrusted:
        return _ask_or_park(attended, "guarded", standing=False)
    if not attended:
        return Decision("refuse", "guarded, after untrusted text, with nobody there")
    if private:
        return Decision("ask_twice", "guarded, after untrusted text, with private data")
    return Decision("ask", "guarded, after untrusted text")


def _ask_or_park(attended: bool, reason: str, standing: bool) -> Decision:
    return Decision("ask", reason, standing) if attended else Decision("park", reason)


def decide_reach(
    context: Label, call: ToolCall, tool: ToolSpec, grants: frozenset[Grant], attended: bool
) -> Decision | None:
    """Return what happens to a change that can be undone, outside every grant; None where that is not so.

    The table says what may happen without a question to what the agent may reach; a file or a clipboard that nobody
    granted is asked about as a read of it is.
    """
    if tool.effect != "local-reversible" or tool.capability is None or fits(call, tool, grants):
        return None
    return _ask_or_park(attended, "a change outside every grant", standing=context.integrity != "untrusted")


def fits(call: ToolCall, tool: ToolSpec, grants: Iterable[Grant]) -> bool:
    """True where every authority argument of `call` lies within a grant of the tool's capability.

    A tool without authority arguments fits no grant: "all of none" would allow everything.
    """
    scopes: dict[str, list[str]] = defaultdict(list)
    for grant in grants:
        scopes[grant.capability].append(grant.scope)
    return covers_call(call, tool, scopes)


covers = covers_path
