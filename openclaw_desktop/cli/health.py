"""The verb `health`: how the agent did over time, and the user's rhythm as it knows it.

Owns the words. Must not know how anything is measured.
"""

from __future__ import annotations

import argparse

from openclaw_desktop.cli import output
from openclaw_desktop.core.errors import ExitCode
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.machine.views import MetricView, PresenceView

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# From hardly ever to nearly always.
SHADES = " .:-=+*#"


async def show_metrics(service: AgentService, arguments: argparse.Namespace) -> int:
    """Print a series, or the newest value of each."""
    points = await service.metrics(arguments.series, arguments.hours)
    if arguments.json:
        output.print_json({"points": points})
    elif points:
        output.say("\n".join(describe_point(point) for point in points) + "\n")
    else:
        output.tell(tr("Nothing was recorded in that time."))
    return ExitCode.DONE


async def show_presence(service: AgentService, arguments: argparse.Namespace) -> int:
    """Print the rhythm, after forgetting it if so asked."""
    if arguments.forget:
        await service.forget_presence()
    view = await service.presence()
    if arguments.json:
        output.print_json(view)
    elif arguments.forget:
        output.say(tr("Forgotten. It is learnt anew from now on.") + "\n")
    elif view.hours:
        output.say(describe_presence(view) + "\n")
    else:
        output.tell(tr("Nothing is known yet of when somebody is at this machine."))
    return ExitCode.DONE


def describe_point(point: MetricView) -> str:
    """Return one line of a series."""
    return (
        f"{point.at[:16].replace('T', ' ')}  {point.name:22} {point.mean:>16,.1f}  "
        f"{point.lowest:,.1f} - {point.highest:,.1f}"
    )


def describe_presence(view: PresenceView) -> str:
    """Return the week as seven lines of 24 shades, and the next quiet time."""
    known = {(cell.weekday, cell.hour): cell for cell in view.hours}
    lines = ["     " + "".join(f"{hour:<3}" for hour in range(0, 24, 3))]
    for weekday, name in enumerate(DAYS):
        shades = ""
        for hour in range(24):
            cell = known.get((weekday, hour))
            share = cell.present_s / cell.seen_s if cell is not None and cell.seen_s > 0 else 0.0
            shades += SHADES[min(len(SHADES) - 1, int(share * len(SHADES)))]
        lines.append(f"{name}  {shades}".rstrip())
    if view.next_quiet:
        lines.append(tr("Seldom anybody is there next from {time} on.", time=view.next_quiet.replace("T", " ")[:16]))
    return "\n".join(lines)


VERBS = {"health metrics": show_metrics, "health presence": show_presence}
