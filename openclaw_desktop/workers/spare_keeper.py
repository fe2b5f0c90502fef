"""A keeper that waits for its program: what needs no program is done before somebody wants one.

Owns the wait. Must not know who comes. Linux. A child of the tool worker, pre-forked.
"""

from __future__ import annotations

import json
import os
import sys

from openclaw_desktop.workers.calls import JSON
from openclaw_desktop.workers.programs import Program
from openclaw_desktop.workers.sandbox.jail import close_descriptors
from openclaw_desktop.workers.sandbox.kernel import name_process

if sys.platform != "linux":
    raise ImportError("keepers wait on Linux alone")

from openclaw_desktop.workers.keeper import Keeper, read_all
from openclaw_desktop.workers.program_run import Streams


def stand_by(orders: int, in_namespaces: bool, keep: int) -> JSON:
    """Make ready, wait for a program that comes over `orders`, and run it; its jail has no network.

    Returns and raises what `program_run.run` does. `keep`: a descriptor that stays ours.
    """
    close_descriptors((0, 1, 2, keep, orders))
    name_process("openclaw-spare")  # as `ps` shows it
    streams = Streams()
    keeper = Keeper(None, in_namespaces, streams.ends)
    order = read_all(orders)
    if not order:
        os._exit(0)  # nobody wanted a program
    name_process("openclaw-keeper")
    program = Program.of(json.loads(order))
    streams.fill(program)
    keeper.begin(program)
    return streams.collect(keeper, program, in_namespaces)
