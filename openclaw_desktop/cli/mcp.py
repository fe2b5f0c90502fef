"""The verbs `mcp add / list / show / approve / on / off / tools / remove`.

Owns their words, how a pasted form is read, that secrets in it are kept elsewhere, and that a person at a real terminal
says yes to a server's tools. Must not know what a server does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from openclaw_desktop.cli import output
from openclaw_desktop.cli.secrets import keep_secret
from openclaw_desktop.cli.terminal import is_real_terminal, read_line
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.mcp.views import McpChoice, McpServerView, McpWalls
from openclaw_desktop.tools.mcp.form import (
    Server,
    already_there,
    find_secrets,
    free_name,
    open_secrets,
    put_secret,
    read_form,
    unknown_server,
)

FORM_BYTES = 256 << 10


async def add(service: AgentService, arguments: argparse.Namespace) -> int:
    """Take up servers: secrets first, then a look at their tools, then a person's yes."""
    servers = read_form(await _read(arguments.form), arguments.name)
    walls = _walls(arguments)
    known = {view.name for view in await service.list_mcp()}
    for server in servers:
        if server.name in known:  # before any secret of it is kept
            raise already_there(server.name)
        for word in open_secrets(server):
            output.tell(
                tr(
                    "{server}: {word} looks like a secret. It stays readable in config/mcp.json; give it as a variable "
                    "or header if the server takes it so.",
                    server=server.name,
                    word=f"{word[:4]}…",
                )
            )
    hosts: dict[str, str | None] = {}
    if any(map(find_secrets, servers)):
        hosts = {secret.name: secret.host for secret in await service.list_secrets()}
    kept = [await _keep_secrets(service, arguments, server, hosts) for server in servers]
    views = await service.add_mcp(json.dumps(_form(kept)), "", walls)
    if not is_real_terminal():
        if arguments.json:
            output.print_json({"servers": views})
        else:
            output.say("\n\n".join(map(_describe_whole, views)) + "\n")
        output.tell(tr("Its tools are off until a person allows them: openclaw-agent mcp approve NAME"))
        return ExitCode.DONE
    return _tell(arguments, [await _approve(service, view) for view in views])


async def list_servers(service: AgentService, arguments: argparse.Namespace) -> int:
    """List the servers."""
    views = await service.list_mcp()
    if arguments.json:
        output.print_json({"servers": views})
    elif views:
        output.say("\n".join(map(_describe, views)) + "\n")
    else:
        output.tell(tr("There are no MCP servers. Add some with: openclaw-agent mcp add FILE"))
    return ExitCode.DONE


async def show(service: AgentService, arguments: argparse.Namespace) -> int:
    """Show one server with its tools and what its jail leaves it."""
    view = await _find(service, arguments.name)
    if arguments.json:
        output.print_json(view)
    else:
        output.say(_describe_whole(view) + "\n")
    return ExitCode.DONE


async def approve(service: AgentService, arguments: argparse.Namespace) -> int:
    """Look at a server's tools anew and allow them after a yes."""
    if not is_real_terminal():
        raise UserError(
            "no_terminal", tr("A person says yes to this, at a real terminal."), tr("Open a terminal and try again."),
            ExitCode.DENIED,
        )  # fmt: skip
    return _tell(arguments, [await _approve(service, await service.look_at_mcp(arguments.name))])


async def turn_on(service: AgentService, arguments: argparse.Namespace) -> int:
    """Use a server."""
    return _tell(arguments, [await service.choose_mcp(arguments.name, McpChoice(on=True))])


async def turn_off(service: AgentService, arguments: argparse.Namespace) -> int:
    """Don't use a server, and end it."""
    return _tell(arguments, [await service.choose_mcp(arguments.name, McpChoice(on=False))])


async def choose_tools(service: AgentService, arguments: argparse.Namespace) -> int:
    """Choose which tools are offered, and which only read."""
    if arguments.reads:
        output.tell(
            tr("What only reads is still asked about, but may be allowed for good, after strangers' texts too.")
        )
    choice = McpChoice(
        None, tuple(arguments.on), tuple(arguments.off), tuple(arguments.reads), tuple(arguments.acts)
    )  # fmt: skip
    view = await service.choose_mcp(arguments.name, choice)
    if arguments.json:
        output.print_json(view)
    else:
        output.say("\n".join(_describe_tools(view)) + "\n")
    return ExitCode.DONE


async def remove(service: AgentService, arguments: argparse.Namespace) -> int:
    """Forget a server; its secrets stay until `secret remove`."""
    had_values = any(view.variables or view.headers for view in await service.list_mcp() if view.name == arguments.name)
    await service.remove_mcp(arguments.name)
    if arguments.json:
        output.print_json({"removed": arguments.name})
        return ExitCode.DONE
    output.say(tr("Removed {name}.", name=visible(arguments.name)) + "\n")
    if had_values:
        output.tell(tr("Secrets that were kept for it stay. See openclaw-agent secret list."))
    return ExitCode.DONE


VERBS = {
    "mcp add": add,
    "mcp list": list_servers,
    "mcp show": show,
    "mcp approve": approve,
    "mcp on": turn_on,
    "mcp off": turn_off,
    "mcp tools": choose_tools,
    "mcp remove": remove,
}


async def _read(form: str) -> str:
    if form != "-":
        try:
            data = await asyncio.to_thread(_read_file, form)
        except (OSError, RuntimeError) as error:
            raise UserError(
                "no_such_file",
                tr("{path} can't be read: {reason}.", path=visible(form), reason=error),
                tr("Give the file with the mcpServers JSON, or - and paste it."),
                ExitCode.USAGE,
            ) from None
    else:
        if sys.stdin.isatty():
            output.tell(tr("Paste the JSON, then press Ctrl-D on a line of its own:"))
        data = await asyncio.to_thread(sys.stdin.buffer.read, FORM_BYTES + 1)
    if len(data) > FORM_BYTES:
        raise UserError("mcp_form", tr("That is too long for a list of servers."), "", ExitCode.USAGE)
    return data.decode("utf-8-sig", "replace")


def _read_file(path: str) -> bytes:
    with Path(path).expanduser().open("rb") as file:
        return file.read(FORM_BYTES + 1)


def _walls(arguments: argparse.Namespace) -> McpWalls:
    def canonical(paths: Sequence[str]) -> tuple[str, ...]:
        found = []
        for path in paths:
            try:
                found.append(str(Path(path).expanduser().resolve(strict=True)))
            except (OSError, RuntimeError):
                raise UserError(
                    "no_such_path", tr("There is nothing at {path}.", path=visible(path)), "", ExitCode.USAGE
                ) from None
        return tuple(found)

    if arguments.full_network and arguments.host:
        raise UserError("mcp_network", tr("Either some hosts, or the full network."), "", ExitCode.USAGE)
    network: Literal["none", "hosts", "full"] = "none"
    if arguments.full_network or arguments.host:
        network = "full" if arguments.full_network else "hosts"
    return McpWalls(
        canonical(arguments.read), canonical(arguments.write), network, tuple(arguments.host), arguments.timeout
    )  # fmt: skip


async def _keep_secrets(
    service: AgentService, arguments: argparse.Namespace, server: Server, hosts: dict[str, str | None]
) -> Server:
    """Put each value that looks like a secret where secrets are kept, and its name in its place.

    `hosts`: of the secrets that there are, by name; those of this form are noted as nobody else's.
    """
    for found in find_secrets(server):
        name = free_name(found, server.secret_host, hosts)
        where = f"{found.place} {found.key}"
        if is_real_terminal():
            output.tell(tr("{server}: {where} looks like a secret.", server=server.name, where=visible(where)))
            typed = await read_line(
                tr("Keep it as secret:{name}, for {host} alone? [Y/n] ", name=name, host=server.secret_host)
            )
            if (typed or "").strip().lower() in ("n", "no"):
                output.tell(tr("Then it stays as it is, in config/mcp.json."))
                continue

        async def value(text: str = found.value) -> str:
            return text

        kept = await keep_secret(service, arguments, name, server.secret_host, value)
        output.tell(tr("Kept as secret:{name}, for {host}.", name=kept.name, host=kept.host))
        hosts[kept.name] = None
        server = put_secret(server, found, kept.name)
    return server


def _form(servers: Sequence[Server]) -> dict[str, object]:
    """Return servers in the form that they came in."""
    rows: dict[str, object] = {}
    for server in servers:
        if server.url:
            rows[server.name] = {"url": server.url, "headers": dict(server.headers), "enabled": server.on}
        else:
            command, *more = server.command
            rows[server.name] = {"command": command, "args": more, "env": dict(server.env), "enabled": server.on}
    return {"mcpServers": rows}


async def _find(service: AgentService, name: str) -> McpServerView:
    found = next((view for view in await service.list_mcp() if view.name == name), None)
    if found is None:
        raise unknown_server(name)
    return found


async def _approve(service: AgentService, view: McpServerView) -> McpServerView:
    """Show a server whole, and allow its tools after a yes."""
    output.tell(_describe_whole(view))
    if view.state == "down" or not view.tools:
        output.tell(tr("{server} offers nothing that could be used.", server=view.name))
        return view
    output.tell(
        tr(
            "What it says of its tools is its own word: after reading it the agent asks before it acts. Each call asks "
            "too, until you allow it for good."
        )
    )
    if view.state in ("ready", "running"):
        output.tell(tr("You allowed these tools already."))
        return view
    typed = await read_line(tr("Let the agent use these tools? [y/N] "))
    if (typed or "").strip().lower() not in ("y", "yes"):
        output.tell(tr("They stay off. Change your mind with: openclaw-agent mcp approve {server}", server=view.name))
        return view
    return await service.approve_mcp(view.name, view.fingerprint)


def _tell(arguments: argparse.Namespace, views: Sequence[McpServerView]) -> int:
    if arguments.json:
        output.print_json({"servers": views} if arguments.action == "add" else views[0])
    else:
        output.say("\n".join(map(_describe, views)) + "\n")
    return ExitCode.DONE


def _describe(view: McpServerView) -> str:
    on = sum(tool.on for tool in view.tools)
    lines = [f"{view.name}  {_state(view)}  {view.target}", f"    {_walled(view)}; {tr('tools: {count}', count=on)}"]
    return "\n".join([*lines, *([f"    {visible(view.problem)}"] if view.problem else [])])


def _describe_whole(view: McpServerView) -> str:
    lines = [_describe(view)]
    if view.title:
        lines.append(tr("    calls itself: {title}", title=visible(view.title)))
    if view.detail:
        lines.append(tr("    its last words: {words}", words=visible(view.detail)))
    for words, paths in ((tr("may read"), view.read), (tr("may change"), view.write)):
        lines += [f"    {words}: {visible(path)}" for path in paths]
    if view.variables or view.headers:
        lines.append(tr("    is given: {names}", names=", ".join(map(visible, (*view.variables, *view.headers)))))
    for path in view.unread:
        lines.append(tr("    names {path}, which it can't read: add it with --read or --write", path=visible(path)))
    if view.changes:
        lines.append(tr("    changed since you allowed it:"))
        lines += [f"      {visible(change)}" for change in view.changes]
    return "\n".join([*lines, *_describe_tools(view)])


def _describe_tools(view: McpServerView) -> list[str]:
    lines = []
    for tool in view.tools:
        mark = "-" if tool.problem else "on " if tool.on else "off"
        lines.append(f"  {mark} {visible(tool.name)}({', '.join(tool.arguments)})  {tool.effect}")
        if tool.problem:
            lines.append(tr("      not offered: {why}", why=tool.problem))
        elif tool.description:
            lines.append(f"      {visible(tool.description)}")
    return lines


def _state(view: McpServerView) -> str:
    match view.state:
        case "ready":
            return tr("ready")
        case "running":
            return tr("running")
        case "waits":
            return tr("waits for your approval")
        case "off":
            return tr("off")
        case _:
            return tr("DOWN")


def _walled(view: McpServerView) -> str:
    hosts = ", ".join(map(visible, view.hosts))
    match view.network:
        case "full":
            return tr("level {level}: THE WHOLE NETWORK, nothing holds it there", level=view.level)
        case "hosts":
            return tr("level {level}, reaches {hosts} alone", level=view.level, hosts=hosts)
        case _:
            return tr("level {level}, no network", level=view.level)
