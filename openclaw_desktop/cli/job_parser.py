"""The words of `openclaw-agent task`: its actions, flags and their help.

Owns that part of the command line's grammar. Must not do anything.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import get_args

from openclaw_desktop.core.notices import Priority
from openclaw_desktop.core.text import tr


def add_task_actions(
    verb: argparse.ArgumentParser,
    common: argparse.ArgumentParser,
    count: Callable[[str], int],
    seconds: Callable[[str], float],
) -> None:
    """Add what `task` takes. `count`, `seconds`: read a number; they raise ArgumentTypeError."""
    task = verb.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, help_text: str) -> argparse.ArgumentParser:
        return task.add_parser(name, help=help_text, parents=[common], allow_abbrev=False)

    _add_new(action("add", tr("schedule something")), seconds)
    action("list", tr("what is scheduled"))
    for name, words in (
        ("show", tr("one of them, with its last runs")),
        ("run", tr("run it now")),
        ("pause", tr("let it rest")),
        ("resume", tr("go on with it")),
        ("remove", tr("remove it with its runs")),
    ):
        action(name, words).add_argument("job", metavar="JOB", help=tr("its id, its name, or words of it"))
    runs = action("runs", tr("what ran, was missed or left out, and why"))
    runs.add_argument("job", metavar="JOB", nargs="?", default="", help=tr("of this one; else of all"))
    runs.add_argument("-n", type=count, default=20, metavar="N", help=tr("at most so many"))
    action("built-in", tr("jobs that are there to be switched on"))
    on = action("enable", tr("switch on a built-in job"))
    on.add_argument("job", metavar="NAME", help=tr("see task built-in"))
    on.add_argument("--when", metavar="WORDS", default="", help=tr("another time: words, or a length such as 30m"))
    on.add_argument("--checklist", metavar="FILE", default="", help=tr("of the heartbeat: take this HEARTBEAT.md"))
    action("disable", tr("switch it off")).add_argument("job", metavar="NAME")
    _add_next(action("next", tr("what a schedule means and when it is due")), count)


def _add_new(new: argparse.ArgumentParser, seconds: Callable[[str], float]) -> None:
    new.add_argument("--name", required=True, metavar="N", help=tr("what to call it"))
    when = new.add_mutually_exclusive_group(required=True)
    when.add_argument("--cron", metavar="LINE", help=tr('five fields such as "0 9 * * 1-5"'))
    when.add_argument("--every", metavar="LENGTH", help=tr("such as 15m or 2h"))
    when.add_argument("--at", metavar="ISO", help=tr("once, such as 2026-11-23T09:00"))
    when.add_argument("--words", metavar="TEXT", help=tr("such as 'every weekday at 8'"))
    when.add_argument("--on", metavar="EVENT", help=tr("present, mains, start, or file:/PATH"))
    new.add_argument("--tz", metavar="ZONE", default="", help=tr("a time zone such as Europe/Berlin, not the system's"))
    new.add_argument("--missed", metavar="RULE", default="once", help=tr("skip, once, or within:10m"))
    new.add_argument("--timeout", metavar="S", type=seconds, default=600.0, help=tr("stop a run after so many seconds"))
    new.add_argument("--retries", metavar="N", type=int, default=0, help=tr("so often more where it fails"))
    new.add_argument("--on-ac", action="store_true", help=tr("only on mains"))
    new.add_argument("--when-idle", action="store_true", help=tr("only while nobody is at the machine"))
    new.add_argument("--notify", choices=get_args(Priority), default="normal", help=tr("how loudly you are told"))
    does = new.add_mutually_exclusive_group(required=True)
    does.add_argument("--prompt", metavar="TEXT", default="", help=tr("ask this"))
    does.add_argument("--tool", nargs=2, metavar=("NAME", "ARGS_JSON"), help=tr("call a tool, without any model"))
    does.add_argument("--remind", metavar="TEXT", default="", help=tr("only say this"))
    new.add_argument(
        "--check", nargs=2, metavar=("NAME", "ARGS_JSON"), help=tr("call this tool first, and decide by it")
    )
    new.add_argument("--if", dest="check_if", metavar="RESULT", default="ok",
                     help=tr("of the check: ok, some, changed, or contains:TEXT"))  # fmt: skip


def _add_next(coming: argparse.ArgumentParser, count: Callable[[str], int]) -> None:
    expression = tr("words such as 'every other Tuesday at 5pm', or a cron line")
    coming.add_argument("expression", metavar="EXPR", help=expression)
    coming.add_argument("--after", metavar="ISO", help=tr("count from this moment, not from now"))
    coming.add_argument("--tz", metavar="ZONE", help=tr("a time zone such as Europe/Berlin, not the system's"))
    coming.add_argument("-n", type=count, default=3, metavar="N", help=tr("so many times"))
