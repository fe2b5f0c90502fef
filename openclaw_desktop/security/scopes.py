"""What a grant covers: for each capability, which calls lie within a scope, and which scope a call asks for.

Owns the matchers. Must not know where grants are kept. Pure: no file is looked at, targets are canonical already.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.messages import ToolCall, ToolSpec
from openclaw_desktop.security.broker.hosts import covers_url, parse_url
from openclaw_desktop.security.programs import is_runner

# Scopes are absolute paths. `file:own`: folders that the user wrote themselves, whose texts are theirs.
FILES = ("file:read", "file:write", "file:own")
# Scopes are hosts. A page that the agent reads knows nobody; one in the browser has the user's logins.
HOSTS = ("network:fetch", "browser:open")
# There is but one thing to grant: the scope is "*".
WHOLE = ("clipboard:read", "clipboard:write", "screen:capture", "notify:send")
# The scope is the very value of the authority argument: an account, a calendar, an address, the name of a secret.
NAMED = (
    "mail:read", "mail:write", "mail:send", "calendar:read", "calendar:write", "memory:read", "memory:write",
    "schedule:create", "secret:use", "model:ask", "skill:run",
)  # fmt: skip
CAPABILITIES = (*FILES, *HOSTS, "process:run", "mcp:call", *WHOLE, *NAMED)
ALL = "*"

Scopes = Mapping[str, Sequence[str]]


def covers_call(call: ToolCall, tool: ToolSpec, scopes: Scopes) -> bool:
    """True where all that gives `call` its power lies within `scopes`, the granted ones by capability.

    A tool without authority arguments lies within none, but where there is only one thing to grant: "all of none" would
    allow everything.
    """
    capability = tool.capability
    if capability is None:
        return False
    granted = scopes.get(capability, ())
    if capability in WHOLE:
        return ALL in granted
    if capability == "mcp:call":
        return any(scope in granted for scope in _mcp_scopes(tool))
    if not tool.authority:
        return False
    if capability == "process:run":
        return _covers_process(call, tool, scopes)
    if capability == "mail:send":
        return _covers_sending(call, granted)
    if capability == "mail:read" and "path" in tool.authority:
        return _covers_saving(call, scopes)
    targets = [target for name in tool.authority for target in _strings(call.arguments.get(name))]
    missing = any(not _strings(call.arguments.get(name)) for name in tool.authority)
    return not missing and all(any(_covers(capability, scope, target) for scope in granted) for target in targets)


def covers_path(scope: str, target: str) -> bool:
    """True where `target` is `scope` or lies below it; both are canonical absolute paths."""
    if not scope or not PurePath(scope).is_absolute() or ".." in PurePath(target).parts:
        return False
    return PurePath(target).is_relative_to(PurePath(scope))


def covers_command(scope: str, argv: Sequence[str]) -> bool:
    """True where `argv` is the granted command; one that ends with ` *` covers more words, but no more options."""
    try:
        words = shlex.split(scope)
    except ValueError:
        return False
    if not words or not argv or is_runner(argv[0]):
        return False
    if words[-1] != ALL or len(words) < 2:
        return words == list(argv)
    fixed, more = words[:-1], argv[len(words) - 1 :]
    return list(argv[: len(fixed)]) == fixed and not any(word.startswith(("-", "+", "@")) for word in more)


def wanted_scopes(call: ToolCall, tool: ToolSpec) -> tuple[str, ...]:
    """Return the scopes whose grants would cover `call` from now on; () where nothing may stand (R8).

    For files that is the folder that they are in; for addresses the host.
    """
    capability = tool.capability or ""
    if capability in WHOLE:
        return (ALL,)
    if capability == "mcp:call":
        return _mcp_scopes(tool)[:1]
    if capability not in CAPABILITIES or not tool.authority:
        return ()
    if capability == "process:run":
        argv = _argv(call, tool)
        return (shlex.join(argv),) if argv and not is_runner(argv[0]) and ALL not in argv else ()
    if capability == "mail:send":
        return _recipients(call) if not call.arguments.get("attachments") else ()
    if capability == "mail:read" and "path" in tool.authority:
        return ()
    values = [_strings(call.arguments.get(name)) for name in tool.authority]
    if not all(values):
        return ()
    try:
        return tuple(dict.fromkeys(_scope_of(capability, target) for targets in values for target in targets))
    except UserError:
        return ()


def _scope_of(capability: str, target: str) -> str:
    if capability in FILES:
        return str(PurePath(target).parent)
    if capability in HOSTS:
        found = parse_url(target)
        return found.place if found.scheme == "https" and found.standard_port else _with_port(found.host, found.port)
    return target


def _with_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _covers(capability: str, scope: str, target: str) -> bool:
    if capability in FILES:
        return covers_path(scope, target)
    if capability in HOSTS:
        return covers_url(scope, target)
    return capability in NAMED and scope == target


def _covers_process(call: ToolCall, tool: ToolSpec, scopes: Scopes) -> bool:
    """True for a granted command in a granted folder."""
    argv = _argv(call, tool)
    if argv is None or not any(covers_command(scope, argv) for scope in scopes.get("process:run", ())):
        return False
    folders = [scope for capability in ("file:read", "file:write") for scope in scopes.get(capability, ())]
    others = [call.arguments.get(name) for name in tool.authority if name != "argv"]
    places = [place for place in others if place is not None]
    return all(isinstance(place, str) and any(covers_path(f, place) for f in folders) for place in places)


def _covers_sending(call: ToolCall, granted: Sequence[str]) -> bool:
    """True where everybody who gets a mail is granted; what files hold is asked about each time."""
    targets = _recipients(call)
    return bool(targets) and not call.arguments.get("attachments") and all(target in granted for target in targets)


def _recipients(call: ToolCall) -> tuple[str, ...]:
    given = [value for name in ("to", "cc", "bcc") if (value := call.arguments.get(name)) is not None]
    targets = [_strings(value) for value in given]
    return tuple(dict.fromkeys(one for group in targets for one in group)) if all(targets) else ()


def _covers_saving(call: ToolCall, scopes: Scopes) -> bool:
    """True for what comes out of a granted account and becomes a file in a granted folder."""
    accounts, path = _strings(call.arguments.get("accounts")), call.arguments.get("path")
    granted = scopes.get("mail:read", ())
    return (
        bool(accounts)
        and all(account in granted for account in accounts)
        and isinstance(path, str)
        and any(covers_path(folder, path) for folder in scopes.get("file:write", ()))
    )


def _argv(call: ToolCall, tool: ToolSpec) -> list[str] | None:
    argv = call.arguments.get("argv")
    if "argv" not in tool.authority or not isinstance(argv, (list, tuple)):
        return None
    return [str(word) for word in argv] if all(isinstance(word, str) for word in argv) else None


def _mcp_scopes(tool: ToolSpec) -> tuple[str, ...]:
    server = tool.source.removeprefix("mcp:")
    return (f"{server}/{tool.name}", f"{server}/{ALL}") if tool.source.startswith("mcp:") and server else ()


def _strings(value: Any) -> list[str]:
    """Return the targets that an authority argument names; none where it is missing or of another kind."""
    values: Iterable[Any] = value if isinstance(value, (list, tuple)) else (value,)
    found = list(values)
    return found if all(isinstance(one, str) and one for one in found) else []
