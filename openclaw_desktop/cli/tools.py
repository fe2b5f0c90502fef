"""The verbs `tool list / call`: what the agent can do, and one call by hand, through the same gate as a model's.

Owns their words and how arguments are read. Must not know what a tool does.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from openclaw_desktop.cli import output
from openclaw_desktop.cli.conversation import run_turn
from openclaw_desktop.cli.terminal import is_real_terminal
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.service.api import AgentService, AskRequest, ToolView


async def list_tools(service: AgentService, arguments: argparse.Namespace) -> int:
    """List the tools on offer."""
    tools = await service.list_tools()
    if arguments.json:
        output.print_json({"tools": tools})
    else:
        output.say("\n".join(_described(tool) for tool in tools) + "\n")
    return ExitCode.DONE


async def call_tool(service: AgentService, arguments: argparse.Namespace) -> int:
    """Call one tool; questions are asked in a real terminal alone, and elsewhere the call waits in the inbox."""
    given = _read_arguments(arguments.arguments)
    known = {tool.name for tool in await service.list_tools()}
    if arguments.tool not in known:
        raise UserError(
            "no_such_tool",
            tr("There is no tool {name}.", name=visible(arguments.tool)),
            tr("See which there are: openclaw-agent tool list"),
            ExitCode.USAGE,
        )
    attended = is_real_terminal() and arguments.approve != "never"
    request = AskRequest(
        f"{arguments.tool} {json.dumps(given, ensure_ascii=False)}"[:2000], attended=attended, folder=str(Path.cwd()),
        call=arguments.tool, arguments=given,
    )  # fmt: skip
    result = await run_turn(service, request, None)
    if result.failure is not None:
        raise UserError.from_failure(result.failure)
    if result.answer is None or not result.answer.tool_calls:
        output.tell(tr("Stopped."))
        return ExitCode.FAILED
    call = result.answer.tool_calls[-1]
    if arguments.json:
        output.print_json(call)
    elif call.status == "done":
        output.say((call.result or "") + "\n")
    else:
        output.tell(call.error or tr("That was not done."))
    codes = {"done": ExitCode.DONE, "failed": ExitCode.FAILED, "denied": ExitCode.DENIED, "parked": ExitCode.DENIED}
    return codes[call.status]


def _described(tool: ToolView) -> str:
    needs = f"  [{tool.capability}]" if tool.capability else ""
    source = f"  ({tool.source})" if tool.source else ""
    return f"{tool.name}  {tool.effect}{needs}{source}\n    {tool.description}"


def _read_arguments(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise UserError(
            "bad_arguments",
            tr("The arguments are no JSON object."),
            tr("Write them so: openclaw-agent tool call calculate '{example}'", example='{"expression": "2+2"}'),
            ExitCode.USAGE,
        )
    return given
