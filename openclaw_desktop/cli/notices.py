"""The verbs `notify …`: tell the user something, and what the agent had to tell.

Owns their words and flags, and that what changes how notices come is a person's at a real terminal. Must not know how
anything is done.
"""

from __future__ import annotations

import argparse
import re

from openclaw_desktop.cli import output
from openclaw_desktop.cli.terminal import is_real_terminal
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.notices.views import NoticeView, NotificationsStatus

PRIORITIES = ("critical", "high", "normal", "low", "silent")
_LENGTH = re.compile(r"(\d{1,6})\s*([smhd]?)")
_SECONDS = {"s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def add_notices(verb: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """Add the verb's actions; without one it lists."""
    notify = verb.add_subparsers(dest="action", metavar="ACTION")
    verb.set_defaults(action="list", all=False)

    def add(name: str, help_text: str, *words: str) -> argparse.ArgumentParser:
        action = notify.add_parser(name, help=help_text, parents=[common])
        for word in words:
            action.add_argument(word.lower(), metavar=word)
        return action

    add("list", tr("what the agent had to tell, newest first")).add_argument(
        "--all", action="store_true", help=tr("what is over, too")
    )
    send = add("send", tr("tell yourself something, from a script or by hand"), "TITLE")
    send.add_argument("body", metavar="TEXT", nargs="?", default="")
    send.add_argument("--priority", choices=PRIORITIES, default="normal", help=tr("how urgent it is"))
    send.add_argument("--topic", default="by-hand", metavar="TOPIC", help=tr("what kind of thing it is"))
    add("open", tr("show in the window where one leads"), "ID")
    add("dismiss", tr("put some away")).add_argument("ids", metavar="ID|all", nargs="+")
    later = add("later", tr("have one come again"), "ID")
    later.add_argument("length", metavar="30m|2h|1d", type=_length, nargs="?", default=3600.0)
    add("topics", tr("what is learnt of each kind"))
    for name, words in (
        ("less", tr("have less of a kind")), ("more", tr("have more of a kind")),
        ("forget", tr("forget what you said of a kind, and what was learnt of it")),
    ):  # fmt: skip
        add(name, words, "TOPIC")
    quiet = add("quiet", tr("show nothing but what is critical for a while"))
    quiet.add_argument("length", metavar="30m|2h|off", type=_length_or_off)


async def _list(service: AgentService, arguments: argparse.Namespace) -> int:
    notices, status = await service.list_notices(arguments.all), await service.notices_status()
    if arguments.json:
        output.print_json({"notices": notices, "status": status})
        return ExitCode.DONE
    if notices:
        output.say("\n".join(_describe(notice) for notice in notices) + "\n")
    else:
        output.tell(tr("There are no notices."))
    if status.quiet_until:
        output.tell(_describe_quiet(status))
    return ExitCode.DONE


async def _send(service: AgentService, arguments: argparse.Namespace) -> int:
    notice_id = await service.send_notice(arguments.title, arguments.body, arguments.priority, arguments.topic)
    if arguments.json:
        output.print_json({"id": notice_id})
    else:
        output.say(tr("Kept as {id}.", id=notice_id) + "\n")
    return ExitCode.DONE


async def _open(service: AgentService, arguments: argparse.Namespace) -> int:
    _check_terminal()
    return _tell(arguments, await service.open_notice(arguments.id))


async def _later(service: AgentService, arguments: argparse.Namespace) -> int:
    _check_terminal()
    return _tell(arguments, await service.snooze_notice(arguments.id, arguments.length))


async def _dismiss(service: AgentService, arguments: argparse.Namespace) -> int:
    _check_terminal()
    await service.dismiss_notices(() if arguments.ids == ["all"] else tuple(arguments.ids))
    if arguments.json:
        output.print_json({"dismissed": arguments.ids})
    else:
        output.say(tr("Put away.") + "\n")
    return ExitCode.DONE


async def _weigh(service: AgentService, arguments: argparse.Namespace) -> int:
    _check_terminal()
    known = {topic.topic for topic in await service.list_topics()}
    known |= {notice.topic for notice in await service.list_notices(True)}
    if arguments.topic not in known:
        raise UserError(
            "unknown_topic",
            tr("There was no notice of that kind yet."),
            tr("Known are: {topics}", topics=", ".join(sorted(known)) or "-"),
            ExitCode.USAGE,
        )
    topic = await service.weigh_topic(arguments.topic, arguments.action)
    if arguments.json:
        output.print_json(topic)
    else:
        output.say(f"{topic.topic}: {topic.text}\n")
    return ExitCode.DONE


async def _topics(service: AgentService, arguments: argparse.Namespace) -> int:
    topics = await service.list_topics()
    if arguments.json:
        output.print_json({"topics": topics})
    elif topics:
        output.say("\n".join(f"{topic.topic}: {topic.text}" for topic in topics) + "\n")
    else:
        output.tell(tr("Nothing is learnt of any kind yet."))
    return ExitCode.DONE


async def _quiet(service: AgentService, arguments: argparse.Namespace) -> int:
    _check_terminal()
    status = await service.quiet_notices(arguments.length)
    if arguments.json:
        output.print_json(status)
    else:
        output.say(_describe_quiet(status) + "\n")
    return ExitCode.DONE


def _tell(arguments: argparse.Namespace, notice: NoticeView) -> int:
    if arguments.json:
        output.print_json(notice)
    else:
        output.say(_describe(notice) + "\n")
    return ExitCode.DONE


def _describe(notice: NoticeView) -> str:
    mark = "*" if notice.unseen else " "
    lines = [f"{mark} {notice.id}  {notice.created_at[:16]}  {notice.priority:8} {notice.topic}: {notice.title}"]
    if notice.untrusted:
        lines.append(tr("holds text that you did not write: {origins}", origins=", ".join(notice.origins)))
    lines += notice.body.splitlines()
    lines.append(" ".join(filter(None, (notice.why, notice.state_text))))
    return "\n    ".join(lines)


def _describe_quiet(status: NotificationsStatus) -> str:
    if status.quiet_until is None:
        return tr("Notices are shown.")
    return tr("Quiet until {time}: only what is critical is shown.", time=status.quiet_until[:16].replace("T", " "))


def _check_terminal() -> None:
    if not is_real_terminal():
        raise UserError(
            "no_terminal",
            tr("How notices come is changed by a person: in the window, or at a real terminal."),
            tr("Open a terminal and try again."),
            ExitCode.DENIED,
        )


def _length(text: str) -> float:
    found = _LENGTH.fullmatch(text.strip().lower())
    if found is None:
        raise argparse.ArgumentTypeError(tr("it must be a length such as 30m, 2h or 1d"))
    return float(found[1]) * _SECONDS[found[2]]


def _length_or_off(text: str) -> float | None:
    return None if text.strip().lower() == "off" else _length(text)


VERBS = {
    "notify list": _list, "notify send": _send, "notify open": _open, "notify later": _later,
    "notify dismiss": _dismiss, "notify less": _weigh, "notify more": _weigh, "notify forget": _weigh,
    "notify topics": _topics, "notify quiet": _quiet,
}  # fmt: skip
