"""`openclaw-agent`: the program without a screen, and the body of every worker.

Owns the first words of the command line. Must not import Qt. Worker roles are told apart before anything else is
imported: a worker holds only what it needs.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run the program and return its exit code."""
    if sys.argv[1:2] == ["worker"]:
        from openclaw_desktop.cli.worker import run_worker

        return run_worker(sys.argv[2:])
    from openclaw_desktop.cli.commands import run_command

    return run_command(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
