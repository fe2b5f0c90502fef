"""`worker ROLE`: the bodies of our child processes.

Owns the list of roles. Each role imports its own code alone, so that one worker never holds another's libraries.
"""

from __future__ import annotations

import sys


def run_worker(arguments: list[str]) -> int:
    """Run the body of a role until its parent is done with it."""
    match arguments:
        case ["inference"]:
            from openclaw_desktop.inference.worker.body import run

            return run()
        case ["embed"]:
            from openclaw_desktop.memory.vectors.worker import run as run_embed

            return run_embed()
        case ["tools"]:
            from openclaw_desktop.tools.warm_functions import HANDLERS
            from openclaw_desktop.workers.fork_server import serve

            return serve(HANDLERS)
        case ["parsers"]:
            from openclaw_desktop.tools.parser_functions import HANDLERS as PARSERS
            from openclaw_desktop.workers.fork_server import serve as serve_parsers

            return serve_parsers(PARSERS)
        case ["program", descriptor] if descriptor.isdigit():
            from openclaw_desktop.workers.attended import attend

            return attend(int(descriptor))
        case ["mcp"]:
            from openclaw_desktop.tools.mcp.bridge import run as run_bridge

            return run_bridge()
        case ["script", *words] if words:
            from openclaw_desktop.workers.python_jail import run_script

            return run_script(words)
        case _:
            sys.stderr.write(
                "worker: the roles are inference, embed, tools, parsers, program, mcp; the agent starts them itself.\n"
            )
            return 2
